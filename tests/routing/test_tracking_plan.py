"""Tracking plans: in the library, through a real worker, and by the command."""

import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pydantic
import pytest
from temporalio.client import Client

from durable_analytics.delivery.tracking_plan import OnViolation, TrackingPlan
from durable_analytics.errors import ValidationError
from durable_analytics.settings.integrations import IntegrationSettings
from durable_analytics.testing import StandIn
from tests.support.gateway_messages import client, executions
from tests.support.gateway_messages import outcome as outcome_of
from tests.support.gateway_process import address, gateway_process
from tests.support.json_objects import Execute, Json
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_worker
from worker import Settings

ORDER: Json = {
    "type": "object",
    "required": ["total"],
    "properties": {
        "total": {"type": "number"},
        "products": {"type": "array", "items": {"type": "object", "required": ["id"]}},
    },
    "additionalProperties": False,
}
PLAN: Json = {
    "Order Completed": ORDER,
    "identify": {"type": "object", "properties": {"email": {"type": "string", "minLength": 3}}},
    "group": {"type": "object", "required": ["plan"]},
    "common": {"properties": {"context": {"type": "object", "required": ["locale"]}}},
}
CONTEXT = {"locale": "en-US"}


def broken(method: str, message: Json, context: Any = CONTEXT, plan: Any = None) -> list[str]:
    """The paths of the values that break the plan."""
    whole = {"type": method, "context": context, **message}
    return [".".join(path) for path in TrackingPlan(plan or PLAN).check(method, whole)]


def order(**properties: Any) -> Json:
    """A track of the event in the plan."""
    return {"event": "Order Completed", "user_id": "u-1", "properties": properties}


def whole(**properties: Any) -> Json:
    """The same as a whole message."""
    return {"type": "track", "context": CONTEXT, **order(**properties)}


@pytest.mark.parametrize(
    ("method", "message", "paths"),
    [
        ("identify", {"user_id": "u-1", "traits": []}, []),
        ("track", order(total=1), []),
        ("track", order(total="1"), ["properties.total"]),
        ("track", order(), ["properties.total"]),
        ("track", order(total=1, card="4", x=1), ["properties.card", "properties.x"]),
        ("track", order(total=1, products=[{"id": 1}, {}]), ["properties.products.1.id"]),
        ("track", {"event": "Order Completed"}, ["properties.total"]),
        ("track", {"event": "Other", "properties": {"total": "1"}}, []),
        ("identify", {"traits": {"email": "a"}}, ["traits.email"]),
        ("identify", {"user_id": "u-1"}, []),
        ("group", {"group_id": "g"}, ["traits.plan"]),
        ("page", {"name": "Home"}, []),
        ("delete", {"user_id": "u"}, []),
    ],
)
def test_paths(method: str, message: Json, paths: list[str]) -> None:
    """By event; beside them `identify`, `group` and, for all, `common`."""
    assert broken(method, message) == paths


def test_a_schema_of_the_whole_message() -> None:
    """As Segment's: it describes `properties`, `traits` or `context`."""
    plan = {"events": {"Order Completed": {"type": "object", "properties": {"properties": ORDER}}}}

    assert broken("track", order(total="1"), plan=plan) == ["properties.total"]
    assert broken("page", {"name": "N"}, {}) == ["context.locale"]
    assert broken("page", {"name": "N", "context": {"locale": "de"}}, {"app": {}}) == []


@pytest.mark.parametrize(
    ("properties", "sent"),
    [
        ({"total": 1, "card": "4"}, {"total": 1}),
        ({"total": "1"}, {}),
        ({"total": 1, "products": [1, {"id": 2}, 3]}, {"total": 1, "products": [{"id": 2}]}),
        ({"card": 1}, {}),
    ],
)
def test_omit(properties: Json, sent: Json) -> None:
    """The wrong values are left out; what is missing cannot be."""
    message = order(**properties)

    planned, paths = TrackingPlan(PLAN).apply("track", message, "omit")

    assert planned["properties"] == sent
    assert paths
    assert message == order(**properties)


@pytest.mark.parametrize("name", ["\N{SUPERSCRIPT TWO}", "9" * 5_000])
def test_omit_of_names_that_look_like_numbers(name: str) -> None:
    planned, _ = TrackingPlan(PLAN).apply("track", order(total=1, **{name: 1}), "omit")

    assert planned["properties"] == {"total": 1}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/x"},
        {"$ref": "file:///etc/hostname"},
        {"properties": {"a": {"pattern": "(?<=a)b"}}},
    ],
)
def test_schemas_read_nothing_else_and_have_no_slow_patterns(schema: Json) -> None:
    with pytest.raises(ValueError, match="event A: is not a valid JSON Schema"):
        TrackingPlan({"A": schema})


@pytest.mark.parametrize("on_violation", ["allow", "omit", "block"])
def test_a_message_that_matches_is_unchanged(on_violation: OnViolation) -> None:
    message = order(total=1)

    planned, paths = TrackingPlan(PLAN).apply("track", message, on_violation)

    assert planned is message
    assert paths == []


def test_block_names_each_value() -> None:
    with pytest.raises(ValidationError) as refused:
        TrackingPlan(PLAN).apply("track", order(total="1", card=1), "block")

    assert {field.path for field in refused.value.fields} == {
        "track.properties.total",
        "track.properties.card",
    }
    assert {field.message for field in refused.value.fields} == {"does not match the tracking plan"}


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("{", "must be the path of a JSON file"),
        ("[]", "an object with a JSON Schema for each event"),
        ('{"events": []}', "events must be an object"),
        ('{"A": {"type": "nope"}}', r"event A: is not a valid JSON Schema, draft 7 \(at type\)"),
        (
            '{"A": {"properties": {"a": {"pattern": "(?=x)"}}}}',
            r"\(at properties.a.pattern\): the pattern is wrong, or has a lookaround",
        ),
        (
            '{"A": {"properties": {"a": {"$ref": "other.json"}}}}',
            r"draft 7: a \$ref must point to a part of the same schema",
        ),
        ('{"common": 5}', "common: is not a valid JSON Schema"),
    ],
)
def test_wrong_plans(tmp_path: Path, text: str, there: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    own = {"provider": "segment", "write_key": "k", "tracking_plan": str(file)}

    with pytest.raises(pydantic.ValidationError, match=there):
        IntegrationSettings.model_validate(own)


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    """A file with the plan, and a byte-order mark."""
    file = tmp_path / "plan.json"
    file.write_text("\ufeff" + json.dumps({"Order Completed": ORDER}), encoding="utf-8")
    return file


@pytest.fixture
def settings(standin: StandIn, task_queue: str, plan_file: Path) -> Settings:
    """An integration for each way to treat violations."""
    ways = {"segment": "block", "trakio": "omit", "rudderstack": "allow", "journy": "omit"}
    integrations = {
        name: {
            "provider": name,
            "tracking_plan": str(plan_file),
            "on_violation": way,
            **standin.vendors[name].integration_settings(standin.base_url(name)),
        }
        for name, way in ways.items()
    }
    return settings_for(standin, integrations=integrations, task_queue=task_queue)


@pytest.fixture
async def deliver(temporal: Client, settings: Settings) -> AsyncIterator[Execute]:
    """Run a workflow; returns its output, of a failure too."""

    async def run(workflow: str, **input: Any) -> Json:
        handle = await temporal.start_workflow(
            workflow, input, id=f"planned-{uuid.uuid4()}", task_queue=settings.task_queue
        )
        return await outcome(handle)

    async with own_worker(temporal, settings):
        yield run


async def test_singles(deliver: Execute, standin: StandIn) -> None:
    """Blocked, sent without the value, or sent as it is; the output tells."""
    wrong = order(total=1, card="4111")

    outputs = {
        name: await deliver("Track", integration=name, track=wrong)
        for name in ("segment", "trakio", "rudderstack")
    }

    assert outputs["segment"]["error"]["fields"] == [
        {"path": "track.properties.card", "message": "does not match the tracking plan"}
    ]
    for name in ("trakio", "rudderstack"):
        assert outputs[name]["status"] == "success"
        assert outputs[name]["violations"] == {"track.properties.card": 1}
    assert outputs["trakio"]["track"]["properties"] == {"total": 1}
    bodies: list[Any] = [request["body"] for request in standin.requests]
    assert bodies[0]["data"]["properties"] == {"total": 1}
    assert bodies[1]["properties"] == wrong["properties"]
    assert "violations" not in await deliver("Track", integration="trakio", track=order(total=1))


async def test_batches(deliver: Execute, standin: StandIn) -> None:
    """Message by message, also when a request is repeated."""
    standin.script("journy", {"status": 503})
    messages = [{"type": "track", **order(total=1)}, {"type": "track", **order(total=1, card=4)}]

    blocked, omitted, allowed = [
        await deliver("Batch", integration=name, messages=messages)
        for name in ("segment", "journy", "rudderstack")
    ]

    assert (blocked["accepted"], blocked["rejected"][0]["index"]) == (1, 1)
    assert (omitted["accepted"], omitted["violations"]) == (2, {"track.properties.card": 1})
    assert (allowed["accepted"], allowed["violations"]) == (2, {"track.properties.card": 1})
    by_name = {
        name: str([r for r in standin.requests if r["integration"] == name])
        for name in ("segment", "journy", "rudderstack")
    }
    assert "card" not in by_name["segment"]
    assert "card" not in by_name["journy"]
    assert "card" in by_name["rudderstack"]


async def test_a_plan_of_whole_messages(deliver: Execute, standin: StandIn) -> None:
    """Singles and batches are judged alike; the context can be omitted too."""
    schema = {
        "type": "object",
        "required": ["user_id", "type"],
        "properties": {"context": {"type": "object", "properties": {"ip": {"const": "none"}}}},
    }
    plan = {"schemas": {"common": schema}, "on_violation": "omit"}
    message = {"userId": "u-1", "event": "E"}
    common: Json = {
        "integration": "rudderstack",
        "context": {"ip": "192.0.2.7", "locale": "en-US"},
        "tracking_plan": plan,
    }

    single = await deliver("Track", track=message, **common)
    batch = await deliver("Batch", messages=[{"type": "track", **message}], **common)

    assert single["violations"] == batch["violations"] == {"track.context.ip": 1}
    assert "192.0.2.7" not in str(standin.requests)
    assert str(standin.requests).count("en-US") == 2


async def test_violations_of_messages_that_are_not_sent(deliver: Execute) -> None:
    """They are not counted."""
    messages = [
        {"type": "track", **order(total=1, card=4), "integrations": {"All": False}},
        {"type": "track", "event": "Order Completed", "properties": {"total": 1, "card": 4}},
        {"type": "track", **order(total=1)},
    ]

    output = await deliver("Batch", integration="rudderstack", messages=messages)

    assert (output["accepted"], output["filtered_count"]) == (1, 1)
    assert "violations" not in output


SOURCE_PLAN: Json = {"schemas": {"Signed Up": {"type": "object", "required": ["plan"]}}}


async def test_the_plan_of_an_input(deliver: Execute) -> None:
    """Beside that of the integration; each with its own way."""
    signed_up = {"user_id": "u-1", "event": "Signed Up"}
    messages = [{"type": "track", **signed_up}, {"type": "track", **order(total=1, card=4)}]
    allowed = {**SOURCE_PLAN, "on_violation": "allow"}

    blocked = await deliver(
        "Track", integration="trakio", track=signed_up, tracking_plan=SOURCE_PLAN
    )
    told = await deliver("Track", integration="trakio", track=signed_up, tracking_plan=allowed)
    batch = await deliver("Batch", integration="trakio", messages=messages, tracking_plan=allowed)

    assert blocked["error"]["fields"][0]["path"] == "track.properties.plan"
    assert told["violations"] == {"track.properties.plan": 1}
    assert (batch["status"], batch["accepted"]) == ("success", 2)
    assert batch["violations"] == {"track.properties.plan": 1, "track.properties.card": 1}


@pytest.mark.parametrize(
    ("plan", "path", "there"),
    [
        ({"schemas": {"A": {"type": "nope"}}}, "tracking_plan.schemas", "event A: is not a valid"),
        ({"schemas": []}, "tracking_plan.schemas", "object"),
        ({}, "tracking_plan.schemas", "is required"),
        ({**SOURCE_PLAN, "on_violation": "drop"}, "tracking_plan.on_violation", "allow"),
    ],
)
@pytest.mark.parametrize("workflow", ["Track", "Batch"])
async def test_a_wrong_plan_of_an_input(
    deliver: Execute, workflow: str, plan: Json, path: str, there: str
) -> None:
    message = order(total=1)
    own = (
        {"track": message} if workflow == "Track" else {"messages": [{"type": "track", **message}]}
    )

    output = await deliver(workflow, integration="trakio", tracking_plan=plan, **own)

    assert output["error"]["type"] == "ValidationError"
    assert output["error"]["fields"][0]["path"] == path
    assert there in output["error"]["fields"][0]["message"]


@pytest.mark.usefixtures("deliver")
async def test_the_plan_of_a_source(
    temporal: Client, settings: Settings, standin: StandIn, tmp_path: Path
) -> None:
    """The response is 200; the worker judges, for singles and lists."""
    file = tmp_path / "source.json"
    file.write_text(json.dumps(SOURCE_PLAN["schemas"]))
    variables = {"ANALYTICS_SOURCES__SEGMENT__TRACKING_PLAN": str(file)}
    good = {"type": "track", "userId": "u-1", "event": "Signed Up", "properties": {"plan": "pro"}}
    bad = {**good, "properties": {}}
    async with (
        gateway_process(address(temporal), settings.task_queue, settings=variables) as gateway,
        client(gateway) as http,
    ):
        for message in (good, bad):
            response = await http.post("/v1/track", json=message, auth=("segment", ""))
            assert response.status_code == 200
        body = {"batch": [{**good, "messageId": "l-1"}, {**bad, "messageId": "l-2"}]}
        response = await http.post("/v1/batch", json=body, auth=("segment", ""))
        assert response.status_code == 200
    handles = await executions(temporal, settings.task_queue, 2)
    outputs = [await outcome_of(temporal, handle.id) for handle in handles]

    assert sum(output["accepted"] for output in outputs) == 2
    assert len(standin.accepted["segment"]) == 2
    errors = [one["error"]["message"] for output in outputs for one in output["rejected"]]
    assert len(errors) == 2
    assert all("does not match the tracking plan" in error for error in errors)
