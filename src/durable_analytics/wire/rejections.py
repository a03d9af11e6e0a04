"""Descriptions of messages of a batch that were not accepted, or rightly not sent."""

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
"""The length of an error message or an id in a shortened rejection."""

_VALIDATION = ValidationError.wire_name()


def reject(index: int, message: Any, error: DeliveryError) -> Rejection:
    """Describe a message that was not accepted.

    Args:
        index: The index of the message in the input.
        message: The message, unchanged.
        error: The reason. Paths that begin inside the message, or with its method, become paths of
            the input.
    """
    if isinstance(message, Unreadable):
        message = message.value
    fields: Mapping[str, Any] = message if isinstance(message, dict) else {}
    if error.fields:
        error = ValidationError.of(
            FieldProblem(_path_in_batch(index, problem.path, fields.get("type")), problem.message)
            for problem in error.fields
        )
    message_id = fields.get("message_id") or fields.get("messageId")
    return {
        "index": index,
        "message_id": message_id if isinstance(message_id, str) else None,
        "error": error.as_json(),
    }


def _path_in_batch(index: int, path: str, method: Any) -> str:
    first, _, rest = path.partition(".")
    if first == "request_options":
        return path
    inside = rest if first == method else path
    return f"messages.{index}.{inside}" if inside else f"messages.{index}"


def all_rejected(rejected: Sequence[Rejection]) -> DeliveryError:
    """Return the error of a batch without accepted messages; a provider's refusal has priority.

    Args:
        rejected: The rejections of an output; at least one.
    """
    errors = [rejection["error"] for rejection in rejected]
    chosen = next((error for error in errors if error["type"] != _VALIDATION), errors[0])
    fields = [FieldProblem(**problem) for error in errors for problem in error["fields"]]
    reason = (
        f"none of the {len(rejected)} messages was accepted; the first reason: {chosen['message']}"
    )
    return DELIVERY_ERRORS[chosen["type"]](reason, fields=fields[: ValidationError.MOST_FIELDS])


def shorten_rejections(rejected: Iterable[Rejection], share: int = 1) -> list[Rejection]:
    """Return the rejections; shorten them if Temporal could not store them otherwise.

    Args:
        rejected: The rejections.
        share: How many such lists are stored together.
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
    """Return the filtered messages; without their reasons if Temporal could not store them.

    Args:
        filtered: The messages.
        share: How many such lists are stored together.
    """
    listed = list(filtered)
    if len(json.dumps(listed)) * share <= _FILTERED_LIMIT_BYTES:
        return listed
    return [{**one, "message_id": _short_id(one["message_id"]), "reason": ""} for one in listed]


def _short_id(message_id: str | None) -> str | None:
    fits = message_id and len(json.dumps(message_id)) <= _SHORT_CHARACTERS + len('""')
    return message_id if fits else None
