"""Checks of the results and failure details of the Request activities, before a workflow uses them.

An operator can complete or fail an activity with any value (`temporal activity complete`, `fail`).
Without a check, such a value would fail the workflow task, which Temporal retries for ever.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from typing import Annotated, Any, cast

import pydantic
from pydantic import BaseModel, ConfigDict, Field
from temporalio.exceptions import ApplicationError

from durable_analytics.errors import DELIVERY_ERRORS, Internal
from durable_analytics.wire.indexes import decode_indexes
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH, BATCH_SEND, Method
from durable_analytics.wire.plans import (
    AttemptRecord,
    BatchResult,
    HeldMessage,
    RequestResult,
    Response,
    SendResult,
)

_RESPONSES_LIMIT_BYTES = 256 * 1024
"""The limit for all responses of an output, as JSON; of further responses only the status is
kept."""


_LARGEST_BYTES = 512 * 1024
"""The limit for one response, as JSON; the worker's own responses have at most 67 KiB. It keeps an
output, with its message, below Temporal's limit of 2 MiB."""


_ATTEMPTS_LIMIT_BYTES = 64 * 1024
"""The limit for the attempts of all responses of an output, as JSON."""


class _Result(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, hide_input_in_errors=True)


class _Response(_Result):
    status_code: int
    headers: dict[str, str]
    body: Any
    truncated: bool


def _fits(response: _Response) -> _Response:
    if len(json.dumps(response.model_dump())) > _LARGEST_BYTES:
        raise ValueError("too large")
    return response


_FittingResponse = Annotated[_Response, pydantic.AfterValidator(_fits)]
_FITTING_RESPONSE: pydantic.TypeAdapter[_Response] = pydantic.TypeAdapter(_FittingResponse)

MOST_ATTEMPTS = 20
"""The attempts that an output shows; of more, the last ones."""


def _known_type(name: str) -> str:
    if name not in DELIVERY_ERRORS:
        raise ValueError(name)
    return name


class _Problem(_Result):
    path: str
    message: str


class _AttemptRecord(_Result):
    attempt: int
    at: Annotated[str, Field(max_length=100)]
    milliseconds: int
    status_code: int | None
    error: Annotated[str, Field(max_length=100)] | None


_Attempts = Annotated[list[_AttemptRecord], Field(max_length=MOST_ATTEMPTS)]


class _RequestResult(_Result):
    response: _FittingResponse
    attempts: _Attempts


class _Held(_Result):
    attempts: _Attempts
    count: Annotated[int, Field(ge=0)]


class _Error(_Result):
    type: Annotated[str, pydantic.AfterValidator(_known_type)]
    message: Annotated[str, Field(max_length=_LARGEST_BYTES // 8)]
    fields: Annotated[list[_Problem], Field(max_length=100)]


class _Rejection(_Result):
    index: int
    message_id: str | None
    error: _Error


class _BatchResult(_Result):
    accepted: Annotated[int, Field(ge=0)]
    rejected: list[_Rejection]
    responses: list[_FittingResponse]


_Numbers = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2, max_length=2)]


class _SendResult(_BatchResult):
    open: list[_Numbers] = []
    split: _Numbers = [0, 0]
    earlier: _Held | None = None


def _bitmap(text: str) -> str:
    decode_indexes(text)
    return text


_Indexes = Annotated[str, pydantic.AfterValidator(_bitmap)]


class _Reason(_Result):
    error: _Error
    indexes: _Indexes


class _FailureDetails(_Result):
    integration: str | None = None
    search_attributes: bool = False
    error: _Error | None = None
    response: _FittingResponse | None = None
    attempts: _Attempts = []
    accepted: _Indexes = ""
    rejected: list[_Rejection] = []
    """Only earlier releases write it."""

    reasons: list[_Reason] = []
    responses: list[_FittingResponse] = []
    open: list[_Numbers] = []
    split: _Numbers = [0, 0]


def checked_rest(detail: Any) -> JsonObject:
    """Return the details of a failure or a heartbeat; empty if they do not match the contract."""
    try:
        _FailureDetails.model_validate(detail)
    except pydantic.ValidationError:
        return {}
    checked: JsonObject = detail
    return checked


def checked_request_result(method: Method, result: Any) -> RequestResult:
    """Return the result of a Request activity; earlier releases returned the response alone.

    Raises:
        ApplicationError: The result does not match the contract; the type is `Internal`.
    """
    try:
        if isinstance(result, dict) and "status_code" in result:
            _FITTING_RESPONSE.validate_python(result)
            return {"response": cast("Response", result), "attempts": []}
        if isinstance(result, dict) and "held" in result:
            _Held.model_validate(result["held"])
        else:
            _RequestResult.model_validate(result)
    except pydantic.ValidationError:
        raise _not_the_contract(method.request) from None
    return cast("RequestResult", result)


def checked_held(value: Any) -> HeldMessage | None:
    """Return what an earlier Request returned as `held`; None if it is something else."""
    try:
        _Held.model_validate(value)
    except pydantic.ValidationError:
        return None
    return cast("HeldMessage", value)


def checked_batch_result(result: Any, indexes: Collection[int]) -> BatchResult:
    """Return the result of `Batch.Request` for the messages at these indexes.

    Raises:
        ApplicationError: The result does not match the contract or describes other messages; the
            type is `Internal`.
    """
    _check_settled(BATCH.request, _BatchResult, result, indexes)
    returned: BatchResult = result
    return returned


def checked_send_result(
    result: Any, slices: Sequence[Sequence[int]], indexes: Collection[int]
) -> SendResult:
    """Return the result of `Batch.Send` for these slices, whose messages are at these indexes.

    Raises:
        ApplicationError: See `checked_batch_result`.
    """
    remaining = result.get("open") if isinstance(result, dict) else None
    if remaining and _is_within(remaining, slices):
        left = {index for first, end in remaining for index in range(first, end)}
        indexes = [index for index in indexes if index not in left]
    elif remaining:
        raise _not_the_contract(BATCH_SEND)
    _check_settled(BATCH_SEND, _SendResult, result, indexes)
    returned: SendResult = result
    return returned


def is_rest(remaining: Any, slices: Sequence[Sequence[int]]) -> bool:
    """Whether these are slices in order, which end where the others end, and begin no earlier."""
    return _is_within(remaining, slices) and bool(remaining[-1][1] == slices[-1][1])


def _is_within(remaining: Any, slices: Sequence[Sequence[int]]) -> bool:
    """Whether these are slices in order, within the bounds of the others."""
    try:
        numbers = [number for first, end in remaining for number in (first, end)]
        is_inside = slices[0][0] <= numbers[0] and numbers[-1] <= slices[-1][1]
        in_order = all(a <= b for a, b in pairwise(numbers))
        return is_inside and in_order and all(first < end for first, end in remaining)
    except (TypeError, ValueError, IndexError):
        return False


def _check_settled(
    activity: str, model: type[_BatchResult], result: Any, indexes: Collection[int]
) -> None:
    """Check that a result settles each message at these indexes once, and no other message."""
    try:
        checked = model.model_validate(result)
    except pydantic.ValidationError:
        raise _not_the_contract(activity) from None
    refused = {rejection.index for rejection in checked.rejected}
    is_repeated = len(refused) < len(checked.rejected)
    count = checked.accepted + len(refused)
    if is_repeated or count != len(indexes) or not refused <= set(indexes):
        raise _not_the_contract(activity)


def _not_the_contract(activity: str) -> ApplicationError:
    error = Internal(
        f"{activity} returned a result that does not match the contract. "
        "Somebody may have completed the activity manually; "
        "the provider may or may not have the message"
    )
    return ApplicationError(
        error.message, {"error": error.as_json()}, type=error.wire_name(), non_retryable=True
    )


_STATUS_ONLY: Response = {"status_code": 0, "headers": {}, "body": None, "truncated": True}


def drop_large_bodies(responses: Iterable[Response]) -> list[Response]:
    """Return the responses; keep only the status of those beyond the size limit of an output."""
    kept: list[Response] = []
    size = 0
    for response in responses:
        size += len(json.dumps(response))
        if size <= _RESPONSES_LIMIT_BYTES:
            kept.append(response)
        else:
            kept.append({**_STATUS_ONLY, "status_code": response["status_code"]})
    return kept


def drop_old_attempts(responses: Iterable[Response]) -> list[Response]:
    """Return the responses; leave out their oldest attempts beyond the size limit of an output."""
    kept: list[Response] = []
    size = 0
    for response in reversed([*responses]):
        last: list[AttemptRecord] = []
        for record in reversed(response.get("attempts", [])):
            size += len(json.dumps(record))
            if size <= _ATTEMPTS_LIMIT_BYTES:
                last.insert(0, record)
        short = response.copy()
        short.pop("attempts", None)
        if last:
            short["attempts"] = last
        kept.append(short)
    return kept[::-1]
