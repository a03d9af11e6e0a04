"""Webhook in the stand-in: a receiver that checks the signature and the body of each request."""

from durable_analytics.testing._received import Received
from durable_analytics.testing._vendor import Reply, Vendor
from durable_analytics.testing.authentication import signature
from durable_analytics.testing.messages import id_in_header


def _answers(request: Received) -> Reply:
    if request.path.strip("/"):
        return Reply(200, {})
    body = request.body
    if not isinstance(body, dict) or not {"type", "timestamp", "data"} <= body.keys():
        return Reply(400, {"error": "type, timestamp and data are required"})
    return Reply(204)


VENDOR = Vendor(
    title="Webhook",
    credentials={"secrets": "whsec_c3RhbmQtaW4ncyBzZWNyZXQgb2YgYSB3ZWJob29r"},
    authorizes=signature("secrets"),
    refuses=Reply(401, {"error": "invalid signature"}),
    answers=_answers,
    messages=id_in_header("webhook-id"),
    url_settings=("url",),
    secret_headers=("webhook-signature",),
)
