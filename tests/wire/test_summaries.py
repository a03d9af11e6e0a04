"""Summaries of executions: one short line without personal data."""

import json

import pytest

from durable_analytics.wire.methods import METHODS
from durable_analytics.wire.summaries import summarize, summarize_batch


@pytest.mark.parametrize(
    ("method", "message", "summary"),
    [
        ("track", {"user_id": "u-1", "event": "Order Completed"}, "Order Completed to segment"),
        ("metric", {"key": "words", "user": {"id": "u-1"}}, "words to segment"),
        ("identify", {"user_id": "u-1"}, "Identify to segment"),
        ("page", {"user_id": "u-1", "name": "The page of Jane"}, "Page to segment"),
        ("track", {"event": "a\x1b[31m\nb"}, "a[31mb to segment"),
        ("track", {"event": 7}, "Track to segment"),
    ],
)
def test_names_what_happened(method: str, message: dict[str, object], summary: str) -> None:
    """Not to whom."""
    assert summarize(METHODS[method], message, ["segment"]) == summary


def test_without_an_integration() -> None:
    """The worker chooses it later; any other text is no name of one."""
    assert summarize(METHODS["alias"], {}, []) == "Alias"
    assert summarize(METHODS["alias"], {}, ["jane@example.com"]) == "Alias"
    assert summarize_batch(1, []) == "1 message"
    assert summarize_batch(120, ["segment"]) == "120 messages to segment"


def test_several_integrations_are_counted() -> None:
    """All their names could be too long."""
    assert summarize_batch(2, ["segment", "posthog"]) == "2 messages to 2 integrations"


@pytest.mark.parametrize("character", ["a", "\u4e16", "\U0001f389", '"', "\\"])
def test_fits_the_limit_of_temporal(character: str) -> None:
    """However many bytes each character takes as JSON."""
    summary = summarize(METHODS["track"], {"event": character * 500}, ["a" * 100])

    assert summary.startswith(character * 5)
    assert len(json.dumps(summary)) < 300
