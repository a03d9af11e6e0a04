"""Google Analytics 4: events of a web stream, with the Measurement Protocol.

Source: the protocol's reference, and Segment's GA4 integration for the events of Segment's
specification. Google responds with 2xx even if it ignores an event, so this module refuses events
that Google would ignore. Each event has its own request, because a request is for one client.
"""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.providers._base import Provider, builds
from durable_analytics.providers._deliveries import Delivery
from durable_analytics.providers._ga4_checks import (
    event_problem,
    parameter_problem,
    user_property_problems,
    value_problem,
)
from durable_analytics.providers._ga4_events import (
    ITEM_PARAMETERS,
    RECOMMENDED_EVENTS,
    REVENUE_EVENTS,
    SINGLE_PRODUCT_EVENTS,
)
from durable_analytics.providers.http import HttpRequest
from durable_analytics.providers.setting_types import BaseUrl, Credential
from durable_analytics.wire.field_types import is_filled
from durable_analytics.wire.messages import Group, JsonObject, Page, PersonMessage, Track

_LARGEST_AGE = timedelta(hours=72)
_EPOCH = datetime.fromtimestamp(0, UTC)

_MOST_PARAMETERS = 25
_CLIENT_ID = re.compile(r"(?:GA\d\.\d\.)?(\d+\.\d+)", re.ASCII)
"""A client id of Google's tag, which is two numbers, or the `_ga` cookie with this id."""

_PAGE_PARAMETERS = {"url": "page_location", "title": "page_title", "referrer": "page_referrer"}
"""The properties of a page, and their names at Google."""

_PATHS_OF_PAGE = {parameter: f"page.{name}" for name, parameter in _PAGE_PARAMETERS.items()}

_PARTS_OF_URL = {"path": "page.path", "search": "page.search"}
"""The properties of a page that are not sent if its URL contains them."""

_CONTEXT_FIELDS = {"ip_override": "ip", "user_agent": "user_agent"} | _PATHS_OF_PAGE | _PARTS_OF_URL
"""The fields of a request and the parameters of an event, and their paths in the context."""


def _measurement_id(value: str) -> str:
    if not re.fullmatch(r"[\w-]+", value, re.ASCII):
        raise ValueError('must be the id of a web stream, like "G-A1B2C3D4E5"')
    return value


class GoogleAnalytics4(Provider):
    """A web stream of a property at Google Analytics 4."""

    title: ClassVar = "Google Analytics 4"
    credential_names: ClassVar = frozenset({"api_secret", "measurement_id"})
    regions: ClassVar = {
        "us": {"base_url": "https://www.google-analytics.com"},
        "eu": {"base_url": "https://region1.google-analytics.com"},
    }
    timestamped_methods: ClassVar = frozenset({"track", "page", "group"})

    message_limit_bytes: ClassVar = 130 * 1000
    """130 kB for each request (Measurement Protocol, limitations)."""

    region: Literal["us", "eu"] = "us"
    """The region in which Google collects the events."""

    base_url: BaseUrl
    """The URL of the Measurement Protocol. Default: that of the region."""

    measurement_id: Annotated[str, AfterValidator(_measurement_id)]
    """The id of the web stream, like "G-A1B2C3D4E5"."""

    api_secret: Credential
    """One of the stream's Measurement Protocol API secrets."""

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """Add the id of the stream and its secret to the query."""
        del delivery_id, sent_at
        secret = self.api_secret.get_secret_value()
        return request.with_query({"measurement_id": self.measurement_id, "api_secret": secret})

    @builds("track")
    def track(self, delivery: Delivery[Track]) -> HttpRequest:
        """Build the request for an event.

        An event of Segment's specification becomes the event that Google recommends for it.
        """
        self.refuse_fields(delivery, "channel", "company_id")
        track = delivery.message
        properties = dict(track.properties or {})
        recommended = RECOMMENDED_EVENTS.get(track.event)
        items: JsonObject = {}
        if track.event in SINGLE_PRODUCT_EVENTS and (properties.keys() & {"product_id", "name"}):
            product = {n: properties.pop(n) for n in ITEM_PARAMETERS if n in properties}
            items["items"] = [self._item("track.properties", product)]
        elif isinstance(properties.get("products"), list):
            items["items"] = [
                self._item(f"track.properties.products.{index}", product)
                for index, product in enumerate(properties.pop("products"))
            ]
        parameters = self._parameters(delivery, "properties", properties)
        parameters = items | self.combine(delivery, items, parameters, "track.properties")
        if recommended:
            for name, renamed in recommended.parameters.items():
                if name in parameters and renamed not in parameters:
                    parameters[renamed] = parameters.pop(name)
        if track.event in REVENUE_EVENTS:
            _add_revenue(parameters, track.message_id)
        name = recommended.name if recommended else self._custom_name(track)
        return self._event(delivery, name, parameters)

    @builds("page")
    def page(self, delivery: Delivery[Page]) -> HttpRequest:
        """Build the request for a page view."""
        self.refuse_fields(delivery)
        properties = self.merge_fields(delivery, "properties", "name", "category")
        renamed = {
            parameter: properties.pop(name)
            for name, parameter in _PAGE_PARAMETERS.items()
            if name in properties
        }
        paths = {p: f"page.properties.{name}" for name, p in _PAGE_PARAMETERS.items()}
        properties = self.combine(delivery, properties, renamed, "page.properties", paths)
        parameters = self._parameters(delivery, "properties", properties)
        return self._event(delivery, "page_view", parameters)

    @builds("group")
    def group(self, delivery: Delivery[Group]) -> HttpRequest:
        """Build the request for the event "join_group"; Google does not store groups."""
        self.refuse_fields(delivery)
        parameters = self._parameters(delivery, "traits", delivery.message.traits or {})
        group = {"group_id": delivery.message.group_id}
        parameters = self.combine(delivery, group, parameters, "group.traits")
        return self._event(delivery, "join_group", parameters)

    def _event(
        self, delivery: Delivery[PersonMessage], name: str, parameters: JsonObject
    ) -> HttpRequest:
        message = delivery.message
        context = self.take_context(delivery, _CONTEXT_FIELDS)
        parameters = self._with_page(delivery, parameters, context)
        if isinstance(message, Page) and is_filled(message.name):
            parameters.setdefault("page_title", message.name)
        # With an engagement time of 0, the default, Google does not count the user as active.
        parameters.setdefault("engagement_time_msec", 1)
        if len(parameters) > _MOST_PARAMETERS:
            reason = f"gives {len(parameters)} parameters; {self.title} accepts {_MOST_PARAMETERS}"
            self.refuse_or_leave_out(
                delivery, [FieldProblem(f"{delivery.method}.properties", reason)]
            )
            parameters = dict([*parameters.items()][:_MOST_PARAMETERS])
        traits = getattr(message, "traits", None) if isinstance(message, Track) else None
        body = {
            "client_id": _client_id(message),
            "user_id": message.user_id if is_filled(message.user_id) else None,
            "timestamp_micros": self._microseconds(delivery),
            "user_properties": self._user_properties(delivery, traits or {}),
            "ip_override": context.get("ip_override"),
            "user_agent": context.get("user_agent"),
            "events": [{"name": name, "params": parameters}],
        }
        set_fields = {key: value for key, value in body.items() if value is not None}
        return HttpRequest("POST", f"{self.base_url}/mp/collect", set_fields)

    def _with_page(
        self, delivery: Delivery[PersonMessage], parameters: JsonObject, context: JsonObject
    ) -> JsonObject:
        """Return the parameters of an event with those of the page in the context."""
        page = {name: context[name] for name in _PATHS_OF_PAGE if name in context}
        url = str(page.get("page_location", parameters.get("page_location")))
        wrong = [
            path for name, path in _PATHS_OF_PAGE.items() if not is_filled(page.get(name, "-"))
        ]
        unsent = [
            path
            for name, path in _PARTS_OF_URL.items()
            if not (isinstance(part := context.get(name, ""), str) and part in url)
        ]
        reason = f"cannot be sent: {self.title} has no field for it; remove it"
        self.refuse_or_leave_out(
            delivery, (FieldProblem(f"context.{path}", reason) for path in (*wrong, *unsent))
        )
        valid = {name: value for name, value in page.items() if is_filled(value)}
        paths = {name: f"context.{path}" for name, path in _PATHS_OF_PAGE.items()}
        return parameters | self.with_defaults(delivery, parameters, valid, "context", paths)

    def _microseconds(self, delivery: Delivery[PersonMessage]) -> int | None:
        if delivery.message.timestamp is None:
            return None
        time = datetime.fromisoformat(delivery.message.timestamp)
        if delivery.sent_at - time > _LARGEST_AGE:
            raise ValidationError.at(
                f"{delivery.method}.timestamp",
                f"must not be more than 72 hours ago at {self.title}",
            )
        return (time - _EPOCH) // timedelta(microseconds=1)

    def _custom_name(self, track: Track) -> str:
        """Return the name of an event that Google does not define, with underscores for spaces."""
        name = "_".join(track.event.split())
        if problem := event_problem(name):
            raise ValidationError.at("track.event", f"{problem} at {self.title}")
        return name

    def _parameters(
        self, delivery: Delivery[PersonMessage], target: str, values: JsonObject
    ) -> JsonObject:
        problems = {
            name: f"{problem} at {self.title}"
            for name, value in values.items()
            if (problem := parameter_problem(name, value))
        }
        return self.supported_values(delivery, target, values, problems)

    def _user_properties(
        self, delivery: Delivery[PersonMessage], traits: JsonObject
    ) -> JsonObject | None:
        problems = {
            name: f"{problem} at {self.title}" for name, problem in user_property_problems(traits)
        }
        values = self.supported_values(delivery, "traits", traits, problems)
        return {name: {"value": value} for name, value in values.items()} or None

    def _item(self, path: str, product: Any) -> JsonObject:
        if not isinstance(product, dict) or not any(
            product.get(name) for name in ("product_id", "name", "item_id", "item_name")
        ):
            raise ValidationError.at(
                path, f"must be an object with product_id or name at {self.title}"
            )
        for name, value in product.items():
            if value is not None and (problem := value_problem(value)):
                raise ValidationError.at(f"{path}.{name}", f"{problem} at {self.title}")
        return {
            ITEM_PARAMETERS.get(name, name): value
            for name, value in product.items()
            if value is not None
        }


def _client_id(person: PersonMessage) -> str:
    """Return the client id of Google's tag if the anonymous id has it, otherwise a computed one.

    A computed client id is two numbers from the hash of the anonymous id or the user id.
    """
    id_ = person.anonymous_id if is_filled(person.anonymous_id) else person.user_id or ""
    if client_id := _CLIENT_ID.fullmatch(id_):
        return client_id[1]
    digest = hashlib.sha256(id_.encode(errors="replace")).digest()
    return f"{int.from_bytes(digest[:4]) or 1}.{int.from_bytes(digest[4:8]) or 1}"


def _add_revenue(parameters: JsonObject, message_id: str | None) -> None:
    """Add the value of an order, and the transaction id by which Google counts it once."""
    value = next((parameters[n] for n in ("revenue", "total") if n in parameters), None)
    if value is not None:
        parameters.setdefault("value", value)
    if "value" in parameters:
        parameters.setdefault("currency", "USD")
    parameters.setdefault("transaction_id", message_id)
