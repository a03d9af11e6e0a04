"""The settings of the gateway process: its address, its timeouts, and its sources."""

import ipaddress
import re
from codecs import BOM_UTF8
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

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
from pydantic_core import from_json, to_json

from durable_analytics.errors import SettingsError
from durable_analytics.providers import Credential
from durable_analytics.settings.routing import read_tracking_plan
from durable_analytics.settings.sources import configured_names
from durable_analytics.settings.values import (
    DurationSetting,
    Name,
    SocketAddress,
    split_at_commas,
)
from durable_analytics.wire.messages import JsonObject
from runtime.settings import OF_WORKERS, ProcessSettings


def _split_list(value: Any) -> Any:
    """Split text at its commas into a list; empty text becomes an empty list."""
    return [] if value == "" else split_at_commas(value)


_ORIGIN = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^/?#@\sA-Z]+")


def _check_origin(origin: str) -> str:
    """Refuse a value that no browser sends as an origin, because it would have no effect."""
    if not _ORIGIN.fullmatch(origin):
        raise ValueError(
            'must be "*" or an origin, like "https://shop.example.com": in lower case, '
            "and without a path or a slash at the end"
        )
    return origin


def _check_proxies(proxies: list[str]) -> list[str]:
    """Refuse a value that never matches a client's address, because it would have no effect."""
    if proxies == ["*"]:
        return proxies
    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError:
            raise ValueError(
                'must be IP addresses or networks, like "10.0.0.0/8", or "*" alone; '
                "the address of a network has no bits after its prefix"
            ) from None
    return proxies


def _check_user_name(key: SecretStr) -> SecretStr:
    if ":" in key.get_secret_value():
        raise ValueError(
            "must not contain a colon: SDKs send it as the user name of Basic authentication"
        )
    return key


_TRACKING_PLAN_LIMIT_BYTES = 256 * 1024


def _load_tracking_plan(value: Any) -> Any:
    """Read a file with a tracking plan, and return the JSON object that is sent with messages."""
    if value is None or isinstance(value, dict):
        return value
    read_tracking_plan(value)
    plan = from_json(Path(str(value)).read_bytes().removeprefix(BOM_UTF8))
    if len(to_json(plan)) > _TRACKING_PLAN_LIMIT_BYTES:
        raise ValueError(f"must have at most {_TRACKING_PLAN_LIMIT_BYTES} bytes")
    return plan


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class GatewaySettings(_Section):
    """`[gateway]`: the address and the timeouts of the gateway."""

    host: str = Field(default="127.0.0.1", min_length=1)
    """The address to listen on. Default: loopback only; `0.0.0.0` means every address."""

    port: int = Field(default=8088, ge=1, le=65535)
    """The port to listen on."""

    metrics_address: SocketAddress | None = None
    """The IP address and port on which the process serves `/metrics` for Prometheus. Default:
    `/metrics` is not served. Use an address that the public cannot reach, unlike `host`."""

    cors_origins: Annotated[
        list[Annotated[str, AfterValidator(_check_origin)]], BeforeValidator(_split_list)
    ] = ["*"]
    """The origins whose web pages may send messages, like `https://shop.example.com`. Default: all,
    as at Segment: a write key in a web page is public, and the gateway reads no cookies."""

    gather_interval: DurationSetting = timedelta(milliseconds=5)
    """How long the gateway waits for more requests before it starts an execution for all of them. A
    longer interval means fewer executions and later responses. Requests are also combined while
    Temporal stores the previous execution."""

    trusted_proxies: Annotated[
        list[str], AfterValidator(_check_proxies), BeforeValidator(_split_list)
    ] = ["127.0.0.1"]
    """The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are used: IP addresses and
    networks, or `*` for all."""

    answer_timeout: Annotated[DurationSetting, Field(validate_default=True)] = timedelta(seconds=10)
    """How long a request waits for Temporal before its response is 503 and the SDK retries.
    Default: as long as SDKs wait. While Temporal is known to be unreachable, the response is 503 at
    once. After this time, the gateway still tries to store the message; a retry waits for the
    same attempt."""

    @field_validator("answer_timeout")
    @classmethod
    def _check_answer_timeout(cls, timeout: timedelta, info: ValidationInfo) -> timedelta:
        if timeout <= info.data.get("gather_interval", timedelta(0)):
            raise ValueError("must be longer than gather_interval")
        return timeout


class SourceSettings(_Section):
    """`[sources.NAME]`: a sender of messages, with a write key of its own."""

    write_key: Annotated[Credential, AfterValidator(_check_user_name)]
    """The write key to set in the SDK. It is not a credential of a provider: choose any text."""

    integrations: Annotated[list[Name], BeforeValidator(split_at_commas), Field(min_length=1)] = []
    """The integrations to which each message is delivered, with an execution for each. Default: the
    integration with the source's name."""

    allow_delete: bool = False
    """Whether `DELETE /v1/users/{id}` is allowed. Default false: the write key of a web page is
    public."""

    tracking_plan: Annotated[Any, BeforeValidator(_load_tracking_plan)] = None
    """A JSON file with a JSON Schema for each event, up to 256 KiB. The gateway sends it to the
    worker with the messages, and the worker checks them; the response does not depend on it."""

    on_violation: Literal["allow", "omit", "block"] = "block"
    """What the worker does with a message that does not match the tracking plan."""

    body_limit_bytes: int = Field(default=500 * 1024, ge=1024, le=16 * 1024 * 1024)
    """The largest decompressed body. Default 500 KiB, as Segment; RudderStack's SDKs send 4 MB."""

    message_limit_bytes: int = Field(default=32 * 1024, ge=1024, le=1024 * 1024)
    """The largest body of a request with a single message. Default 32 KiB, as Segment. In a batch,
    each integration checks the size of the messages."""

    messages_limit: int = Field(default=2500, ge=1)
    """The maximum number of messages in a request. Default 2500, as Segment."""

    requests_per_second: float | None = Field(default=None, gt=0)
    """The limit above which the response is 429; a burst of one second's requests is allowed. Each
    gateway process counts separately. Default: no limit."""

    @cached_property
    def options(self) -> JsonObject:
        """The keys that are added to the input of each execution for this source."""
        if self.tracking_plan is None:
            return {}
        plan = {"schemas": self.tracking_plan, "on_violation": self.on_violation}
        return {"tracking_plan": plan}

    @cached_property
    def options_json(self) -> bytes:
        """The `options` as JSON."""
        return to_json(self.options)

    def limit_bytes(self, *, is_single: bool) -> int:
        """Return the size limit of a request body, which has a single message or a list."""
        return self.message_limit_bytes if is_single else self.body_limit_bytes


class Settings(ProcessSettings):
    """All settings of the gateway process."""

    elsewhere: ClassVar = OF_WORKERS | {"client", "codec_server"}
    examples: ClassVar = {"sources": "SOURCES__SHOP__WRITE_KEY"}

    gateway: GatewaySettings = GatewaySettings()
    """The address and the timeouts."""

    sources: dict[Name, SourceSettings] = Field(min_length=1)
    """The sources that may send, by name."""

    @classmethod
    def load(cls) -> Self:
        """Load the settings of this process.

        If the worker's integrations are configured in the same place, the integrations of the
        sources are compared with them: a misspelled name is found before the first message.

        Raises:
            SettingsError: One line for each problem: the setting, what is wrong, how to set it.
        """
        settings = super().load()
        configured = configured_names("integrations")
        problems = [
            cls.problem_at(
                "sources",
                f"must name integrations that are configured ({', '.join(configured)}): "
                f"{name} names {integration}",
            )
            for name, source in settings.sources.items()
            for integration in source.integrations
            if configured and integration not in configured
        ]
        if problems:
            raise SettingsError(problems)
        return settings

    @field_validator("sources")
    @classmethod
    def _check_sources(cls, sources: Mapping[str, SourceSettings]) -> dict[str, SourceSettings]:
        """Check that the write keys differ, and add the default integrations."""
        keys = [source.write_key.get_secret_value() for source in sources.values()]
        if len(set(keys)) < len(keys):
            raise ValueError("must have different write keys: two sources have the same one")
        return {
            name: source.model_copy(update={"integrations": source.integrations or [name]})
            for name, source in sources.items()
        }
