"""What a provider is: pure functions from a message to an HTTP request, and what its answers mean.

A provider never sends, sleeps, retries or reads the environment. It is a pydantic model, so that
its fields are its settings: those of `[integrations.NAME]` in a worker's configuration.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, ClassVar
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
from durable_analytics.providers.additions import (
    check_additions,
    check_path,
    is_header_value,
    with_options,
)
from durable_analytics.providers.exchange import Answer, BatchLimits, Delivery, HttpRequest
from durable_analytics.providers.retry_after import retry_after


def is_host(name: str | None) -> bool:
    """Whether DNS, or an address, can be written so."""
    return name is not None and len(name) < 254 and bool(_HOST.fullmatch(name))


_HOST = re.compile(r"[\w-]{1,63}(\.[\w-]{1,63})*|[0-9a-f.]*:[0-9a-f:.]*", re.ASCII | re.IGNORECASE)


def _base_url(value: str) -> str:
    try:
        url = urlsplit(value)
        is_whole = url.scheme in ("http", "https") and is_host(url.hostname) and url.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ValueError('must be a URL like "https://api.example.com"')
    if not value.isprintable() or " " in value:
        raise ValueError("must hold no spaces or control characters")
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("must hold no credentials, query or fragment")
    return value.rstrip("/")


URL_LIMIT_CHARACTERS = 32 * 1024
"""No server takes more, and few as much."""

BaseUrl = Annotated[str, AfterValidator(_base_url)]


def _is_filled(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    if not secret or " " in secret or not is_header_value(secret):
        raise ValueError("must be printable ASCII text without spaces, and not empty")
    return value


Credential = Annotated[SecretStr, AfterValidator(_is_filled)]


class Provider(BaseModel):
    """A vendor. Subclasses name it, say how to authenticate, and have a function a method.

    A provider has a method by having a function of its name: `def track(self, delivery, sent_at)`
    returns the `HttpRequest`, or raises `ValidationError` for a field without a place.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    title: ClassVar[str]
    """The vendor's name as people write it."""

    message_limit_bytes: ClassVar[int | None] = None
    """The largest body of a message's request that the vendor takes."""

    dated_methods: ClassVar[frozenset[str]] = frozenset()
    """The methods whose request carries the message's timestamp."""

    batch_limits: ClassVar[BatchLimits | None] = None
    """What one batch request may hold; None where the vendor has no endpoint for batches."""

    batched_methods: ClassVar[frozenset[str]] = frozenset()
    """The methods whose messages that endpoint takes; others go out by themselves, in order."""

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
        request = with_options(request, delivery.options, self.credential_names)
        size = _checked_size(request, delivery.method)
        # A call may go to an endpoint that takes more, a batch's for instance.
        limit = None if delivery.method == "call" else self.message_limit_bytes
        if limit and size > limit:
            raise ValidationError.at(
                delivery.method,
                f"makes a request of {size} bytes; {self.title} takes {limit}",
            )
        return request

    def build_batch(
        self, items: Sequence[bytes], options: RequestOptions, sent_at: datetime
    ) -> HttpRequest:
        """The request for a batch, with what the caller adds to it.

        Args:
            items: What `item` returned, each written as JSON.
            options: The caller's additions.
            sent_at: The time of this attempt.

        Raises:
            ValidationError: They would replace something, carry a credential, or HTTP cannot carry
                them.
        """
        request = with_options(self.batch(items, sent_at), options, self.credential_names)
        if options != RequestOptions():
            _checked_size(request, "request_options")
        return request

    def item(self, delivery: Delivery[Message]) -> JsonObject:
        """A message as it stands in a batch; its method is one of `batched_methods`.

        Raises:
            ValidationError: A field has no place at the vendor.
        """
        raise NotImplementedError

    def batch(self, items: Sequence[bytes], sent_at: datetime) -> HttpRequest:
        """The request for a batch.

        Args:
            items: What `item` returned, each written as JSON.
            sent_at: The time of this attempt.
        """
        raise NotImplementedError

    def refusals(self, answer: Answer, count: int) -> Mapping[int, DeliveryError]:
        """The messages that a successful answer to a batch refuses, by their place in it.

        Args:
            answer: What the vendor answered; `read` found no failure in it.
            count: How many messages the batch held.
        """
        del answer, count
        return {}

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
        check_path(call.path)
        headers, query = call.headers or {}, call.query or {}
        check_additions("call", headers, query, call.body, self.credential_names)
        path = quote(call.path.lstrip("/"), safe="/:@!$&'()*+,;=~%-._")
        return HttpRequest(call.method, f"{self.base_url}/{path}", call.body, headers, query)

    def no_place_for(self, delivery: Delivery[Message], *names: str) -> None:
        """Refuse fields that the caller set and the vendor cannot take: nothing is dropped.

        Raises:
            ValidationError: One of these is set, and not null.
        """
        given = {name: value for name, value in delivery.given(*names).items() if value is not None}
        given |= delivery.unchecked
        if not delivery.strict:
            # SDKs send an empty object of integrations, and what they know of themselves.
            given = {k: v for k, v in given.items() if v != {} and k != "_metadata"}
        problems = [
            FieldProblem(f"{delivery.method}.{name}", f"has no place at {self.title}: leave it out")
            for name in sorted(given)
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


def _checked_size(request: HttpRequest, path: str) -> int:
    """The bytes of a body that HTTP can carry to a URL that it can carry."""
    if request.url_length() > URL_LIMIT_CHARACTERS:
        raise ValidationError.at(
            path, f"makes a URL of more than {URL_LIMIT_CHARACTERS} characters"
        )
    try:
        return len(request.content() or b"")
    except (ValueError, RecursionError):
        raise ValidationError.at(path, "cannot be written as JSON") from None
