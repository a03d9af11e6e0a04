"""Braze in the stand-in: it accepts up to 75 objects in a request, and lists refused objects."""

from collections.abc import Mapping, Sequence
from typing import Any

from durable_analytics.testing._received import Received, ReceivedMessage
from durable_analytics.testing._vendor import Reply, Vendor, whole_body
from durable_analytics.testing.authentication import bearer
from durable_analytics.wire.messages import JsonObject

_ARRAYS = ("attributes", "events", "purchases")
_MOST_OBJECTS = 75
"""Objects in a request to `/users/track`, in all arrays together (Braze's API reference)."""

_IDS = ("external_id", "user_alias", "braze_id", "email", "phone")
_REQUIRED: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "attributes": {},
    "events": {"name": str, "time": str},
    "purchases": {"product_id": str, "currency": str, "price": (int, float), "time": str},
}


def _objects(request: Received) -> list[tuple[str, int, Any]]:
    """Return the array, the index in the array, and the value of each object in a request."""
    body = request.body if isinstance(request.body, dict) else {}
    return [
        (array, index, value)
        for array in _ARRAYS
        for index, value in enumerate(body[array] if isinstance(body.get(array), list) else [])
    ]


def _problem(array: str, value: Any) -> str:
    """Return Braze's error for an object; "" if the object is valid."""
    if not isinstance(value, dict):
        return "must be an object"
    if not any(value.get(name) for name in _IDS):
        return "'external_id', 'braze_id', 'user_alias' or 'email' is required"
    required = _REQUIRED[array].items()
    invalid = [name for name, types in required if not isinstance(value.get(name), types)]
    return f"'{invalid[0]}' is not valid" if invalid else ""


def _track(request: Received) -> Reply:
    objects = _objects(request)
    problems = [_problem(array, value) for array, _, value in objects]
    if len(objects) > _MOST_OBJECTS:
        return Reply(400, {"message": f"more than {_MOST_OBJECTS} objects in one request"})
    errors = [
        {"type": problem, "input_array": array, "index": index}
        for problem, (array, index, _) in zip(problems, objects, strict=True)
        if problem
    ]
    if len(errors) == len(objects):
        message = (
            "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields."
        )
        return Reply(400, {"message": message, "errors": errors})
    refused = [position for position, problem in enumerate(problems) if problem]
    accepted = [
        array for problem, (array, _, _) in zip(problems, objects, strict=True) if not problem
    ]
    body: JsonObject = {"message": "success"}
    body |= {f"{array}_processed": accepted.count(array) for array in _ARRAYS if array in accepted}
    return Reply(201, {**body, **({"errors": errors} if errors else {})}, not_accepted=refused)


def _answers(request: Received) -> Reply:
    body = request.body if isinstance(request.body, dict) else {}
    if request.path == "/users/track":
        return _track(request)
    if request.path == "/users/delete":
        return Reply(201, {"deleted": len(body.get("external_ids") or []), "message": "success"})
    if request.path == "/users/identify":
        count = len(body.get("aliases_to_identify") or [])
        return Reply(201, {"aliases_processed": count, "message": "success"})
    return Reply(200, {"message": "success"})


def _messages(request: Received) -> Sequence[ReceivedMessage]:
    return [ReceivedMessage(None, value) for _, _, value in _objects(request)] or whole_body(
        request
    )


VENDOR = Vendor(
    title="Braze",
    credentials={"api_key": "braze-api-key"},
    authorizes=bearer("api_key"),
    refuses=Reply(401, {"message": "Invalid API Key"}),
    answers=_answers,
    messages=_messages,
)
