"""The JSON body of every response to a request with messages."""

from http import HTTPStatus

from starlette.responses import JSONResponse, Response

_SUCCESS = b'{"success":true}'


def make_response(
    status: int, message: str = "", headers: dict[str, str] | None = None
) -> Response:
    """Make a response in the format of Segment's API.

    Args:
        status: The HTTP status.
        message: What is wrong; empty for success.
        headers: Further headers.
    """
    if not message:
        return Response(_SUCCESS, status, headers, "application/json")
    # RudderStack's SDK fails on an error response without a code.
    body = {"success": False, "code": HTTPStatus(status).name.lower(), "message": message}
    return JSONResponse(body, status, headers)
