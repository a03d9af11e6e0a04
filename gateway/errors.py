"""The errors of requests that the gateway rejects."""

from runtime.request_error import RequestError

__all__ = ["RequestError", "retry_later", "too_large"]


def too_large(what: str, limit_bytes: int) -> RequestError:
    """The error for data that exceeds a limit."""
    return RequestError(413, f"{what} is larger than {limit_bytes} bytes: send less at once")


def retry_later(status: int, message: str, seconds: int) -> RequestError:
    """The error for a request that may succeed after this many seconds.

    Current SDKs read `Retry-After`, older ones `X-RateLimit-Reset`.
    """
    wait = str(seconds)
    return RequestError(status, message, {"Retry-After": wait, "X-RateLimit-Reset": wait})
