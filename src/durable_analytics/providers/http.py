"""HTTP requests to providers with their bodies (JSON, forms or bytes), and HTTP responses."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from durable_analytics.wire.json_writer import write_json
from durable_analytics.wire.messages import JsonObject


@dataclass(frozen=True, slots=True)
class Form:
    """A body of type `application/x-www-form-urlencoded`."""

    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class JsonItems:
    """The JSON body of a batch: a list of items, each of which is already serialized."""

    items: Sequence[bytes]
    """The items, each as JSON."""

    key: str | None = None
    """The key of the list, if the body is an object; None if the body is the list itself."""

    beside: JsonObject = field(default_factory=dict)
    """The other fields of the object, beside the list."""

    def content(self) -> bytes:
        """Return the body as it is sent."""
        listed = b"[%b]" % b",".join(self.items)
        if self.key is None:
            return listed
        envelope = write_json(self.beside).removesuffix(b"}") + (b"," if self.beside else b"")
        return b"%b%b:%b}" % (envelope, write_json(self.key), listed)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to a provider.

    `Provider.build` returns it without credentials; `Provider.authorize` adds them for each
    attempt.
    """

    method: str
    url: str
    body: Any = field(default=None, repr=False)
    """A JSON value, `JsonItems`, a `Form` or `bytes`; None sends no body. It must not be changed in
    place, because it is serialized only once; `with_fields` makes a copy."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, Any] = field(default_factory=dict, repr=False)
    credentials: str = ""
    """The name of the credentials that authorize the request, if the provider has several; one of
    `Provider.credential_sets`."""

    _serialized: tuple[Any, bytes] | None = field(
        default=None, repr=False, compare=False, kw_only=True
    )
    """A body, and the bytes into which it was serialized. Copies with the same body share them."""

    def url_length(self) -> int:
        """Return the number of characters of the URL with its query."""
        return len(self.url) + len(urlencode(self.query, doseq=True))

    def content(self) -> bytes | None:
        """Return the bytes of the body; JSON is compact, in UTF-8; a JSON value is serialized once.

        Raises:
            ValidationError: The body contains something that JSON cannot represent.
        """
        match self.body:
            case None | bytes():
                return self.body
            case Form(fields):
                return urlencode(fields).encode()
            case JsonItems():
                return self.body.content()
        if self._serialized is None or self._serialized[0] is not self.body:
            object.__setattr__(self, "_serialized", (self.body, write_json(self.body)))
        return self._serialized[1]  # type: ignore[index]

    def with_serialized_body_of(self, earlier: "HttpRequest") -> "HttpRequest":
        """Return a copy that does not serialize its body again, if an earlier request has the same.

        If the bodies differ, or the earlier one is not serialized, return the request itself.
        """
        serialized = earlier._serialized  # noqa: SLF001  # of the same class
        if serialized is None or earlier.body != self.body:
            return self
        return replace(self, body=earlier.body, _serialized=serialized)

    def content_type(self) -> str | None:
        """Return the `Content-Type` of the body, unless `headers` set it; None without a body."""
        match self.body:
            case None:
                return None
            case bytes():
                return "application/octet-stream"
            case Form():
                return "application/x-www-form-urlencoded"
            case _:
                return "application/json"

    def with_headers(self, headers: Mapping[str, str]) -> "HttpRequest":
        """Return a copy in which these headers replace those with the same names."""
        names = {name.lower() for name in headers}
        kept = {name: value for name, value in self.headers.items() if name.lower() not in names}
        return replace(self, headers={**kept, **headers})

    def with_basic_auth(self, user: str, password: str = "") -> "HttpRequest":
        """Return a copy with Basic authentication."""
        encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
        return self.with_headers({"Authorization": f"Basic {encoded}"})

    def with_bearer_token(self, token: str) -> "HttpRequest":
        """Return a copy with a Bearer token."""
        return self.with_headers({"Authorization": f"Bearer {token}"})

    def with_query(self, query: Mapping[str, Any]) -> "HttpRequest":
        """Return a copy with additional query parameters."""
        return replace(self, query={**self.query, **query})

    def with_fields(self, fields: Mapping[str, Any]) -> "HttpRequest":
        """Return a copy with additional fields in the body: a JSON object, a form or no body.

        Raises:
            TypeError: The body has no fields.
        """
        match self.body:
            case Form(present):
                return replace(self, body=Form({**present, **fields}))
            case JsonItems(items, str(key), beside):
                return replace(self, body=JsonItems(items, key, {**beside, **fields}))
            case dict() | None:
                return replace(self, body={**(self.body or {}), **fields})
            case _:
                raise TypeError("the body is neither a JSON object nor a form")

    def with_item_fields(self, fields: Mapping[str, Any]) -> "HttpRequest":
        """Return a copy with additional keys in the object, or in each object of the list.

        Raises:
            TypeError: The body is neither an object nor a list of objects.
        """
        match self.body:
            case dict(item):
                return replace(self, body={**item, **fields})
            case JsonItems(items):
                added = write_json(fields)[1:-1]
                written = [
                    b"{%b%b%b" % (added, b"" if item[1:2] == b"}" else b",", item[1:])
                    for item in items
                ]
                return replace(self, body=replace(self.body, items=written))
            case list(items) if all(isinstance(item, dict) for item in items):
                return replace(self, body=[{**item, **fields} for item in items])
            case _:
                raise TypeError("the body is neither an object nor a list of objects")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A provider's response, limited in size, with credentials masked."""

    status_code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    """The parsed value if the body is JSON, otherwise text."""

    truncated: bool = False
