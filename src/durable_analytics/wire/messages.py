"""The models of the messages, one for each method, and of their context.

The fields follow the Segment specification, in snake_case. A model checks the rules that all
providers share; the rules of one provider are in the module of that provider.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel

from durable_analytics.wire.field_types import (
    Ids,
    MessageId,
    Number,
    RequiredText,
    TextByName,
    Texts,
    Timestamp,
    broken_property_rule,
    is_filled,
    is_lenient,
    wrong,
)

JsonObject = dict[str, Any]
"""A JSON object. `keys.normalise` checks once, for a whole input, that the values are JSON."""


class Wire(BaseModel):
    """Base of the models: no conversion of types, no unknown keys, no values in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Message(Wire):
    """The fields of every message."""

    message_id: MessageId | None = None
    """The same in all attempts, so that the provider can drop repeats. Generated when absent."""

    timestamp: Timestamp | None = None
    """When it happened. When absent or empty, the time at which the execution started."""

    integrations: JsonObject | None = None
    """Destinations to switch on or off. Also passed on to Segment-compatible providers."""


class PersonMessage(Message):
    """A message about a person."""

    user_id: str | None = None
    """The person's id in the caller's database."""

    anonymous_id: str | None = None
    """An id for a person without a user id, like the id of a session."""

    @model_validator(mode="after")
    def _has_an_id(self) -> Self:
        if not (is_filled(self.user_id) or is_filled(self.anonymous_id)):
            raise wrong("is required if anonymous_id is not set", "user_id")
        return self


PAGE_TITLES = ("url", "path", "title")
"""The properties of which a page without a name needs one."""


class Identify(PersonMessage):
    """Who a person is."""

    traits: JsonObject | None = None
    """Attributes of the person; null deletes a trait if the provider supports it."""


class Track(PersonMessage):
    """What a person did."""

    event: RequiredText
    """The action's name, like "Order Completed"."""

    properties: JsonObject | None = None
    """Attributes of the event. `revenue` and `value` are numbers, `currency` is ISO 4217."""

    traits: JsonObject | None = None
    """Attributes of the person."""

    channel: str | None = None
    """Where it happened, like "web_site"."""

    company_id: str | None = None
    """The company in whose context it happened."""

    @field_validator("properties")
    @classmethod
    def _well_known_properties(
        cls, properties: JsonObject | None, info: ValidationInfo
    ) -> JsonObject | None:
        if properties and not is_lenient(info) and (broken := broken_property_rule(properties)):
            name, message = broken
            raise wrong(message, name)
        return properties


class Group(PersonMessage):
    """Which company, team or account a person belongs to."""

    group_id: RequiredText
    """The group's id in the caller's database."""

    traits: JsonObject | None = None
    """Attributes of the group."""


class Alias(Message):
    """Two ids are the same person."""

    previous_user_id: RequiredText
    """The old id, often an anonymous one."""

    new_user_id: Ids
    """The new id; a list if the provider accepts one (Trak.io)."""

    traits: JsonObject | None = None
    """Attributes of the person."""


class Page(PersonMessage):
    """Which web page a person saw."""

    name: str | None = None
    """The page's name. No default is set: journy.io gives the name a meaning."""

    category: str | None = None
    """The page's category."""

    properties: JsonObject | None = None
    """Attributes of the page: `url`, `path`, `title`, `referrer`, `search`, `keywords`."""

    @model_validator(mode="after")
    def _is_identified(self, info: ValidationInfo) -> Self:
        names = (self.name, *((self.properties or {}).get(k) for k in PAGE_TITLES))
        if not is_lenient(info) and not any(map(is_filled, names)):
            raise wrong("is required if properties has no url, path or title", "name")
        return self


class Screen(PersonMessage):
    """Which screen of an app a person saw."""

    name: str | None = None
    """The screen's name. Required."""

    category: str | None = None
    """The screen's category."""

    properties: JsonObject | None = None
    """Attributes of the screen."""

    @model_validator(mode="after")
    def _has_a_name(self, info: ValidationInfo) -> Self:
        if not is_lenient(info) and not is_filled(self.name):
            raise wrong("is required", "name")
        return self


class Delete(Message):
    """Suppress a person and delete the stored data about the person."""

    user_id: RequiredText
    """The person's id in the caller's database."""

    traits: JsonObject | None = None
    """Attributes that find the person if the id does not, like an email address."""


class Annotate(Message):
    """An event that concerns all people, like a deployment."""

    event: RequiredText
    """What happened."""

    properties: JsonObject | None = None
    """Attributes of the event."""

    channel: str | None = None
    """Where it happened."""


class MetricUser(Wire):
    """The person whose metric changes; the provider stores these fields with the person."""

    id: RequiredText
    """The person's id in the caller's database."""

    email: str | None = None
    name: str | None = None
    tz: str | None = None
    """The time zone, like "Europe/London"."""
    sign_up_date: str | None = None
    """When the person signed up, like "2026-01-31"."""
    device_tokens: Texts | None = None
    subscribe_to_emails: bool | None = None
    attributes: TextByName | None = None


class Metric(Message):
    """A change of a number that belongs to a person."""

    key: RequiredText
    """The metric's name at the provider."""

    user: MetricUser
    """The person: an object with `id`, and what else the provider should store."""

    value: Number
    """The number that is added to the total; negative to decrement."""

    attributes: TextByName | None = None
    """Attributes of the event; their keys must exist at the provider."""

    idempotency_key: RequiredText | None = None
    """The provider counts events with the same key once. Default: the message id."""


class Call(Message):
    """A request to any other endpoint of the provider, with the credentials of the integration."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    """The HTTP method."""

    path: RequiredText
    """Relative to the integration's base URL, like "/v1/track"."""

    query: JsonObject | None = None
    """The parameters of the query string."""

    headers: TextByName | None = None
    """More headers, without credentials."""

    body: Any = None
    """Any JSON value, sent as JSON."""


CONTEXT_OBJECT_KEYS: Mapping[str, Sequence[str]] = {
    "device": ("ad_tracking_enabled", "advertising_id"),
    "screen": ("inner_height", "inner_width"),
    "user_agent_data": ("full_version_list", "platform_version", "ua_full_version"),
}
"""The keys of the specification inside objects of the context whose camelCase is accepted too."""


class Context(BaseModel):
    """The context of a message, as in the Segment specification; other keys are kept."""

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

    @field_validator(*CONTEXT_OBJECT_KEYS)
    @classmethod
    def _has_one_spelling(cls, value: JsonObject | None, info: ValidationInfo) -> JsonObject | None:
        for name in CONTEXT_OBJECT_KEYS[info.field_name or ""] if value else ():
            if value and name in value and to_camel(name) in value:
                raise wrong(f"is set twice, as {name} and as {to_camel(name)}: remove one", name)
        return value


class RequestOptions(Wire):
    """Additions to the provider's request; they cannot replace the parts that the request has."""

    headers: TextByName = {}
    query: JsonObject = {}
    body: JsonObject = {}
