"""One call of each method, and what the provider gets of it."""

from dataclasses import dataclass, field

from durable_analytics.wire.messages import JsonObject


@dataclass(frozen=True)
class Case:
    """One method.

    Args:
        required: The keywords that it asks for.
        chosen: Keywords of which one or another is asked for.
        more: Keywords that it also takes.
        path: Where the provider gets it.
        body: What the provider gets, among other things.
        integration: The account.
    """

    required: JsonObject
    path: str
    body: JsonObject
    chosen: JsonObject = field(default_factory=dict)
    more: JsonObject = field(default_factory=dict)
    integration: str = "segment"


USER: JsonObject = {"user_id": "u-1"}

CASES = {
    "identify": Case(
        {},
        "/v1/identify",
        {"userId": "u-1", "traits": {"plan": "pro", "age": None}},
        chosen=USER,
        more={"traits": {"plan": "pro", "age": None}},
    ),
    "track": Case(
        {"event": "Order Completed"},
        "/v1/track",
        {"userId": "u-1", "event": "Order Completed", "properties": {"revenue": 19.99}},
        chosen=USER,
        more={"properties": {"revenue": 19.99}},
    ),
    "group": Case(
        {"group_id": "g-1"},
        "/v1/group",
        {"userId": "u-1", "groupId": "g-1", "traits": {"seats": 5}},
        chosen=USER,
        more={"traits": {"seats": 5}},
    ),
    "alias": Case(
        {"previous_user_id": "a-1", "new_user_id": "u-1"},
        "/v1/alias",
        {"previousId": "a-1", "userId": "u-1"},
    ),
    "page": Case(
        {},
        "/v1/page",
        {"userId": "u-1", "name": "Prices", "category": "Shop"},
        chosen={**USER, "name": "Prices"},
        more={"category": "Shop"},
    ),
    "screen": Case(
        {"name": "Prices"},
        "/v1/screen",
        {"anonymousId": "a-1", "name": "Prices"},
        chosen={"anonymous_id": "a-1"},
    ),
    "delete": Case(
        {"user_id": "u-1"},
        "/regulations",
        {"subjectType": "USER_ID", "subjectIds": ["u-1"]},
    ),
    "annotate": Case(
        {"event": "Deployed"},
        "/annotate",
        {"data": {"event": "Deployed", "properties": {"version": "4.1"}}},
        more={"properties": {"version": "4.1"}},
        integration="trakio",
    ),
    "metric": Case(
        {"key": "words", "user": {"id": "u-1"}, "value": 750},
        "/metrics/words/event",
        {"user": {"id": "u-1"}, "value": 750},
        integration="trophy",
    ),
    "call": Case(
        {"method": "POST", "path": "/v1/import"},
        "/v1/import",
        {"rows": 2},
        more={"body": {"rows": 2}},
    ),
}
