"""Rejects ambiguous HTTP requests, and removes a trailing slash from the path."""

import re
from collections.abc import Iterator

from starlette.types import Scope

from gateway.errors import RequestError

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")

_USER_PATH = "/v1/users/"
"""The rest of such a path is a user id, which may end with a slash."""


def check_request(scope: Scope) -> None:
    """Reject a request that servers and proxies may interpret differently.

    The HTTP parser already rejects conflicting or repeated lengths, a length with chunked encoding,
    folded headers, and spaces before a colon.

    Raises:
        RequestError: 400, the request is ambiguous.
    """
    if problem := next(_problems(scope), None):
        raise RequestError(400, problem, {"Connection": "close"})


def remove_trailing_slash(scope: Scope) -> None:
    """Remove the trailing slash of a request's path, which may end with one, except a user id."""
    path: str = scope["path"]
    if len(path) > 1 and path.endswith("/") and not path.startswith(_USER_PATH):
        scope["path"] = path.removesuffix("/")


def _problems(scope: Scope) -> Iterator[str]:
    version: str = scope["http_version"]
    headers = scope["headers"]
    names = [name for name, _ in headers]
    if version not in ("1.0", "1.1"):
        yield "the version of HTTP must be 1.1 or 1.0"
    if names.count(b"host") > 1:
        yield "there is more than one Host header: send one"
    if version == "1.1" and b"host" not in names:
        yield "the Host header is missing"
    if b"upgrade" in names and scope["method"] not in ("GET", "HEAD"):
        yield "a protocol upgrade is not supported: send HTTP/1.1 without an Upgrade header"
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if codings and (version == "1.0" or codings != [b"chunked"]):
        yield "Transfer-Encoding must be chunked, in HTTP/1.1"
    path: str = scope["path"]
    if _CONTROL_CHARACTER.search(path):
        yield "the path contains a control character"
