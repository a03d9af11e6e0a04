"""The exception for a request that a server rejects."""

from collections.abc import Mapping


class RequestError(Exception):
    """A request gets this error response.

    Args:
        status: The HTTP status.
        message: What is wrong and what to do; it holds no value of the request.
        headers: Further headers of the response.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
