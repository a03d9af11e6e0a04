"""The base class of providers, which build HTTP requests and classify responses without I/O.

A provider never sends, sleeps, retries or reads the environment. It is a pydantic model: its fields
are the settings of `[integrations.NAME]` in a worker's configuration.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from durable_analytics.errors import UnsupportedMethod, ValidationError
from durable_analytics.providers._classification import Classification
from durable_analytics.providers._combined_fields import CombinedFields
from durable_analytics.providers._deliveries import BatchDelivery, BatchLimits, Delivery, PlainItems
from durable_analytics.providers._person_ids import PersonIds
from durable_analytics.providers.http import HttpRequest
from durable_analytics.providers.request_options import (
    check_additions,
    check_path,
    is_reserved_header,
    with_options,
)
from durable_analytics.providers.setting_types import BaseUrl
from durable_analytics.wire.messages import Call, JsonObject, Message, RequestOptions
from durable_analytics.wire.methods import METHODS

URL_LIMIT_CHARACTERS = 32 * 1024
"""No known server accepts longer URLs."""

_NO_OPTIONS = RequestOptions()
_EPOCH = datetime.fromtimestamp(0, UTC)

_is_credential_header = lru_cache(maxsize=256)(is_reserved_header)
"""Cached, because `secret_values` is called for each request; providers have few headers."""

Build = TypeVar("Build", bound=Callable[..., HttpRequest])


def builds(*methods: str) -> Callable[[Build], Build]:
    """Register a function of a provider that builds the requests of these methods.

    >>> @builds("track")
    ... def track(self, delivery: Delivery[Track]) -> HttpRequest: ...

    Args:
        methods: Keys of `METHODS`, like "track".
    """
    if unknown := set(methods) - METHODS.keys():
        raise ValueError(f"no methods: {', '.join(sorted(unknown))}; use {', '.join(METHODS)}")

    def register(function: Build) -> Build:
        function.builds = methods  # type: ignore[attr-defined]  # read by Provider
        return function

    return register


class Provider(Classification, CombinedFields, PersonIds, BaseModel):
    """A vendor. A subclass sets its name, authorizes requests, and builds them for each method.

    A function with `@builds("track")` takes a `Delivery` and returns an `HttpRequest`. It raises
    `ValidationError` for a field that the provider does not support.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    title: ClassVar[str]
    """The name of the vendor in error messages."""

    destination_names: ClassVar[tuple[str, ...]] = ()
    """Further names of the vendor in the `integrations` of messages, besides `title`."""

    message_limit_bytes: ClassVar[int | None] = None
    """The largest body of a request with one message that the vendor accepts."""

    batch_limits: ClassVar[Mapping[str, BatchLimits]] = {}
    """The limits of batch requests, by the key of the endpoint; empty without endpoints for
    batches."""

    message_id_fields: ClassVar[Mapping[str, str]] = {}
    """The header or the key in the body that contains the message id, or an id that is computed
    from it, by method. The vendor drops a message whose id it already has; without an id, it may
    record a message twice."""

    credential_names: ClassVar[frozenset[str]] = frozenset()
    """Headers, query keys and body keys (lower case) that contain credentials of this vendor."""

    query_names: ClassVar[frozenset[str]] = frozenset()
    """Query keys with a usual name of a credential that this vendor uses for something else."""

    credential_sets: ClassVar[tuple[str, ...]] = ("",)
    """The values of `HttpRequest.credentials` for this vendor."""

    separate_credentials: ClassVar[frozenset[str]] = frozenset()
    """Those of `credential_sets` for another API of the vendor, which has limits and credentials of
    its own: what it responds does not pause the integration."""

    has_foreign_receivers: ClassVar[bool] = False
    """Whether somebody outside may choose the address, so that it must be public."""

    regions: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    """The default URLs of each region, by the name of the setting. The first region is the
    default."""

    credential_settings: ClassVar[Mapping[str, str | tuple[str, ...]]] = {}
    """The optional setting, or settings, that a method needs, by the method. Without them, the
    integration does not support the method."""

    builders: ClassVar[Mapping[str, str]] = {}
    """The name of the function that builds the requests of a method, by the method's key."""

    base_url: BaseUrl

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Collect the functions that build requests."""
        super().__pydantic_init_subclass__(**kwargs)
        own = {
            method: name
            for name, function in vars(cls).items()
            for method in getattr(function, "builds", ())
        }
        cls.builders = {**cls.builders, **own}

    @model_validator(mode="before")
    @classmethod
    def _set_urls_of_region(cls, settings: Any) -> Any:
        if not isinstance(settings, dict) or not cls.regions:
            return settings
        # With a wrong region, the error names the region, not the missing URLs.
        default = next(iter(cls.regions.values()))
        return {**cls.regions.get(str(settings.get("region")), default), **settings}

    def has(self, method: str) -> bool:
        """Whether this integration supports a method."""
        needed = self._needed_settings(method)
        return method in self.builders and all(getattr(self, name) is not None for name in needed)

    def _needed_settings(self, method: str) -> tuple[str, ...]:
        settings = self.credential_settings.get(method, ())
        return (settings,) if isinstance(settings, str) else settings

    def methods(self) -> list[str]:
        """Return the methods that this integration supports, in the order of the contract."""
        return [key for key in METHODS if self.has(key)]

    def require(self, method: str) -> None:
        """Check that this integration supports a method.

        Raises:
            UnsupportedMethod: It does not; the message lists the supported methods.
        """
        if not self.has(method):
            known = ", ".join(self.methods())
            needed = " and ".join(self._needed_settings(method))
            hint = f"; to use {method}, set {needed} of the integration" if needed else ""
            raise UnsupportedMethod(
                f"{self.title} does not support {method}; it supports {known}{hint}"
            )

    def fill_in(self, method: str, message: JsonObject) -> JsonObject:
        """Return fields that this vendor requires and the message lacks; the plan records them."""
        del method, message
        return {}

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """Add the credentials or a signature to a request that is about to be sent.

        Args:
            request: The complete request without credentials.
            delivery_id: The id of the message, or of the batch with the index of its first message;
                the same in all attempts.
            sent_at: The time of this attempt.
        """
        raise NotImplementedError

    def configured_secrets(self) -> set[str]:
        """Return the settings that are credentials."""
        return {
            secret.get_secret_value()
            for _, value in self
            for secret in (value if isinstance(value, (list, tuple)) else [value])
            if isinstance(secret, SecretStr)
        }

    def secret_values(self) -> set[str]:
        """Return the texts to mask: the configured credentials, and those in headers."""
        values = self.configured_secrets()
        for credentials in self.credential_sets:
            blank = HttpRequest("POST", self.base_url, {}, credentials=credentials)
            authorized = self.authorize(blank, delivery_id="", sent_at=_EPOCH)
            values |= {
                value.rpartition(" ")[2]
                for name, value in authorized.headers.items()
                if _is_credential_header(name, self.credential_names)
            }
        return values

    def build(self, delivery: Delivery[Message]) -> HttpRequest:
        """Return the request for a message, without credentials.

        Args:
            delivery: The message; its method is one of `methods()`.

        Raises:
            ValidationError: The vendor does not support a field, or a limit is exceeded.
        """
        request: HttpRequest = getattr(self, self.builders[delivery.method])(delivery)
        request = with_options(request, delivery.options, self.credential_names, self.query_names)
        if delivery.earlier:
            request = request.with_serialized_body_of(delivery.earlier)
        size = _checked_size(request, delivery.method)
        # A call may go to an endpoint with a higher limit, like an endpoint for batches.
        limit = None if delivery.method == "call" else self.message_limit_bytes
        if limit and size > limit:
            raise ValidationError.at(
                delivery.method,
                f"is too large: the request has {size} bytes, and {self.title} accepts {limit}",
            )
        return request

    def batch_key(self, method: str, message: Message) -> str | None:
        """Return the key in `batch_limits` of the endpoint that accepts this message in a batch.

        Messages with the same key are sent together; a message with None is sent alone. A `call` is
        always sent alone.
        """
        del method, message
        return None

    def item(self, delivery: Delivery[Message]) -> JsonObject:
        """Return a message in the form that it has in a batch.

        Raises:
            ValidationError: The vendor does not support a field.
        """
        raise NotImplementedError

    def plain_items(self) -> PlainItems | None:
        """Return how to build items without models; None if only `item` can build them."""
        return None

    def batch(self, batch: BatchDelivery) -> HttpRequest:
        """Return the request for a batch, without credentials.

        The worker also calls it with no items or with one, to measure the rest of the body.
        """
        raise NotImplementedError

    def build_batch(self, batch: BatchDelivery) -> HttpRequest:
        """Return the request for a batch with the caller's `request_options`.

        Raises:
            ValidationError: An option would replace something, contains a credential, or is not
                valid in HTTP.
        """
        request = with_options(
            self.batch(batch), batch.options, self.credential_names, self.query_names
        )
        if batch.options != _NO_OPTIONS:
            _checked_size(request, "request_options")
        return request

    @builds("call")
    def call(self, delivery: Delivery[Call]) -> HttpRequest:
        """Build a request to any other endpoint, relative to the base URL."""
        call = delivery.message
        self.refuse_fields(delivery)
        self.refuse_context(delivery)
        check_path(call.path)
        headers, query = call.headers or {}, call.query or {}
        check_additions(
            "call",
            headers,
            query,
            call.body,
            self.credential_names,
            query_names=self.query_names,
        )
        path = quote(call.path.lstrip("/"), safe="/:@!$&'()*+,;=~%-._")
        url = f"{self.base_url.rstrip('/')}/{path}"
        return HttpRequest(call.method, url, call.body, headers, query)


Provider.builders = {"call": "call"}  # only the functions of subclasses are collected


def _checked_size(request: HttpRequest, path: str) -> int:
    """Return the size of the body in bytes; refuse URLs and bodies that cannot be sent."""
    if request.url_length() > URL_LIMIT_CHARACTERS:
        raise ValidationError.at(
            path,
            f"is too large: the URL of the request has more than {URL_LIMIT_CHARACTERS} characters",
        )
    try:
        return len(request.content() or b"")
    except ValidationError as error:
        raise error.below(path) from None
