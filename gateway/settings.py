"""The settings of a gateway: where it listens, and the sources whose messages it takes."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from durable_analytics.policies import Duration
from durable_analytics.providers import Credential
from process.settings import ProcessSettings, from_text, named

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
"""Of a source or an integration."""


def _listed(value: Any) -> Any:
    """The environment has lists as text: "segment, journy"."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _is_user_name(key: SecretStr) -> SecretStr:
    if ":" in key.get_secret_value():
        raise ValueError("must hold no colon: SDKs send it as the user name of Basic")
    return key


_Seconds = Annotated[Duration, BeforeValidator(from_text)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class GatewaySettings(_Section):
    """`[gateway]`: where it listens, and how long it waits."""

    host: str = Field(default="127.0.0.1", min_length=1)
    """The address to listen on. Default: this machine alone; `0.0.0.0` is every address of it."""

    port: int = Field(default=8088, ge=1, le=65535)
    """The port."""

    cors_origins: Annotated[list[str], BeforeValidator(_listed)] = ["*"]
    """The web pages that may send, like `https://shop.example.com`. Default: all, as at Segment: a
    write key is no secret in a browser, and no cookie is read."""

    gather_interval: _Seconds = timedelta(milliseconds=5)
    """How long the first of the messages that are gathered into one execution waits for others.
    Longer makes fewer executions, and each answer later. Messages are gathered besides while
    Temporal is busy with the execution before."""

    trusted_proxies: Annotated[list[str], BeforeValidator(_listed)] = ["127.0.0.1"]
    """The addresses of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` count; `*`: all."""

    answer_timeout: Annotated[_Seconds, Field(validate_default=True)] = timedelta(milliseconds=800)
    """How long Temporal may take before the answer is 503, and the SDK tries again."""

    @field_validator("answer_timeout")
    @classmethod
    def _leaves_time(cls, timeout: timedelta, info: ValidationInfo) -> timedelta:
        if timeout <= info.data.get("gather_interval", timedelta(0)):
            raise ValueError("must be longer than gather_interval, which is a part of it")
        return timeout


class Source(_Section):
    """`[sources.NAME]`: who sends with this write key, and where it goes."""

    write_key: Annotated[Credential, AfterValidator(_is_user_name)]
    """What the SDK is given. It need not be any provider's."""

    integrations: Annotated[list[Name], BeforeValidator(_listed), Field(min_length=1)] = []
    """Where each message goes, in an execution for each of them. Default: the one of the source's
    own name."""

    allow_delete: bool = False
    """Whether `DELETE /v1/users/{id}` is taken. Default false: whoever opens a web page has its
    write key."""

    body_limit_bytes: int = Field(default=500 * 1024, ge=1024, le=16 * 1024 * 1024)
    """The largest body, unpacked. Default 500 KiB, a batch of Segment's; RudderStack's are 4 MB."""

    message_limit_bytes: int = Field(default=32 * 1024, ge=1024, le=1024 * 1024)
    """The largest body of one message by itself. Default 32 KiB, as Segment. In a batch, each
    integration looks at the size of a message by itself."""

    messages_limit: int = Field(default=2500, ge=1)
    """The most messages in a request. Default 2500, as Segment."""

    requests_per_second: float | None = Field(default=None, gt=0)
    """Above this the answer is 429, after a burst of as many. Counted in each gateway process by
    itself. Default: no limit."""

    def limit_bytes(self, *, is_one: bool) -> int:
        """Of a body with one message, or with a list of them."""
        return self.message_limit_bytes if is_one else self.body_limit_bytes


class Settings(ProcessSettings):
    """Everything that a gateway can be told."""

    elsewhere: ClassVar = frozenset(
        {
            "integrations",
            "default_integration",
            "worker",
            "graceful_shutdown_timeout",
            "max_concurrent_activities",
            "max_concurrent_workflow_tasks",
            "on_attempt_failed",
            "on_execution_failed",
        }
    )
    examples: ClassVar = {"sources": "SOURCES__SHOP__WRITE_KEY"}

    gateway: GatewaySettings = GatewaySettings()
    """Where it listens, and how long it waits."""

    sources: dict[Name, Source] = Field(min_length=1)
    """Who may send, by name."""

    @field_validator("sources")
    @classmethod
    def _complete(cls, sources: Mapping[str, Source]) -> dict[str, Source]:
        keys = [source.write_key.get_secret_value() for source in sources.values()]
        if len(set(keys)) < len(keys):
            raise ValueError("must each have a write key of its own: two have the same")
        return {
            name: source.model_copy(update={"integrations": source.integrations or [name]})
            for name, source in sources.items()
        }

    @field_validator("sources")
    @classmethod
    def _known(cls, sources: dict[str, Source]) -> dict[str, Source]:
        """Where the worker's settings are the same, a typing error is found before a message."""
        known = named("integrations")
        for name, source in sources.items():
            unknown = [one for one in source.integrations if known and one not in known]
            if unknown:
                there = ", ".join(known)
                raise ValueError(
                    f"must name integrations that are configured ({there}): "
                    f"{name} names {unknown[0]}"
                )
        return sources
