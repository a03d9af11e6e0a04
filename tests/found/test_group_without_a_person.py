"""A group has its own id as the anonymous id at journy.io only where its message names nobody."""

import pytest

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute

IDS: list[object] = [True, False, {}, {"a": 1}, [], [1], "", " "]
"""Values that identify nobody."""


@pytest.mark.parametrize("key", ["user_id", "anonymous_id"])
@pytest.mark.parametrize("strict", [True, False])
async def test_a_wrong_id_is_refused_as_at_segment(
    execute: Execute, standin: StandIn, key: str, *, strict: bool
) -> None:
    """The group's id was filled in, and the wrong id was sent beside it."""
    for id_ in IDS:
        group = {key: id_, "group_id": "g"}
        at_journy, at_segment = [
            await execute("Group", {"integration": name, "strict": strict, "group": group})
            for name in ("journy", "segment")
        ]

        assert at_journy["error"]["type"] == "ValidationError"
        assert at_journy["error"] == at_segment["error"]
    assert not standin.requests


@pytest.mark.parametrize("key", ["userId", "anonymousId"])
@pytest.mark.parametrize("strict", [True, False])
async def test_a_wrong_id_is_refused_in_a_batch(
    execute: Execute, standin: StandIn, key: str, *, strict: bool
) -> None:
    """As the gateway sends them, too."""
    messages = [{"type": "group", key: id_, "groupId": "g"} for id_ in [*IDS, None]]
    batch = {"strict": strict, "messages": messages}

    at_journy, at_segment = [
        await execute("Batch", {"integration": name, **batch}) for name in ("journy", "segment")
    ]

    assert at_journy["accepted"] == 1
    assert [one["index"] for one in at_journy["rejected"]] == [*range(len(IDS))]
    assert [one["error"] for one in at_journy["rejected"]] == [
        one["error"] for one in at_segment["rejected"][:-1]
    ]
    (request,) = standin.requests
    assert request["body"]["batch"][0]["anonymousId"] == "g"
