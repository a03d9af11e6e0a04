"""The settings of a worker."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, ClassVar

import pydantic
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ImportString,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)

from durable_analytics.hooks import AttemptFailed, ExecutionFailed
from durable_analytics.integrations import Integration, Integrations
from durable_analytics.policies import Duration
from durable_analytics.providers import provider_names
from process.settings import ProcessSettings, from_text
from worker.accounts import Account


def _imported(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """A hook's module is the operator's code: whatever it raises is a wrong setting."""
    try:
        return handler(value)
    except pydantic.ValidationError:
        raise
    except Exception as error:  # noqa: BLE001  # for that reason
        raise ValueError(f"its module fails with {type(error).__name__}") from None


Hook = WrapValidator(_imported)


class WorkerSettings(BaseModel):
    """`[worker]`: how the work is spread over processes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    processes: int = Field(default=1, ge=1)
    """Worker processes of one `python -m worker`. Default 1. A process fills one core at most: set
    it to the number of cores, where Temporal itself runs elsewhere. With more than one, the process
    that was started only sees to the others, and every limit of a process counts in each of
    them."""


class Settings(ProcessSettings):
    """Everything that a worker can be told."""

    elsewhere: ClassVar = frozenset({"gateway", "sources"})
    examples: ClassVar = {"integrations": "INTEGRATIONS__SEGMENT__WRITE_KEY"}

    integrations: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Account] = Field(
        min_length=1
    )
    """The accounts, by name."""

    default_integration: str | None = None
    """The integration of inputs that name none. Default: the only one, where there is only one."""

    worker: WorkerSettings = WorkerSettings()
    """How the work is spread over processes."""

    graceful_shutdown_timeout: Duration = timedelta(seconds=10)
    """How long requests in flight may take to finish after SIGTERM. Keep it above the longest
    `single_attempt_timeout`, and the container's stop timeout above it."""

    max_concurrent_activities: int = Field(default=100, ge=1)
    """Requests in flight at once in this process."""

    max_concurrent_workflow_tasks: int = Field(default=10, ge=2)
    """Workflow tasks at once in this process. Each batch among them is in memory, and prepared
    ahead of its request: with 100, a backlog of batches takes three times the memory."""

    on_attempt_failed: Annotated[ImportString[Callable[[AttemptFailed], Any]], Hook] | None = None
    """`package.module:function`, called with each failed attempt."""

    on_execution_failed: Annotated[ImportString[Callable[[ExecutionFailed], Any]], Hook] | None = (
        None
    )
    """`package.module:function`, called with each execution that failed for good."""

    @field_validator("integrations", mode="before")
    @classmethod
    def _provider_by_name(cls, integrations: Any) -> Any:
        if not isinstance(integrations, dict):
            return integrations
        return {
            name: {"provider": name, **account}
            if isinstance(account, dict) and name in provider_names()
            else account
            for name, account in integrations.items()
        }

    @field_validator("default_integration")
    @classmethod
    def _exists(cls, name: str | None, info: ValidationInfo) -> str | None:
        known = info.data.get("integrations")
        if name and known and name not in known:
            raise ValueError(f"must be one of the integrations: {', '.join(sorted(known))}")
        return name

    @field_validator("graceful_shutdown_timeout", mode="before")
    @classmethod
    def _number(cls, timeout: Any) -> Any:
        return from_text(timeout)

    def deliverable(self) -> Integrations:
        """The integrations as the activities need them."""
        return Integrations(
            {
                name: Integration(
                    name, account.provider, account.policies, account.allow_policies_override
                )
                for name, account in self.integrations.items()
            },
            self.default_integration,
        )


def load() -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: One line a problem: the setting, what is wrong, how to set it.
    """
    return Settings.load()
