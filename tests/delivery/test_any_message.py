"""No message of a batch, of whatever method, harms another one."""

import pytest

from durable_analytics.providers import Delivery, Provider
from durable_analytics.providers.segment import Segment
from durable_analytics.wire.messages import JsonObject, Message
from tests.providers.building import ACCOUNTS
from tests.providers.whole_messages import ROWS
from tests.support.json_objects import Json
from tests.support.prepared_batches import prepared

CALLS: list[Json] = [
    {"type": "call", "method": "GET", "path": "/x"},
    {"type": "call", "method": "POST", "path": "/x", "body": {"a": [1]}},
]
MESSAGES: list[Json] = [{"type": row.method, **row.message} for row in ROWS] + CALLS
REFUSED = {"ValidationError", "UnsupportedMethod"}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("provider", ACCOUNTS.values(), ids=ACCOUNTS)
def test_each_method_is_ready_or_refused(provider: Provider, strict: bool) -> None:
    """Alone in a request where the provider has no batches for it, as a `call` always is."""
    batch = prepared(provider, MESSAGES, strict=strict)

    assert {one["error"]["type"] for one in batch.rejected} <= REFUSED
    ready = {message.index: message for message in batch.messages}
    assert ready.keys() | {one["index"] for one in batch.rejected} == {*range(len(MESSAGES))}
    for index in range(len(MESSAGES) - len(CALLS), len(MESSAGES)):
        assert ready[index].batch_key is None
        assert ready[index].delivery


ADDRESS = "ann@example.com"


class _Faulty(Segment):
    def item(self, delivery: Delivery[Message]) -> JsonObject:
        if delivery.message.message_id == "m-1":
            raise KeyError(ADDRESS)
        return super().item(delivery)


def test_a_bug_concerns_only_its_message(caplog: pytest.LogCaptureFixture) -> None:
    """The log says where it is, without data of the user."""
    provider = _Faulty.model_validate({"write_key": "k", "public_api_token": "t"})
    tracks = [
        {"type": "track", "user_id": "u", "event": "E", "message_id": f"m-{n}"} for n in range(3)
    ]

    batch = prepared(provider, tracks)

    assert [message.message_id for message in batch.messages] == ["m-0", "m-2"]
    ((index, error),) = [(one["index"], one["error"]) for one in batch.rejected]
    assert (index, error["type"]) == (1, "Internal")
    assert "KeyError" in error["message"]
    (record,) = [one for one in caplog.records if one.name == "durable_analytics.internal"]
    assert ADDRESS not in str(record.__dict__)
