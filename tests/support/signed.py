"""A made-up provider that signs its requests, by Standard Webhooks."""

import base64
import hmac
from datetime import datetime
from typing import ClassVar

from durable_analytics.providers import Credential, Delivery, HttpRequest, Provider, builds
from durable_analytics.wire.messages import Message

_METHODS = ("identify", "track")


class Signed(Provider):
    """A webhook: one message a request, with a signature over `id.timestamp.body`."""

    title: ClassVar = "Signed Webhook"
    timestamped_methods: ClassVar = frozenset(_METHODS)
    message_id_fields: ClassVar = dict.fromkeys(_METHODS, "webhook-id")

    secret: Credential
    """Like "whsec_…", with Base64 after it."""

    def authorize(
        self, request: HttpRequest, *, delivery_id: str, sent_at: datetime
    ) -> HttpRequest:
        """Sign the bytes of the body."""
        key = base64.b64decode(self.secret.get_secret_value().removeprefix("whsec_"))
        seconds = str(int(sent_at.timestamp()))
        signed = f"{delivery_id}.{seconds}.".encode() + (request.content() or b"")
        digest = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        return request.with_headers(
            {
                "webhook-id": delivery_id,
                "webhook-timestamp": seconds,
                "webhook-signature": f"v1,{digest}",
            }
        )

    @builds(*_METHODS)
    def event(self, delivery: Delivery[Message]) -> HttpRequest:
        """The message as it is."""
        names = type(delivery.message).model_fields.keys() - {"message_id", "timestamp"}
        data = delivery.given(*sorted(names)) | delivery.unchecked
        if delivery.context:
            data["context"] = delivery.context
        body = {"type": delivery.method, "timestamp": delivery.message.timestamp, "data": data}
        return HttpRequest("POST", f"{self.base_url}/hook", body)
