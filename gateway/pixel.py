"""Segment's tracking pixel: a message in the URL of an image, for e-mails."""

import base64
from collections.abc import Mapping

from gateway.errors import RequestError

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A GIF of one transparent pixel."""

_URL_SAFE_TO_STANDARD = str.maketrans("-_ ", "+/+")
"""An unescaped + arrives as a space."""


def decode_data(query: Mapping[str, str]) -> bytes:
    """Decode the `data` parameter: base64 in either alphabet, with or without padding.

    Raises:
        RequestError: The parameter is missing, or is not base64.
    """
    data = query.get("data", "").strip().rstrip("=").translate(_URL_SAFE_TO_STANDARD)
    try:
        body = base64.b64decode(data + "=" * (-len(data) % 4), validate=True)
    except ValueError:
        body = b""
    if not body:
        reason = "data must be a JSON object in base64: ?data=eyJ1c2VySWQiOiJ1LTEifQ"
        raise RequestError(400, reason)
    return body
