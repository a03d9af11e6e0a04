"""What a batch shares is refused before it is copied into very many messages."""

from typing import Any

import pytest

from durable_analytics.delivery import batch_preparation
from durable_analytics.errors import ValidationError
from tests.providers.building import ACCOUNTS
from tests.support.json_objects import Json
from tests.support.prepared_batches import prepared

GOOD: Json = {"type": "track", "user_id": "u", "event": "E", "context": {"ip": "192.0.2.1"}}
LARGE = {f"k{number}": {"a": number} for number in range(5_000)}


@pytest.mark.parametrize(
    ("provider", "shared", "field"),
    [
        ("segment", {"context": LARGE}, "context"),
        ("archive", {"context": LARGE}, "context"),
        ("webhook", {"context": LARGE}, "context"),
        ("webhook", {"request_options": {"body": LARGE}}, "request_options"),
        ("trophy", {"request_options": {"body": LARGE}}, "request_options"),
    ],
)
def test_too_many_copies(
    monkeypatch: pytest.MonkeyPatch, provider: str, shared: Json, field: str
) -> None:
    """No message is prepared for it."""

    def fail(*_: Any) -> None:
        raise AssertionError("a message was prepared")

    monkeypatch.setattr(batch_preparation, "_prepare_message", fail)

    with pytest.raises(ValidationError) as refused:
        prepared(ACCOUNTS[provider], [GOOD] * 1_000, strict=False, **shared)

    (problem,) = refused.value.fields
    assert problem.path == field
    assert "added to each of 1000 messages" in problem.message


def test_options_of_a_request_with_many_messages_are_no_copies() -> None:
    """Segment gets them once for each request."""
    options = {"request_options": {"body": {"note": "x" * 20_000}}}

    batch = prepared(ACCOUNTS["segment"], [GOOD] * 1_000, strict=False, **options)

    assert len(batch.messages) == 1_000
