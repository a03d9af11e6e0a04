"""Segment's SDK for Python, called with the keys of the wire format."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from segment.analytics.client import Client  # type: ignore[import-untyped]  # it has no types

from tests.support.sdk_calls import Call

_PARAMETERS = {
    "userId": "user_id",
    "anonymousId": "anonymous_id",
    "groupId": "group_id",
    "previousId": "previous_id",
    "messageId": "message_id",
}


class PythonSdk:
    """The SDK, with the failures that it tells of.

    Args:
        url: Where it sends.
        write_key: The source's.
        options: More of the SDK's.
    """

    def __init__(self, url: str, write_key: str = "segment", **options: Any) -> None:
        self.failures: list[tuple[str, list[str]]] = []
        """Each with the ids of its messages."""

        self._client = Client(write_key, host=url, on_error=self._failed, **options)

    def send(self, calls: Iterable[Call]) -> None:
        """Call the SDK's methods, which return before anything is sent."""
        for method, arguments in calls:
            options = {_PARAMETERS.get(name, name): value for name, value in arguments.items()}
            if "timestamp" in options:
                options["timestamp"] = datetime.fromisoformat(options["timestamp"])
            is_queued, _ = getattr(self._client, method)(**options)
            assert is_queued

    def flush(self) -> None:
        """Block until all is sent, or has failed."""
        self._client.flush()

    def close(self) -> None:
        """The same, and end the SDK's thread."""
        self._client.shutdown()

    def _failed(self, error: Exception, batch: list[dict[str, Any]]) -> None:
        self.failures.append((str(error), [message["messageId"] for message in batch]))
