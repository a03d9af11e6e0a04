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
from durable_analytics.providers.base import (
    Answer,
    BaseUrl,
    Credential,
    Delivery,
    HttpRequest,
    Provider,
)


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


class Trophy(Provider):
    """An account at Trophy."""

    title: ClassVar = "Trophy"
    credential_names: ClassVar = frozenset({"x-api-key"})

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
        if not (idempotency_key.isascii() and idempotency_key.isprintable()):
            raise ValidationError.at(
                "metric.idempotency_key" if metric.idempotency_key else "metric.message_id",
                f"must be ASCII at {self.title}, where it becomes a header",
            )
        url = f"{self.base_url}/metrics/{quote(metric.key, safe='')}/event"
        return HttpRequest("POST", url, body, {"Idempotency-Key": idempotency_key})

    def identify(self, delivery: Delivery[Identify], sent_at: datetime) -> HttpRequest:
        """A user, made or changed; traits that are no field of it are its attributes."""
        del sent_at
        self._refuse_what_has_no_place(delivery)
        person = delivery.message
        if not person.user_id:
            raise ValidationError.at("identify.user_id", f"is required at {self.title}")
        url = f"{self.base_url}/users/{quote(person.user_id, safe='')}"
        return HttpRequest("PUT", url, _user(person.traits or {}))

    def _refuse_what_has_no_place(self, delivery: Delivery[Message]) -> None:
        self.no_place_for(delivery, "anonymous_id", "integrations")
        self.no_context(delivery)


def _user(traits: JsonObject) -> JsonObject:
    user: JsonObject = {}
    attributes: JsonObject = {}
    problems = []
    spelled = {to_camel(name): name for name in _USER_FIELDS}
    for trait, value in traits.items():
        name, fits, words = _USER_FIELDS.get(spelled.get(trait, trait), (trait, _is_text, "text"))
        if trait == "attributes" and isinstance(value, dict):
            attributes.update(value)
        elif value is None or fits(value):
            (user if name != trait or trait in _USER_FIELDS else attributes)[name] = value
        else:
            problems.append(FieldProblem(f"identify.traits.{trait}", f"must be {words} at Trophy"))
    problems += [
        FieldProblem(f"identify.traits.attributes.{name}", "must be text at Trophy")
        for name, value in attributes.items()
        if value is not None and not isinstance(value, str)
    ]
    if problems:
        raise ValidationError.of(problems)
    return {**user, "attributes": attributes} if attributes else user
