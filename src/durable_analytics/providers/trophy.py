"""Trophy: users, and events that change their metrics.

Source: Trophy's API and its Ruby and Python clients. Trophy accepts no timestamps.
"""

from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic.alias_generators import to_camel, to_snake

from durable_analytics.errors import DeliveryError, FieldProblem, Unavailable, ValidationError
from durable_analytics.providers._base import Provider, builds
from durable_analytics.providers._deliveries import Delivery
from durable_analytics.providers.http import HttpRequest, HttpResponse
from durable_analytics.providers.request_options import is_header_value
from durable_analytics.providers.setting_types import BaseUrl, Credential
from durable_analytics.wire.field_types import is_filled
from durable_analytics.wire.messages import Identify, JsonObject, Message, Metric


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


_USER_FIELDS = {
    "email": ("email", _is_text, "text"),
    "name": ("name", _is_text, "text"),
    "tz": ("tz", _is_text, 'text, like "Europe/London"'),
    "sign_up_date": ("signUpDate", _is_text, 'text, like "2026-01-31"'),
    "device_tokens": ("deviceTokens", _is_list_of_text, "a list of text"),
    "subscribe_to_emails": ("subscribeToEmails", _is_boolean, "true or false"),
}
"""The traits that are fields of a user at Trophy: the key, the check, and the expected value."""

_FIELDS_IN_BOTH_SPELLINGS = {to_camel(n): field for n, field in _USER_FIELDS.items()} | _USER_FIELDS
"""`_USER_FIELDS` with the names in camelCase, too."""

_NULLABLE = frozenset({"tz", "device_tokens"})
"""The fields of a user that may be null (Trophy's OpenAPI description)."""

_NULL = "must not be null at Trophy: remove it"


class Trophy(Provider):
    """An account at Trophy."""

    title: ClassVar = "Trophy"
    message_id_fields: ClassVar = {"metric": "Idempotency-Key"}
    credential_names: ClassVar = frozenset({"api_key", "x-api-key"})

    base_url: BaseUrl = "https://api.trophy.so/v1"

    api_key: Credential
    """The account's API key."""

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """Add the header with the API key."""
        del delivery_id, sent_at
        return request.with_headers({"X-API-KEY": self.api_key.get_secret_value()})

    def classify(self, response: HttpResponse) -> DeliveryError | None:
        """Classify the response; 409 is a conflict of simultaneous writes, which is retried."""
        if response.status_code == 409:
            return Unavailable(f"{self.title} answered 409")
        return self.classify_status(response.status_code)

    @builds("metric")
    def metric(self, delivery: Delivery[Metric]) -> HttpRequest:
        """Build the request for an event of a metric; Trophy counts the same key once (202)."""
        self._refuse_unsupported_fields(delivery)
        metric = delivery.message
        # Without `model_dump`, which copies a hundred thousand device tokens.
        user = {name: value for name, value in metric.user if name in metric.user.model_fields_set}
        if problems := [
            FieldProblem(f"metric.user.{name}", _NULL)
            for name, value in user.items()
            if value is None and name not in _NULLABLE
        ]:
            raise ValidationError.of(problems)
        body = {
            "user": {to_camel(name): value for name, value in user.items()},
            **delivery.given("value", "attributes"),
        }
        idempotency_key = metric.idempotency_key or metric.message_id or ""
        if not is_header_value(idempotency_key):
            raise ValidationError.at(
                "metric.idempotency_key" if metric.idempotency_key else "metric.message_id",
                (
                    "must be printable ASCII without leading or trailing spaces: "
                    f"{self.title} receives it as an HTTP header"
                ),
            )
        url = f"{self.base_url}/metrics/{_segment('metric.key', metric.key)}/event"
        return HttpRequest("POST", url, body, {"Idempotency-Key": idempotency_key})

    @builds("identify")
    def identify(self, delivery: Delivery[Identify]) -> HttpRequest:
        """Build the request that creates or updates a user; other traits become attributes."""
        person = delivery.message
        if not is_filled(person.user_id):
            raise ValidationError.at("identify.user_id", f"is required at {self.title}")
        self._refuse_unsupported_fields(delivery)
        url = f"{self.base_url}/users/{_segment('identify.user_id', person.user_id)}"
        return HttpRequest("PUT", url, _user(person.traits or {}))

    def _refuse_unsupported_fields(self, delivery: Delivery[Message]) -> None:
        self.refuse_fields(delivery, "anonymous_id")
        self.refuse_context(delivery)


def _segment(path: str, value: str) -> str:
    """Return a text as one segment of a URL path."""
    if value in (".", ".."):
        raise ValidationError.at(path, "must not be one or two dots: it is part of a URL at Trophy")
    return quote(value, safe="")


def _user(traits: JsonObject) -> JsonObject:
    nested = traits.get("attributes")
    attributes: JsonObject = dict(nested) if isinstance(nested, dict) else {}
    problems = [
        FieldProblem(f"identify.traits.attributes.{name}", "must be text at Trophy")
        for name, value in attributes.items()
        if not isinstance(value, str)
    ]
    user: JsonObject = {}
    for trait, value in traits.items():
        if trait == "attributes" and isinstance(value, dict):
            continue
        is_field = trait in _FIELDS_IN_BOTH_SPELLINGS
        default = (trait, _is_text, "text")
        name, is_valid, expected = _FIELDS_IN_BOTH_SPELLINGS.get(trait, default)
        if value is None and not (is_field and to_snake(trait) in _NULLABLE):
            problems.append(FieldProblem(f"identify.traits.{trait}", _NULL))
            continue
        target = user if is_field else attributes
        if name in target:
            problems.append(
                FieldProblem(
                    f"identify.traits.{trait}",
                    "is set twice, in two spellings or also in attributes: remove one",
                )
            )
        elif value is None or is_valid(value):
            target[name] = value
        else:
            problem = f"must be {expected} at Trophy"
            problems.append(FieldProblem(f"identify.traits.{trait}", problem))
    if problems:
        raise ValidationError.of(problems)
    return {**user, "attributes": attributes} if attributes else user
