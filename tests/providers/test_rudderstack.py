"""RudderStack: Segment's messages at the workspace's data plane, identify traits in the context."""

import pydantic
import pytest

from durable_analytics.providers import HttpRequest
from tests.conftest import Json
from tests.providers.building import ACCOUNTS, SENT, Golden, account, calls, refusal
from tests.providers.segment_messages import ROWS, Row

PLANE = "https://shop.dataplane.example.com"
WRITE_KEY = {"Authorization": "Basic cnVkZGVyLWtleTo="}


def item_of(row: Row) -> Json:
    """Segment's item; a person's traits are in the context, over those that were there."""
    item = {**row.item, "sentAt": SENT}
    if row.method == "identify" and "traits" in item:
        traits = item.pop("traits")
        context = item["context"]
        item["context"] = {**context, "traits": {**context["traits"], **traits}}
    return item


GOLDEN = [
    *(
        Golden(
            row.method,
            row.extent,
            row.message,
            HttpRequest("POST", f"{PLANE}/v1/{row.method}", item_of(row)),
            WRITE_KEY,
            row.context,
        )
        for row in ROWS
    ),
    *calls(PLANE, WRITE_KEY),
]


def test_the_data_plane_has_no_default() -> None:
    """Every workspace has its own."""
    with pytest.raises(pydantic.ValidationError) as refused:
        account("rudderstack", write_key="k")

    assert [error["loc"] for error in refused.value.errors()] == [("base_url",)]


def test_a_message_has_at_most_32_kb() -> None:
    message = {"user_id": "u-1", "event": "E", "properties": {"text": "x" * 32 * 1024}}

    assert list(refusal(ACCOUNTS["rudderstack"], "track", message)) == ["track"]
