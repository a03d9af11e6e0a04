"""Messages with all fields and with the least, for providers that take messages as they are."""

from dataclasses import dataclass, field
from typing import Literal

from tests.providers.building import COMMON
from tests.support.json_objects import Json

_EVERY: Json = {**COMMON, "integrations": {"All": True}}
_PERSON: Json = {**_EVERY, "user_id": "u-1", "anonymous_id": "a-1"}
_CONTEXT: Json = {"ip": "192.0.2.1", "library": {"name": "shop", "version": "4.1"}}


@dataclass(frozen=True)
class Row:
    """A message, and its fields as such a provider gets them."""

    method: str
    extent: Literal["full", "least"]
    message: Json
    context: Json = field(default_factory=dict)

    @property
    def fields(self) -> Json:
        """With what Validation fills in, and the context."""
        context = {"context": self.context} if self.context else {}
        return {**COMMON, **self.message, **context}


_FULL: dict[str, Json] = {
    "identify": {**_PERSON, "traits": {"plan": "pro", "seats": None}},
    "track": {
        **_PERSON,
        "event": "Order Completed",
        "properties": {"revenue": 19.99, "currency": "USD", "products": [{"sku": "s-1"}]},
        "traits": {"plan": "pro"},
        "channel": "web",
        "company_id": "c-1",
    },
    "group": {**_PERSON, "group_id": "g-1", "traits": {"name": "Acme"}},
    "alias": {
        **_EVERY,
        "previous_user_id": "a-1",
        "new_user_id": ["u-1", "u-2"],
        "traits": {"plan": "pro"},
    },
    "page": {**_PERSON, "name": "Pricing", "category": "Shop", "properties": {"url": "/pricing"}},
    "screen": {**_PERSON, "name": "Cart", "category": "Shop", "properties": {"items": 2}},
    "delete": {**_EVERY, "user_id": "u-1", "traits": {"email": "ada@example.com"}},
    "annotate": {**_EVERY, "event": "Deployed", "properties": {"commit": "c"}, "channel": "web"},
    "metric": {
        **_EVERY,
        "key": "words",
        "user": {"id": "u-1", "tz": "Europe/London", "attributes": {"plan": "pro"}},
        "value": -2.5,
        "attributes": {"source": "app"},
        "idempotency_key": "k-1",
    },
}

_LEAST: dict[str, Json] = {
    "identify": {"user_id": "u-1"},
    "track": {"anonymous_id": "a-1", "event": "E"},
    "group": {"user_id": "u-1", "group_id": "g-1"},
    "alias": {"previous_user_id": "a-1", "new_user_id": "u-1"},
    "page": {"user_id": "u-1", "name": "Pricing"},
    "screen": {"user_id": "u-1", "name": "Cart"},
    "delete": {"user_id": "u-1"},
    "annotate": {"event": "Deployed"},
    "metric": {"key": "words", "user": {"id": "u-1"}, "value": 750},
}

ROWS = [
    *(Row(method, "full", message, _CONTEXT) for method, message in _FULL.items()),
    *(Row(method, "least", message) for method, message in _LEAST.items()),
]
