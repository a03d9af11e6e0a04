"""The exception for a request that the gateway rejects."""

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


def too_large(what: str, limit_bytes: int) -> RequestError:
    """The error for data that exceeds a limit."""
    return RequestError(413, f"{what} is larger than {limit_bytes} bytes: send less at once")


def retry_later(status: int, message: str, seconds: int) -> RequestError:
    """The error for a request that may succeed after this many seconds.

    Current SDKs read `Retry-After`, older ones `X-RateLimit-Reset`.
    """
    wait = str(seconds)
    return RequestError(status, message, {"Retry-After": wait, "X-RateLimit-Reset": wait})
