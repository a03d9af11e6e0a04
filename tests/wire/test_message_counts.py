"""How many messages of an output ended how: the sum is the number of messages."""

from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from durable_analytics.wire.message_counts import MessageCount, count_ended, count_messages
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH, METHODS


def rejected(kind: str, count: int) -> list[Any]:
    return [{"error": {"type": kind}}] * count


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"status": "success"}, {("delivered", ""): 1}),
        ({"status": "failure", "error": {"type": "Rejected"}}, {("failed", "Rejected"): 1}),
        (
            {"status": "failure", "error": {"type": "TransformationError"}},
            {("refused", "TransformationError"): 1},
        ),
        ({"status": "filtered", "filtered": {"by": "consent"}}, {("filtered", "consent"): 1}),
    ],
)
def test_a_single_message(output: Any, expected: dict[tuple[str, str], int]) -> None:
    counts = list(count_ended({"integration": "segment", **output}, 1))

    assert {(count.stage, count.reason): count.messages for count in counts} == expected
    assert {count.integration for count in counts} == {"segment"}


@pytest.mark.parametrize("messages", [1, 10])
def test_a_batch_counts_what_its_output_lists(messages: int) -> None:
    """Also one of which nothing was accepted, whatever number its reader assumes."""
    filtered = [{"by": "routing"}, {"by": "consent"}]
    mixed = [*rejected("ValidationError", 2), *rejected("Unavailable", 3)]
    partial = {"integration": "s", "accepted": 3, "rejected": mixed, "filtered": filtered}
    failed = {
        "integration": "s",
        "accepted": 0,
        "rejected": rejected("Unauthorized", 10),
        "error": {"type": "Unauthorized"},
    }

    assert set(count_ended(partial, messages)) == {
        MessageCount("s", "delivered", "", 3),
        MessageCount("s", "refused", "ValidationError", 2),
        MessageCount("s", "failed", "Unavailable", 3),
        MessageCount("s", "filtered", "routing", 1),
        MessageCount("s", "filtered", "consent", 1),
    }
    assert list(count_ended(failed, messages)) == [MessageCount("s", "failed", "Unauthorized", 10)]


def test_a_batch_that_was_refused_as_a_whole_counts_its_messages() -> None:
    output: JsonObject = {
        "integration": None,
        "accepted": 0,
        "rejected": [],
        "error": {"type": "UnknownIntegration"},
    }

    assert list(count_ended(output, 7)) == [MessageCount(None, "refused", "UnknownIntegration", 7)]


def test_a_fan_out_counts_for_each_integration() -> None:
    output = {
        "deliveries": {
            "segment": {"integration": "segment", "status": "success"},
            "journy": {"integration": None, "error": {"type": "ValidationError"}},
        }
    }

    assert list(count_ended(output, 1)) == [
        MessageCount("segment", "delivered", "", 1),
        MessageCount("journy", "refused", "ValidationError", 1),
    ]


def nothing() -> None:
    """An input that must not be read would be None."""


def test_the_number_of_messages_is_that_of_the_plan() -> None:
    """The slices span also messages that are not sent; those outside of all slices count too."""
    plan = {
        "rejected": [{"index": 0}, {"index": 3}, {"index": 9}],
        "filtered_messages": [{"index": 4}],
        "slices": [[1, 5], [5, 9]],
    }

    assert count_messages(BATCH, nothing, plan) == 10
    assert count_messages(BATCH, nothing, {"plans": {"a": {"error": {}}, "b": plan}}) == 10
    assert count_messages(METHODS["track"], nothing, {}) == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"messages": [1, 2, 3]}', 3),
        (b'{"messages": []}', 1),
        (b'{"messages": "none"}', 1),
        (b"[]", 1),
        (b"{", 1),
    ],
)
def test_without_a_plan_it_is_that_of_the_input(data: bytes, expected: int) -> None:
    """An input that nobody can read is one message that was refused."""
    raw = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=data))

    assert count_messages(BATCH, lambda: raw, {}) == expected
