"""Trophy: metrics that go up and down, and the people whose metrics they are.

Source: Trophy's API and its Ruby and Python clients. It takes no timestamps.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic.alias_generators import to_camel

from durable_analytics.errors import DeliveryError, FieldProblem, Unavailable, ValidationError
from durable_analytics.messages import Identify, JsonObject, Message, Metric
from durable_analytics.providers.additions import is_header_value
from durable_analytics.providers.base import BaseUrl, Credential, Provider
from durable_analytics.providers.exchange import Answer, Delivery, HttpRequest


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
"""The traits that are fields of a user there: the name on the wire, the check, its words."""

_SPELLED = {to_camel(name): field for name, field in _USER_FIELDS.items()} | _USER_FIELDS
"""The same by both spellings."""


class Trophy(Provider):
    """An account at Trophy."""

    title: ClassVar = "Trophy"
    credential_names: ClassVar = frozenset({"api_key", "x-api-key"})

    base_url: BaseUrl = "https://api.trophy.so/v1"

    api_key: Credential
    """The account's API key."""

    def authorization(self, method: str) -> Mapping[str, str]:
        """A header of its own."""
        del method
        return {"X-API-KEY": self.api_key.get_secret_value()}

    def read(self, answer: Answer) -> DeliveryError | None:
        """409 is a conflict of simultaneous writes, which Trophy's clients retry."""
        if answer.status_code == 409:
            return Unavailable(f"{self.title} answered 409")
        return self.verdict(answer.status_code)

    def metric(self, delivery: Delivery[Metric], sent_at: datetime) -> HttpRequest:
        """One event of a metric; a repeat with the same key counts once (202)."""
        del sent_at
        self._refuse_what_has_no_place(delivery)
        metric = delivery.message
        user = metric.user.model_dump(exclude_unset=True)
        body = {
            "user": {to_camel(name): value for name, value in user.items()},
            **delivery.given("value", "attributes"),
        }
        idempotency_key = metric.idempotency_key or metric.message_id or ""
        if not is_header_value(idempotency_key):
            raise ValidationError.at(
                "metric.idempotency_key" if metric.idempotency_key else "metric.message_id",
                f"must be printable ASCII, no space around it, at {self.title}: it is a header",
            )
        url = f"{self.base_url}/metrics/{_step('metric.key', metric.key)}/event"
        return HttpRequest("POST", url, body, {"Idempotency-Key": idempotency_key})

    def identify(self, delivery: Delivery[Identify], sent_at: datetime) -> HttpRequest:
        """A user, made or changed; traits that are no field of it are its attributes."""
        del sent_at
        person = delivery.message
        if not person.user_id:
            raise ValidationError.at("identify.user_id", f"is required at {self.title}")
        self._refuse_what_has_no_place(delivery)
        url = f"{self.base_url}/users/{_step('identify.user_id', person.user_id)}"
        return HttpRequest("PUT", url, _user(person.traits or {}))

    def _refuse_what_has_no_place(self, delivery: Delivery[Message]) -> None:
        self.no_place_for(delivery, "anonymous_id", "integrations")
        self.no_context(delivery)


def _step(path: str, value: str) -> str:
    """A step of a URL's path, whatever characters it holds."""
    if value in (".", ".."):
        raise ValidationError.at(path, "would lead to another address at Trophy: use another")
    return quote(value, safe="")


def _user(traits: JsonObject) -> JsonObject:
    nested = traits.get("attributes")
    attributes: JsonObject = dict(nested) if isinstance(nested, dict) else {}
    problems = [
        FieldProblem(f"identify.traits.attributes.{name}", "must be text at Trophy")
        for name, value in attributes.items()
        if value is not None and not isinstance(value, str)
    ]
    user: JsonObject = {}
    for trait, value in traits.items():
        if trait == "attributes" and isinstance(value, dict):
            continue
        name, fits, words = _SPELLED.get(trait, (trait, _is_text, "text"))
        place = user if trait in _SPELLED else attributes
        if name in place:
            problems.append(FieldProblem(f"identify.traits.{trait}", "is given twice: keep one"))
        elif value is None or fits(value):
            place[name] = value
        else:
            problems.append(FieldProblem(f"identify.traits.{trait}", f"must be {words} at Trophy"))
    if problems:
        raise ValidationError.of(problems)
    return {**user, "attributes": attributes} if attributes else user
