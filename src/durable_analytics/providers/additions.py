"""What callers may add to a provider's requests: never a credential, never another address."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.messages import JsonObject, RequestOptions
from durable_analytics.providers.exchange import HttpRequest

RESERVED_HEADERS = frozenset(
    {
        "api-key",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "cookie",
        "host",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-api-key",
        "x-auth-token",
    }
)
"""Headers that carry credentials or belong to the connection."""


def check_path(path: str) -> None:
    """Check the path of a call.

    Raises:
        ValidationError: It could lead away from the integration's base URL.
    """
    plain = path.replace("%2e", ".").replace("%2E", ".").replace("%2f", "/").replace("%2F", "/")
    if "://" in plain or plain.startswith("//") or "\\" in plain or not path.isprintable():
        raise ValidationError.at("call.path", 'must be relative, like "/v1/track"')
    if ".." in plain.split("/"):
        raise ValidationError.at("call.path", 'must not contain ".."')
    if "?" in path or "#" in path:
        raise ValidationError.at("call.path", "must hold no query: put it into call.query")


def with_options(
    request: HttpRequest, options: RequestOptions, credential_names: frozenset[str]
) -> HttpRequest:
    """Add what the caller asked for; nothing that the provider set is replaced.

    Raises:
        ValidationError: It would replace something, carries a credential, or HTTP cannot carry it.
    """
    if options == RequestOptions():
        return request
    check_additions(
        "request_options", options.headers, options.query, options.body, credential_names
    )
    taken = {"content-type", *(name.lower() for name in request.headers)}
    problems = [
        *_twice("headers", options.headers, {h for h in options.headers if h.lower() in taken}),
        *_twice("query", options.query, options.query.keys() & request.query.keys()),
    ]
    body = request.body
    if options.body:
        if not isinstance(body, dict):
            raise ValidationError.at("request_options.body", "has no object to be added to")
        taken_keys = options.body.keys() & {*body, request.items_key}
        problems += _twice("body", options.body, taken_keys)
        body = {**body, **options.body}
    if problems:
        raise ValidationError.of(problems)
    return replace(
        request,
        body=body,
        headers={**request.headers, **options.headers},
        query={**request.query, **options.query},
    )


def check_additions(
    path: str,
    headers: Mapping[str, str],
    query: JsonObject,
    body: Any,
    credential_names: frozenset[str],
) -> None:
    """Check headers, query and body of a caller's.

    Args:
        path: Where they stand in the input, like "call".
        headers: Names and values.
        query: Names and values.
        body: Only the keys of an object are looked at.
        credential_names: The keys that carry credentials at the provider, in lower case.

    Raises:
        ValidationError: One carries a credential, or HTTP cannot carry it.
    """
    problems = credentials_among(f"{path}.query", query, credential_names)
    if isinstance(body, dict):
        problems += credentials_among(f"{path}.body", body, credential_names)
    for name, value in headers.items():
        if name.lower() in RESERVED_HEADERS | credential_names:
            reason = "is set by the worker: another API key is another integration"
            problems.append(FieldProblem(f"{path}.headers.{name}", reason))
        elif not _is_header(name, value):
            reason = "is not a header that HTTP can carry: use printable ASCII, no space around"
            problems.append(FieldProblem(f"{path}.headers", reason))
    for name, value in query.items():
        if not _is_query_value(value):
            reason = "must be text, a number, true, false, or a list of them"
            problems.append(FieldProblem(f"{path}.query.{name}", reason))
    if problems:
        raise ValidationError.of(problems)


def credentials_among(
    path: str, names: Iterable[str], credential_names: frozenset[str]
) -> list[FieldProblem]:
    """The problems of keys that carry a credential: none may enter a history."""
    reason = "is a credential: another API key is another integration"
    return [
        FieldProblem(f"{path}.{name}", reason) for name in names if name.lower() in credential_names
    ]


def is_header_value(value: str) -> bool:
    """Whether HTTP can carry it: printable ASCII, with no space around it."""
    return value.isascii() and value.isprintable() and value == value.strip()


def _twice(part: str, added: Mapping[str, Any], taken: set[str]) -> list[FieldProblem]:
    reason = "is set by the provider's request and cannot be replaced"
    return [FieldProblem(f"request_options.{part}.{n}", reason) for n in added if n in taken]


def _is_header(name: str, value: str) -> bool:
    token = name.replace("-", "").replace("_", "")
    return token.isascii() and token.isalnum() and is_header_value(value)


def _is_query_value(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return all(isinstance(item, (str, int, float)) for item in items)
