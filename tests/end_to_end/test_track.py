"""Track at Segment, from the start of the workflow to the provider and back."""

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute

SIGNED_UP = {
    "integration": "segment",
    "track": {"user_id": "u-1", "event": "Signed Up", "properties": {"plan": "pro"}},
}


async def test_delivers(execute: Execute, standin: StandIn) -> None:
    """One request with Segment's JSON and credentials; the output is the contract's."""
    output = await execute("Track", SIGNED_UP)

    (request,) = standin.requests
    assert (request["method"], request["path"]) == ("POST", "/v1/track")
    assert request["headers"]["authorization"] == "Basic ****"
    assert request["answered"] == 200
    sent = request["body"]
    message_id, timestamp, sent_at = sent["messageId"], sent["timestamp"], sent["sentAt"]
    assert sent == {
        "messageId": message_id,
        "timestamp": timestamp,
        "sentAt": sent_at,
        "userId": "u-1",
        "event": "Signed Up",
        "properties": {"plan": "pro"},
    }
    assert output == {
        "status": "success",
        "integration": "segment",
        "track": {**SIGNED_UP["track"], "message_id": message_id, "timestamp": timestamp},  # type: ignore[dict-item]
        "response": {
            "status_code": 200,
            "headers": {"content-type": "application/json"},
            "body": {"success": True},
            "truncated": False,
        },
        "attempts": output["attempts"],
        "policies": output["policies"],
    }


async def test_retries_with_one_message_id(execute: Execute, standin: StandIn) -> None:
    """500, 500, 200: three requests, one message id, and `sentAt` anew each time."""
    standin.script("segment", {"status": 500}, {"status": 500})

    output = await execute("Track", SIGNED_UP)

    assert output["status"] == "success"
    bodies = [request["body"] for request in standin.requests]
    assert [request["answered"] for request in standin.requests] == [500, 500, 200]
    assert {body["messageId"] for body in bodies} == {output["track"]["message_id"]}
    assert {body["timestamp"] for body in bodies} == {output["track"]["timestamp"]}
    assert len({body["sentAt"] for body in bodies}) == 3


async def test_refuses_a_message_without_an_event(execute: Execute, standin: StandIn) -> None:
    """Nothing is sent, and the failure names the field."""
    output = await execute("Track", {"track": {"user_id": "u-1"}})

    assert output["error"] == {
        "type": "ValidationError",
        "message": "track.event is required",
        "fields": [{"path": "track.event", "message": "is required"}],
    }
    assert output["track"] == {"user_id": "u-1"}
    assert standin.requests == []
