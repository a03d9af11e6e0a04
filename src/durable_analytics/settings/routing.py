"""The `routing` of an integration, as files and environment variables contain it."""

from typing import Any

from durable_analytics.settings.values import from_text, split_at_commas

_LISTS = frozenset({"methods", "events", "drop", "allow", "hash"})
_OBJECTS = frozenset({"where", "rename"})


def read_routing(value: Any) -> Any:
    """Read texts of the environment as what they mean; the values of a file stay as they are.

    >>> read_routing({"methods": "track, identify", "rename": '{"traits.a": "traits.b"}'})
    {'methods': ['track', 'identify'], 'rename': {'traits.a': 'traits.b'}}
    """
    value = from_text(value) if isinstance(value, str) else value
    if not isinstance(value, dict):
        return value
    return {key: _read(key, item) for key, item in value.items()}


def _read(key: str, value: Any) -> Any:
    if isinstance(value, str) and key in _LISTS:
        listed = from_text(value)
        return listed if isinstance(listed, list) else split_at_commas(value)
    return from_text(value) if isinstance(value, str) and key in _OBJECTS else value
