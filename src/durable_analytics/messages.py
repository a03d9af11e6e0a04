"""The messages: what a caller says happened, one model a method, and the context around it.

The fields follow the Segment specification, in snake_case. A model checks what holds at every
provider; what only one provider asks for stands with that provider.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, TypeGuard

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PlainValidator,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from durable_analytics.currencies import CURRENCIES

JsonObject = dict[str, Any]
"""A JSON object. That its values are JSON is checked once, for a whole input, by `wire.read`."""


def wrong(message: str, field: str = "") -> PydanticCustomError:
    """The error of one field, from a check that sees the whole message."""
    return PydanticCustomError("analytics", "{message}", {"message": message, "field": field})


def is_lenient(info: ValidationInfo) -> bool:
    """Whether the input says `"strict": false`: refuse only what a provider itself would."""
    return bool(info.context and info.context.get("lenient"))


def _filled(value: str) -> str:
    if not value.strip():
        raise wrong("is required")
    return value


def is_message_id(value: Any) -> TypeGuard[str]:
    """Whether it can tell a message from all others (Segment: fewer than 100 characters)."""
    return isinstance(value, str) and 0 < len(value) < 100 and value.isprintable()


def _message_id(value: str) -> str:
    if not is_message_id(value):
        raise wrong("must have 1 to 99 printable characters")
    return value


_ISO_8601 = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?", re.ASCII
)
"""What providers read: Python's own reader takes any character between date and time."""


def _timestamp(value: str) -> str:
    """Keep an instant as it was written; a time without an offset is UTC."""
    try:
        if not _ISO_8601.fullmatch(value):
            raise ValueError(value)
        instant = datetime.fromisoformat(value)
        if not value.endswith("Z"):
            instant.astimezone(UTC)  # may be out of its range
    except (ValueError, OverflowError):
        raise wrong('must be ISO 8601, like "2026-01-31T09:30:00Z"') from None
    return value if instant.tzinfo else instant.replace(tzinfo=UTC).isoformat()


def instant(when: datetime) -> str:
    """ISO 8601 in UTC, to the millisecond, as Segment's SDKs write it.

    >>> instant(datetime(2026, 1, 31, 9, 30, tzinfo=UTC))
    '2026-01-31T09:30:00.000Z'
    """
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


RequiredText = Annotated[str, AfterValidator(_filled)]
Timestamp = Annotated[str, AfterValidator(_timestamp)]


def _one_or_more_ids(value: Any, info: ValidationInfo) -> str | list[str]:
    several = isinstance(value, list)
    ids = list(value) if several else [value]
    if is_lenient(info):
        ids = [str(item) if is_number(item) else item for item in ids]
    if not ids or not all(isinstance(item, str) and item.strip() for item in ids):
        raise wrong("must be an id or a list of ids, none of them empty")
    return ids if several else ids[0]


def is_number(value: Any) -> bool:
    """Whether it is a number of JSON: true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number_as_written(value: Any) -> int | float:
    """Keep 750 from turning into 750.0 on its way."""
    if not is_number(value):
        raise wrong("must be a number")
    return value  # type: ignore[no-any-return]  # checked above


class Wire(BaseModel):
    """What arrives as JSON: nothing is guessed, nothing unknown is let through, no value shown."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Message(Wire):
    """The fields of every message."""

    message_id: Annotated[str, AfterValidator(_message_id)] | None = None
    """The same over all attempts, for the provider to drop repeats. Made up when absent."""

    timestamp: Timestamp | None = None
    """When it happened. When absent, the time at which the execution started."""

    integrations: JsonObject | None = None
    """Destinations to switch on or off, passed on to Segment-compatible providers."""


class PersonMessage(Message):
    """A message about somebody."""

    user_id: str | None = None
    """The person's id in the caller's database."""

    anonymous_id: str | None = None
    """An id for somebody not yet known, a session's for instance."""

    @model_validator(mode="after")
    def _has_an_id(self) -> Self:
        if not ((self.user_id or "").strip() or (self.anonymous_id or "").strip()):
            raise wrong("is required where anonymous_id is not set", "user_id")
        return self


_PROPERTY_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "revenue": (is_number, "must be a number, like 19.99"),
    "value": (is_number, "must be a number, like 19.99"),
    "currency": (
        lambda code: isinstance(code, str) and code in CURRENCIES,
        'must be an ISO 4217 code in capitals, like "USD"',
    ),
}


class Identify(PersonMessage):
    """Who somebody is."""

    traits: JsonObject | None = None
    """What is known of the person; null deletes a trait where the provider can."""


class Track(PersonMessage):
    """What somebody did."""

    event: RequiredText
    """The action's name, like "Order Completed"."""

    properties: JsonObject | None = None
    """What is known of the event. `revenue` and `value` are numbers, `currency` is ISO 4217."""

    traits: JsonObject | None = None
    """What is known of the person."""

    channel: str | None = None
    """Where it happened, like "web_site"."""

    company_id: str | None = None
    """The company in whose context it happened."""

    @field_validator("properties")
    @classmethod
    def _well_known_properties(
        cls, properties: JsonObject | None, info: ValidationInfo
    ) -> JsonObject | None:
        if properties and not _PROPERTY_RULES.keys().isdisjoint(properties):
            for name, (fits, message) in _PROPERTY_RULES.items():
                value = properties.get(name)
                if value is not None and not fits(value) and not is_lenient(info):
                    raise wrong(message, name)
        return properties


class Group(PersonMessage):
    """Which company, team or account somebody belongs to."""

    group_id: RequiredText
    """The group's id in the caller's database."""

    traits: JsonObject | None = None
    """What is known of the group."""


class Alias(Message):
    """Two ids are the same person."""

    previous_user_id: RequiredText
    """The id so far, an anonymous one often."""

    new_user_id: Annotated[str | list[str], PlainValidator(_one_or_more_ids)]
    """The id from now on; a list where the provider takes one (Trak.io)."""

    traits: JsonObject | None = None
    """What is known of the person."""


class Page(PersonMessage):
    """Which web page somebody saw."""

    name: str | None = None
    """The page's name. One without stays without: journy.io gives the name a meaning."""

    category: str | None = None
    """The page's category."""

    properties: JsonObject | None = None
    """What is known of the page: `url`, `path`, `title`, `referrer`, `search`, `keywords`."""

    @model_validator(mode="after")
    def _can_be_told_apart(self, info: ValidationInfo) -> Self:
        told = (self.name, *((self.properties or {}).get(k) for k in ("url", "path", "title")))
        if not is_lenient(info) and not any(isinstance(v, str) and v.strip() for v in told):
            raise wrong("is required where properties have no url, path or title", "name")
        return self


class Screen(PersonMessage):
    """Which screen of an app somebody saw."""

    name: str | None = None
    """The screen's name. Required."""

    category: str | None = None
    """The screen's category."""

    properties: JsonObject | None = None
    """What is known of the screen."""

    @model_validator(mode="after")
    def _has_a_name(self, info: ValidationInfo) -> Self:
        if not is_lenient(info) and not (self.name and self.name.strip()):
            raise wrong("is required", "name")
        return self


class Delete(Message):
    """Suppress somebody, and delete what is stored of them."""

    user_id: RequiredText
    """The person's id in the caller's database."""

    traits: JsonObject | None = None
    """What finds the person where the id does not, like an email address."""


class Annotate(Message):
    """Something that happened to everybody, like a deployment."""

    event: RequiredText
    """What happened."""

    properties: JsonObject | None = None
    """What is known of it."""

    channel: str | None = None
    """Where it happened."""


class MetricUser(Wire):
    """The person whose metric changes; what is given here is stored with them."""

    id: RequiredText
    """The person's id in the caller's database."""

    email: str | None = None
    name: str | None = None
    tz: str | None = None
    """The time zone, like "Europe/London"."""
    device_tokens: list[str] | None = None
    subscribe_to_emails: bool | None = None
    attributes: dict[str, str] | None = None


class Metric(Message):
    """A person's number goes up or down."""

    key: RequiredText
    """The metric's name at the provider."""

    user: MetricUser

    value: Annotated[int | float, PlainValidator(_number_as_written)]
    """What is added to the total; negative to decrement."""

    attributes: dict[str, str] | None = None
    """What is known of the event; keys exist at the provider."""

    idempotency_key: RequiredText | None = None
    """For the provider to count repeats once. The message id when absent."""


class Call(Message):
    """Any other endpoint of the provider, authenticated for the caller."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

    path: RequiredText
    """Relative to the integration's base URL, like "/v1/track"."""

    query: JsonObject | None = None
    headers: dict[str, str] | None = None
    body: Any = None


class Context(BaseModel):
    """The surroundings of a message, after the Segment specification; further keys are kept."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, hide_input_in_errors=True)

    active: bool | None = None
    app: JsonObject | None = None
    campaign: JsonObject | None = None
    channel: str | None = None
    device: JsonObject | None = None
    group_id: str | None = None
    ip: str | None = None
    library: JsonObject | None = None
    locale: str | None = None
    network: JsonObject | None = None
    os: JsonObject | None = None
    page: JsonObject | None = None
    referrer: JsonObject | None = None
    screen: JsonObject | None = None
    timezone: str | None = None
    traits: JsonObject | None = None
    user_agent: str | None = None
    user_agent_data: JsonObject | None = None


class RequestOptions(Wire):
    """What a caller adds to the provider's request; it can replace neither of its own parts."""

    headers: dict[str, str] = {}
    query: JsonObject = {}
    body: JsonObject = {}
