"""An application of WSGI with a client at module level, as `uwsgi --module` loads it."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from durable_analytics import BufferingClient

analytics = BufferingClient(integration="segment")
if "TRACK_BEFORE_THE_FORK" in os.environ:
    analytics.track(user_id="u-1", event="Loaded", message_id="before")


def application(_: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Track an event; answers with the process and the message id."""
    message_id = analytics.track(user_id="u-1", event="Served")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {message_id}".encode()]
