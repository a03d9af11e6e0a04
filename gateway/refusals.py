"""A request that is answered with something else than success."""

from collections.abc import Mapping


class Refusal(Exception):
    """What the caller is told instead.

    Args:
        status: HTTP's.
        message: What is wrong and what to do; never a value of the request.
        headers: More of the answer.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


def too_large(what: str, limit_bytes: int) -> Refusal:
    """The refusal of what is over a limit."""
    return Refusal(413, f"{what} is larger than {limit_bytes} bytes: send less at a time")


def try_again(status: int, message: str, seconds: int) -> Refusal:
    """The refusal of what may be right at another time.

    SDKs look for the first of the two headers, older ones for the second.
    """
    wait = str(seconds)
    return Refusal(status, message, {"Retry-After": wait, "X-RateLimit-Reset": wait})
