"""Every method at every provider, from the start of its workflow to the provider over HTTP."""

import json
import re
from typing import Any

import pytest

from durable_analytics.providers import provider_class, provider_names
from durable_analytics.testing import VENDORS, StandIn
from durable_analytics.wire.methods import METHODS
from tests.support.json_objects import Execute, Json

MESSAGES: dict[str, Json] = {
    "identify": {"user_id": "u-1", "traits": {"plan": "pro"}},
    "track": {"user_id": "u-1", "event": "Signed Up", "properties": {"plan": "pro"}},
    "group": {"user_id": "u-1", "group_id": "g-1", "traits": {"name": "Acme"}},
    "alias": {"previous_user_id": "a-1", "new_user_id": "u-1"},
    "page": {"user_id": "u-1", "name": "Pricing", "properties": {"url": "/pricing"}},
    "screen": {"user_id": "u-1", "name": "Cart"},
    "delete": {"user_id": "u-1"},
    "annotate": {"event": "Deployed", "properties": {"commit": "5ab430d"}},
    "metric": {"key": "words-written", "user": {"id": "u-1"}, "value": 750},
    "call": {"method": "GET", "path": "/things/1", "query": {"page": 2}},
}
"""A message a method."""

_SPECIFICATION = {
    method: ("POST", f"/v1/{method}")
    for method in ("identify", "track", "group", "alias", "page", "screen")
}
_CALL = {"call": ("GET", "/things/1")}
REQUESTS: dict[str, dict[str, tuple[str, str]]] = {
    "amplitude": {
        **dict.fromkeys(("identify", "track", "group", "page", "screen"), ("POST", "/2/httpapi")),
        "alias": ("POST", "/usermap"),
        "delete": ("POST", "/api/2/deletions/users"),
        **_CALL,
    },
    "mixpanel": {
        **dict.fromkeys(("track", "page", "screen"), ("POST", "/import")),
        "identify": ("POST", "/engage"),
        "group": ("POST", "/groups"),
        "alias": ("POST", "/track"),
        "delete": ("POST", "/api/app/data-deletions/v3.0/"),
        **_CALL,
    },
    "segment": {**_SPECIFICATION, "delete": ("POST", "/regulations"), **_CALL},
    "rudderstack": {**_SPECIFICATION, **_CALL},
    "journy": {**dict.fromkeys(_SPECIFICATION, ("POST", "/backend/v1/batch")), **_CALL},
    "braze": {
        **dict.fromkeys(("identify", "track", "group", "page", "screen"), ("POST", "/users/track")),
        "alias": ("POST", "/users/identify"),
        "delete": ("POST", "/users/delete"),
        **_CALL,
    },
    "customerio": {
        **dict.fromkeys((*_SPECIFICATION, "delete"), ("POST", "/api/v2/entity")),
        **_CALL,
    },
    "ga4": {**dict.fromkeys(("track", "group", "page"), ("POST", "/mp/collect")), **_CALL},
    "trakio": {
        "identify": ("POST", "/identify"),
        "track": ("POST", "/track"),
        "group": ("POST", "/company"),
        "alias": ("POST", "/alias"),
        "page": ("POST", "/track"),
        "annotate": ("POST", "/annotate"),
        **_CALL,
    },
    "trophy": {
        "identify": ("PUT", "/users/u-1"),
        "metric": ("POST", "/metrics/words-written/event"),
        **_CALL,
    },
    "posthog": {
        **dict.fromkeys(_SPECIFICATION, ("POST", "/i/v0/e/")),
        "delete": ("POST", "/api/projects/17/persons/bulk_delete/"),
        "annotate": ("POST", "/api/projects/17/annotations/"),
        **_CALL,
    },
    "webhook": {
        **dict.fromkeys(METHODS, ("POST", "")),
        **_CALL,
    },
    "archive": {
        **{
            method: (
                "PUT",
                rf"/stand-in/dt%3D[-\d]{{10}}/hour%3D\d\d/{method}-[-\da-f]{{36}}.ndjson.gz",
            )
            for method in METHODS
        },
        **_CALL,
    },
}
"""What arrives of each method that a provider has: HTTP's method, and a pattern of the path."""

DATED: dict[str, set[str]] = {
    "amplitude": {"identify", "track", "group", "page", "screen"},
    "mixpanel": {"identify", "track", "group", "page", "screen"},
    "segment": set(_SPECIFICATION),
    "journy": set(_SPECIFICATION),
    "rudderstack": set(_SPECIFICATION),
    "braze": {"track", "page", "screen"},
    "customerio": {"identify", "track", "page", "screen"},
    "ga4": set(),  # it has one for the last 72 hours
    "trakio": {"track", "page"},
    "trophy": set(),
    "posthog": {*_SPECIFICATION, "annotate"},
    "webhook": METHODS.keys() - {"call"},
    "archive": METHODS.keys() - {"call"},
}
"""The methods whose request has a place for the message's own time."""

KEYS_IN_BODY: dict[str, Json] = {
    "amplitude": {"api_key": "****"},
    "posthog": {"api_key": "****"},
}
"""The credentials that a provider has in the body, as the stand-in shows them."""

LACKING = [
    (name, method)
    for name, requests in REQUESTS.items()
    for method in METHODS
    if method not in requests
]


def test_the_tables_are_complete() -> None:
    """All methods, all providers, and for each its methods in the order of the contract."""
    assert list(MESSAGES) == list(METHODS)
    assert {name: [m for m in METHODS if m in table] for name, table in REQUESTS.items()} == {
        name: provider_class(name)
        .model_validate(VENDORS[name].integration_settings("http://127.0.0.1"))
        .methods()
        for name in provider_names()
    }


@pytest.mark.parametrize(
    ("integration", "method"),
    [(name, method) for name, requests in REQUESTS.items() for method in requests],
)
async def test_a_method_is_delivered(
    execute: Execute, standin: StandIn, integration: str, method: str
) -> None:
    """One request, with the credentials, answered as a success; the output shows all of it."""
    output = await execute(
        METHODS[method].workflow, {"integration": integration, method: MESSAGES[method]}
    )

    assert (output["status"], output["integration"]) == ("success", integration)
    (request,) = standin.requests
    http_method, path = REQUESTS[integration][method]
    assert request["method"] == http_method
    assert re.fullmatch(path, request["path"])
    assert (request["integration"], request["answered"]) == (
        integration,
        output["response"]["status_code"],
    )
    assert 200 <= request["answered"] < 300
    delivered = output[method]
    assert {name: delivered[name] for name in MESSAGES[method]} == MESSAGES[method]
    assert delivered.keys() - MESSAGES[method].keys() == {"message_id", "timestamp"}


@pytest.mark.parametrize(("integration", "method"), LACKING)
async def test_a_method_that_a_provider_lacks_is_refused(
    execute: Execute, standin: StandIn, integration: str, method: str
) -> None:
    """Before anything is sent, naming those that it has."""
    output = await execute(
        METHODS[method].workflow, {"integration": integration, method: MESSAGES[method]}
    )

    there = ", ".join(key for key in METHODS if key in REQUESTS[integration])
    title = provider_class(integration).title
    assert output["error"] == {
        "type": "UnsupportedMethod",
        "message": f"{title} does not support {method}; it supports {there}",
        "fields": [],
    }
    assert output[method] == MESSAGES[method]
    assert output["response"] is None
    assert standin.requests == []


@pytest.mark.parametrize("integration", REQUESTS)
async def test_a_call_reaches_any_endpoint(
    execute: Execute, standin: StandIn, integration: str
) -> None:
    """Method, path, query, headers and body are the caller's; the credentials are ours."""
    call: dict[str, Any] = {
        "method": "PATCH",
        "path": "things/a%2Fb",
        "query": {"page": 2, "tag": ["a", "b"], "all": True},
        "headers": {"X-Trace": "t-1", "Content-Type": "application/vnd.things+json"},
        "body": {"some_key": None, "names": ["é"]},
    }

    output = await execute("Call", {"integration": integration, "call": call})

    assert output["status"] == "success"
    (request,) = standin.requests
    assert (request["method"], request["path"]) == ("PATCH", "/things/a%2Fb")
    query = {"page": "2", "tag": ["a", "b"], "all": "true"}
    assert {name: request["query"].get(name) for name in query} == query
    assert request["headers"]["x-trace"] == "t-1"
    assert request["headers"]["content-type"] == "application/vnd.things+json"
    credentials = KEYS_IN_BODY.get(integration, {})
    assert request["body"] == {"some_key": None, "names": ["é"], **credentials}
    assert request["answered"] == 200


async def test_a_get_has_no_body(execute: Execute, standin: StandIn) -> None:
    """Nor the header that speaks of one."""
    await execute("Call", {"integration": "trophy", "call": {"method": "GET", "path": "/x"}})

    (request,) = standin.requests
    assert request["body"] is None
    assert request["headers"].keys() & {"content-type", "content-length"} == set()


async def test_a_group_alone_is_recorded_as_it_is_sent(execute: Execute, standin: StandIn) -> None:
    """What journy.io expects is filled in by Validation, and the output shows it."""
    output = await execute("Group", {"integration": "journy", "group": {"group_id": "g-1"}})

    assert output["group"]["anonymous_id"] == "g-1"
    (request,) = standin.requests
    assert request["body"]["batch"][0]["anonymousId"] == "g-1"


@pytest.mark.parametrize(
    ("integration", "method"),
    [(name, method) for name, requests in REQUESTS.items() for method in requests],
)
async def test_a_past_time_arrives_or_is_refused(
    execute: Execute, standin: StandIn, integration: str, method: str
) -> None:
    """No provider dates a message of last year to today."""
    past, since_1970 = "2025-01-31T09:30:00Z", "1738315800"
    past_in_milliseconds = "2025-01-31T09:30:00.000Z"
    message = {**MESSAGES[method], "timestamp": past}

    output = await execute(METHODS[method].workflow, {"integration": integration, method: message})

    if method in DATED[integration]:
        assert output["status"] == "success"
        sent = json.dumps(standin.requests[0]["body"])
        assert any(time in sent for time in (past, since_1970, past_in_milliseconds))
    else:
        assert [field["path"] for field in output["error"]["fields"]] == [f"{method}.timestamp"]
        assert standin.requests == []
