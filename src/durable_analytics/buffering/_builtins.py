"""Whether a value holds only builtin types, which need no conversion to JSON."""

from typing import Any

_ATOMS = frozenset({str, int, float, bool, type(None)})
_CONTAINERS = frozenset({dict, list, tuple})
_MAX_LEVELS = 21
"""Deeper values are left to `to_json_values`, which knows the limit."""
_MAX_VALUES = 100_000
"""More values are left to it as well: a list that contains itself has no end."""


def holds_only_builtins(container: Any) -> bool:
    """Whether a dict, list or tuple holds builtin types only, and few levels; NaN is not seen."""
    return _remaining(container, _MAX_VALUES, _MAX_LEVELS) >= 0


def _remaining(container: Any, values: int, levels: int) -> int:
    """Return how many values more there may be; a negative number if there is a wrong one."""
    values -= len(container)
    if values < 0 or not levels:
        return -1
    if type(container) is dict:
        for key in container:
            if type(key) is not str:
                return -1
        container = container.values()
    for value in container:
        if type(value) not in _ATOMS:
            if type(value) not in _CONTAINERS:
                return -1
            values = _remaining(value, values, levels - 1)
            if values < 0:
                return -1
    return values
