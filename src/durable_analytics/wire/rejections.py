"""Describes the rejected messages of a batch; shortens long lists of rejected or filtered ones."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from durable_analytics.errors import DELIVERY_ERRORS, DeliveryError, FieldProblem, ValidationError
from durable_analytics.wire.json_reader import Unreadable
from durable_analytics.wire.plans import FilteredMessage, Rejection

_LIMIT_BYTES = 1024 * 1024
"""The limit for all rejections of a batch as JSON; beyond it, they are shortened."""

_FILTERED_LIMIT_BYTES = 512 * 1024
"""The limit for all filtered messages of a batch as JSON; beyond it, they are shortened."""

_SHORT_CHARACTERS = 40
"""The most characters of an error message or an id in a shortened list."""

_VALIDATION = ValidationError.wire_name()


def reject(index: int, message: Any, error: DeliveryError) -> Rejection:
    """Describe a message that the worker or the provider did not accept.

    Args:
        index: The index of the message in the input.
        message: The message, unchanged.
        error: The reason. Its paths may begin inside the message or with the method of the message;
            they become paths in the input.
    """
    if isinstance(message, Unreadable):
        message = message.value
    fields: Mapping[str, Any] = message if isinstance(message, dict) else {}
    if error.fields:
        error = ValidationError.of(
            FieldProblem(_path_in_batch(index, problem.path, fields), problem.message)
            for problem in error.fields
        )
    message_id = fields.get("message_id") or fields.get("messageId")
    return {
        "index": index,
        "message_id": message_id if isinstance(message_id, str) else None,
        "error": error.as_json(),
    }


def _path_in_batch(index: int, path: str, message: Mapping[str, Any]) -> str:
    first, _, rest = path.partition(".")
    is_shared = first == "context" and message.get("context") is None
    if is_shared or first == "request_options":
        return path
    inside = rest if first == message.get("type") else path
    return f"messages.{index}.{inside}" if inside else f"messages.{index}"


def all_rejected(rejected: Sequence[Rejection]) -> DeliveryError:
    """Return the error of a batch of which no message was accepted.

    Its type is that of the first error that is not a `ValidationError`, if there is one.

    Args:
        rejected: All rejections of the batch; at least one.
    """
    errors = [rejection["error"] for rejection in rejected]
    chosen = next((error for error in errors if error["type"] != _VALIDATION), errors[0])
    fields = [FieldProblem(**problem) for error in errors for problem in error["fields"]]
    reason = (
        f"none of the {len(rejected)} messages was accepted; the first reason: {chosen['message']}"
    )
    return DELIVERY_ERRORS[chosen["type"]](reason, fields=fields[: ValidationError.MOST_FIELDS])


def shorten_rejections(rejected: Iterable[Rejection], share: int = 1) -> list[Rejection]:
    """Return the rejections, shortened if Temporal could not store them in full.

    Args:
        rejected: The rejections.
        share: The number of such lists that are stored together, in a fan-out.
    """
    listed = list(rejected)
    if len(json.dumps(listed)) * share <= _LIMIT_BYTES:
        return listed
    return [_shorten(rejection) for rejection in listed]


def _shorten(rejection: Rejection) -> Rejection:
    error = rejection["error"]
    message = error["message"].encode("ascii", "replace").decode()[:_SHORT_CHARACTERS]
    return {
        "index": rejection["index"],
        "message_id": _short_id(rejection["message_id"]),
        "error": {"type": error["type"], "message": message, "fields": []},
    }


def shorten_filtered(filtered: Iterable[FilteredMessage], share: int = 1) -> list[FilteredMessage]:
    """Return the filtered messages, without reasons if Temporal could not store them in full.

    Args:
        filtered: The filtered messages.
        share: The number of such lists that are stored together, in a fan-out.
    """
    listed = list(filtered)
    if len(json.dumps(listed)) * share <= _FILTERED_LIMIT_BYTES:
        return listed
    return [
        {**message, "message_id": _short_id(message["message_id"]), "reason": ""}
        for message in listed
    ]


def _short_id(message_id: str | None) -> str | None:
    fits = message_id and len(json.dumps(message_id)) <= _SHORT_CHARACTERS + len('""')
    return message_id if fits else None
