"""The settings of the codec server: each wrong one is an error that says what to set instead."""

import re
from collections.abc import Mapping

import pytest

from codec_server.settings import Settings
from durable_analytics import SettingsError
from tests.support.codec_server_process import TOKEN

PREFIX = "ANALYTICS_CODEC_SERVER__"


def problem(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> str:
    """The one line about these settings."""
    for name, value in variables.items():
        monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError) as raised:
        Settings.load()
    (line,) = raised.value.problems
    return line


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, r"codec_server\.tokens: is required, or codec_server\.jwt"),
        ({"TOKENS": "short"}, r"codec_server\.tokens.*16 printable"),
        ({"TOKENS": TOKEN, "CORS_ORIGINS": "*"}, r"codec_server\.cors_origins.*not \"\*\""),
        (
            {"TOKENS": TOKEN, "CORS_ORIGINS": "https://a.test/"},
            r"codec_server\.cors_origins.*slash",
        ),
        ({"JWT__AUDIENCE": "codec"}, r"codec_server\.jwt.*either jwks_url or public_key"),
        ({"JWT__JWKS_URL": "https://a.test/jwks"}, r"codec_server\.jwt\.audience.*required"),
        (
            {"JWT__AUDIENCE": "codec", "JWT__JWKS_URL": "http://a.test/jwks"},
            r"codec_server\.jwt\.jwks_url.*https://",
        ),
        (
            {"JWT__AUDIENCE": "codec", "JWT__PUBLIC_KEY": "/none.pem"},
            r"codec_server\.jwt\.public_key.*PEM",
        ),
    ],
)
def test_a_wrong_setting_is_one_line(
    monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], expected: str
) -> None:
    line = problem(monkeypatch, variables)

    assert re.search(expected, line), line
    assert "short" not in line
    assert TOKEN not in line


def test_the_settings_of_other_programs_may_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """One environment serves all of them."""
    monkeypatch.setenv(f"{PREFIX}TOKENS", TOKEN)
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY", "a-key")
    monkeypatch.setenv("ANALYTICS_SOURCES__SHOP__WRITE_KEY", "a-key")
    monkeypatch.setenv("ANALYTICS_GATEWAY__PORT", "8088")
    monkeypatch.setenv("ANALYTICS_OPERATOR_WEBHOOK", "ops")

    assert Settings.load().codec_server.port == 8081
