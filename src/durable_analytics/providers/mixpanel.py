"""Mixpanel: events, aliases, and updates of the profiles of users and groups.

Source: Mixpanel's Ingestion API and its GDPR API. Requests with events have Basic authentication.
In requests with profile updates or aliases, each item contains the project's token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from durable_analytics.errors import DeliveryError, Rejected
from durable_analytics.providers._base import Provider, builds
from durable_analytics.providers._classification import has_status_zero, with_reported_status
from durable_analytics.providers._deliveries import BatchDelivery, BatchLimits, Delivery
from durable_analytics.providers._mixpanel_items import MixpanelItems, is_merge
from durable_analytics.providers.http import HttpRequest, HttpResponse, JsonItems
from durable_analytics.providers.setting_types import BaseUrl, Credential
from durable_analytics.wire.field_types import RequiredText
from durable_analytics.wire.json_writer import write_json
from durable_analytics.wire.messages import Alias, Delete, Group, Identify, JsonObject, Message

_EVENTS, _ALIASES, _USERS, _GROUPS = "import", "track", "engage", "groups"
"""The endpoints; they are also the keys of batches and the names of credentials."""

_PRIVACY = "privacy"

_TOKEN_PREFIXES = {
    _ALIASES: (b'{"properties":{', b'"token":'),
    _USERS: (b"{", b'"$token":'),
    _GROUPS: (b"{", b'"$token":'),
}
"""The first bytes of an item, after which the token is inserted, and the key of the token."""


class Mixpanel(MixpanelItems, Provider):
    """A project at Mixpanel."""

    title: ClassVar = "Mixpanel"
    statuses_with_details: ClassVar = frozenset({400})
    credential_names: ClassVar = frozenset({"token", "$token", "service_account_secret"})
    credential_sets: ClassVar = ("", _ALIASES, _USERS, _GROUPS, _PRIVACY)
    separate_credentials: ClassVar = frozenset({_PRIVACY})
    credential_settings: ClassVar = {"delete": "gdpr_token"}
    regions: ClassVar = {
        "us": {"base_url": "https://api.mixpanel.com", "app_url": "https://mixpanel.com"},
        "eu": {"base_url": "https://api-eu.mixpanel.com", "app_url": "https://eu.mixpanel.com"},
        "in": {"base_url": "https://api-in.mixpanel.com", "app_url": "https://in.mixpanel.com"},
    }
    timestamped_methods: ClassVar = frozenset({"identify", "track", "group", "page", "screen"})
    message_id_fields: ClassVar = dict.fromkeys(("track", "page", "screen"), "$insert_id")

    message_limit_bytes: ClassVar = 1_000_000
    """1 MB for each event or profile update."""

    batch_limits: ClassVar = {
        _EVENTS: BatchLimits(body_bytes=10_000_000, messages=2000),
        _ALIASES: BatchLimits(body_bytes=1_800_000, messages=2000),
        _USERS: BatchLimits(body_bytes=1_800_000, messages=2000),
        _GROUPS: BatchLimits(body_bytes=1_800_000, messages=2000),
    }
    """10 MB for events and 2 MB with the tokens for other items; 2000 items."""

    region: Literal["us", "eu", "in"] = "us"
    """The region of the project."""

    base_url: BaseUrl
    """The URL of the Ingestion API. Default: that of the region."""

    app_url: BaseUrl
    """The URL of the GDPR API, for deletions. Default: that of the region."""

    project_token: Credential
    """The project's token."""

    project_id: str | None = None
    """The project's id, which a service account needs."""

    service_account_username: Credential | None = None
    """The name of a service account that authorizes events. Default: the project's token does."""

    service_account_secret: Credential | None = None
    """The secret of the service account."""

    gdpr_token: Credential | None = None
    """An OAuth token of the GDPR API, which deletions need."""

    group_key: RequiredText = "$group_id"
    """The property that holds a group's id, as set in the project, like "company_id"."""

    @model_validator(mode="after")
    def _check_service_account(self) -> Self:
        names = ("project_id", "service_account_username", "service_account_secret")
        missing = [name for name in names if getattr(self, name) is None]
        if missing and len(missing) < len(names):
            raise ValueError(f"a service account also needs {', '.join(missing)}")
        return self

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """Add the credentials of the endpoint.

        They are Basic authentication for events, the project's token in each item of another batch
        endpoint, or the token of the GDPR API.
        """
        del delivery_id, sent_at
        token = self.project_token.get_secret_value()
        if request.credentials == _PRIVACY and self.gdpr_token:
            authorized = request.with_bearer_token(self.gdpr_token.get_secret_value())
            return authorized.with_query({"token": token})
        if request.credentials:
            if not isinstance(request.body, JsonItems):
                return request
            prefix, key = _TOKEN_PREFIXES[request.credentials]
            with_token = prefix + key + write_json(token) + b","
            items = [with_token + item.removeprefix(prefix) for item in request.body.items]
            return replace(request, body=JsonItems(items))
        if self.service_account_username and self.service_account_secret:
            return request.with_basic_auth(
                self.service_account_username.get_secret_value(),
                self.service_account_secret.get_secret_value(),
            )
        return request.with_basic_auth(token)

    def classify(self, response: HttpResponse) -> DeliveryError | None:
        """Classify the response; a 200 with the status 0 in its body is a failed update."""
        failure = self.classify_status(_with_reported_status(response).status_code)
        if failure is None and has_status_zero(response):
            return Rejected(f"{self.title} answered {response.status_code} with status 0")
        return failure

    def classify_batch(
        self, response: HttpResponse, count: int
    ) -> DeliveryError | Mapping[int, DeliveryError]:
        """Classify the response; a 400 may list the refused events, and accepts the others."""
        failure = self.classify(response)
        records = _failed_records(response)
        if _with_reported_status(response).status_code != 400 or not records:
            return failure or {}
        refused = {
            record["index"]: Rejected(f"{failure}: {str(record.get('field'))[:100]} is invalid")
            for record in records
            if isinstance(record, dict) and record.get("index") in range(count)
        }
        return refused or failure or {}

    @builds("track", "page", "screen", "identify", "group", "alias")
    def message(self, delivery: Delivery[Message]) -> HttpRequest:
        """Build the request with one item, to the endpoint for batches."""
        key = self.batch_key(delivery.method, delivery.message) or ""
        return self._post(key, [write_json(self.item(delivery))])

    @builds("delete")
    def delete(self, delivery: Delivery[Delete]) -> HttpRequest:
        """Build the request that creates a deletion job of the GDPR API; Mixpanel runs it later."""
        self.refuse_fields(delivery, "traits")
        self.refuse_context(delivery)
        return HttpRequest(
            "POST",
            f"{self.app_url}/api/app/data-deletions/v3.0/",
            {"distinct_ids": [delivery.message.user_id], "compliance_type": "GDPR"},
            credentials=_PRIVACY,
        )

    def batch_key(self, method: str, message: Message) -> str | None:
        """Return the endpoint of a message, which is the key of its batches."""
        match message:
            case Identify():
                return _ALIASES if is_merge(message) else _USERS
            case Group():
                return _GROUPS
            case Alias():
                return _ALIASES
            case _:
                return _EVENTS if method in self.timestamped_methods else None

    def batch(self, batch: BatchDelivery) -> HttpRequest:
        """See base class."""
        return self._post(batch.key, batch.items)

    def _post(self, endpoint: str, items: Sequence[bytes]) -> HttpRequest:
        # Without `ip=0`, Mixpanel would use the IP address of the worker as that of the user.
        query: JsonObject = {"verbose": 1, "ip": 0}
        if endpoint == _EVENTS:
            query = {"strict": 1} | ({"project_id": self.project_id} if self.project_id else {})
        credentials = "" if endpoint == _EVENTS else endpoint
        url = f"{self.base_url}/{endpoint}"
        return HttpRequest("POST", url, JsonItems(items), query=query, credentials=credentials)


def _with_reported_status(response: HttpResponse) -> HttpResponse:
    return with_reported_status(response, implied=400 if _failed_records(response) else 200)


def _failed_records(response: HttpResponse) -> list[Any]:
    records = response.body.get("failed_records") if isinstance(response.body, dict) else None
    return records if isinstance(records, list) else []
