"""Checks what callers put into requests: no credentials, and no path outside the base URL.

A caller can add headers, query parameters and body fields in `request_options`, and describes a
whole request in a `call`.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.providers.http import Form, HttpRequest, JsonItems
from durable_analytics.wire.messages import JsonObject, RequestOptions

_CREDENTIAL = re.compile(
    "(?<!page)(?<!next)(?<!continuation)token|secret|passw|pwd|credential|cookie|session|signature|auth(?!or(?!i[sz]))|bearer|jwt|hmac"
    "|(api|access|write|private|project|subscription|functions?|account|client|user|license)key"
    "|^x?key$"
)
"""Matches normalized names of credentials and signatures, but not "author" or "pageToken"."""

_IS_CREDENTIAL = (
    "is a credential and must not be in an input; "
    "for another API key, configure another integration"
)
_IS_RESERVED = "is reserved for the worker and must not be in an input: remove it"

_CONNECTION = re.compile(
    "accept-encoding|connection|content-(encoding|length)|expect|forwarded|host|http2-settings"
    "|keep-alive|max-forwards|te|trailers?|transfer-encoding|upgrade|(x-)?user-agent|via"
    "|(x-)?http-method(-override)?|(x-)?method-override|x-override-method|(x-|-)(requested-)?method"
    "|x-(forwarded|original|rewrite|envoy|amz|amzn|accel|azure|appengine)-.*|(x-|wl-)?proxy-.*"
    "|sec-.*|cf-.*|fastly-.*|fly-.*|x-forward(ed)?(-for)?|x-(real-ip|host|originating-ip)|x-proxy.*"
    "|(x-)?remote-.*|(.*-)?client-?ip|(x-)?authority"
)
"""Matches hyphenated names of headers that belong to the connection, override the method of the
request, or claim another sender."""


_MOST_HEADERS = 100
_HEADERS_LIMIT_BYTES = 8 * 1024
"""The limits of a caller's headers. Common servers accept 100 headers, and 8 KiB in total."""


def check_path(path: str) -> None:
    """Check the path of a call.

    Raises:
        ValidationError: The path could lead outside the base URL of the integration.
    """
    plain = path.replace("%2e", ".").replace("%2E", ".").replace("%2f", "/").replace("%2F", "/")
    if not path.isprintable():
        raise ValidationError.at("call.path", "must contain only printable characters")
    if "://" in plain or plain.startswith("//") or "\\" in plain:
        raise ValidationError.at("call.path", 'must be relative, like "/v1/track"')
    if ".." in plain.split("/"):
        raise ValidationError.at("call.path", 'must not contain ".."')
    if "?" in path or "#" in path:
        raise ValidationError.at("call.path", "must not contain a query: use call.query")


def with_options(
    request: HttpRequest,
    options: RequestOptions,
    credential_names: frozenset[str],
    query_names: frozenset[str] = frozenset(),
) -> HttpRequest:
    """Return a request with the options of the caller, which cannot replace parts of the request.

    Raises:
        ValidationError: An option would replace a part of the request, contains a credential, or
            is not valid in HTTP.
    """
    if options == RequestOptions():
        return request
    check_additions(
        "request_options",
        options.headers,
        options.query,
        options.body,
        credential_names,
        query_names=query_names,
    )
    taken = {"content-type", *(_hyphenated(name) for name in request.headers)}
    problems = [
        *_replacement_problems(
            "headers", options.headers, {h for h in options.headers if _hyphenated(h) in taken}
        ),
        *_replacement_problems("query", options.query, options.query.keys() & request.query.keys()),
    ]
    if options.body:
        problems += _replacement_problems("body", options.body, _existing_fields(request.body))
    if problems:
        raise ValidationError.of(problems)
    added = request.with_fields(options.body) if options.body else request
    return replace(added.with_query(options.query), headers={**request.headers, **options.headers})


def check_call(call: Mapping[str, Any]) -> None:
    """Check a call before the provider is known; raises as `check_options` and `check_path` do.

    Args:
        call: The fields of the call. What does not match its model is not checked here.
    """
    if isinstance(path := call["path"], str):
        check_path(path)
    check_options("call", call)


def check_options(path: str, options: Mapping[str, Any] | None) -> None:
    """Check additions before the provider is known.

    It keeps usual names of credentials out of the history, which has the input.

    Args:
        path: The path of the options in the input, like "call".
        options: An object with `headers`, `query` and `body`. What does not match its model is not
            checked here.

    Raises:
        ValidationError: A header, parameter or key is wrong, whatever the provider is.
    """
    headers, query, body = (
        part if isinstance(part := (options or {}).get(name), Mapping) else {}
        for name in ("headers", "query", "body")
    )
    problems = [
        FieldProblem(f"{path}.{place}.{name}", _IS_CREDENTIAL)
        for place, names in (("headers", headers), ("query", query), ("body", body))
        for name in names
        # At some providers, a session is a session of a user, not a credential.
        if _is_credential(name, frozenset()) and "session" not in name.lower()
    ]
    credentials = {problem.path for problem in problems}
    texts = {name: value for name, value in headers.items() if isinstance(value, str)}
    others = http_problems(path, texts, query, frozenset())
    problems += [problem for problem in others if problem.path not in credentials]
    if problems:
        raise ValidationError.of(problems)


def _existing_fields(body: Any) -> set[str]:
    """Return the names of the fields that the body of a request has."""
    match body:
        case dict():
            return {*body}
        case Form(fields):
            return {*fields}
        case JsonItems(_, str(key), beside):
            return {key, *beside}
        case _:
            raise ValidationError.at(
                "request_options.body",
                "cannot be added: the body of the request is not a JSON object",
            )


def check_additions(
    path: str,
    headers: Mapping[str, str],
    query: JsonObject,
    body: Any,
    credential_names: frozenset[str],
    *,
    query_names: frozenset[str] = frozenset(),
) -> None:
    """Check the headers, query and body that a caller gives.

    Args:
        path: Their path in the input: "call" or "request_options".
        headers: The headers.
        query: The query parameters.
        body: The body; only the keys of an object are checked.
        credential_names: The names of the provider's credentials, in any spelling.
        query_names: Names of query parameters that look like credentials, but are none at this
            provider.

    Raises:
        ValidationError: A header, parameter or key is a credential, belongs to the connection, or
            is not valid in HTTP.
    """
    problems = [
        FieldProblem(f"{path}.query.{name}", _IS_CREDENTIAL)
        for name in query
        if name not in query_names and _is_credential(name, credential_names)
    ]
    if isinstance(body, dict):
        problems += credentials_among(f"{path}.body", body, credential_names)
    problems += http_problems(path, headers, query, credential_names)
    if problems:
        raise ValidationError.of(problems)


def http_problems(
    path: str,
    headers: Mapping[str, str],
    query: Mapping[str, Any],
    credential_names: frozenset[str],
) -> list[FieldProblem]:
    """Return a problem for each header and query parameter that cannot be sent, or must not be."""
    if too_many := _header_limit_problem(f"{path}.headers", headers):
        return [too_many]
    problems = []
    spelled: dict[str, str] = {}
    for name, value in headers.items():
        first = spelled.setdefault(_hyphenated(name), name)
        if is_reserved_header(name, credential_names):
            is_credential = _is_credential(name, credential_names)
            reason = _IS_CREDENTIAL if is_credential else _IS_RESERVED
        elif not is_header_name(name):
            reason = "is not the name of a header: use letters, digits, - and _"
        elif not is_header_value(value):
            reason = "must be printable ASCII without leading or trailing spaces"
        elif first != name:
            reason = f"is set twice, as {first} and as {name}: remove one"
        else:
            continue
        shown = name or '""'
        problems.append(FieldProblem(f"{path}.headers.{shown}", reason))
    for name, value in query.items():
        if not is_query_value(value):
            reason = "must be text, a number, true, false, or a list of them"
            problems.append(FieldProblem(f"{path}.query.{name}", reason))
    return problems


def _header_limit_problem(path: str, headers: Mapping[str, str]) -> FieldProblem | None:
    """Refuse more headers than servers accept: many headers also take a disproportionate time."""
    if len(headers) > _MOST_HEADERS:
        return FieldProblem(path, f"has {len(headers)} headers; the limit is {_MOST_HEADERS}")
    size = sum(len(name) + len(value) for name, value in headers.items())
    if size > _HEADERS_LIMIT_BYTES:
        return FieldProblem(path, f"has {size} bytes; the limit is {_HEADERS_LIMIT_BYTES}")
    return None


def credentials_among(
    path: str, names: Iterable[str], credential_names: frozenset[str]
) -> list[FieldProblem]:
    """Return a problem for each name that is a credential of the provider."""
    normalized = _all_normalized(credential_names)
    return [
        FieldProblem(f"{path}.{name}", _IS_CREDENTIAL)
        for name in names
        if _normalized(name) in normalized
    ]


def _is_credential(name: str, credential_names: frozenset[str]) -> bool:
    """Whether a name is a credential of the provider, or a usual name of a credential."""
    normalized = _normalized(name)
    is_own = normalized in _all_normalized(credential_names)
    return is_own or bool(_CREDENTIAL.search(normalized))


def is_reserved_header(name: str, credential_names: frozenset[str]) -> bool:
    """Whether a header carries a credential or belongs to the connection, in any spelling.

    Servers that read headers as CGI variables treat `X_API_KEY` like `X-API-Key`.
    """
    return _is_credential(name, credential_names) or bool(_CONNECTION.fullmatch(_hyphenated(name)))


@lru_cache(maxsize=256)
def _all_normalized(names: frozenset[str]) -> frozenset[str]:
    """Return normalized names; cached, because a provider's credentials are checked very often."""
    return frozenset(map(_normalized, names))


def _normalized(name: str) -> str:
    """Return the same text for `writeKey`, `write-key` and `WRITE_KEY`."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))


def _hyphenated(name: str) -> str:
    return name.lower().replace("_", "-")


def is_header_value(value: str) -> bool:
    """Whether a text is a valid header: printable ASCII without leading or trailing spaces."""
    return value.isascii() and value.isprintable() and value == value.strip()


def _replacement_problems(
    part: str, added: Mapping[str, Any], taken: Collection[str]
) -> list[FieldProblem]:
    reason = "is already part of the provider's request and cannot be replaced: remove it"
    return [FieldProblem(f"request_options.{part}.{n}", reason) for n in added if n in taken]


def is_header_name(name: str) -> bool:
    """Whether a text can be the name of a header: letters, digits, - and _."""
    token = name.replace("-", "").replace("_", "")
    return token.isascii() and token.isalnum()


def is_header(name: str, value: str) -> bool:
    """Whether a header has a valid name and a valid value."""
    return is_header_name(name) and is_header_value(value)


def is_query_value(value: Any) -> bool:
    """Whether a query value is text, a number, true, false, or a list of them."""
    items = value if isinstance(value, list) else [value]
    return all(isinstance(item, (str, int, float)) for item in items)
