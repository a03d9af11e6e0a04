"""The types of the fields of messages, and the checks of their values."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeGuard

from pydantic import AfterValidator, PlainValidator, ValidationError, ValidationInfo
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticKnownError

from durable_analytics.wire.currencies import CURRENCIES
from durable_analytics.wire.timestamps import checked_timestamp, timestamp_problem


def is_filled(value: Any) -> TypeGuard[str]:
    """Whether a value is text that is neither empty nor blank."""
    return isinstance(value, str) and bool(value.strip())


def is_empty(value: Any) -> bool:
    """Whether a value counts as not set: null, blank text, an empty list or an empty object."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, (list, dict)) and not value)


def is_message_id(value: Any) -> TypeGuard[str]:
    """Whether a value is a valid message id (Segment: fewer than 100 characters).

    A blank one identifies nothing: providers would take all messages with it for one.
    """
    return is_filled(value) and len(value) < 100 and value.isprintable()


def is_number(value: Any) -> bool:
    """Whether a value is a JSON number: true, false, NaN and infinities are not."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def is_lenient(info: ValidationInfo) -> bool:
    """Whether the input has `"strict": false`: only what the provider would refuse is refused."""
    return bool(info.context and info.context.get("lenient"))


def wrong(message: str, field: str = "") -> PydanticCustomError:
    """Return the error of a value.

    Args:
        message: What is wrong.
        field: The field inside the value that is wrong, for a check of a whole object.
    """
    return PydanticCustomError("analytics", "{message}", {"message": message, "field": field})


def _filled(value: str) -> str:
    if not is_filled(value):
        raise wrong("is required")
    return value


def _message_id(value: str) -> str:
    if not value.strip():
        raise wrong("must not be blank: omit it, and the message gets one")
    if not is_message_id(value):
        raise wrong("must have 1 to 99 printable characters")
    return value


def _timestamp(value: Any) -> str:
    try:
        return checked_timestamp(value)
    except (ValueError, TypeError):
        raise wrong(timestamp_problem(value)) from None


def _number_as_written(value: Any) -> int | float:
    """Return a number unchanged, so that 750 does not become 750.0."""
    if not is_number(value):
        raise wrong("must be a number")
    return value  # type: ignore[no-any-return]  # checked above


def _one_or_more_ids(value: Any, info: ValidationInfo) -> str | list[str]:
    several = isinstance(value, list)
    ids = list(value) if several else [value]
    if is_lenient(info):
        ids = [str(item) if is_number(item) else item for item in ids]
    if not ids or not all(map(is_filled, ids)):
        raise wrong("must be an id, or a list of ids without empty ones")
    return ids if several else ids[0]


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise PydanticKnownError("list_type")
    if not {*map(type, value)} <= {str}:  # fast, for a list of a hundred thousand
        _refuse_items(value, [i for i, item in enumerate(value) if not isinstance(item, str)])
    return value


def _text_by_name(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise PydanticKnownError("dict_type")
    _refuse_items(value, [name for name, item in value.items() if not isinstance(item, str)])
    return value


_MOST_PROBLEMS = 20
"""Wrong items of one list or object that are reported; an error lists no more."""


def _refuse_items(value: Any, steps: Sequence[int | str]) -> None:
    """Refuse the items at these indexes or keys, because they are not text.

    Pydantic would list all of them.
    """
    if steps:
        errors = [
            InitErrorDetails(type="string_type", loc=(step,), input=value[step])
            for step in steps[:_MOST_PROBLEMS]
        ]
        raise ValidationError.from_exception_data("text", errors, hide_input=True)


RequiredText = Annotated[str, AfterValidator(_filled)]
MessageId = Annotated[str, AfterValidator(_message_id)]
Timestamp = Annotated[str, PlainValidator(_timestamp)]
Number = Annotated[int | float, PlainValidator(_number_as_written)]
Ids = Annotated[str | list[str], PlainValidator(_one_or_more_ids)]
Texts = Annotated[list[str], PlainValidator(_texts)]
TextByName = Annotated[dict[str, str], PlainValidator(_text_by_name)]

_PROPERTY_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "revenue": (is_number, "must be a number, like 19.99"),
    "value": (is_number, "must be a number, like 19.99"),
    "currency": (
        lambda code: isinstance(code, str) and code in CURRENCIES,
        'must be an ISO 4217 code in capital letters, like "USD"',
    ),
}


def broken_property_rule(properties: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the name of a well-known property with a wrong value, and what it must be."""
    for name in _PROPERTY_RULES:
        if name in properties:
            value = properties[name]
            fits, message = _PROPERTY_RULES[name]
            if value is not None and not fits(value):
                return name, message
    return None
