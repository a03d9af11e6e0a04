"""The setting `encryption_keys`: its form, and errors that never show a key."""

import base64
import re

import pytest

from durable_analytics import AnalyticsClient, BufferingClient, SettingsError
from durable_analytics.temporal.encryption_keys import EncryptionKey, new_key, read_keys
from gateway.settings import Settings as GatewaySettings
from tests.support.command import Command
from worker import load

SECRET = base64.b64encode(b"0123456789abcdef0123456789ABCDEF").decode()
WRONG = {
    SECRET: "id, a colon",
    f":{SECRET}": "the id 1 to 64 letters",
    f"k 1:{SECRET}": "the id 1 to 64 letters",
    f"k1:{SECRET[:20]}": "the key k1 has 15 bytes",
    f"k1:{SECRET}x": "the key k1 is not base64",
}


@pytest.mark.parametrize(("text", "reason"), WRONG.items())
def test_wrong_key_is_an_error_without_the_key(
    monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    """One line that names the setting, and what to write instead."""
    monkeypatch.setenv("ANALYTICS_ENCRYPTION_KEYS", text)
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY", "a-key")

    with pytest.raises(SettingsError) as raised:
        load()

    (problem,) = raised.value.problems
    assert problem.startswith("encryption_keys")
    assert reason in problem
    assert "ANALYTICS_ENCRYPTION_KEYS" in problem
    assert "durable-analytics keys new" in problem
    assert SECRET[:16] not in problem


def test_two_keys_of_one_id_are_an_error() -> None:
    with pytest.raises(ValueError, match="k1 is there twice"):
        read_keys([new_key("k1"), new_key("k1")])


def test_keys_come_from_each_source_of_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    """Of a secret file here; the worker and the gateway read the same setting."""
    folder = str(tmp_path)
    texts = [new_key("k2"), new_key("k1")]
    with open(f"{folder}/ANALYTICS_ENCRYPTION_KEYS", "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(", ".join(texts) + "\n")
    monkeypatch.setenv("ANALYTICS_SECRETS_DIR", folder)
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY", "a-key")
    monkeypatch.setenv("ANALYTICS_SOURCES__SEGMENT__WRITE_KEY", "a-key")

    assert load().payload_keys == GatewaySettings.load().payload_keys == read_keys(texts)


def test_keys_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the text of settings, and of a key."""
    monkeypatch.setenv("ANALYTICS_ENCRYPTION_KEYS", f"k1:{SECRET}")
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY", "a-key")
    settings = load()
    (key,) = settings.payload_keys

    shown = f"{settings!r} {settings} {key!r} {key}"

    assert SECRET not in shown
    assert "0123456789abcdef" not in shown
    assert "k1" in shown


def test_without_the_package_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("durable_analytics.temporal.encryption_keys.find_spec", lambda _: None)

    with pytest.raises(ValueError, match=re.escape("durable-analytics[encryption]")):
        read_keys([new_key()])


async def test_command_prints_a_key(command: Command) -> None:
    """With an id of its own, or the one that is asked for; each time another one."""
    first, second = [(await command("keys", "new")).out.strip() for _ in range(2)]
    named = (await command("keys", "new", "--id", "k2")).out.strip()

    keys = [EncryptionKey.read(text) for text in (first, second, named)]
    assert len({key.secret for key in keys}) == 3
    assert keys[2].id == "k2"
    assert (await command("keys", "new", "--id", "k 2")).status == 2


@pytest.mark.parametrize("keys", [["k1"], [f"k1:{SECRET[:8]}"]])
async def test_clients_refuse_a_wrong_key(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="encryption_keys"):
        BufferingClient(encryption_keys=keys)
    with pytest.raises(ValueError, match="encryption_keys"):
        await AnalyticsClient.connect(encryption_keys=keys)
