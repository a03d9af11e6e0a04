"""One HTTP request and its answer: the deadline, the cut, the mask, and httpx's errors in words."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic_core import from_json

from durable_analytics.errors import Internal, Unavailable
from durable_analytics.providers import Answer, HttpRequest, Provider
from durable_analytics.version import __version__

TIMEOUT = timedelta(seconds=3)
"""An attempt's, where a caller's own workflow sets none."""

HTTP_SHARE = 0.9
"""The HTTP deadline's part of an attempt: what is left reports the failure before Temporal does."""

BODY_LIMIT_BYTES = 64 * 1024
"""More of an answer is not kept; the rest is not even read."""

FAILURE_BODY_LIMIT_BYTES = 2 * 1024
"""Temporal cuts a stored activity failure at 4 KiB; this leaves room for the rest of it."""

_KEPT_HEADERS = (
    "content-type",
    "retry-after",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
)
_HEADER_LIMIT_CHARACTERS = 200
_MASK = "[credential]"


async def send(
    client: httpx.AsyncClient,
    provider: Provider,
    method: str,
    request: HttpRequest,
    *,
    deadline: timedelta,
) -> Answer:
    """Send a request and read its answer.

    Args:
        client: The integration's pooled client.
        provider: Whose credentials the request carries; they are masked in the answer.
        method: The method of the message or messages in it.
        request: What the provider built.
        deadline: For connecting, sending, waiting and reading together.

    Raises:
        Unavailable: No connection, no answer, or not within the deadline.
        Internal: The request itself cannot be sent.
    """
    host = urlsplit(request.url).hostname
    content = request.content()
    headers = httpx.Headers(
        {"User-Agent": f"durable-analytics/{__version__}", "Accept-Encoding": "identity"}
    )
    if content is not None:
        headers["Content-Type"] = "application/json"
    headers.update(request.headers)
    headers.update(provider.authorization(method))
    try:
        async with (
            asyncio.timeout(deadline.total_seconds()),
            client.stream(
                request.method,
                request.url,
                params=request.query or None,
                headers=headers,
                content=content,
                timeout=None,
                follow_redirects=False,
            ) as response,
        ):
            return await _read(response, list(provider.secrets()))
    except TimeoutError:
        seconds = f"{deadline.total_seconds():g}"
        raise Unavailable(f"{host} gave no answer within {seconds} s") from None
    except httpx.ConnectError:
        raise Unavailable(f"could not connect to {host}") from None
    except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        # Some provider built what HTTP cannot carry.
        raise Internal(f"the request could not be sent ({type(error).__name__})") from None
    except httpx.TransportError as error:
        raise Unavailable(f"the connection to {host} broke ({type(error).__name__})") from None


async def _read(response: httpx.Response, secrets: list[str]) -> Answer:
    # A credential that lies across the cut is still seen, and masked, in full.
    enough = BODY_LIMIT_BYTES + max(map(len, secrets), default=0)
    raw = bytearray()
    truncated = False
    try:
        async for chunk in response.aiter_bytes():
            raw += chunk
            if len(raw) > enough:
                truncated = True
                break
    except httpx.DecodingError:
        truncated = True
    mask = _masker(secrets)
    body, cut = _body(bytes(raw), mask)
    headers = {
        name: mask(response.headers[name])[:_HEADER_LIMIT_CHARACTERS]
        for name in _KEPT_HEADERS
        if name in response.headers
    }
    return Answer(response.status_code, headers, body, truncated or cut)


def _masker(secrets: list[str]) -> Any:
    longest_first = sorted(filter(None, secrets), key=len, reverse=True)

    def mask(value: Any) -> Any:
        if isinstance(value, str):
            for secret in longest_first:
                value = value.replace(secret, _MASK)
            return value
        if isinstance(value, list):
            return [mask(item) for item in value]
        if isinstance(value, dict):
            return {mask(key): mask(item) for key, item in value.items()}
        return value

    return mask


def _body(raw: bytes, mask: Any) -> tuple[Any, bool]:
    """The body as JSON where it is, else as text; and whether it had to be cut."""
    if len(raw) <= BODY_LIMIT_BYTES:
        try:
            parsed = mask(from_json(raw, allow_inf_nan=False))
            json.dumps(parsed, allow_nan=False)
        except (ValueError, RecursionError):
            pass
        else:
            return parsed, False
    text = mask(raw.decode(errors="replace"))
    kept = text.encode()[:BODY_LIMIT_BYTES].decode(errors="ignore")
    return kept, len(kept) < len(text)


def as_response(answer: Answer) -> dict[str, Any]:
    """The `response` object of the contract."""
    return {
        "status_code": answer.status_code,
        "headers": dict(answer.headers),
        "body": answer.body,
        "truncated": answer.truncated,
    }


def as_failure_response(answer: Answer) -> dict[str, Any]:
    """The same, cut to what Temporal keeps of a failure."""
    response = as_response(answer)
    written = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":"))
    if len(json.dumps(answer.body)) > FAILURE_BODY_LIMIT_BYTES:
        text = answer.body if isinstance(answer.body, str) else written
        response |= {"body": _fitting(text), "truncated": True}
    return response


def _fitting(text: str) -> str:
    """The longest start of a text whose JSON, as Temporal's SDK writes it, keeps the limit."""
    low, high = 0, min(len(text), FAILURE_BODY_LIMIT_BYTES)
    while low < high:
        middle = (low + high + 1) // 2
        if len(json.dumps(text[:middle])) <= FAILURE_BODY_LIMIT_BYTES:
            low = middle
        else:
            high = middle - 1
    return text[:low]
