"""The settings of a worker."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ImportString,
    ValidationInfo,
    field_validator,
)

from durable_analytics.events import AttemptFailed, ExecutionFailed
from durable_analytics.providers import provider_class
from durable_analytics.settings.integrations import ConfiguredIntegrations, IntegrationSettings
from durable_analytics.settings.values import (
    DurationSetting,
    Hook,
    Name,
    SocketAddress,
    split_at_commas,
)
from durable_analytics.wire.methods import integration_queue
from durable_analytics.wire.policies import at_least, at_most
from runtime.settings import ProcessSettings


class WorkerSettings(BaseModel):
    """`[worker]`: the deprecated settings of this section."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    processes: int = Field(default=1, ge=1, le=1000)
    """Deprecated and without effect: run more containers. The next release refuses it."""


class Settings(ConfiguredIntegrations, ProcessSettings):
    """All settings of a worker."""

    elsewhere: ClassVar = frozenset({"client", "gateway", "sources", "codec_server"})
    examples: ClassVar = {"integrations": "INTEGRATIONS__SEGMENT__WRITE_KEY"}

    integration_queues: bool = True
    """Whether requests run on a task queue for each integration, `<task_queue>.<integration>`.
    Default true. With false, they run on `task_queue`, as before these queues existed; integrations
    then cannot be paused or limited. It will be removed in the next release."""

    former_integrations: Annotated[tuple[Name, ...], BeforeValidator(split_at_commas)] = ()
    """Integrations that are no longer configured, and for which messages may still wait: these fail
    as `UnknownIntegration`. Workers find most of them without this setting."""

    operator_webhook: str | None = None
    """The integration, with the provider `webhook`, that gets events for operators: pauses, failing
    providers, failed deliveries. Default: none."""

    metrics_address: SocketAddress | None = None
    """The IP address and port on which the process serves `/metrics` for Prometheus, `/health` and
    `/ready`. Default: nowhere. It is read once, at the start; each process needs its own."""

    worker: WorkerSettings = WorkerSettings()
    """Deprecated."""

    graceful_shutdown_timeout: Annotated[DurationSetting, at_least(0.1), at_most(3600)] = timedelta(
        seconds=10
    )
    """How long running requests may take to finish after SIGTERM, 0.1 s to an hour. It should be
    longer than any `single_attempt_timeout`, and shorter than the container's stop timeout."""

    max_concurrent_activities: int = Field(default=100, ge=1, le=100_000)
    """Concurrent attempts of each task queue in this process, each of a message or of a batch.
    `max_in_flight` limits the HTTP requests of an integration."""

    max_concurrent_workflow_tasks: int = Field(default=10, ge=2, le=100_000)
    """Concurrent workflow tasks in this process. Each batch among them is in memory, prepared for
    its request: with 100, a backlog of batches needs three times the memory."""

    on_attempt_failed: Annotated[ImportString[Callable[[AttemptFailed], Any]], Hook] | None = None
    """`package.module:function`, called with each failed attempt."""

    on_execution_failed: Annotated[ImportString[Callable[[ExecutionFailed], Any]], Hook] | None = (
        None
    )
    """`package.module:function`, called with each execution that has failed finally."""

    @field_validator("former_integrations")
    @classmethod
    def _check_former(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        configured = sorted({*names} & {*info.data.get("integrations", {})})
        if configured:
            raise ValueError(f"must not name {', '.join(configured)}, which is configured")
        return names

    @field_validator("operator_webhook")
    @classmethod
    def _check_webhook(cls, name: str | None, info: ValidationInfo) -> str | None:
        integrations = info.data.get("integrations", {})
        webhooks = sorted(key for key, one in integrations.items() if _is_webhook(one))
        if name is not None and integrations and name not in webhooks:
            known = ", ".join(webhooks) or "none is configured"
            raise ValueError(f"must be an integration with the provider webhook ({known})")
        return name

    def task_queues(self) -> list[str]:
        """Return the task queues that the worker process polls."""
        names = sorted(self.integrations) if self.integration_queues else []
        return [self.task_queue, *(integration_queue(self.task_queue, name) for name in names)]


def _is_webhook(integration: IntegrationSettings) -> bool:
    return isinstance(integration.provider, provider_class("webhook"))


def load() -> Settings:
    """Load the settings of this process.

    Raises:
        SettingsError: One line per problem: the setting, what is wrong, how to set it.
    """
    return Settings.load()
