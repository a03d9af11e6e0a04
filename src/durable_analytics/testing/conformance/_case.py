"""The base class of the checks: the provider, and deliveries and requests of sample messages."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any, ClassVar

from durable_analytics.delivery.preparation import Defaults, prepare
from durable_analytics.errors import DeliveryError, ValidationError
from durable_analytics.providers import Delivery, HttpRequest, HttpResponse, Provider
from durable_analytics.testing._received import parse_body
from durable_analytics.testing.conformance._samples import (
    CONTEXT,
    FULL,
    LEAST,
    MESSAGE_ID,
    SENT_AT,
)
from durable_analytics.wire.keys import normalise
from durable_analytics.wire.messages import JsonObject, Message
from durable_analytics.wire.methods import METHODS
from durable_analytics.wire.parsing import read_input

_MOST_ATTEMPTS = 50


class ConformanceCase:
    """The provider under test, and the differences between its vendor and others."""

    provider: ClassVar[Provider]
    """A provider with all settings that its methods need."""

    samples: ClassVar[dict[str, JsonObject]] = {}
    """The smallest valid message, by method, if the vendor needs more fields than the contract."""

    more_samples: ClassVar[Sequence[tuple[str, JsonObject]]] = ()
    """Further valid messages, after their methods, if the provider sends them in another way than
    the smallest message of their method, for example to another endpoint."""

    statuses: ClassVar[dict[int, type[DeliveryError] | None]] = {}
    """The errors of statuses that mean something else at this vendor; None means success."""

    success: ClassVar[HttpResponse] = HttpResponse(200)
    """A response with which the vendor accepts a message."""

    def least(self, method: str) -> JsonObject:
        """Return a copy of the smallest sample message of a method."""
        return deepcopy(self.samples.get(method, LEAST[method]))

    def delivery(
        self,
        method: str,
        message: JsonObject,
        context: JsonObject | None = None,
        *,
        strict: bool = True,
    ) -> Delivery[Message]:
        """Return the delivery of a message, prepared in the same way as by the worker."""
        data = {method: message, "context": context or {}, "strict": strict}
        envelope, fields = read_input(METHODS[method], normalise(METHODS[method], data))
        defaults = Defaults(lambda: MESSAGE_ID, SENT_AT)
        return prepare(self.provider, fields, envelope, defaults).delivery

    def request(
        self, method: str, message: JsonObject, context: JsonObject | None = None
    ) -> HttpRequest:
        """Return the request of a message, without credentials."""
        return self.provider.build(self.delivery(method, message, context))

    def authorized(self, request: HttpRequest, delivery_id: str = MESSAGE_ID) -> HttpRequest:
        """Return the request with credentials."""
        return self.provider.authorize(request, delivery_id=delivery_id, sent_at=SENT_AT)

    def full(self, method: str) -> tuple[JsonObject, JsonObject]:
        """Return a sample message and a context with all fields that the provider accepts.

        Raises:
            AssertionError: The provider refuses them with an error that names none of their fields.
        """
        message = {**self.least(method), **deepcopy(FULL[method])}
        message |= self.samples.get(method, {})
        data = {method: message, "context": deepcopy(CONTEXT)}
        for _ in range(_MOST_ATTEMPTS):
            try:
                self.request(method, message, data["context"])
            except ValidationError as error:
                for problem in error.fields:
                    assert _remove(data, problem.path), (
                        f"{method}: the error names {problem.path}, which the message does not "
                        f"have: {error}"
                    )
                continue
            return message, data["context"]
        raise AssertionError(f"{method} is refused even without the fields that its errors name")

    def sample_requests(self) -> Iterator[tuple[str, HttpRequest]]:
        """Yield the method and the request, without credentials, of each sample message."""
        for method in self.provider.methods():
            yield method, self.request(method, self.least(method))
            yield method, self.request(method, *self.full(method))
        for method, message in deepcopy(self.more_samples):
            yield method, self.request(method, message)


def body_of(request: HttpRequest) -> Any:
    """Return the body of a request, parsed as a vendor parses it."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    content_type = headers.get("content-type", request.content_type() or "")
    return parse_body(request.content() or b"", content_type)


def named_texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text in a parsed body or query, after its key.

    Texts that contain JSON, as in forms, are parsed, too.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            yield from named_texts(item, str(key))
    elif isinstance(value, list):
        for item in value:
            yield from named_texts(item, name)
    elif isinstance(value, str):
        yield name, value
        if value.startswith(("{", "[")):
            inner = parse_body(value.encode(errors="replace"))
            if not isinstance(inner, str):
                yield from named_texts(inner, name)


def texts_in(request: HttpRequest) -> list[tuple[str, str]]:
    """Return each text in the headers, the query and the body of a request, after its name."""
    query = {name: str(value) for name, value in request.query.items()}
    parts = (dict(request.headers), query, body_of(request))
    return [text for part in parts for text in named_texts(part)]


def is_named(error: ValidationError, path: str) -> bool:
    """Whether an error names a field, or a field inside it."""
    return any(f"{problem.path}.".startswith(f"{path}.") for problem in error.fields)


def is_reported_person(delivery: Delivery[Message], path: str) -> bool:
    """Whether a path is an id of the person of a group, and the delivery reports it as left out.

    The contract requires a person in a group, so a vendor whose groups have no persons cannot
    refuse the ids.
    """
    method, _, name = path.partition(".")
    is_person = method == "group" and name in ("user_id", "anonymous_id")
    return is_person and name in delivery.left_out


def _remove(data: JsonObject, path: str) -> bool:
    """Remove the value at a path with dots; return whether there was one."""
    *parents, last = path.split(".")
    inner: Any = data
    for name in parents:
        inner = inner.get(name) if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or last not in inner:
        return False
    del inner[last]
    return True
