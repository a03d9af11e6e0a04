"""Rejected messages by their reason."""

import json

from durable_analytics.errors import Rejected, Unauthorized
from durable_analytics.wire.plans import Rejection
from durable_analytics.wire.reasons import decode_reasons, encode_reasons, shorten_reasons


def rejections(count: int) -> list[Rejection]:
    """Rejections of which each has another reason."""
    return [
        {
            "index": index,
            "message_id": f"m-{index}",
            "error": (Unauthorized if index % 2 else Rejected)(f"{index} {'x' * 90}").as_json(),
        }
        for index in range(count)
    ]


def test_messages_with_the_same_reason_share_it() -> None:
    error = Rejected("no").as_json()
    rejected: list[Rejection] = [
        {"index": index, "message_id": None, "error": error} for index in (3, 5000)
    ]

    reasons = encode_reasons(rejected)

    assert len(reasons) == 1
    assert decode_reasons(reasons) == {3: error, 5000: error}


def test_reasons_are_shortened_to_their_types() -> None:
    """However many there are, they fit into a heartbeat; each message keeps its type."""
    shortened = shorten_reasons(encode_reasons(rejections(5000)))

    assert len(json.dumps(shortened)) < 4096
    types = {index: error["type"] for index, error in decode_reasons(shortened).items()}
    assert types == {index: ("Rejected", "Unauthorized")[index % 2] for index in range(5000)}
