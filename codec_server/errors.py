"""The exception for a request that the codec server rejects."""


class RequestError(Exception):
    """A request gets this error response.

    Args:
        status: The HTTP status.
        message: What is wrong; it holds no value of the request.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
