"""Parsing of inputs: the checked envelope, which all messages share, and the messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import pydantic

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.wire._lenient import NOTHING, Lenient, split_known
from durable_analytics.wire.contexts import split_context, split_shared_context
from durable_analytics.wire.decoding import decode
from durable_analytics.wire.field_types import is_message_id
from durable_analytics.wire.json_reader import Unreadable, deep_problem, has_many_brackets
from durable_analytics.wire.json_writer import write_json
from durable_analytics.wire.keys import (
    is_lenient,
    refuse_deep_values,
    refuse_surplus_keys,
    rename_keys,
    snake_case,
)
from durable_analytics.wire.limits import BATCH_LIMIT_BYTES, MOST_MESSAGES
from durable_analytics.wire.messages import JsonObject, Message, RequestOptions
from durable_analytics.wire.methods import BATCH, METHODS, Input, Method, SourcePlan
from durable_analytics.wire.policies import Policies
from durable_analytics.wire.problems import to_validation_error


@dataclass(frozen=True, slots=True)
class Envelope:
    """The checked parts of an input except its message or messages."""

    integration: str | None
    deliver_to: list[str] | None
    """The integrations of a fan-out, each once; then there is no `integration`."""

    tracking_plan: SourcePlan | None
    policies: Policies | None
    options: RequestOptions
    context: JsonObject
    """In a strict input, its keys are in snake_case; otherwise it is unchanged."""

    strict: bool

    leaves_out_context: bool = False
    """Whether the input has a context that is no object, which is not sent."""


def read_envelope(method: Method, data: JsonObject) -> Envelope:
    """Check an input except its message or messages.

    Args:
        method: The method, or `BATCH`.
        data: The input, as `normalise` or `rename_keys` returned it.

    Raises:
        ValidationError: The input breaks the contract; the error names each field.
    """
    data, context, leaves_out_context = split_shared_context(data)
    _refuse_surplus_envelope_keys(method, data)
    try:
        checked = method.input.model_validate(data)
    except pydantic.ValidationError as error:
        raise to_validation_error(method.input, error) from None
    _check_targets(checked)
    options = checked.request_options or RequestOptions()
    return Envelope(
        checked.integration,
        checked.deliver_to,
        checked.tracking_plan,
        checked.policies,
        options,
        context,
        checked.strict,
        leaves_out_context,
    )


def _check_targets(checked: Input) -> None:
    names = checked.deliver_to
    if names is None:
        return
    if checked.integration is not None:
        raise ValidationError.at("deliver_to", "cannot be set beside integration: set one of them")
    for position, name in enumerate(names):
        if name in names[:position]:
            raise ValidationError.at(f"deliver_to.{position}", "names an integration again")


def _refuse_surplus_envelope_keys(method: Method, data: JsonObject) -> None:
    message_key = "messages" if method is BATCH else method.key
    envelope = {key: value for key, value in data.items() if key != message_key}
    refuse_surplus_keys(envelope, method.input, "")


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one message, in snake_case and unchecked, and its complete context."""

    method: Method
    fields: JsonObject
    context: JsonObject

    leaves_out_context: bool = False
    """Whether the message or its input has a context that is no object, which is not sent."""


def read_input(method: Method, data: Any) -> tuple[Envelope, Fields]:
    """Read the input of one message, without checking the fields of the message.

    Args:
        method: The method.
        data: The input, as `normalise` returned it.

    Raises:
        ValidationError: The envelope breaks the contract. The message is checked too in this case,
            so that the error names all problems.
    """
    lenient = is_lenient(data)
    try:
        envelope = read_envelope(method, data)
        fields = data[method.key]
        if not isinstance(fields, dict):
            raise ValidationError.at(method.key, "must be an object")
        if lenient:  # SDKs put the context into the message.
            return envelope, _without_context(method, fields, envelope)
    except ValidationError as error:
        raise _with_problems_of_message(method, data, error) from None
    return envelope, Fields(method, fields, envelope.context)


def _without_context(method: Method, message: JsonObject, envelope: Envelope) -> Fields:
    fields, context, is_left_out = split_context(
        message, envelope.context, lenient=not envelope.strict
    )
    return Fields(method, fields, context, envelope.leaves_out_context or is_left_out)


def _with_problems_of_message(
    method: Method, data: JsonObject, error: ValidationError
) -> ValidationError:
    fields = data.get(method.key)
    if not isinstance(fields, dict):
        return error
    try:
        read_message(method, fields, lenient=is_lenient(data))
    except ValidationError as more:
        return ValidationError.of([*error.fields, *more.below(method.key).fields])
    return error


def read_message(method: Method, fields: JsonObject, *, lenient: bool) -> tuple[Message, Lenient]:
    """Check the fields of one message.

    Args:
        method: The method of the message.
        fields: The fields, in snake_case.
        lenient: Whether the input has `"strict": false`.

    Returns:
        The message, and with `lenient` the fields that do not fit its model.

    Raises:
        ValidationError: The message breaks the contract; paths begin inside the message.
    """
    model, extra = method.message, NOTHING
    refuse_surplus_keys(fields, model, "", open_model=model if lenient else None)
    if lenient:
        fields, extra = split_known(model, fields)
    try:
        return model.__pydantic_validator__.validate_python(
            fields, context={"lenient": lenient}
        ), extra
    except pydantic.ValidationError as error:
        raise to_validation_error(model, error) from None


def needs_message_id(fields: JsonObject, *, lenient: bool) -> bool:
    """Whether a message_id must be generated: it is absent, or with `lenient` it is invalid."""
    message_id = fields.get("message_id")
    return message_id is None or (lenient and not is_message_id(message_id))


@dataclass(frozen=True, slots=True)
class BatchInput:
    """The input of a `Batch`: its envelope is checked, its messages are unchanged."""

    envelope: Envelope
    messages: Sequence[Any]


def read_batch(value: Any) -> BatchInput:
    """Read an input of `Batch`, without reading its messages.

    Raises:
        ValidationError: The input is not an object with a list of messages, or what is beside them
            is not JSON, or breaks the contract.
    """
    data = rename_keys(BATCH, decode_batch(value))
    messages = data.get("messages")
    if not isinstance(messages, list) or not messages:
        reason = 'is required: a list of messages, like [{"type": "track", "user_id": "u-1", …}]'
        raise ValidationError.at("messages", reason)
    if len(messages) > MOST_MESSAGES:
        reason = (
            f"has {len(messages)} messages; the limit is {MOST_MESSAGES}: "
            "split it into several inputs"
        )
        raise ValidationError.at("messages", reason)
    beside = {**data, "messages": []}
    write_json(beside)  # NaN in it would reach the provider
    refuse_deep_values(beside)
    return BatchInput(read_envelope(BATCH, beside), messages)


def decode_batch(value: Any) -> Any:
    """Read the input of a batch as JSON; a message that is not JSON becomes `Unreadable`.

    Raises:
        ValidationError: The payload is not JSON outside its messages, or is too large.
    """
    return decode(value, limit_bytes=BATCH_LIMIT_BYTES, list_key="messages")


def read_batch_message(envelope: Envelope, message: Any) -> Fields:
    """Read one message of a batch, without checking its fields.

    Raises:
        ValidationError: The value is not a message; paths begin with the method if it is known.
    """
    if isinstance(message, Unreadable):
        raise ValidationError.of([message.problem])
    if not isinstance(message, dict):
        raise ValidationError.at("", 'must be an object, like {"type": "track", …}')
    name = message.get("type")
    method = METHODS.get(name) if isinstance(name, str) else None
    if method is None:
        raise ValidationError.of([_unknown_type(envelope, message)])
    try:
        fields = snake_case(message, method.message, "")
        del fields["type"]
        _check_values(fields)
        return _without_context(method, fields, envelope)
    except ValidationError as error:
        raise error.below(method.key) from None


def _check_values(fields: JsonObject) -> None:
    """Refuse the values that `normalise` refuses in the input of one message."""
    content = write_json(fields)
    if has_many_brackets(content) and (problem := deep_problem(fields)):
        raise ValidationError.of([problem])


def _unknown_type(envelope: Envelope, message: JsonObject) -> FieldProblem:
    """Return the problem of a message without a known type; a gateway can set the reason."""
    reason = None if "type" in message or envelope.strict else message.get("refused")
    if not isinstance(reason, str):
        return FieldProblem("type", f"must be one of {', '.join(METHODS)}")
    path = message.get("path")
    path = path if isinstance(path, str) else ""
    return FieldProblem(path, reason.removeprefix(f"{path} "))


def batch_message_id(message: JsonObject, batch_id: str, index: int) -> str:
    """Return the id that a message of a batch is sent with.

    Args:
        message: The message, unchanged, with keys in either spelling.
        batch_id: The id of the batch, a UUID. The id of a message without a valid id is generated
            from the id of the batch and the index of the message.
        index: The index of the message in the whole input.
    """
    own = message.get("message_id")
    own = message.get("messageId") if own is None else own
    return own if is_message_id(own) else str(uuid5(UUID(batch_id), str(index)))


def check_input(method: Method, data: JsonObject) -> None:
    """Check an input as `Validation` does, except what depends on the integration.

    Args:
        method: The method.
        data: The input, as `normalise` returned it.

    Raises:
        ValidationError: The input breaks the contract; the error names each field.
    """
    envelope, message = read_input(method, data)
    try:
        _, extra = read_message(method, message.fields, lenient=not envelope.strict)
        if method.key == "call" and (problems := _problems_of_call(extra)):
            raise ValidationError.of(problems)
    except ValidationError as error:
        raise error.below(method.key) from None


def _problems_of_call(extra: Lenient) -> list[FieldProblem]:
    """Return the problems for which every provider refuses a call; its time is not sent."""
    return [problem for name, problem in extra.problems.items() if name != "timestamp"]
