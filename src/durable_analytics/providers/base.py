"""What a provider is: pure functions from a message to an HTTP request, and what its answers mean.

A provider never sends, sleeps, retries or reads the environment. It is a pydantic model, so that
its fields are its settings: those of `[integrations.NAME]` in a worker's configuration.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Generic, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr

from durable_analytics.contract import METHODS
from durable_analytics.errors import (
    DeliveryError,
    FieldProblem,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    UnsupportedMethod,
    ValidationError,
)
from durable_analytics.messages import Call, JsonObject, Message, RequestOptions
from durable_analytics.providers.retry_after import retry_after


def _base_url(value: str) -> str:
    url = urlsplit(value)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError('must be a URL like "https://api.example.com"')
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("must hold no credentials, query or fragment")
    return value.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]


def _is_filled(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    if not secret.strip() or not (secret.isascii() and secret.isprintable()):
        raise ValueError("must be printable ASCII text, and not empty")
    return value


Credential = Annotated[SecretStr, AfterValidator(_is_filled)]


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

    def given(self, *names: str) -> JsonObject:
        """Those of these fields of the message that were set, null included.

        >>> Delivery("track", Track(user_id="u", event="E")).given("user_id", "traits")
        {'user_id': 'u'}
        """
        there = self.message.model_fields_set
        return {name: getattr(self.message, name) for name in names if name in there}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request without its credentials, which are added when it is sent."""

    method: str
    url: str
    body: Any = None
    """JSON; None sends no body."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)

    def content(self) -> bytes | None:
        """The body as it is sent: compact UTF-8 JSON."""
        if self.body is None:
            return None
        text = json.dumps(self.body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered, cut to size, with any credential in it masked."""

    status_code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    """Parsed where it is JSON, else text."""

    truncated: bool = False


class Provider(BaseModel):
    """A vendor. Subclasses name it, say how to authenticate, and have a function a method.

    A provider has a method by having a function of its name: `def track(self, delivery, sent_at)`
    returns the `HttpRequest`, or raises `ValidationError` for a field without a place.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    title: ClassVar[str]
    """The vendor's name as people write it."""

    message_limit_bytes: ClassVar[int | None] = None
    """The largest body of a request that the vendor takes."""

    dated_methods: ClassVar[frozenset[str]] = frozenset()
    """The methods whose request carries the message's timestamp."""

    credential_names: ClassVar[frozenset[str]] = frozenset()
    """Headers, query and body keys (lower case) that carry credentials there."""

    base_url: BaseUrl

    def methods(self) -> list[str]:
        """The methods that this account has, in the order of the contract."""
        return [key for key in METHODS if hasattr(type(self), key)]

    def authorization(self, method: str) -> Mapping[str, str]:
        """The headers that carry the credentials of a request."""
        raise NotImplementedError

    def secrets(self) -> set[str]:
        """Every spelling in which a credential could come back in an answer."""
        values = [v.get_secret_value() for _, v in self if isinstance(v, SecretStr)]
        headers = (
            value for method in self.methods() for value in self.authorization(method).values()
        )
        tokens = (value.rpartition(" ")[2] for value in headers)
        return {*values, *(quote(value, safe="") for value in values), *tokens}

    def fill_in(self, method: str, message: JsonObject) -> JsonObject:
        """Fields that this vendor expects and the caller left out; recorded in the plan."""
        del method, message
        return {}

    def build(self, delivery: Delivery[Message], sent_at: datetime) -> HttpRequest:
        """The request for a message.

        Args:
            delivery: The message; its method is one of `methods()`.
            sent_at: The time of this attempt.

        Raises:
            ValidationError: A field has no place at the vendor, or breaks a limit of it.
        """
        request: HttpRequest = getattr(self, delivery.method)(delivery, sent_at)
        request = self._with_options(request, delivery.options)
        try:
            size = len(request.content() or b"")
        except (ValueError, RecursionError):
            raise ValidationError.at(delivery.method, "cannot be written as JSON") from None
        if self.message_limit_bytes and size > self.message_limit_bytes:
            raise ValidationError.at(
                delivery.method,
                f"makes a request of {size} bytes; {self.title} takes {self.message_limit_bytes}",
            )
        return request

    def require(self, method: str) -> None:
        """Check that this account has a method.

        Raises:
            UnsupportedMethod: It does not; the message lists those that it has.
        """
        if method not in self.methods():
            there = ", ".join(self.methods())
            raise UnsupportedMethod(f"{self.title} has no {method}; it has {there}")

    def read(self, answer: Answer) -> DeliveryError | None:
        """What an answer means; None is success."""
        return self.verdict(answer.status_code)

    def verdict(self, status_code: int, reason: str = "") -> DeliveryError | None:
        """The one decision from a status to success, another attempt, or the end."""
        said = f"{self.title} answered {status_code}" + (f": {reason}" if reason else "")
        if 200 <= status_code < 300:
            return None
        if status_code in (401, 403):
            return Unauthorized(f"{said}; check the integration's credentials")
        if status_code == 429:
            return RateLimited(said)
        if status_code in (408, 425) or status_code >= 500:
            return Unavailable(said)
        return Rejected(said)

    def retry_after(self, answer: Answer, now: datetime) -> timedelta | None:
        """How long the vendor asks to wait, in whichever of the two forms HTTP has."""
        return retry_after(answer.headers.get("retry-after", ""), now)

    def call(self, delivery: Delivery[Call], sent_at: datetime) -> HttpRequest:
        """Any other endpoint, relative to the base URL."""
        del sent_at
        call = delivery.message
        self.no_place_for(delivery, "integrations")
        self.no_context(delivery)
        self._check_path(call.path)
        headers, query = call.headers or {}, call.query or {}
        self._check_additions("call", headers, query)
        path = quote(call.path.lstrip("/"), safe="/:@!$&'()*+,;=~%-._")
        return HttpRequest(call.method, f"{self.base_url}/{path}", call.body, headers, query)

    @staticmethod
    def _check_path(path: str) -> None:
        plain = path.replace("%2e", ".").replace("%2E", ".").replace("%2f", "/").replace("%2F", "/")
        if "://" in plain or plain.startswith("//") or "\\" in plain or not path.isprintable():
            raise ValidationError.at("call.path", 'must be relative, like "/v1/track"')
        if ".." in plain.split("/"):
            raise ValidationError.at("call.path", 'must not contain ".."')
        if "?" in path or "#" in path:
            raise ValidationError.at("call.path", "must hold no query: put it into call.query")

    def _with_options(self, request: HttpRequest, options: RequestOptions) -> HttpRequest:
        """Add what the caller asked for; nothing that the provider set is replaced."""
        if options == RequestOptions():
            return request
        self._check_additions("request_options", options.headers, options.query)
        taken = {"content-type", *(name.lower() for name in request.headers)}
        problems = [
            *_twice("headers", options.headers, {h for h in options.headers if h.lower() in taken}),
            *_twice("query", options.query, options.query.keys() & request.query.keys()),
        ]
        body = request.body
        if options.body:
            if not isinstance(body, dict):
                raise ValidationError.at("request_options.body", "has no object to be added to")
            credentials = {k for k in options.body if k.lower() in self.credential_names}
            problems += _twice(
                "body", options.body, credentials | (options.body.keys() & body.keys())
            )
            body = {**body, **options.body}
        if problems:
            raise ValidationError.of(problems)
        return HttpRequest(
            request.method,
            request.url,
            body,
            {**request.headers, **options.headers},
            {**request.query, **options.query},
        )

    def _check_additions(self, path: str, headers: Mapping[str, str], query: JsonObject) -> None:
        problems = []
        for name, value in headers.items():
            if name.lower() in RESERVED_HEADERS | self.credential_names:
                reason = "is set by the worker: another API key is another integration"
                problems.append(FieldProblem(f"{path}.headers.{name}", reason))
            elif not _is_header(name, value):
                reason = "is not a header that HTTP can carry: use printable ASCII"
                problems.append(FieldProblem(f"{path}.headers", reason))
        for name, value in query.items():
            if name.lower() in self.credential_names:
                reason = "is a credential: another API key is another integration"
                problems.append(FieldProblem(f"{path}.query.{name}", reason))
            elif not _is_query_value(value):
                reason = "must be text, a number, true, false, or a list of them"
                problems.append(FieldProblem(f"{path}.query.{name}", reason))
        if problems:
            raise ValidationError.of(problems)

    def no_place_for(self, delivery: Delivery[Message], *names: str) -> None:
        """Refuse fields that the caller set and the vendor cannot take: nothing is dropped.

        Raises:
            ValidationError: One of these is set, and not null.
        """
        given = {name for name, value in delivery.given(*names).items() if value is not None}
        problems = [
            FieldProblem(f"{delivery.method}.{name}", f"has no place at {self.title}: leave it out")
            for name in sorted({*given, *delivery.unchecked})
        ]
        if problems:
            raise ValidationError.of(problems)

    def no_context(self, delivery: Delivery[Message]) -> None:
        """Refuse a context where the vendor takes none; only the library's name is not missed."""
        there = sorted(delivery.context.keys() - {"library"})
        if there:
            raise ValidationError.of(
                FieldProblem(f"context.{name}", f"has no place at {self.title}: leave it out")
                for name in there
            )


RESERVED_HEADERS = frozenset(
    {
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "cookie",
        "host",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that carry credentials or belong to the connection."""


def _twice(part: str, added: Mapping[str, Any], taken: set[str]) -> list[FieldProblem]:
    reason = "is set by the provider's request and cannot be replaced"
    return [FieldProblem(f"request_options.{part}.{n}", reason) for n in added if n in taken]


def _is_header(name: str, value: str) -> bool:
    token = name.replace("-", "").replace("_", "")
    return token.isascii() and token.isalnum() and value.isascii() and value.isprintable()


def _is_query_value(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return all(isinstance(item, (str, int, float)) for item in items)
