"""Segment in the stand-in: the Tracking API, and the Public API with its own token."""

import json
from collections.abc import Mapping

from durable_analytics.testing._received import Received
from durable_analytics.testing._vendor import Reply, Vendor
from durable_analytics.testing.authentication import any_of, basic, bearer, body
from durable_analytics.testing.messages import in_body

_MESSAGE_LIMIT_BYTES = 32 * 1024
_BATCH_LIMIT_BYTES = 500 * 1024
"""32 KB for each message and 500 KB for a batch (HTTP Tracking API)."""

WRITE_KEY = any_of(basic("write_key"), body("writeKey", "write_key"))
"""The authentication of Segment's SDKs, and of SDKs that are compatible with them."""

_PUBLIC_API_TOKEN = bearer("public_api_token")


def _is_public_api(request: Received) -> bool:
    return request.path.startswith("/regulations")


def _authorizes(request: Received, credentials: Mapping[str, str]) -> bool:
    check = _PUBLIC_API_TOKEN if _is_public_api(request) else WRITE_KEY
    return check(request, credentials)


def _answers(request: Received) -> Reply:
    if _is_public_api(request):
        return Reply(200, {"data": {"regulateId": "reg_stand_in"}})
    is_batch = request.path.startswith("/v1/batch")
    limit = _BATCH_LIMIT_BYTES if is_batch else _MESSAGE_LIMIT_BYTES
    if request.method == "POST" and not isinstance(request.body, dict):
        return Reply(400, {"success": False, "message": "malformed JSON"})
    if len(json.dumps(request.body, ensure_ascii=False, separators=(",", ":")).encode()) > limit:
        return Reply(400, {"success": False, "message": "payload too large"})
    return Reply(200, {"success": True})


VENDOR = Vendor(
    title="Segment",
    credentials={
        "write_key": "segment-write-key",
        "public_api_token": "segment-public-api-token",
    },
    authorizes=_authorizes,
    refuses=Reply(401, {"success": False, "message": "invalid credentials"}),
    answers=_answers,
    messages=in_body("messageId", items="batch"),
    url_settings=("base_url", "public_api_url"),
)
