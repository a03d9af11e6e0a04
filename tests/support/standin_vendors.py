"""Three made-up vendors for the stand-in, which differ in all that a vendor can differ in."""

from collections.abc import Callable, Mapping

from durable_analytics.testing import Received, Reply, Vendor
from durable_analytics.testing.authentication import basic, body, each_item, signature
from durable_analytics.testing.messages import id_in_header, in_body

SIGNED = Vendor(
    title="Signed Webhook",
    credentials={"secret": "whsec_c2lnbmVkLXNlY3JldC1vZi10aGUtc3RhbmQtaW4="},
    authorizes=signature("secret"),
    refuses=Reply(401, {"error": "invalid signature"}),
    answers=lambda _: Reply(204),
    messages=id_in_header("webhook-id"),
)
"""A webhook, one message a request, by Standard Webhooks."""


def _bad_events(request: Received) -> dict[int, str]:
    return _places(request, KEYED, lambda event: "" if event.get("name") else "name is missing")


def _throttled_events(request: Received) -> list[int]:
    """The places of events with `"busy": true` that come for the first time."""
    throttled = []
    for place, message in enumerate(KEYED.messages(request)):
        is_busy = isinstance(message.content, dict) and message.content.get("busy") is True
        if is_busy and message.id and message.id not in request.seen:
            request.seen.add(message.id)
            throttled.append(place)
    return throttled


def _answers_keyed(request: Received) -> Reply:
    if request.path != "/events":
        return Reply(200, "success")
    bad, throttled = _bad_events(request), _throttled_events(request)
    if bad or throttled:
        code = 400 if bad else 429
        failed = [{"index": place, "reason": reason} for place, reason in bad.items()]
        lists = {"failed": failed, "throttled": throttled}
        body = {"code": code, **{name: rows for name, rows in lists.items() if rows}}
        headers = {"Retry-After": "1"} if throttled else {}
        return Reply(code, body, headers, not_accepted=[*bad, *throttled])
    return Reply(200, {"code": 200})


KEYED = Vendor(
    title="Keyed",
    credentials={"api_key": "keyed-api-key"},
    authorizes=body("api_key", "api_key"),
    refuses=Reply(400, {"code": 400, "error": "invalid api_key"}),
    answers=_answers_keyed,
    messages=in_body("id", items="events"),
)
"""The key in the body: `{"api_key", "events": [{"id", "name"}]}` at `/events`, a form elsewhere.

An event without a name is refused, one with `"busy": true` is throttled once. 400, or 429 where
none is refused, lists these; the others are taken.
"""


def _authorizes_arrays(request: Received, credentials: Mapping[str, str]) -> bool:
    way = _TOKEN if request.path == "/profiles" else _ACCOUNT
    return way(request, credentials)


def _answers_arrays(request: Received) -> Reply:
    if not isinstance(request.body, list):
        return Reply(400, {"error": "send a JSON array"})
    if request.query.get("project") != ARRAYS.settings["project"]:
        return Reply(400, {"error": "no such project"})
    bad = _places(request, ARRAYS, lambda item: "" if item.get("user") else "user is missing")
    errors = [{"input_index": place, "message": reason} for place, reason in bad.items()]
    status = 207 if errors else 200
    return Reply(status, {"errors": errors}, not_accepted=[*bad])


_ACCOUNT = basic("account", "password")
_TOKEN = each_item("$token", "token")

ARRAYS = Vendor(
    title="Arrays",
    credentials={
        "account": "arrays-account",
        "password": "arrays-password",
        "token": "arrays-token",
    },
    settings={"project": "arrays-project"},
    authorizes=_authorizes_arrays,
    refuses=Reply(401, {"error": "unauthorized"}),
    answers=_answers_arrays,
    messages=in_body("properties.$id"),
)
"""JSON arrays at two endpoints, `?project=` at both: `/events` by HTTP Basic, `/profiles` by the
`$token` of each item. An item without a user is refused: 207 lists these.
"""

VENDORS = {"arrays": ARRAYS, "keyed": KEYED, "signed": SIGNED}


def _places(
    request: Received, vendor: Vendor, problem: Callable[[dict[str, object]], str]
) -> dict[int, str]:
    """The problems of a request's messages by their places."""
    problems = {
        place: problem(message.content) if isinstance(message.content, dict) else "no object"
        for place, message in enumerate(vendor.messages(request))
    }
    return {place: text for place, text in problems.items() if text}
