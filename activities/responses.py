"""The `response` object of the contract, limited in its size as Temporal writes it."""

import json
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from durable_analytics.providers import HttpResponse
from durable_analytics.wire.json_writer import ascii_size
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.plans import Response

BODY_LIMIT_BYTES = 64 * 1024
"""The limit of a response's body in an output."""

HEADER_LIMIT_BYTES = 200
"""The limit of a header's value, as JSON."""

RESPONSE_LIMIT_BYTES = 67 * 1024
"""The largest result of `as_response` as JSON, headers included."""

FAILURE_BODY_LIMIT_BYTES = 2 * 1024
_FAILURE_HEADER_LIMIT_BYTES = 100
_FAILURE_LIMIT_BYTES = 3 * 1024
"""If another attempt follows, Temporal cuts the failure at 4 KiB; these limits leave room for the
other parts of the failure."""


def as_response(response: HttpResponse) -> Response:
    """Return the `response` object of the contract."""
    return _bounded(response, BODY_LIMIT_BYTES, HEADER_LIMIT_BYTES)


def as_failure_response(response: HttpResponse) -> Response:
    """Return the `response` object, small enough for a failure that another attempt follows."""
    return _bounded(response, FAILURE_BODY_LIMIT_BYTES, _FAILURE_HEADER_LIMIT_BYTES)


def cut_detail(detail: JsonObject, *, reserved_bytes: int) -> JsonObject:
    """Return the details of a failure that another attempt follows, cut to what Temporal keeps.

    The body of the response is cut first, then the oldest attempts are left out.

    Args:
        detail: The `response`, the `attempts` and the `accepted` of the failure.
        reserved_bytes: The size of the error, whose message stands beside the details too.
    """
    available = _FAILURE_LIMIT_BYTES - reserved_bytes
    response = detail.get("response")
    if response and json_size(detail) > available:
        surplus = json_size(detail) - available
        kept = max(json_size(response["body"]) - surplus, len('""'))
        body = response["body"]
        text = body if isinstance(body, str) else _compact(body, ensure_ascii=False)
        cut = {**response, "body": cut_to_json_size(text, kept - len('""')), "truncated": True}
        detail = {**detail, "response": cut}
    while detail.get("attempts") and json_size(detail) > available:
        detail = {**detail, "attempts": detail["attempts"][1:]}
    return detail


def _bounded(response: HttpResponse, body_limit: int, header_limit: int) -> Response:
    body, truncated = response.body, response.truncated
    written = _written(body)
    if ascii_size(written) > body_limit + len('""'):
        text = body if isinstance(body, str) else written.decode()
        body, truncated = cut_to_json_size(text, body_limit), True
    return {
        "status_code": response.status_code,
        "headers": {k: cut_to_json_size(v, header_limit) for k, v in response.headers.items()},
        "body": body,
        "truncated": truncated,
    }


def json_size(value: Any) -> int:
    """Return the bytes of a value in the ASCII JSON of Temporal's SDK; an emoji takes twelve."""
    return len(_compact(value))


def cut_to_json_size(text: str, limit: int) -> str:
    """Return the longest start of a text with at most `limit` bytes in JSON, without quotes."""
    if len(text) * 12 <= limit:
        return text
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        if json_size(text[:middle]) - len('""') <= limit:
            low = middle
        else:
            high = middle - 1
    return text[:low]


def _written(body: Any) -> bytes:
    """Return JSON in UTF-8; a body that was read may be twenty times as long as what is kept."""
    try:
        return to_json(body)  # five times as fast as `json`
    except PydanticSerializationError:  # nested deeper than it writes
        return _compact(body, ensure_ascii=False).encode()


def _compact(value: Any, *, ensure_ascii: bool = True) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, separators=(",", ":"))
