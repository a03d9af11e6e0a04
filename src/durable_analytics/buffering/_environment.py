"""The arguments of a buffering client from environment variables."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from pydantic import TypeAdapter

from durable_analytics.errors import SettingsError
from durable_analytics.temporal.encryption_keys import read_keys
from durable_analytics.wire.messages import JsonObject

PREFIX = "ANALYTICS_CLIENT__"
"""`ANALYTICS_CLIENT__FLUSH_AT=200` is the argument `flush_at=200`."""

TASK_QUEUE = "ANALYTICS_TASK_QUEUE"
"""The variable of the task queue; workers read it too."""

ENCRYPTION_KEYS = "ANALYTICS_ENCRYPTION_KEYS"
"""The variable of the keys that encrypt inputs; workers read it too."""

_iso_8601 = TypeAdapter(timedelta)
_json_object = TypeAdapter(JsonObject)


def _text(text: str) -> str:
    return text


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _keys(text: str) -> list[str]:
    """Read encryption keys; empty text is an error, since it must not switch encryption off."""
    keys = _names(text)
    read_keys(keys)
    return keys


def _count(text: str) -> int:
    if not text.strip().isdecimal():
        raise ValueError("must be a whole number, like 100")
    return int(text)


def _duration(text: str) -> timedelta:
    try:
        if text.lstrip("-").startswith("P"):
            return _iso_8601.validate_python(text)
        return timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        raise ValueError("must be a number of seconds or ISO 8601, like 0.5 or PT0.5S") from None


def _switch(text: str) -> bool:
    if text.lower() not in _SWITCHES:
        raise ValueError("must be true or false")
    return _SWITCHES[text.lower()]


_SWITCHES = {"true": True, "1": True, "false": False, "0": False}


def _object(text: str) -> JsonObject:
    try:
        return _json_object.validate_json(text)
    except ValueError:
        raise ValueError('must be a JSON object, like {"key": "value"}') from None


READERS: Mapping[str, Callable[[str], Any]] = {
    "integration": _text,
    "deliver_to": _names,
    "context": _object,
    "policies": _object,
    "request_options": _object,
    "strict": _switch,
    "flush_at": _count,
    "flush_interval": _duration,
    "max_queue_size": _count,
    "max_batch_bytes": _count,
    "max_batch_messages": _count,
    "max_flushes": _count,
    "wait_when_full": _duration,
    "exit_timeout": _duration,
    "on_invalid": _text,
    "disabled": _switch,
}
"""How the text of each argument is read."""


def read_variables(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments that are set.

    An empty variable counts as not set, except that of the encryption keys. As for a worker, the
    case of a name does not matter.

    Args:
        environment: The environment variables.

    Raises:
        SettingsError: One line per problem: the variable, what is wrong, what to set.
    """
    arguments: dict[str, Any] = {}
    problems: list[str] = []
    environment = {variable.upper(): text for variable, text in environment.items()}
    for variable, text in sorted(environment.items()):
        if variable.startswith(PREFIX) and text:
            name = variable.removeprefix(PREFIX).lower()
            try:
                arguments[name] = _reader(name)(text)
            except ValueError as error:
                problems.append(f"{variable}: {error}")
    if ENCRYPTION_KEYS in environment:
        try:
            arguments["encryption_keys"] = _keys(environment[ENCRYPTION_KEYS])
        except ValueError as error:
            problems.append(f"{ENCRYPTION_KEYS}: {error}")
    if problems:
        raise SettingsError(problems)
    if task_queue := environment.get(TASK_QUEUE):
        arguments["task_queue"] = task_queue
    return arguments


def _reader(name: str) -> Callable[[str], Any]:
    if reader := READERS.get(name):
        return reader
    variables = {known: f"{PREFIX}{known.upper()}" for known in sorted(READERS)}
    close = get_close_matches(name, variables, n=1)
    hint = "settings are " + ", ".join(variables.values())
    if close:
        hint = f"did you mean {variables[close[0]]}?"
    raise ValueError(f"is not a setting; {hint}")
