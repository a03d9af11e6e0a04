"""Invalid settings are reported with the setting, the problem and the variable."""

import os
from pathlib import Path

import pytest

from gateway.settings import Settings
from tests.runtime.wrong_settings import SECRET, problems

NAME = (
    "must be a name, like segment_eu: "
    "1 to 100 lower-case letters, digits and _, beginning with a letter"
)

SHOP = "ANALYTICS_SOURCES__SHOP__"
KEY = {f"{SHOP}WRITE_KEY": SECRET}
GATEWAY = "ANALYTICS_GATEWAY__"


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove all settings of the machine that runs the tests."""
    for name in [name for name in os.environ if name.upper().startswith("ANALYTICS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


WRONG = {
    "no source": ({}, "sources: ", f"{SHOP}WRITE_KEY"),
    "no write key": ({f"{SHOP}ALLOW_DELETE": "true"}, "sources.shop.write_key: ", None),
    "empty write key": ({f"{SHOP}WRITE_KEY": ""}, "sources.shop.write_key: ", None),
    "colon in a write key": (
        {f"{SHOP}WRITE_KEY": f"{SECRET}:x"},
        (
            "sources.shop.write_key: must not contain a colon: "
            "SDKs send it as the user name of Basic authentication"
        ),
        None,
    ),
    "typing error in a source": (
        {**KEY, f"{SHOP}ALLOW_DELTE": "true"},
        "sources.shop.allow_delte: is not a known key: did you mean allow_delete?",
        None,
    ),
    "typing error in the gateway": (
        {**KEY, f"{GATEWAY}PROT": "1"},
        "gateway.prot: is not a known key: did you mean port?",
        None,
    ),
    "name of a source": (
        {"ANALYTICS_SOURCES__9SHOP__WRITE_KEY": SECRET},
        f"sources.9shop: {NAME}",
        "ANALYTICS_SOURCES__9SHOP",
    ),
    "name of an integration": (
        {**KEY, f"{SHOP}INTEGRATIONS": "segment,Segment"},
        f"sources.shop.integrations.1: {NAME}",
        None,
    ),
    "no port": ({**KEY, f"{GATEWAY}PORT": "0"}, "gateway.port: must be greater than ", None),
    "port in words": ({**KEY, f"{GATEWAY}PORT": "http"}, "gateway.port: must be a valid ", None),
    "no host": ({**KEY, f"{GATEWAY}HOST": ""}, "gateway.host: must have at ", None),
    "interval in words": (
        {**KEY, f"{GATEWAY}GATHER_INTERVAL": "soon"},
        'gateway.gather_interval: must be ISO 8601 ("PT3S") or a number of seconds',
        None,
    ),
    "no time to answer": (
        {**KEY, f"{GATEWAY}ANSWER_TIMEOUT": "0"},
        "gateway.answer_timeout: must be longer than 0",
        None,
    ),
    "no time left to answer": (
        {**KEY, f"{GATEWAY}GATHER_INTERVAL": "10"},
        "gateway.answer_timeout: must be longer than gather_interval",
        None,
    ),
    **{
        f"the proxies {proxies}": (
            {**KEY, f"{GATEWAY}TRUSTED_PROXIES": proxies},
            "gateway.trusted_proxies: must be IP addresses or networks, ",
            None,
        )
        for proxies in ("traefik", "10.0.0.0/33", "10.0.0.1/8", "127.0.0.1,*", "10.0.0.1,")
    },
    **{
        f"the origin {origin}": (
            {**KEY, f"{GATEWAY}CORS_ORIGINS": f"https://shop.example.com,{origin}"},
            'gateway.cors_origins.1: must be "*" or an origin, ',
            None,
        )
        for origin in (
            "https://a.com/",
            "a.com",
            "https://A.com",
            "https://a.com/x",
            "https://",
            "",
        )
    },
    "no requests": (
        {**KEY, f"{SHOP}REQUESTS_PER_SECOND": "0"},
        "sources.shop.requests_per_second: must be greater than 0",
        None,
    ),
    "no messages": (
        {**KEY, f"{SHOP}MESSAGES_LIMIT": "0"},
        "sources.shop.messages_limit: must be greater than or equal to 1",
        None,
    ),
    "too large a body": (
        {**KEY, f"{SHOP}BODY_LIMIT_BYTES": "1000000000"},
        "sources.shop.body_limit_bytes: must be less than or equal to 16777216",
        None,
    ),
    "the same write key": (
        {**KEY, "ANALYTICS_SOURCES__APP__WRITE_KEY": SECRET},
        "sources: must have different write keys: two sources have the same one",
        f"{SHOP}WRITE_KEY",
    ),
    "an unknown integration": (
        {**KEY, f"{SHOP}INTEGRATIONS": "segmant", "ANALYTICS_INTEGRATIONS__SEGMENT__X": SECRET},
        "sources: must name integrations that are configured (segment): shop names segmant",
        f"{SHOP}WRITE_KEY",
    ),
}


@pytest.mark.parametrize(("variables", "problem", "variable"), WRONG.values(), ids=WRONG)
def test_invalid_variable_is_reported_in_one_line(
    variables: dict[str, str],
    problem: str,
    variable: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The line does not hold the value."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    (line,) = problems(Settings.load)

    place = problem.partition(":")[0]
    variable = variable or "ANALYTICS_" + place.replace(".", "__").upper()
    assert line.startswith(problem)
    assert line.endswith(f"; set it in analytics.toml or as {variable}")


def test_all_problems_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one start of the gateway."""
    for name in (f"{GATEWAY}PORT", f"{SHOP}MESSAGES_LIMIT", "ANALYTICS_LOG_FORMAT"):
        monkeypatch.setenv(name, "-1")

    assert sorted(line.partition(":")[0] for line in problems(Settings.load)) == [
        "gateway.port",
        "log_format",
        "sources.shop.messages_limit",
        "sources.shop.write_key",
    ]


def test_unknown_variable_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be a misspelled setting."""
    for name in (f"{SHOP}WRITE_KEY", "ANALYTICS_SOURCE__SHOP__WRITE_KEY"):
        monkeypatch.setenv(name, SECRET)

    (line,) = problems(Settings.load)
    assert line.startswith("ANALYTICS_SOURCE__SHOP__WRITE_KEY: is not a setting; settings are ")
