"""RudderStack: Segment's messages at the workspace's data plane, identify traits in the context."""

import pydantic
import pytest

from tests.providers.building import ACCOUNTS, account, refusal


def test_the_data_plane_has_no_default() -> None:
    """Every workspace has its own."""
    with pytest.raises(pydantic.ValidationError) as refused:
        account("rudderstack", write_key="k")

    assert [error["loc"] for error in refused.value.errors()] == [("base_url",)]


def test_a_message_has_at_most_32_kb() -> None:
    message = {"user_id": "u-1", "event": "E", "properties": {"text": "x" * 32 * 1024}}

    assert list(refusal(ACCOUNTS["rudderstack"], "track", message)) == ["track"]
