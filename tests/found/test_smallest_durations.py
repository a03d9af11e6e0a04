"""Durations that no request can keep to are refused, by the smallest one that makes sense."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from durable_analytics.errors import SettingsError
from durable_analytics.testing import StandIn
from durable_analytics.wire.policies import Policies
from tests.support.json_objects import Execute, Json
from worker import load
from workflows.request_policy import policy_of

MICROSECOND = "PT0.000001S"
SMALLEST = {
    "single_attempt_timeout": 0.1,
    "total_timeout": 0.1,
    "queue_timeout": 0.1,
    "heartbeat_timeout": 1,
    "retry_policy.initial_interval": 0.01,
    "retry_policy.maximum_interval": 0.01,
}
"""In seconds."""


def request_policy(field: str, value: object) -> Json:
    """The policy with this field alone."""
    *outer, name = field.split(".")
    policy: Json = {name: value}
    return {outer[0]: policy} if outer else policy


@pytest.mark.parametrize("value", [MICROSECOND, 1e-6, "below"])
@pytest.mark.parametrize("field", SMALLEST)
async def test_an_input_with_less(
    execute: Execute, standin: StandIn, field: str, value: object
) -> None:
    """It is a ValidationError that says what to write."""
    least = SMALLEST[field]
    given = least * 0.99 if value == "below" else value
    track = {"user_id": "u-1", "event": "E"}

    output = await execute(
        "Track", {"track": track, "policies": {"request": request_policy(field, given)}}
    )

    assert output["error"]["fields"] == [
        {
            "path": f"policies.request.{field}",
            "message": f"must be {least:g} seconds or longer",
        }
    ]
    assert standin.requests == []


@pytest.mark.parametrize(("field", "least"), SMALLEST.items())
def test_the_smallest_itself(field: str, least: float) -> None:
    """It is taken."""
    Policies.model_validate({"request": request_policy(field, least)})


@pytest.mark.parametrize("field", SMALLEST)
def test_a_setting_with_less(field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops the worker, by the same words."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY", "key")
    name = field.replace(".", "__").upper()
    monkeypatch.setenv(f"ANALYTICS_INTEGRATIONS__SEGMENT__POLICIES__REQUEST__{name}", MICROSECOND)

    with pytest.raises(SettingsError, match=f"{SMALLEST[field]:g} seconds or longer"):
        load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("graceful_shutdown_timeout", "0.001"),
        ("graceful_shutdown_timeout", "P1D"),
        ("worker__processes", "1000000"),
        ("max_concurrent_activities", "1" + "0" * 30),
        ("max_concurrent_workflow_tasks", "1" + "0" * 30),
    ],
)
def test_other_settings_that_make_no_sense(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They stop the worker, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY", "key")
    monkeypatch.setenv(f"ANALYTICS_{name.upper()}", value)

    with pytest.raises(SettingsError, match=f"^{name.replace('__', '.')}: must be "):
        load()


def test_a_plan_of_an_earlier_release() -> None:
    """An execution in flight keeps the policy that it has recorded."""
    recorded: Any = {"policies": {"request": request_policy("single_attempt_timeout", MICROSECOND)}}

    assert policy_of(recorded).single_attempt_timeout == timedelta(microseconds=1)
