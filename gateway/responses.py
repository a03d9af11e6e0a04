"""The JSON body of every response to a request with messages."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse, Response

SUCCESS = Response(b'{"success":true}', media_type="application/json")


def error_response(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Make a response in the format of Segment's API.

    Args:
        status: The HTTP status.
        message: What is wrong.
        headers: Further headers.
    """
    # RudderStack's SDK fails on an error response without a code.
    body = {"success": False, "code": HTTPStatus(status).name.lower(), "message": message}
    return JSONResponse(body, status, headers)
