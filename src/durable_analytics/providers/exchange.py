"""What goes to a provider and what comes back: a delivery, an HTTP request, an answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from durable_analytics.messages import JsonObject, Message, RequestOptions

M_co = TypeVar("M_co", bound=Message, covariant=True)


@dataclass(frozen=True, slots=True)
class Delivery(Generic[M_co]):
    """One message on its way: checked, with `message_id` and `timestamp` filled in."""

    method: str
    """The key of `METHODS`, like "track"."""

    message: M_co

    context: JsonObject = field(default_factory=dict)
    """In snake_case; the keys inside its objects are as the caller wrote them."""

    options: RequestOptions = field(default_factory=RequestOptions)

    unchecked: JsonObject = field(default_factory=dict)
    """What `"strict": false` let through beside the model, in snake_case where known."""

    strict: bool = True
    """Of the input."""

    def given(self, *names: str) -> JsonObject:
        """Those of these fields of the message that were set, null included.

        >>> Delivery("track", Track(user_id="u", event="E")).given("user_id", "traits")
        {'user_id': 'u'}
        """
        there = self.message.model_fields_set
        return {name: getattr(self.message, name) for name in names if name in there}


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What one batch request of a vendor may hold."""

    body_bytes: int
    messages: int


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request without its credentials, which are added when it is sent."""

    method: str
    url: str
    body: Any = None
    """JSON; None sends no body."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    items_key: str | None = None
    """The key of the body's object under which the messages of a batch stand."""

    items: Sequence[bytes] = ()
    """These messages, each written as JSON already."""

    def url_length(self) -> int:
        """The characters of the URL with its query."""
        return len(self.url) + len(urlencode(self.query, doseq=True))

    def content(self) -> bytes | None:
        """The body as it is sent: compact UTF-8 JSON."""
        if self.body is None:
            return None
        text = json.dumps(self.body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        if self.items_key is None:
            return text.encode()
        envelope = text.removesuffix("}") + ("," if self.body else "")
        return b'%b"%b":[%b]}' % (
            envelope.encode(),
            self.items_key.encode(),
            b",".join(self.items),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered, cut to size, with any credential in it masked."""

    status_code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    """Parsed where it is JSON, else text."""

    truncated: bool = False
