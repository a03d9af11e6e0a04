"""Sending of one HTTP request with credentials, and its response with credentials masked."""

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from pydantic_core import from_json

from activities.http import HttpClient, Received
from activities.http.content import decode_content, decode_text
from activities.observation import Observation
from activities.responses import HEADER_LIMIT_BYTES, cut_to_json_size
from durable_analytics.providers import HttpRequest, HttpResponse, Provider
from durable_analytics.providers.masking import Masker
from durable_analytics.version import __version__

_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "keep-alive",
    "User-Agent": f"durable-analytics/{__version__}",
}
"""The headers of each request; the provider and the caller may replace them."""

TIMEOUT = timedelta(seconds=3)
"""The timeout of an attempt, if the caller's workflow sets none."""

READ_LIMIT_BYTES = 1024 * 1024
"""The limit of a body; the rest is not read. The provider judges what was read, since a body may
name each refused message of a batch, or say behind a long text that nothing was stored. Outputs
keep less of it."""

_LARGE_BYTES = 64 * 1024
"""A larger body is read in a thread, because it would block the event loop."""

HTTP_SHARE = 0.9
"""The part of an attempt for the HTTP request; the rest is for reporting a failure."""


async def send(
    client: HttpClient,
    provider: Provider,
    request: HttpRequest,
    *,
    delivery_id: str,
    deadline: timedelta,
    within: timedelta | None = None,
    is_call: bool = False,
    may_be_held: bool = True,
    on_incomplete: Callable[[HttpResponse], None] = lambda _: None,
) -> HttpResponse:
    """Send a request and read its response.

    If the body of the response ends early, the status and the headers count, unless the body of
    such a response says which messages the provider has refused.

    Args:
        client: The integration's client.
        provider: The provider, which authorizes the request and whose credentials are masked.
        request: The request that the provider built.
        delivery_id: The id of the message, or of the batch with the index of its first message.
        deadline: The timeout for connecting, sending, waiting and reading together.
        within: The timeout for the request and its wait for `max_in_flight`. Default: the deadline.
        is_call: Whether it is the request of a `Call`.
        may_be_held: Whether it waits if the integration is paused.
        on_incomplete: Called with the received part of a response that does not count.

    Raises:
        Held: The integration is paused; nothing was sent.
        Unavailable: The request could not start, there was no connection or no response, a timeout
            expired before the response began, or its body, which is needed, ended early.
        Internal: The request cannot be sent.
    """
    content_type = request.content_type()
    common = _HEADERS if content_type is None else {**_HEADERS, "Content-Type": content_type}
    complete = replace(request, headers=common).with_headers(request.headers)
    sent = provider.authorize(complete, delivery_id=delivery_id, sent_at=datetime.now(UTC))
    masker = _masker(frozenset(provider.secret_values() | client.secrets))
    with Observation(
        client, provider, request, is_call=is_call, deadline=deadline, may_be_held=may_be_held
    ) as seen:
        received = await client.send(
            sent.method,
            sent.url,
            headers=sent.headers,
            query=sent.query,
            content=sent.content(),
            # A credential at the limit is read completely, so that it is masked.
            body_limit=READ_LIMIT_BYTES + masker.margin,
            deadline=deadline,
            within=within,
            on_start=seen.start,
        )
        if len(received.body) > _LARGE_BYTES:
            response = await asyncio.to_thread(_response, received, masker)
        else:
            response = _response(received, masker)
        seen.status_code = response.status_code
        if received.failure and _needs_whole_body(provider, response):
            on_incomplete(response)
            raise received.failure
        seen.responded(response)
    return response


def _needs_whole_body(provider: Provider, response: HttpResponse) -> bool:
    """Whether the rest of a body might say which messages were refused, or why."""
    if 200 <= response.status_code < 300:
        return True
    has_details = response.status_code in provider.statuses_with_details
    return has_details and not isinstance(response.body, dict)  # what was read is no whole object


@lru_cache(maxsize=256)
def _masker(secrets: frozenset[str]) -> Masker:
    return Masker(secrets)


def _response(received: Received, masker: Masker) -> HttpResponse:
    headers = dict(received.headers)
    limit = READ_LIMIT_BYTES + masker.margin
    decoded = decode_content(received.body, headers.get("content-encoding", ""), limit)
    content, is_whole = decoded.content, received.is_whole and decoded.is_whole
    if not decoded.is_decoded and received.is_whole:
        # A proxy may have decoded the body and kept the header.
        try:
            _load(received.body)
        except (ValueError, RecursionError):
            pass
        else:
            content, is_whole = received.body, True
    if decoded.is_decoded or content:
        headers.pop("content-encoding", None)
    text = decode_text(content, headers.get("content-type", ""))
    body, is_cut = _body(text, masker, is_whole=is_whole)
    kept = {
        name: cut_to_json_size(masker.text(value), HEADER_LIMIT_BYTES)
        for name, value in headers.items()
    }
    return HttpResponse(received.status_code, kept, body, truncated=is_cut or not is_whole)


def _body(text: str, masker: Masker, *, is_whole: bool) -> tuple[Any, bool]:
    """Return the body as JSON or as text, and whether it was cut."""
    if len(text.encode(errors="replace")) <= READ_LIMIT_BYTES:
        for parse in (_parse_strict, _parse_lenient):
            try:
                parsed = parse(text)
                # The end of an object or list is known; 12 may be a part of 123.
                if not is_whole and not isinstance(parsed, (dict, list)):
                    break
                parsed = masker(parsed)
                json.dumps(parsed, allow_nan=False)
            except (ValueError, RecursionError):
                continue
            return parsed, False
    masked = masker.text(text, is_whole=is_whole)
    kept = masked.encode(errors="replace")[:READ_LIMIT_BYTES].decode(errors="ignore")
    return kept, len(kept) < len(masked)


def _parse_strict(text: str) -> Any:
    return from_json(text, allow_inf_nan=False)


def _parse_lenient(text: str) -> Any:
    """Parse what `_load` accepts into values that can be written as JSON.

    The body may say that messages were refused, so it must be read.
    """
    return _replace_unwritable(_load(text))


def _load(text: str | bytes) -> Any:
    """Parse JSON, also with half a surrogate pair, NaN, huge numbers or raw control characters."""
    return json.loads(text, strict=False, parse_constant=str, parse_int=_integer)


def _integer(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:  # more digits than Python parses
        return digits


def _replace_unwritable(value: Any) -> Any:
    if isinstance(value, float) and math.isinf(value):
        return str(value)
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_replace_unwritable(item) for item in value]
    if isinstance(value, dict):
        return {_replace_unwritable(key): _replace_unwritable(item) for key, item in value.items()}
    return value
