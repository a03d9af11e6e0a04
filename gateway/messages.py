"""From what an SDK posts to messages of a `Batch`: Segment's words become those of the contract."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from pydantic.alias_generators import to_snake
from pydantic_core import to_json

from durable_analytics.errors import ValidationError
from durable_analytics.messages import JsonObject, instant, is_message_id, is_number
from durable_analytics.reading import not_json
from gateway.refusals import Refusal, too_large

TYPES = ("identify", "track", "page", "screen", "group", "alias")
"""What an SDK sends; anything else in a batch is refused. A `call` or a `delete`, which the worker
would do, is more than a write key stands for."""

CALLS: Mapping[str, str | None] = {
    **{type_: type_ for type_ in TYPES},
    **{type_[0]: type_ for type_ in TYPES},
    **dict.fromkeys(("batch", "import", "b")),
}
"""The last step of a path, as servers write it and as browsers do: the type of its one message, or
None for a list of them."""

_OF_THE_REQUEST = ("writeKey", "write_key", "sentAt")
"""Said of a request, not of a message; the worker says its own."""

_ALIAS = {
    "previousId": "previousUserId",
    "previous_id": "previousUserId",
    "userId": "newUserId",
    "user_id": "newUserId",
}

_TWINS = {
    to_snake(name): name
    for name in ("messageId", "userId", "anonymousId", "groupId", "previousId", "companyId")
}
_CONTEXT_TWINS = {to_snake(name): name for name in ("groupId", "userAgent", "userAgentData")}
"""Other spellings, which the contract knows and Segment does not: where both are there, Segment's
counts, and the other one is left out."""

_IDS = UUID("f4f7b0a4-0c6e-5d36-8a0b-9d5f1c6a7e21")
"""The UUIDv5 namespace of ids in place of those that no provider would take."""

SHARED_LIMIT_BYTES = 4 * 1024 * 1024
"""What stands beside a list once, and is made a part of each message or execution: all of it."""

_NETWORK = timedelta(seconds=1)
"""Between sending and receiving; a longer time is a clock that is wrong."""

_DEEPEST = 90
"""Brackets that a message may have without a look at how they are nested."""


@dataclass(frozen=True, slots=True)
class Item:
    """A message, as it goes into the input of an execution."""

    content: bytes
    message_id: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """When and from where a request came.

    Args:
        at: Now, by this machine's clock.
        ip: The sender's address, where it is to be told.
    """

    at: datetime
    ip: str | None = None


def read_one(type_: str, body: JsonObject, arrival: Arrival) -> Item:
    """The message of a request that has just one.

    Raises:
        Refusal: It cannot be written.
    """
    message = _message({**body, "type": type_}, body, arrival)
    if arrival.ip:
        message["context"] = _with_ip(message.get("context"), arrival.ip)
    try:
        return Item(_written(message), message["messageId"])
    except ValidationError as error:
        raise Refusal(400, error.message) from None


def read_batch(body: JsonObject, arrival: Arrival, most: int) -> tuple[list[Item], JsonObject]:
    """The messages of a request with many, and the context that all of them share.

    Args:
        body: The body.
        arrival: When and from where it came.
        most: The most messages.

    Raises:
        Refusal: It is no batch. What is wrong with one of its messages, the worker tells.
    """
    messages = body.get("batch")
    if not isinstance(messages, list):
        raise Refusal(400, 'batch must be a list of messages, like [{"type": "track", …}]')
    if len(messages) > most:
        raise Refusal(413, f"batch holds more than {most} messages: send fewer at a time")
    context = _once(_object_or_nothing(body, "context"), _CONTEXT_TWINS)
    if arrival.ip:
        context = _with_ip(context, arrival.ip)
    integrations = _object_or_nothing(body, "integrations")
    if len(to_json(integrations)) * len(messages) > SHARED_LIMIT_BYTES:
        raise too_large("what integrations makes in all messages", SHARED_LIMIT_BYTES)
    return [_item(one, body, integrations, arrival) for one in messages], context


def _object_or_nothing(body: JsonObject, key: str) -> JsonObject:
    value = body.get(key)
    if value is None or value == []:  # which is PHP's empty object
        return {}
    if not isinstance(value, dict):
        raise Refusal(400, f"{key} must be an object")
    try:
        _written(value)
    except ValidationError as error:
        raise Refusal(400, f"{key}.{error.message}") from None
    return value


def _item(message: Any, body: JsonObject, integrations: JsonObject, arrival: Arrival) -> Item:
    if isinstance(message, dict):
        if integrations:
            message = _with_integrations(message, integrations)
        message = _message(message, body, arrival)
        message_id = message["messageId"]
        is_known = message.get("type") in TYPES
    else:
        message_id = str(uuid5(_IDS, to_json(message).decode()))
        is_known = True  # to be no message, which the worker tells
    try:
        content = _written(message)
    except ValidationError as error:
        content = _refused(error.message, to_json(message).decode(), message_id)
    else:
        if not is_known:
            told = f"type must be one of {', '.join(TYPES)}"
            content = _refused(told, message, message_id)
    return Item(content, message_id)


def _refused(reason: str, message: Any, message_id: str) -> bytes:
    """What the worker refuses for having no type, and an operator can read."""
    return to_json({"messageId": message_id, "refused": reason, "message": message})


def _with_integrations(message: JsonObject, integrations: JsonObject) -> JsonObject:
    own = message.get("integrations")
    if own is not None and not isinstance(own, dict):
        return message
    return {**message, "integrations": {**integrations, **(own or {})}}


def _message(message: JsonObject, request: JsonObject, arrival: Arrival) -> JsonObject:
    sent_at = message.get("sentAt") or request.get("sentAt")
    message = {key: value for key, value in message.items() if key not in _OF_THE_REQUEST}
    message = _once(message, _TWINS)
    if isinstance(context := message.get("context"), dict):
        message["context"] = _once(context, _CONTEXT_TWINS)
    message["messageId"] = _message_id(message.get("messageId", message.pop("message_id", None)))
    timestamp = message.get("timestamp") or message.get("originalTimestamp")
    if timestamp is not None:
        message["timestamp"] = _corrected(timestamp, sent_at, arrival.at)
    if message.get("type") == "alias":
        message = {_ALIAS.get(key, key): value for key, value in message.items()}
    return message


def _once(data: JsonObject, twins: Mapping[str, str]) -> JsonObject:
    """The same without the other spelling of a key that is there in both."""
    if twins.keys().isdisjoint(data):
        return data
    return {key: value for key, value in data.items() if twins.get(key) not in data}


def _message_id(given: Any) -> str:
    """The id; the same for the same, so that what is sent again can be told."""
    if is_message_id(given):
        return given
    if is_number(given):
        return str(given)
    return str(uuid5(_IDS, given)) if given and isinstance(given, str) else str(uuid4())


def _corrected(timestamp: Any, sent_at: Any, received_at: datetime) -> Any:
    """The time by our clock: `receivedAt - (sentAt - timestamp)`, by the Segment specification.

    What cannot be read as a time stays as it is.
    """
    happened, sent = _time(timestamp), _time(sent_at)
    if happened is None or sent is None or abs(received_at - sent) < _NETWORK:
        return timestamp
    try:
        return instant(happened + (received_at - sent))
    except OverflowError:
        return timestamp


def _time(value: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(value)
        return time if time.tzinfo else time.replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return None


def _with_ip(context: Any, ip: str) -> Any:
    if context is None:
        return {"ip": ip}
    return {"ip": ip, **context} if isinstance(context, dict) else context


def _written(message: Any) -> bytes:
    """What was read, as JSON.

    Raises:
        ValidationError: It is nested too deeply, or holds a number that is too large.
    """
    content = to_json(message)
    brackets = content.count(b"{") + content.count(b"[")
    is_doubtful = brackets > _DEEPEST or b"Infinity" in content or b"NaN" in content
    if is_doubtful and (problems := list(not_json(message))):
        raise ValidationError.of(problems)
    return content
