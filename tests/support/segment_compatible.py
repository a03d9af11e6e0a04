"""The bodies that Segment's messages become at journy.io and RudderStack."""

from tests.providers.building import SENT
from tests.providers.segment_messages import Row
from tests.support.json_objects import Json


def journy_body(row: Row) -> Json:
    """A batch of Segment's item; the type of a screen is page."""
    type_ = "page" if row.method == "screen" else row.method
    return {"batch": [{"type": type_, **row.item}], "sentAt": SENT}


def rudderstack_body(row: Row) -> Json:
    """Segment's item; the channel is at its top, a person's traits are in the context."""
    item = {**row.item, "sentAt": SENT}
    if channel := row.message.get("channel"):
        shared = {"channel": row.context["channel"]}
        item |= {"channel": channel, "context": {**item["context"], **shared}}
    if row.method == "identify" and "traits" in item:
        traits = item.pop("traits")
        context = item["context"]
        item["context"] = {**context, "traits": {**context["traits"], **traits}}
    return item
