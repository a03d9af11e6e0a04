"""The types of the clients' keyword arguments, and how a call passes its arguments on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Final, TypeVar
from uuid import UUID

from durable_analytics.errors import AnalyticsError

Json = Mapping[str, Any]
"""A mapping that `values.to_json_values` accepts; its keys may also be whole numbers, UUID or
Enum."""

Id = str | int | UUID
"""A whole number or a UUID is sent as text."""

Time = datetime | date | str
"""A time without an offset is UTC; a text is ISO 8601."""


class _NotGiven:
    def __repr__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN: Final[Any] = _NotGiven()
"""The default of an argument for which None has a meaning of its own, or is wrong. For
all other arguments, None means the same as no argument."""

_Declared = TypeVar("_Declared", bound=Callable[..., Any])


def passes_keywords(declared: _Declared) -> _Declared:
    """Make a method that passes its keywords to `_submit`, exactly as they were given.

    The declared function only has the signature and the documentation, for editors and `help`; its
    body is not used. So an argument that was not given differs from None, the keys of an SDK's
    message in camelCase can be passed as well, an unknown keyword is refused by the same check as
    an unknown key of an input, and a call takes no longer than with `**call` alone.

    Args:
        declared: The method; its name is the key of the message. Its class has
            `_submit(key, call)`, which is awaited if the method is a coroutine function.
    """
    key = declared.__name__
    if iscoroutinefunction(declared):

        async def method(self: Any, **call: Any) -> Any:
            return await self._submit(key, call)
    else:

        def method(self: Any, **call: Any) -> Any:  # type: ignore[misc]  # one of the two
            return self._submit(key, call)

    return wraps(declared)(method)  # type: ignore[return-value]  # it has the same signature


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one message that was enqueued.

    >>> Outcome("0199…", "segment:batch:5f2c…", None)  # Temporal has it
    >>> Outcome("0199…", None, NotAccepted("…"))  # Temporal may not have it
    """

    message_id: str

    workflow_id: str | None
    """The execution that delivers the message. None if `error` is set, and in a disabled client."""

    error: AnalyticsError | None
    """Why Temporal does not have the message, or may not have it."""
