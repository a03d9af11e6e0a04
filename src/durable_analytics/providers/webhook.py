"""Webhook: a signed request for each message, to any receiver of Standard Webhooks.

Source: the Standard Webhooks specification, version 1.0.0.
"""

import base64
import binascii
import hmac
import re
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr

from durable_analytics.errors import DeliveryError, Rejected
from durable_analytics.providers._base import Provider, builds
from durable_analytics.providers._deliveries import Delivery
from durable_analytics.providers._message_json import MESSAGE_METHODS, message_json
from durable_analytics.providers._message_uuid import message_uuid
from durable_analytics.providers.http import HttpRequest, HttpResponse
from durable_analytics.providers.setting_types import Credential, Url
from durable_analytics.wire.messages import Message

_ID_WITHOUT_DOT = re.compile(r"[\w-]+", re.ASCII)
"""Matches ids that can be signed: in the signed text, dots separate id, timestamp and body."""


def _signing_key(secret: SecretStr) -> bytes:
    encoded = secret.get_secret_value().removeprefix("whsec_")
    return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)


def _check_signing_secret(secret: SecretStr) -> SecretStr:
    try:
        has_valid_length = 24 <= len(_signing_key(secret)) <= 64
    except binascii.Error:
        has_valid_length = False
    if not has_valid_length:
        raise ValueError('must be "whsec_" and 24 to 64 bytes in base64')
    return secret


def _split_at_commas(secrets: Any) -> Any:
    """Split a text with several secrets, as an environment variable contains them."""
    return [part.strip() for part in secrets.split(",")] if isinstance(secrets, str) else secrets


class Webhook(Provider):
    """A receiver of Standard Webhooks."""

    title: ClassVar = "Webhook"
    has_foreign_receivers: ClassVar = True
    credential_names: ClassVar = frozenset({"webhook-id", "webhook-timestamp", "webhook-signature"})
    timestamped_methods: ClassVar = frozenset(MESSAGE_METHODS)
    message_id_fields: ClassVar = dict.fromkeys(MESSAGE_METHODS, "webhook-id")

    base_url: Url = Field(validation_alias=AliasChoices("url", "base_url"))
    """The setting `url`: the complete URL of the receiver. A slash at its end is kept."""

    secrets: Annotated[
        list[Annotated[Credential, AfterValidator(_check_signing_secret)]],
        BeforeValidator(_split_at_commas),
        Field(min_length=1),
    ]
    """The secrets. A request has a signature with each of them. To replace a secret, add the new
    one, configure it at the receiver, and then remove the old one."""

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """Add the headers with the id, the time of this attempt, and the signatures.

        A signature covers the id, the time and the body.
        """
        id_ = delivery_id if _ID_WITHOUT_DOT.fullmatch(delivery_id) else message_uuid(delivery_id)
        timestamp = str(int(sent_at.timestamp()))
        signed = f"{id_}.{timestamp}.".encode() + (request.content() or b"")
        digests = [hmac.digest(_signing_key(secret), signed, "sha256") for secret in self.secrets]
        signatures = [f"v1,{base64.b64encode(digest).decode()}" for digest in digests]
        return request.with_headers(
            {
                "webhook-id": id_,
                "webhook-timestamp": timestamp,
                "webhook-signature": " ".join(signatures),
            }
        )

    def secret_values(self) -> set[str]:
        """Return the signing secrets; a signature is no credential."""
        return self.configured_secrets()

    def classify(self, response: HttpResponse) -> DeliveryError | None:
        """Classify the response; 410, or the header of Svix's receivers, ends the delivery."""
        failure = self.classify_status(response.status_code)
        if response.status_code == 410:
            return self.classify_status(410, "the receiver wants no more messages")
        if failure and response.headers.get("webhook-delivery") == "abort-message":
            return Rejected(f"{failure.message}: the receiver does not want this message")
        return failure

    def wants_no_more(self, response: HttpResponse) -> bool:
        """Standard Webhooks: 410 disables the endpoint."""
        return response.status_code == 410

    @builds(*MESSAGE_METHODS)
    def message(self, delivery: Delivery[Message]) -> HttpRequest:
        """Build the request with the type, the time and the data of a message."""
        data = message_json(delivery)
        timestamp = data.pop("timestamp", None)
        body = {"type": delivery.method, "timestamp": timestamp, "data": data}
        return HttpRequest("POST", self.base_url, body)
