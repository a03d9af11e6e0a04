"""PostHog: events with the capture API, deletions and annotations with the private API.

Source: PostHog's API documentation, its capture service and its Python SDK. Requests do not contain
`sent_at`: PostHog would change the timestamps by the duration of the request, and it recognises a
repeated event only by the same uuid, event, person and timestamp.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import Field, PositiveInt

from durable_analytics.errors import DeliveryError, Rejected, ValidationError
from durable_analytics.providers._base import Provider, builds
from durable_analytics.providers._classification import has_status_zero
from durable_analytics.providers._deliveries import BatchDelivery, BatchLimits, Delivery
from durable_analytics.providers._posthog_events import make_event
from durable_analytics.providers.http import Form, HttpRequest, HttpResponse, JsonItems
from durable_analytics.providers.setting_types import BaseUrl, Credential
from durable_analytics.wire.json_writer import write_json
from durable_analytics.wire.messages import Annotate, Call, Delete, JsonObject, Message

_PERSONAL = "personal"
"""The name of the credentials of the private API."""

_QUOTA = "quota_limited"


class PostHog(Provider):
    """A project at PostHog."""

    title: ClassVar = "PostHog"
    credential_names: ClassVar = frozenset({"api_key", "token", "personal_api_key"})
    query_names: ClassVar = frozenset({"session_id", "session_ids", "session_recording_id"})
    credential_sets: ClassVar = ("", _PERSONAL)
    separate_credentials: ClassVar = frozenset({_PERSONAL})
    credential_settings: ClassVar = dict.fromkeys(
        ("delete", "annotate"), ("personal_api_key", "project_id")
    )
    regions: ClassVar = {
        "us": {"base_url": "https://us.i.posthog.com", "api_url": "https://us.posthog.com"},
        "eu": {"base_url": "https://eu.i.posthog.com", "api_url": "https://eu.posthog.com"},
    }
    message_limit_bytes: ClassVar = 1000 * 1000
    """1 MB for each event."""

    batch_limits: ClassVar = {"batch": BatchLimits(body_bytes=20 * 1000 * 1000, messages=10_000)}
    """20 MB. PostHog does not limit the number of events."""

    timestamped_methods: ClassVar = frozenset(
        {"identify", "track", "group", "alias", "page", "screen", "annotate"}
    )
    message_id_fields: ClassVar = dict.fromkeys(
        ("identify", "track", "group", "alias", "page", "screen"), "uuid"
    )

    project_api_key: Credential
    """The project's API key, which is also called its token."""

    region: Literal["us", "eu"] = "us"
    """The region of the project."""

    base_url: BaseUrl
    """The URL of the capture API. Default: that of the region."""

    api_url: BaseUrl
    """The URL of the private API, for deletions and annotations. Default: that of the region."""

    personal_api_key: Credential | None = None
    """A personal API key, which the private API needs."""

    project_id: PositiveInt | None = None
    """The number of the project, which deletions and annotations need."""

    group_type: str = Field(default="company", min_length=1)
    """The type of the groups of `group` and `company_id`. Default: "company"."""

    historical_migration: bool = False
    """Whether PostHog processes the events as an import of old events, apart from new ones."""

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """Add the project's API key to the body, or the personal API key as a Bearer token."""
        del delivery_id, sent_at
        if request.credentials == _PERSONAL and self.personal_api_key:
            return request.with_bearer_token(self.personal_api_key.get_secret_value())
        if isinstance(request.body, (dict, Form, JsonItems)):
            return request.with_fields({"api_key": self.project_api_key.get_secret_value()})
        return request

    def classify(self, response: HttpResponse) -> DeliveryError | None:
        """Classify the response; PostHog kept no event if a 200 has `quota_limited` or status 0."""
        failure = self.classify_status(response.status_code)
        if failure is None and has_status_zero(response):
            return Rejected(f"{self.title} answered {response.status_code} with status 0")
        if failure is None and isinstance(response.body, dict) and response.body.get(_QUOTA):
            return Rejected(f"{self.title} answered {response.status_code} with {_QUOTA}")
        return failure

    @builds("identify", "track", "group", "alias", "page", "screen")
    def event(self, delivery: Delivery[Message]) -> HttpRequest:
        """Build the request with one event."""
        item = self.item(delivery)
        if self.historical_migration:
            body = {"historical_migration": True, "batch": [item]}
            return HttpRequest("POST", f"{self.base_url}/batch/", body)
        return HttpRequest("POST", f"{self.base_url}/i/v0/e/", item)

    def batch_key(self, method: str, message: Message) -> str | None:
        """Return the key of the one endpoint for events; None for the private API."""
        del message
        return None if method in ("delete", "annotate") else "batch"

    def batch(self, batch: BatchDelivery) -> HttpRequest:
        """Return the request for events."""
        options = {"historical_migration": True} if self.historical_migration else {}
        return HttpRequest(
            "POST", f"{self.base_url}/batch/", JsonItems(batch.items, "batch", options)
        )

    def item(self, delivery: Delivery[Message]) -> JsonObject:
        """Return the event of a message."""
        self.refuse_fields(delivery)
        return make_event(self, delivery, self.group_type)

    @builds("annotate")
    def annotate(self, delivery: Delivery[Annotate]) -> HttpRequest:
        """Build the request for an annotation of the project; each property becomes a line."""
        self.refuse_fields(delivery, "channel")
        self.refuse_context(delivery)
        note = delivery.message
        properties = (note.properties or {}).items()
        lines = [note.event, *(f"{name}: {_text(value)}" for name, value in properties)]
        body = {"content": "\n".join(lines), "date_marker": note.timestamp, "scope": "project"}
        return self._private("annotations/", body)

    @builds("delete")
    def delete(self, delivery: Delivery[Delete]) -> HttpRequest:
        """Build the request that deletes a person with all events; PostHog executes it later."""
        self.refuse_fields(delivery, "traits")
        self.refuse_context(delivery)
        body = {"distinct_ids": [delivery.message.user_id], "delete_events": True}
        return self._private("persons/bulk_delete/", body)

    @builds("call")
    def call(self, delivery: Delivery[Call]) -> HttpRequest:
        """Build the request to any endpoint; paths below `/api/` belong to the private API."""
        request = super().call(delivery)
        path = request.url.removeprefix(self.base_url)
        if not path.startswith("/api/"):
            return request
        if self.personal_api_key is None:
            reason = "is in the private API: set the integration's personal_api_key"
            raise ValidationError.at("call.path", reason)
        return replace(request, url=f"{self.api_url}{path}", credentials=_PERSONAL)

    def _private(self, endpoint: str, body: JsonObject) -> HttpRequest:
        url = f"{self.api_url}/api/projects/{self.project_id}/{endpoint}"
        return HttpRequest("POST", url, body, credentials=_PERSONAL)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else write_json(value).decode()
