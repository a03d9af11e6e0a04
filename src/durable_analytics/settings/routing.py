"""The `routing` of an integration, as files and environment variables contain it."""

import re
from codecs import BOM_UTF8
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from durable_analytics.settings.values import from_text, split_at_commas

_HASH = re.compile("[0-9a-f]{64}")
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


def read_suppressed(value: Any) -> Any:
    """Read a file with the hashes of users, one in each line.

    Args:
        value: The path of the file.
    """
    try:
        lines = Path(str(value)).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ValueError("must be the path of a text file that can be read") from None
    hashes = {line.strip().lower() for line in lines if line.strip()}
    for number, line in enumerate(lines, 1):
        if line.strip() and not _HASH.fullmatch(line.strip().lower()):
            raise ValueError(f"line {number} must be an HMAC-SHA256 in hex, 64 characters")
    return frozenset(hashes)


def read_tracking_plan(value: Any) -> Any:
    """Read a file with a tracking plan.

    Args:
        value: The path of the file, or a plan that was read before.
    """
    try:
        from durable_analytics.delivery.tracking_plan import TrackingPlan, read_plan  # noqa: PLC0415  # Rust
    except ModuleNotFoundError as error:
        raise ValueError(f"needs the package {error.name}: install it") from None
    if value is None or isinstance(value, TrackingPlan):
        return value
    try:
        content = Path(str(value)).read_bytes().removeprefix(BOM_UTF8)
        from_json(content)
    except (OSError, ValueError):
        raise ValueError("must be the path of a JSON file that can be read") from None
    return read_plan(content)


def _read(key: str, value: Any) -> Any:
    if isinstance(value, str) and key in _LISTS:
        listed = from_text(value)
        return listed if isinstance(listed, list) else split_at_commas(value)
    return from_text(value) if isinstance(value, str) and key in _OBJECTS else value
