"""Segment's SDK for Python, called in the words of the wire."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from segment.analytics.client import Client  # type: ignore[import-untyped]  # it has no types

from tests.gateway.sdks.calls import Call

_WORDS = {
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
            given = {_WORDS.get(name, name): value for name, value in arguments.items()}
            if "timestamp" in given:
                given["timestamp"] = datetime.fromisoformat(given["timestamp"])
            is_queued, _ = getattr(self._client, method)(**given)
            assert is_queued

    def flush(self) -> None:
        """Block until all is sent, or has failed."""
        self._client.flush()

    def close(self) -> None:
        """The same, and end the SDK's thread."""
        self._client.shutdown()

    def _failed(self, error: Exception, batch: list[dict[str, Any]]) -> None:
        self.failures.append((str(error), [message["messageId"] for message in batch]))
