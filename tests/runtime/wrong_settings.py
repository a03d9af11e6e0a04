"""What a process says of wrong settings, and what it must never say."""

from collections.abc import Callable

import pytest

from durable_analytics.errors import SettingsError

SECRET = "sk-very-secret"
"""In every credential of these tests."""


def problems(load: Callable[[], object]) -> list[str]:
    """The lines that loading ends with."""
    with pytest.raises(SettingsError) as caught:
        load()
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)
    # An error that it came from would be printed with it.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.problems
