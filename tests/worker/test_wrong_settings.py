"""A wrong setting stops the worker with one line: which, what is wrong, how to set it."""

from pathlib import Path

import pytest

from durable_analytics.providers import provider_names
from tests.runtime.wrong_settings import SECRET, problems
from worker import load

NAME = (
    "must be a name, like segment_eu: "
    "1 to 100 lower-case letters, digits and _, beginning with a letter"
)

PREFIX = "ANALYTICS_INTEGRATIONS__"
SEGMENT = f"{PREFIX}SEGMENT__"
REQUEST = f"{SEGMENT}POLICIES__REQUEST__"
RETRY = f"{REQUEST}RETRY_POLICY__"
WRITE_KEY = {f"{SEGMENT}WRITE_KEY": SECRET}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


WRONG_VARIABLES = {
    "no integrations": ({}, "integrations: is required", f"{SEGMENT}WRITE_KEY"),
    "no write key": (
        {f"{SEGMENT}REGION": "eu"},
        "integrations.segment.write_key: is required",
        f"{SEGMENT}WRITE_KEY",
    ),
    "no base URL": (
        {f"{PREFIX}RUDDERSTACK__WRITE_KEY": SECRET},
        "integrations.rudderstack.base_url: is required",
        f"{PREFIX}RUDDERSTACK__BASE_URL",
    ),
    "no provider": (
        {f"{PREFIX}SHOP__WRITE_KEY": SECRET},
        f"integrations.shop.provider: must be one of {', '.join(provider_names())}",
        f"{PREFIX}SHOP__PROVIDER",
    ),
    "unknown provider": (
        {f"{PREFIX}SHOP__PROVIDER": "segmant", f"{PREFIX}SHOP__WRITE_KEY": SECRET},
        f"integrations.shop.provider: must be one of {', '.join(provider_names())}",
        f"{PREFIX}SHOP__PROVIDER",
    ),
    "typing error in a provider's key": (
        {**WRITE_KEY, f"{SEGMENT}BASE_ULR": SECRET},
        "integrations.segment.base_ulr: is not a known key: did you mean base_url?",
        f"{SEGMENT}BASE_ULR",
    ),
    "typing error in an account's key": (
        {**WRITE_KEY, f"{SEGMENT}PROXI": SECRET},
        "integrations.segment.proxi: is not a known key: did you mean proxy?",
        f"{SEGMENT}PROXI",
    ),
    "foreign key": (
        {f"{PREFIX}TRAKIO__TOKEN": SECRET, f"{PREFIX}TRAKIO__XYZ": SECRET},
        (
            "integrations.trakio.xyz: is not a known key; "
            "the known keys are allow_http, allow_policies_override, allow_private_addresses, "
            "base_url, breaker, ca_bundle, consent_categories, "
            "max_in_flight, max_requests_per_second, obey_integrations, on_violation, "
            "pause_after_unauthorized, policies, policy_limits, provider, proxy, routing, "
            "segment_name, suppressed_users_file, token, tracking_plan, transform"
        ),
        f"{PREFIX}TRAKIO__XYZ",
    ),
    "unknown key of a routing": (
        {**WRITE_KEY, f"{SEGMENT}ROUTING__EVNETS": "Signed Up"},
        "integrations.segment.routing.evnets: is not a known key: did you mean events?",
        f"{SEGMENT}ROUTING__EVNETS",
    ),
    "foreign key of a routing": (
        {**WRITE_KEY, f"{SEGMENT}ROUTING__XYZ": "1"},
        (
            "integrations.segment.routing.xyz: is not a known key; the known keys are allow, "
            "drop, events, hash, methods, rename, sample, where"
        ),
        f"{SEGMENT}ROUTING__XYZ",
    ),
    "no key to hash with": (
        {**WRITE_KEY, f"{SEGMENT}ROUTING__HASH": "traits.email"},
        "user_hash_keys: is required, because segment.routing.hash needs a key",
        "ANALYTICS_USER_HASH_KEYS",
    ),
    "name that means all integrations": (
        {**WRITE_KEY, f"{SEGMENT}SEGMENT_NAME": "ALL"},
        (
            "integrations.segment.segment_name: must be another name: in the integrations of a "
            'message, "All" means all'
        ),
        f"{SEGMENT}SEGMENT_NAME",
    ),
    "unknown region": (
        {**WRITE_KEY, f"{SEGMENT}REGION": "mars"},
        "integrations.segment.region: must be 'us' or 'eu'",
        f"{SEGMENT}REGION",
    ),
    "base URL of another scheme": (
        {**WRITE_KEY, f"{SEGMENT}BASE_URL": f"ftp://{SECRET}.example.com"},
        'integrations.segment.base_url: must be a URL, like "https://api.example.com"',
        f"{SEGMENT}BASE_URL",
    ),
    "base URL whose host is an address in another spelling": (
        {**WRITE_KEY, f"{SEGMENT}BASE_URL": "https://0177.0.0.1"},
        'integrations.segment.base_url: must be a URL, like "https://api.example.com"',
        f"{SEGMENT}BASE_URL",
    ),
    "base URL whose host is a number": (
        {**WRITE_KEY, f"{SEGMENT}BASE_URL": "https://2130706433"},
        'integrations.segment.base_url: must be a URL, like "https://api.example.com"',
        f"{SEGMENT}BASE_URL",
    ),
    "base URL with a password": (
        {**WRITE_KEY, f"{SEGMENT}BASE_URL": f"https://name:{SECRET}@example.com"},
        "integrations.segment.base_url: must not contain credentials, a query or a fragment",
        f"{SEGMENT}BASE_URL",
    ),
    "proxy without a scheme": (
        {**WRITE_KEY, f"{SEGMENT}PROXY": f"name:{SECRET}@proxy.internal:3128"},
        'integrations.segment.proxy: must be a URL, like "http://proxy.internal:3128"',
        f"{SEGMENT}PROXY",
    ),
    "proxy that is no URL": (
        {**WRITE_KEY, f"{SEGMENT}PROXY": f"http://proxy.internal:{SECRET}"},
        'integrations.segment.proxy: must be a URL, like "http://proxy.internal:3128"',
        f"{SEGMENT}PROXY",
    ),
    "proxy that needs more than is installed": (
        {**WRITE_KEY, f"{SEGMENT}PROXY": "socks5://proxy.internal:1080"},
        'integrations.segment.proxy: must be a URL, like "http://proxy.internal:3128"',
        f"{SEGMENT}PROXY",
    ),
    "no such CA bundle": (
        {**WRITE_KEY, f"{SEGMENT}CA_BUNDLE": "missing.pem"},
        "integrations.segment.ca_bundle: Path does not point to a file",
        f"{SEGMENT}CA_BUNDLE",
    ),
    "CA bundle without certificates": (
        {**WRITE_KEY, f"{SEGMENT}CA_BUNDLE": __file__},
        "integrations.segment.ca_bundle: must be a PEM file with certificates",
        f"{SEGMENT}CA_BUNDLE",
    ),
    "override that is neither": (
        {**WRITE_KEY, f"{SEGMENT}ALLOW_POLICIES_OVERRIDE": "perhaps"},
        (
            "integrations.segment.allow_policies_override: must be a valid boolean, "
            "unable to interpret input"
        ),
        f"{SEGMENT}ALLOW_POLICIES_OVERRIDE",
    ),
    "policy in words": (
        {**WRITE_KEY, f"{REQUEST}SINGLE_ATTEMPT_TIMEOUT": "soon"},
        (
            "integrations.segment.policies.request.single_attempt_timeout: "
            'must be ISO 8601 ("PT3S") or a number of seconds'
        ),
        f"{REQUEST}SINGLE_ATTEMPT_TIMEOUT",
    ),
    "negative policy": (
        {**WRITE_KEY, f"{REQUEST}TOTAL_TIMEOUT": "-5"},
        (
            "integrations.segment.policies.request.total_timeout: "
            "must be longer than 0 and at most 10 years"
        ),
        f"{REQUEST}TOTAL_TIMEOUT",
    ),
    "unknown policy": (
        {**WRITE_KEY, f"{RETRY}MAXIMUM_ATEMPTS": "5"},
        (
            "integrations.segment.policies.request.retry_policy.maximum_atempts: "
            "is not a known key: did you mean maximum_attempts?"
        ),
        f"{RETRY}MAXIMUM_ATEMPTS",
    ),
    "contradictory policy": (
        {**WRITE_KEY, f"{RETRY}INITIAL_INTERVAL": "PT9S", f"{RETRY}MAXIMUM_INTERVAL": "PT5S"},
        (
            "integrations.segment.policies: policies.request.retry_policy.maximum_interval "
            "must not be shorter than initial_interval: set it to PT9S or more"
        ),
        f"{SEGMENT}POLICIES",
    ),
    "unknown default": (
        {**WRITE_KEY, "ANALYTICS_DEFAULT_INTEGRATION": "segmant"},
        "default_integration: must be one of the integrations: segment",
        "ANALYTICS_DEFAULT_INTEGRATION",
    ),
    "name that starts with a digit": (
        {f"{PREFIX}9SHOP__PROVIDER": "segment", f"{PREFIX}9SHOP__WRITE_KEY": SECRET},
        f"integrations.9shop: {NAME}",
        f"{PREFIX}9SHOP",
    ),
    "text for an integration": (
        {f"{PREFIX}SEGMENT": SECRET},
        "integrations.segment: must be an object",
        f"{PREFIX}SEGMENT",
    ),
    "no task queue": (
        {**WRITE_KEY, "ANALYTICS_TASK_QUEUE": ""},
        "task_queue: must have at least 1 character",
        "ANALYTICS_TASK_QUEUE",
    ),
    "levels below text": (
        {**WRITE_KEY, "ANALYTICS_TASK_QUEUE__NAME": "x"},
        "task_queue: must be text",
        "ANALYTICS_TASK_QUEUE",
    ),
    "grace in words": (
        {**WRITE_KEY, "ANALYTICS_GRACEFUL_SHUTDOWN_TIMEOUT": "soon"},
        'graceful_shutdown_timeout: must be ISO 8601 ("PT3S") or a number of seconds',
        "ANALYTICS_GRACEFUL_SHUTDOWN_TIMEOUT",
    ),
    "a long grace": (
        {**WRITE_KEY, "ANALYTICS_GRACEFUL_SHUTDOWN_TIMEOUT": "PT2H"},
        "graceful_shutdown_timeout: must be 3600 seconds or shorter",
        "ANALYTICS_GRACEFUL_SHUTDOWN_TIMEOUT",
    ),
    "a breaker that stays open": (
        {**WRITE_KEY, f"{SEGMENT}BREAKER__OPEN_FOR": "PT1H"},
        "integrations.segment.breaker.open_for: must be 600 seconds or shorter",
        f"{SEGMENT}BREAKER__OPEN_FOR",
    ),
    "no processes": (
        {**WRITE_KEY, "ANALYTICS_WORKER__PROCESSES": "0"},
        "worker.processes: must be greater than or equal to 1",
        "ANALYTICS_WORKER__PROCESSES",
    ),
    "processes in words": (
        {**WRITE_KEY, "ANALYTICS_WORKER__PROCESSES": "many"},
        "worker.processes: must be a valid integer, unable to parse string as an integer",
        "ANALYTICS_WORKER__PROCESSES",
    ),
    "typing error in a worker's key": (
        {**WRITE_KEY, "ANALYTICS_WORKER__PROCESES": "2"},
        "worker.proceses: is not a known key: did you mean processes?",
        "ANALYTICS_WORKER__PROCESES",
    ),
    "unknown log format": (
        {**WRITE_KEY, "ANALYTICS_LOG_FORMAT": "xml"},
        "log_format: must be 'auto', 'console' or 'json'",
        "ANALYTICS_LOG_FORMAT",
    ),
    "hook without a module": (
        {**WRITE_KEY, "ANALYTICS_ON_ATTEMPT_FAILED": "no_such_module:hook"},
        "on_attempt_failed: Invalid python path: No module named 'no_such_module'",
        "ANALYTICS_ON_ATTEMPT_FAILED",
    ),
    "hook without a function": (
        {**WRITE_KEY, "ANALYTICS_ON_EXECUTION_FAILED": "os:hook"},
        "on_execution_failed: Invalid python path: cannot import name 'hook' from 'os'",
        "ANALYTICS_ON_EXECUTION_FAILED",
    ),
    "hook that cannot be called": (
        {**WRITE_KEY, "ANALYTICS_ON_ATTEMPT_FAILED": "os:sep"},
        "on_attempt_failed: must be callable",
        "ANALYTICS_ON_ATTEMPT_FAILED",
    ),
}


@pytest.mark.parametrize(
    ("variables", "problem", "variable"), WRONG_VARIABLES.values(), ids=WRONG_VARIABLES
)
def test_a_wrong_variable(
    variables: dict[str, str], problem: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, and no value in it."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert problems(load) == [f"{problem}; set it in analytics.toml or as {variable}"]


WRONG_FILES = {
    "not TOML": (
        f"write_key = {SECRET}",
        "analytics.toml: cannot be read: Invalid value (at line 1, column 13)",
    ),
    "typing error": (
        f'task_que = "x"\n[integrations.segment]\nwrite_key = "{SECRET}"',
        (
            "task_que: is not a known key: did you mean task_queue?; "
            "set it in analytics.toml or as ANALYTICS_TASK_QUE"
        ),
    ),
    "capital letter in a name": (
        f'[integrations.Shop]\nprovider = "segment"\nwrite_key = "{SECRET}"',
        (f"integrations.Shop: {NAME}; set it in analytics.toml or as ANALYTICS_INTEGRATIONS__SHOP"),
    ),
    "list of integrations": (
        f'integrations = ["{SECRET}"]',
        (
            "integrations: must be an object; "
            "set it in analytics.toml or as ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY"
        ),
    ),
    "no integration at all": (
        "[integrations]",
        (
            "integrations: must have at least 1 item, not 0; "
            "set it in analytics.toml or as ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY"
        ),
    ),
    "number for a credential": (
        "[integrations.segment]\nwrite_key = 123456",
        (
            "integrations.segment.write_key: must be text; "
            "set it in analytics.toml or as ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY"
        ),
    ),
}


@pytest.mark.parametrize(("text", "problem"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_wrong_file(text: str, problem: str) -> None:
    """One line, and no value in it."""
    Path("analytics.toml").write_text(text)

    assert problems(load) == [problem]


def test_an_empty_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no credential."""
    monkeypatch.setenv(f"{SEGMENT}WRITE_KEY", " ")

    (line,) = problems(load)
    assert line.startswith("integrations.segment.write_key: must be ")
    assert line.endswith(f"; set it in analytics.toml or as {SEGMENT}WRITE_KEY")


def test_a_variable_that_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error in a name does not pass in silence, however it is written."""
    monkeypatch.setenv(f"{SEGMENT}WRITE_KEY", SECRET)
    monkeypatch.setenv("ANALYTICS_TASKQUEUE", SECRET)
    monkeypatch.setenv("analytics_write_key", SECRET)

    lines = problems(load)

    middle = ": is not a setting; settings are ANALYTICS_"
    assert [line.partition(middle)[0] for line in lines] == [
        "ANALYTICS_TASKQUEUE",
        "analytics_write_key",
    ]


def test_a_secret_file_that_is_no_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does one in the name of a secret file."""
    (tmp_path / "ANALYTICS_INTEGRATION__SEGMENT__WRITE_KEY").write_text(SECRET)
    monkeypatch.setenv("ANALYTICS_SECRETS_DIR", str(tmp_path))

    (line,) = problems(load)
    assert line.startswith("ANALYTICS_INTEGRATION__SEGMENT__WRITE_KEY: is not a setting; ")


def test_a_variable_above_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of two that exclude each other is dropped."""
    monkeypatch.setenv(f"{PREFIX}SEGMENT", SECRET)
    monkeypatch.setenv(f"{SEGMENT}WRITE_KEY", SECRET)

    assert problems(load) == [
        (
            "ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY: "
            "conflicts with a variable that sets segment to a text: remove one of them"
        )
    ]


def test_a_settings_file_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ANALYTICS_CONFIG` is meant: without its file the worker does not start."""
    monkeypatch.setenv(f"{SEGMENT}WRITE_KEY", SECRET)
    monkeypatch.setenv("ANALYTICS_CONFIG", "elsewhere.toml")

    assert problems(load) == [
        "ANALYTICS_CONFIG: the file elsewhere.toml does not exist: set the path of a TOML file"
    ]


def test_a_folder_of_secrets_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Likewise `ANALYTICS_SECRETS_DIR`."""
    monkeypatch.setenv(f"{SEGMENT}WRITE_KEY", SECRET)
    monkeypatch.setenv("ANALYTICS_SECRETS_DIR", "elsewhere")

    assert problems(load) == [
        "ANALYTICS_SECRETS_DIR: the folder elsewhere does not exist: set a folder with secret files"
    ]


def test_a_secret_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names the file."""
    file = tmp_path / f"{SEGMENT}WRITE_KEY"
    file.write_bytes(b"\xff\xfe")
    monkeypatch.setenv("ANALYTICS_SECRETS_DIR", str(tmp_path))

    assert problems(load) == [f"{file}: cannot be read (not UTF-8 text): make it readable text"]


def test_a_hook_whose_module_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the module raises is a line, without its text, which could hold anything."""
    (tmp_path / "failing_hook.py").write_text(f"raise RuntimeError('{SECRET}')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(f"{SEGMENT}WRITE_KEY", SECRET)
    monkeypatch.setenv("ANALYTICS_ON_ATTEMPT_FAILED", "failing_hook:hook")

    assert problems(load) == [
        (
            "on_attempt_failed: its module cannot be imported: it raises RuntimeError; "
            "set it in analytics.toml or as ANALYTICS_ON_ATTEMPT_FAILED"
        )
    ]


def test_every_problem_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to start the worker once a problem."""
    monkeypatch.setenv(f"{SEGMENT}PROXY", "nowhere")
    monkeypatch.setenv(f"{PREFIX}TRAKIO__TOKEN", "")
    monkeypatch.setenv("ANALYTICS_LOG_FORMAT", "xml")

    assert [line.partition(":")[0] for line in problems(load)] == [
        "log_format",
        "integrations.segment.write_key",
        "integrations.segment.proxy",
        "integrations.trakio.token",
    ]
