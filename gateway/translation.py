"""Translation of request bodies in Segment's format into the messages of a `Batch` input."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from pydantic_core import to_json

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.wire.field_types import is_message_id
from durable_analytics.wire.json_reader import Unreadable
from durable_analytics.wire.messages import JsonObject
from gateway.errors import RequestError, too_large
from gateway.gateway_message import GatewayMessage, hash_parts, make_placeholder
from gateway.normalization import (
    NormalizedMessage,
    add_ip,
    json_problem,
    raw_message_id,
)
from gateway.routes import MESSAGE_TYPES

_UNKNOWN_TYPE = FieldProblem("type", f"must be one of {', '.join(MESSAGE_TYPES)}")

SHARED_LIMIT_BYTES = 4 * 1024 * 1024
"""The limit for shared data (context, integrations), summed over all messages or executions that
receive a copy of it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a request arrived, and from where.

    Args:
        at: The time by this machine's clock.
        ip: The client's address, if it is to be added to the context of the messages.
    """

    at: datetime
    ip: str | None = None


def read_single(message_type: str, body: JsonObject, arrival: Arrival) -> GatewayMessage:
    """Translate the body of a request with a single message.

    Raises:
        RequestError: The message cannot be stored as JSON.
    """
    if problems := [
        _nested_problem(key, value.problem)
        for key, value in body.items()
        if isinstance(value, Unreadable)
    ]:
        raise _bad_request(*problems)
    message = NormalizedMessage.parse({**body, "type": message_type})
    if problem := json_problem(message.fields, message.content):
        raise _bad_request(problem)
    return message.translate(body.get("sentAt"), arrival.at, arrival.ip)


def read_batch(
    body: JsonObject, arrival: Arrival, messages_limit: int
) -> tuple[list[GatewayMessage], Any]:
    """Translate the body of a request with a list of messages.

    A message that cannot be stored is replaced by a placeholder, which the worker rejects.

    Args:
        body: The body.
        arrival: When the request arrived, and from where.
        messages_limit: The maximum number of messages.

    Returns:
        The messages, and the context that they share; the worker leaves out one that is no object.

    Raises:
        RequestError: The body is no valid batch, or exceeds a limit.
    """
    messages = body.get("batch")
    if not isinstance(messages, list):
        raise RequestError(400, 'batch must be a list of messages, like [{"type": "track", …}]')
    if len(messages) > messages_limit:
        reason = f"batch has more than {messages_limit} messages: send fewer messages in a request"
        raise RequestError(413, reason)
    context = _value_beside(body, "context")
    context_json = b"" if context == {} else to_json(context)
    if arrival.ip:
        context = add_ip(context, arrival.ip)
    integrations = _optional_object(body, "integrations")
    if len(to_json(integrations)) * len(messages) > SHARED_LIMIT_BYTES:
        raise too_large("integrations, copied into all messages,", SHARED_LIMIT_BYTES)
    sent_at = body.get("sentAt")
    return [
        _read_item(message, integrations, context_json, sent_at, arrival.at) for message in messages
    ], context


def _read_item(
    raw: Any, integrations: JsonObject, context_json: bytes, sent_at: Any, received_at: datetime
) -> GatewayMessage:
    """Translate one message of a list, or replace it with a placeholder."""
    if isinstance(raw, Unreadable):
        return _unreadable_placeholder(raw)
    if not isinstance(raw, dict):
        content = to_json(raw)  # The worker rejects it.
        digest = hash_parts(content)
        return GatewayMessage(content, digest.hex(), digest)
    own = raw.get("integrations")
    if integrations and (own is None or isinstance(own, dict)):
        raw = {**raw, "integrations": {**integrations, **(own or {})}}
    message = NormalizedMessage.parse(raw, context_json)
    if problem := json_problem(message.fields, message.content):
        return message.reject(problem)
    if message.fields.get("type") not in MESSAGE_TYPES:
        return message.reject(_UNKNOWN_TYPE, is_valid_json=True)
    return message.translate(raw.get("sentAt") or sent_at, received_at)


def _bad_request(*problems: FieldProblem) -> RequestError:
    return RequestError(400, ValidationError.of(problems).message)


def _nested_problem(key: str, problem: FieldProblem) -> FieldProblem:
    """The problem of a value, with its path from the object that has the value under this key."""
    return FieldProblem(f"{key}.{problem.path}".removesuffix("."), problem.message)


def _optional_object(body: JsonObject, key: str) -> JsonObject:
    value = _value_beside(body, key)
    if not isinstance(value, dict):
        raise RequestError(400, f"{key} must be an object")
    return value


def _value_beside(body: JsonObject, key: str) -> Any:
    """Return the value of a key next to a list of messages; an empty object if it is not set."""
    value: Any = body.get(key)
    if value is None or value == []:  # PHP encodes an empty object as [].
        return {}
    if isinstance(value, Unreadable):
        raise _bad_request(_nested_problem(key, value.problem))
    if problem := json_problem(value, to_json(value)):
        raise _bad_request(_nested_problem(key, problem))
    return value


def _unreadable_placeholder(unreadable: Unreadable) -> GatewayMessage:
    value = unreadable.value if isinstance(unreadable.value, dict) else {}
    raw_id = raw_message_id(value)
    message_id = raw_id if is_message_id(raw_id) else str(uuid4())
    problem = unreadable.problem
    # The text itself may hold the time of sending, which differs between retries.
    parts = (message_id.encode(), problem.path.encode(), problem.message.encode())
    digest = hash_parts(*parts) if message_id == raw_id else None
    return make_placeholder(problem, unreadable.text, message_id, digest)
