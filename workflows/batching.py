"""The procedure of a batch: validate, one request a slice, compose the output."""

import json
from collections import deque
from collections.abc import Collection, Iterable
from datetime import timedelta
from functools import cached_property
from typing import Any

from pydantic_core import to_json
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from durable_analytics.batches import (
    BATCH_LIMIT_BYTES,
    fitting,
    id_of,
    nothing_accepted,
    places,
    rejection,
)
from durable_analytics.contract import BATCH, batch_output
from durable_analytics.errors import DELIVERY_ERRORS, Unavailable
from durable_analytics.messages import JsonObject
from durable_analytics.reading import decode
from workflows.delivery import known_of, policy_of, retries, validate

_MOST_SPLITS = 500
"""Requests of one execution that a vendor may answer with 413; what is left then is refused."""

_PARTS_LIMIT_BYTES = 16 * 1024 * 1024
"""Of the parts of an input that a history may hold before no more are made of them."""

_HEARTBEAT_TIMEOUT = timedelta(seconds=10)
"""After which a worker that sends one by one and goes silent is taken for dead."""

_NO_TIMEOUT = timedelta(days=3650)

_RESPONSES_LIMIT_BYTES = 256 * 1024
_TOO_LARGE = 413


async def deliver_batch(input: RawValue) -> JsonObject:
    """Deliver a batch.

    Args:
        input: The input as it arrived; handed on untouched where one request carries it.

    Returns:
        The output of the contract.

    Raises:
        ApplicationError: Nothing was accepted; its type and first detail are the contract's.
    """
    try:
        plan = await validate(BATCH, input)
    except (ActivityError, ApplicationError) as error:
        if is_cancelled_exception(error):
            raise
        known = known_of(error)
        raise _failure(
            known["error"], integration=known.get("integration"), policies=None
        ) from error
    delivery = _Delivery(input, plan)
    await delivery.run()
    return delivery.output()


class _Delivery:
    """An execution's requests, one after the other, and what came of them."""

    def __init__(self, input: RawValue, plan: JsonObject) -> None:
        self._input = input
        self._plan = plan
        self._policy = policy_of(plan)
        self._accepted = 0
        self._rejected: list[JsonObject] = list(plan["rejected"])
        self._refused_before = {one["index"] for one in self._rejected}
        self._responses: list[JsonObject] = []
        self._splits = 0
        self._parts_bytes = 0

    async def run(self) -> None:
        """Send slice by slice, in order."""
        slices = deque((first, end) for first, end in self._plan["slices"])
        is_part = len(slices) > 1
        deadline = workflow.now() + (self._policy.total_timeout or _NO_TIMEOUT)
        while slices:
            first, end = slices.popleft()
            left = deadline - workflow.now()
            if left <= timedelta(0):
                self._reject(
                    first, end, Unavailable("the policy's total_timeout ran out").as_json()
                )
                continue
            try:
                self._add(await self._request(first, end, left, is_part=is_part))
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                known = known_of(error)
                if halves := self._halves(first, end, known):
                    is_part = True
                    slices.extendleft(reversed(halves))
                else:
                    self._fail(first, end, known)

    def output(self) -> JsonObject:
        """The output of the contract, or its failure."""
        rejected = fitting(self._rejected)
        rest: JsonObject = {
            "integration": self._plan["integration"],
            "rejected": rejected,
            "responses": _fitting(self._responses),
            "policies": self._plan["policies"],
        }
        if not self._accepted:
            raise _failure(nothing_accepted(rejected).as_json(), **rest)
        return batch_output(accepted=self._accepted, **rest)

    async def _request(self, first: int, end: int, left: timedelta, *, is_part: bool) -> JsonObject:
        policy, plan, count = self._policy, self._plan, len(self._open(first, end))
        one_attempt = policy.single_attempt_timeout
        heartbeat_timeout = None
        if plan["one_by_one"]:
            one_attempt = one_attempt and one_attempt * count
            heartbeat_timeout = policy.heartbeat_timeout or _HEARTBEAT_TIMEOUT
        result: JsonObject = await workflow.execute_activity(
            BATCH.request,
            args=[
                self._part(first, end) if is_part else self._input,
                {
                    **{key: plan[key] for key in ("integration", "message", "policies")},
                    "slices": [[first, end]],
                    "first": first if is_part else 0,
                    "skipped": sorted(
                        self._refused_before & {*range(first, end)}
                        if is_part
                        else self._refused_before
                    ),
                    "is_part": is_part,
                },
            ],
            task_queue=plan["task_queue"],
            start_to_close_timeout=one_attempt,
            schedule_to_close_timeout=left,
            schedule_to_start_timeout=policy.queue_timeout,
            heartbeat_timeout=heartbeat_timeout,
            retry_policy=retries(policy),
            summary=f"{count} to {plan['integration']}",
        )
        return result

    def _add(self, result: JsonObject) -> None:
        self._accepted += result["accepted"]
        self._rejected += result["rejected"]
        self._responses += result["responses"]

    def _fail(self, first: int, end: int, known: JsonObject) -> None:
        """Keep what the attempts had settled; the rest failed with the last one's error."""
        accepted, rejected = places(known.get("accepted") or ""), known.get("rejected") or []
        self._accepted += len(accepted)
        self._rejected += rejected
        if known.get("response"):
            self._responses.append(known["response"])
        settled = {*accepted, *(one["index"] for one in rejected)}
        self._reject(first, end, known["error"], settled)

    def _reject(
        self, first: int, end: int, error: JsonObject, settled: Collection[int] = ()
    ) -> None:
        messages = self._data["messages"]
        kind = DELIVERY_ERRORS[error["type"]](error["message"])
        for index in self._open(first, end):
            if index not in settled:
                message_id = id_of(messages[index], self._plan["message"]["message_id"], index)
                self._rejected.append(rejection(index, {"message_id": message_id}, kind))

    @cached_property
    def _data(self) -> JsonObject:
        """The input; read only where something does not go its usual way."""
        data: JsonObject = decode(self._input, limit_bytes=BATCH_LIMIT_BYTES)
        return data

    def _open(self, first: int, end: int) -> list[int]:
        return [index for index in range(first, end) if index not in self._refused_before]

    def _halves(self, first: int, end: int, known: JsonObject) -> list[tuple[int, int]]:
        """Where to cut a slice that was too large for the vendor; empty where it was not."""
        response, there = known.get("response") or {}, self._open(first, end)
        if response.get("status_code") != _TOO_LARGE or len(there) < 2:
            return []
        self._splits += 1
        is_enough = self._splits > _MOST_SPLITS or self._parts_bytes > _PARTS_LIMIT_BYTES
        if is_enough or self._plan["one_by_one"]:
            return []
        middle = there[len(there) // 2]
        return [(first, middle), (middle, end)]

    def _part(self, first: int, end: int) -> RawValue:
        there = self._data["messages"]
        messages = [None if i in self._refused_before else there[i] for i in range(first, end)]
        part = to_json({**self._data, "messages": messages})
        self._parts_bytes += len(part)
        return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=part))


def _fitting(responses: Iterable[JsonObject]) -> list[JsonObject]:
    """The same; those beyond what an output holds without their bodies."""
    kept, size = [], 0
    for response in responses:
        size += len(json.dumps(response["body"]))
        fits = size <= _RESPONSES_LIMIT_BYTES
        kept.append(response if fits else {**response, "body": None, "truncated": True})
    return kept


def _failure(error: JsonObject, **rest: Any) -> ApplicationError:
    failed = batch_output(error=error, **rest)
    return ApplicationError(error["message"], failed, type=error["type"], non_retryable=True)
