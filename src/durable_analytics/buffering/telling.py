"""Telling callers what became of their messages; what they raise harms nothing."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from pydantic_core import from_json

from durable_analytics.buffering.buffer import Awaited
from durable_analytics.calls import Outcome
from durable_analytics.errors import AnalyticsError
from durable_analytics.messages import JsonObject

log = logging.getLogger("durable_analytics.buffering")

OnError = Callable[[Exception, list[JsonObject]], Any]


class Teller:
    """Calls the callbacks of messages, and `on_error` with those that are not kept.

    Args:
        on_error: The client's; None where the log is enough.
    """

    def __init__(self, on_error: OnError | None) -> None:
        self._on_error = on_error

    def kept(self, items: Sequence[bytes], workflow_id: str | None) -> None:
        """Temporal has these; a disabled client says so of what it has dropped as it was told."""
        for item in items:
            if isinstance(item, Awaited):
                _call(item.callback, Outcome(item.message_id, workflow_id, None))

    def lost(self, items: Sequence[bytes], error: AnalyticsError) -> None:
        """These are not known to be kept, and the client tries no longer."""
        log.error("not kept by Temporal: %d messages (%s)", len(items), error)
        for item in items:
            if isinstance(item, Awaited):
                _call(item.callback, Outcome(item.message_id, None, error))
        if self._on_error is not None:
            _call(self._on_error, error, [from_json(item) for item in items])


def _call(function: Callable[..., Any], *arguments: Any) -> None:
    try:
        function(*arguments)
    except BaseException:  # sys.exit() in a callback must not end the client's thread
        log.exception("a callback of the buffering client failed")
