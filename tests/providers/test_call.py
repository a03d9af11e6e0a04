"""Call: any other endpoint, but no other host, no other account."""

import pytest

from durable_analytics.providers import Provider
from tests.providers.building import ACCOUNTS, built, refusal

TROPHY = ACCOUNTS["trophy"]
BASE = "https://api.trophy.so/v1"
PROVIDERS = [pytest.param(provider, id=name) for name, provider in ACCOUNTS.items()]

RELATIVE = 'must be relative, like "/v1/track"'
PRINTABLE = "must contain only printable characters"
NO_DOTS = 'must not contain ".."'
EMPTY = '""'
NO_QUERY = "must not contain a query: use call.query"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("https://evil.example.com/x", RELATIVE),
        ("/https://evil.example.com/x", RELATIVE),
        ("//evil.example.com/x", RELATIVE),
        ("///evil.example.com/x", RELATIVE),
        ("%2f%2Fevil.example.com", RELATIVE),
        ("/\\evil.example.com", RELATIVE),
        ("/a\\..\\b", RELATIVE),
        ("/a\r\nX-Evil: 1", PRINTABLE),
        ("/a\x00b", PRINTABLE),
        ("..", NO_DOTS),
        ("/../x", NO_DOTS),
        ("/users/../../x", NO_DOTS),
        ("/users/..", NO_DOTS),
        ("/%2e%2e/x", NO_DOTS),
        ("/users/%2E./x", NO_DOTS),
        ("/users/.%2e", NO_DOTS),
        ("/users%2F..%2fx", NO_DOTS),
        ("/users?id=1", NO_QUERY),
        ("/users#top", NO_QUERY),
        ("", "is required"),
        (" ", "is required"),
    ],
)
def test_the_path_stays_below_the_base_url(provider: Provider, path: str, words: str) -> None:
    """In whichever way somebody writes a way out."""
    assert refusal(provider, "call", {"method": "GET", "path": path}) == {"call.path": words}


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/users/u-1", f"{BASE}/users/u-1"),
        ("users/u-1", f"{BASE}/users/u-1"),
        ("/", f"{BASE}/"),
        ("/users/a%2Fb", f"{BASE}/users/a%2Fb"),
        ("/users/é b", f"{BASE}/users/%C3%A9%20b"),
        ("/users/a:b@c,d;e=f", f"{BASE}/users/a:b@c,d;e=f"),
        ("/users/...", f"{BASE}/users/..."),
        ("/users/", f"{BASE}/users/"),
    ],
)
def test_a_path_is_taken_as_it_is(path: str, url: str) -> None:
    """Quoted where it is not; a slash before it does not count."""
    assert built(TROPHY, "call", {"method": "GET", "path": path}).url == url


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_call_without_a_body_sends_none(method: str) -> None:
    request = built(TROPHY, "call", {"method": method, "path": "/x"})

    assert (request.method, request.body, request.content()) == (method, None, None)


@pytest.mark.parametrize("body", [{"a": None}, [1, "é"], "text", 0, False])
def test_a_body_is_any_json(body: object) -> None:
    request = built(TROPHY, "call", {"method": "POST", "path": "/x", "body": body})

    assert (request.body, type(request.body)) == (body, type(body))


@pytest.mark.parametrize("method", ["get", "HEAD", "TRACE", ""])
def test_other_http_methods_are_refused(method: str) -> None:
    assert list(refusal(TROPHY, "call", {"method": method, "path": "/x"})) == ["call.method"]


OWN_HEADERS = {
    "segment": ["writeKey", "write_key"],
    "amplitude": ["api_key", "Api-Key", "secret_key"],
    "journy": ["writekey"],
    "mixpanel": ["token", "$token", "service_account_secret"],
    "rudderstack": ["WriteKey"],
    "trakio": ["X-Trakio-Token", "x-token", "token"],
    "trophy": ["X-API-KEY", "x-api-key"],
}
"""Where each provider takes credentials."""


@pytest.mark.parametrize(("name", "own"), OWN_HEADERS.items())
def test_no_header_replaces_a_credential_or_the_connections(name: str, own: list[str]) -> None:
    """Each is named; the value is not shown."""
    credentials = [*own, "Authorization", "authorization", "Proxy-Authorization", "Cookie"]
    others = ["HOST", "Content-Length", "Transfer-Encoding", "Content-Encoding", "Connection", "TE"]
    headers = dict.fromkeys([*credentials, *others], "geheim")
    call = {"method": "GET", "path": "/x", "headers": headers}

    told = refusal(ACCOUNTS[name], "call", call)

    is_credential = (
        "is a credential and must not be in an input; "
        "for another API key, configure another integration"
    )
    is_reserved = "is reserved for the worker and must not be in an input: remove it"
    reasons = dict.fromkeys(credentials, is_credential) | dict.fromkeys(others, is_reserved)
    assert told == {f"call.headers.{header}": reason for header, reason in reasons.items()}


@pytest.mark.parametrize("part", ["query", "body"])
@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("segment", "writeKey"),
        ("amplitude", "apiKey"),
        ("journy", "write_key"),
        ("mixpanel", "$token"),
        ("rudderstack", "WRITEKEY"),
        ("trakio", "token"),
        ("trophy", "X-API-Key"),
    ],
)
def test_no_query_or_body_brings_a_credential(name: str, key: str, part: str) -> None:
    """It would enter the history, and might win over the integration's own."""
    call = {"method": "POST", "path": "/x", part: {key: "geheim", "a": 1}}

    assert refusal(ACCOUNTS[name], "call", call) == {
        f"call.{part}.{key}": (
            "is a credential and must not be in an input; "
            "for another API key, configure another integration"
        )
    }


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("key", ["api_key", "access_token", "apiKey", "key", "X-Amz-Signature"])
def test_no_query_has_the_usual_name_of_a_credential(provider: Provider, key: str) -> None:
    """Neither in a call nor in the options of a request, as in headers."""
    reason = (
        "is a credential and must not be in an input; "
        "for another API key, configure another integration"
    )
    call = {"method": "GET", "path": "/x"}

    told = refusal(provider, "call", {**call, "query": {key: "geheim", "page": 1}})
    assert told == {f"call.query.{key}": reason}
    told = refusal(provider, "call", call, request_options={"query": {key: "geheim"}})
    assert told == {f"request_options.query.{key}": reason}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("posthog", "session_id"),
        ("archive", "continuation-token"),
        ("segment", "pageToken"),
        ("segment", "author"),
        ("segment", "keyword"),
    ],
)
def test_a_query_has_other_names(name: str, key: str) -> None:
    """Also one that looks like a credential, if the provider uses it for something else."""
    query = {key: "x"}
    call = {"method": "GET", "path": "/x", "query": query}

    assert built(ACCOUNTS[name], "call", call).query == query


@pytest.mark.parametrize("name", ["", "-", "X A", "X:A", "Ä", "X-A\r\nX-B"])
def test_a_header_has_a_valid_name(name: str) -> None:
    """Sent, it would fail at every attempt. The error names the header."""
    call = {"method": "GET", "path": "/x", "headers": {"X-Good": "1", name: "1"}}

    assert refusal(TROPHY, "call", call) == {
        f"call.headers.{name or EMPTY}": "is not the name of a header: use letters, digits, - and _"
    }


@pytest.mark.parametrize("value", ["é", "a\nb", " a", "a "])
def test_a_header_has_a_valid_value(value: str) -> None:
    """Sent, it would fail at every attempt. The error names the header, not its value."""
    call = {"method": "GET", "path": "/x", "headers": {"X-Good": "1", "X-A": value}}

    assert refusal(TROPHY, "call", call) == {
        "call.headers.X-A": "must be printable ASCII without leading or trailing spaces"
    }


@pytest.mark.parametrize("value", [None, {"a": 1}, [None], [["a"]]])
def test_a_query_must_be_flat(value: object) -> None:
    call = {"method": "GET", "path": "/x", "query": {"a": value}}

    assert refusal(TROPHY, "call", call) == {
        "call.query.a": "must be text, a number, true, false, or a list of them"
    }


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_call_has_no_context(provider: Provider) -> None:
    """A body has no place for it; the library's name is not missed."""
    call = {"method": "GET", "path": "/x"}
    plain = built(provider, "call", call)

    assert built(provider, "call", call, context={"library": {"name": "shop"}}) == plain
    assert refusal(provider, "call", call, context={"locale": "en"}) == {
        "context.locale": f"cannot be sent: {provider.title} has no field for it; remove it"
    }
