"""`BufferingClient.from_env`: the arguments that environment variables set."""

import inspect
from typing import Any

import pytest
from temporalio.client import Client

from durable_analytics import BufferingClient, Outcome, SettingsError, ValidationError
from durable_analytics.buffering._environment import PREFIX, READERS
from durable_analytics.temporal.encryption import KEY_ID
from durable_analytics.temporal.encryption_keys import new_key
from gateway.settings import Settings as GatewaySettings
from tests.support.buffering import SOON, Gate
from worker import Settings

VALUES = {
    "INTEGRATION": "segment",
    "CONTEXT": '{"locale": "en-US"}',
    "POLICIES": '{"request": {"single_attempt_timeout": "PT2S"}}',
    "REQUEST_OPTIONS": '{"query": {"debug": "1"}}',
    "STRICT": "false",
    "FLUSH_AT": "1",
    "FLUSH_INTERVAL": "PT0.05S",
    "MAX_QUEUE_SIZE": "50",
    "MAX_BATCH_BYTES": "100000",
    "MAX_BATCH_MESSAGES": "10",
    "MAX_FLUSHES": "1",
    "WAIT_WHEN_FULL": "0.5",
    "EXIT_TIMEOUT": "2",
    "ON_INVALID": "report",
    "DISABLED": "",
}


def set_all(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    """Set the variables of a client."""
    for name, text in values.items():
        monkeypatch.setenv(PREFIX + name, text)


def test_every_argument_has_a_variable() -> None:
    """But for what is no text: the connection, the converter, the function."""
    own = inspect.signature(BufferingClient.__init__).parameters.keys() - {"self"}
    in_code = inspect.signature(BufferingClient.from_env).parameters.keys()

    assert own - in_code - {"task_queue", "encryption_keys"} == READERS.keys()
    assert {PREFIX + name for name in VALUES} | {f"{PREFIX}DELIVER_TO"} == {
        PREFIX + name.upper() for name in READERS
    }


async def test_variables_are_the_arguments(
    monkeypatch: pytest.MonkeyPatch, connected: Client, gate: Gate
) -> None:
    """An empty one counts as not set, and the task queue is that of the workers."""
    set_all(monkeypatch, VALUES)
    monkeypatch.setenv("ANALYTICS_TASK_QUEUE", "other")

    errors: list[Exception] = []
    client = BufferingClient.from_env(connected, on_error=lambda error, _: errors.append(error))
    client.track(user_id="u-1", event="E")
    client.track(event="")
    await client.aflush(SOON)
    await client.aclose(SOON)

    (start,) = gate.starts
    assert start.input.task_queue == "other"
    assert {key: start.data[key] for key in ("integration", "policies", "request_options")} == {
        "integration": "segment",
        "policies": {"request": {"single_attempt_timeout": "PT2S"}},
        "request_options": {"query": {"debug": "1"}},
    }
    assert (start.data["strict"], start.data["context"]["locale"]) == (False, "en-US")
    assert [type(error) for error in errors] == [ValidationError]


async def test_the_case_of_a_variable_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, connected: Client, gate: Gate
) -> None:
    """As for a worker, which may read the same environment."""
    monkeypatch.setenv("analytics_client__integration", "journy")
    monkeypatch.setenv("analytics_task_queue", "other")
    client = BufferingClient.from_env(connected)
    client.track(user_id="u-1", event="E")
    await client.aclose(SOON)
    (start,) = gate.starts
    assert (start.data["integration"], start.input.task_queue) == ("journy", "other")


async def test_deliver_to_is_a_list_with_commas(
    monkeypatch: pytest.MonkeyPatch, connected: Client, gate: Gate
) -> None:
    """As in the settings of a worker."""
    set_all(monkeypatch, {"DELIVER_TO": "segment, journy"})
    client = BufferingClient.from_env(connected)
    client.track(user_id="u-1", event="E")
    await client.aclose(SOON)
    assert gate.starts[0].data["deliver_to"] == ["segment", "journy"]


async def test_inputs_are_encrypted_with_the_keys_of_the_workers(
    monkeypatch: pytest.MonkeyPatch, temporal: Client, task_queue: str
) -> None:
    """One environment serves all: what a service writes must not stay readable."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.service_client.config.target_host)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", temporal.namespace)
    monkeypatch.setenv("ANALYTICS_TASK_QUEUE", task_queue)
    monkeypatch.setenv("ANALYTICS_ENCRYPTION_KEYS", f"{new_key('k1')}, {new_key('k2')}")
    set_all(monkeypatch, {"INTEGRATION": "segment"})
    stored: list[Outcome] = []

    async with BufferingClient.from_env() as client:
        client.track(user_id="u-1", event="E", callback=stored.append)

    assert stored[0].workflow_id
    handle = temporal.get_workflow_handle(stored[0].workflow_id)
    started = (await handle.fetch_history()).events[0].workflow_execution_started_event_attributes
    assert started.input.payloads[0].metadata[KEY_ID] == b"k1"


async def test_a_client_of_its_own_may_stand_beside_the_keys(
    monkeypatch: pytest.MonkeyPatch, connected: Client, gate: Gate
) -> None:
    """Its data converter decides."""
    monkeypatch.setenv("ANALYTICS_ENCRYPTION_KEYS", new_key())
    client = BufferingClient.from_env(connected)
    client.track(user_id="u-1", event="E")
    await client.aclose(SOON)
    assert len(gate.starts) == 1


@pytest.mark.parametrize("text", ["", "k1:secret"])
def test_wrong_encryption_keys_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """An empty variable too: a key that is missing by mistake must not switch encryption off."""
    monkeypatch.setenv("ANALYTICS_ENCRYPTION_KEYS", text)
    with pytest.raises(SettingsError, match=r"^ANALYTICS_ENCRYPTION_KEYS: must be") as refused:
        BufferingClient.from_env()
    assert "secret" not in str(refused.value)


def test_without_variables_the_defaults_apply(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with `BufferingClient()`."""
    set_all(monkeypatch, {"DISABLED": "true"})
    assert BufferingClient.from_env().track(user_id="u-1", event="E")


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("FLUSH_AT", "many", "must be a whole number, like 100"),
        ("FLUSH_INTERVAL", "soon", "must be a number of seconds or ISO 8601, like 0.5 or PT0.5S"),
        ("WAIT_WHEN_FULL", "P", "must be a number of seconds or ISO 8601, like 0.5 or PT0.5S"),
        ("EXIT_TIMEOUT", "1e300", "must be a number of seconds or ISO 8601, like 0.5 or PT0.5S"),
        ("STRICT", "no", "must be true or false"),
        ("CONTEXT", "[1]", 'must be a JSON object, like {"key": "value"}'),
        ("POLICIES", "{", 'must be a JSON object, like {"key": "value"}'),
        ("FLUSH_ATT", "1", f"is not a setting; did you mean {PREFIX}FLUSH_AT?"),
        ("WRITE_KEY_OF_SEGMENT", "secret", "is not a setting; settings are ANALYTICS_CLIENT__C"),
    ],
)
def test_a_wrong_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, problem: str
) -> None:
    """With what to set, and without its value."""
    set_all(monkeypatch, {name: text, "MAX_FLUSHES": "x"})
    with pytest.raises(SettingsError) as refused:
        BufferingClient.from_env()

    assert len(refused.value.problems) == 2
    assert any(line.startswith(f"{PREFIX}{name}: {problem}") for line in refused.value.problems)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("settings", [Settings, GatewaySettings])
def test_the_processes_leave_the_variables_of_clients_alone(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """One environment may serve all; a wrong name is still refused."""
    set_all(monkeypatch, VALUES)
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY", "k")
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SEGMENT__PROVIDER", "segment")
    monkeypatch.setenv("ANALYTICS_SOURCES__SHOP__WRITE_KEY", "k")
    monkeypatch.setenv("ANALYTICS_SOURCES__SHOP__INTEGRATIONS", "segment")
    assert settings.load()

    monkeypatch.setenv("ANALYTICS_CLIENTS__FLUSH_AT", "1")
    with pytest.raises(SettingsError, match="ANALYTICS_CLIENTS__FLUSH_AT: is not a setting"):
        settings.load()
