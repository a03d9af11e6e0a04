"""A batch at a vendor without batches: a request a message, in order for each user, resumable."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity

from activities.attempt import Attempt, policy_wait
from activities.batch_preparing import PreparedBatch, Ready
from activities.internal import internal_error
from activities.sending import as_failure_response
from durable_analytics.batches import bitmap, places
from durable_analytics.errors import DeliveryError, RateLimited, Unauthorized
from durable_analytics.messages import JsonObject
from durable_analytics.providers import Answer, HttpRequest

_CONCURRENCY = 8
"""Requests in flight at once, each of another user."""

_BEATS = 3
"""Heartbeats in the time after which Temporal takes the worker for dead."""

_NO_TIME = timedelta(0)

Send = Callable[[str, HttpRequest], Awaitable[Answer]]
"""Sends the request of a message of this method, with its credentials and within its deadline."""


@dataclass
class Progress:
    """What is settled so far; the heartbeat carries it from one attempt to the next."""

    accepted: set[int] = field(default_factory=set)
    rejected: dict[int, JsonObject] = field(default_factory=dict)

    @classmethod
    def of_earlier_attempts(cls) -> "Progress":
        """What the last heartbeat of this activity said."""
        details = activity.info().heartbeat_details
        left = details[0] if details and isinstance(details[0], dict) else {}
        return cls(
            set(places(left.get("accepted", ""))),
            {one["index"]: one for one in left.get("rejected", [])},
        )

    def as_json(self) -> JsonObject:
        """Small, whatever happened: Temporal stores it with each heartbeat."""
        return {"accepted": bitmap(self.accepted), "rejected": list(self.rejected.values())}


@dataclass
class OneByOne:
    """One attempt at all of them.

    Args:
        batch: What is to be sent.
        attempt: Told of the last answer that was a failure.
        send: Sends a request.
    """

    batch: PreparedBatch
    attempt: Attempt
    send: Send
    progress: Progress = field(default_factory=Progress.of_earlier_attempts)
    last: JsonObject | None = None
    """The last answer."""

    stopped: DeliveryError | None = None
    """What holds for all messages, so that no other one is tried."""

    waiting: DeliveryError | None = None
    """Why some message has to be tried again."""

    async def run(self) -> JsonObject:
        """Send what is not settled yet.

        Returns:
            `accepted`, `rejected` and `responses` (the last one) as in the output.

        Raises:
            DeliveryError: Some are to be tried again, and the policy allows it.
        """
        limit = asyncio.Semaphore(_CONCURRENCY)
        async with self._heartbeats(), asyncio.TaskGroup() as group:
            for chain in chains(self._open()):
                group.create_task(self._send_in_order(chain, limit))
        if isinstance(self.stopped, Unauthorized):
            self.attempt.tell(self.stopped)
            self._settle(self._open(), self.stopped)
        elif self.waiting:
            if not _is_last_attempt(self.waiting, self.attempt):
                self.attempt.progress = self.progress.as_json()
                raise self.waiting
            self.attempt.tell(self.waiting)
            self._settle(self._open(), self.waiting)
        rejected = self.progress.rejected
        return {
            "accepted": len(self.progress.accepted),
            "rejected": list(rejected.values()),
            "responses": [self.last] if self.last else [],
        }

    def _open(self) -> list[Ready]:
        settled = self.progress.accepted | self.progress.rejected.keys()
        return [one for one in self.batch.ready if one.index not in settled]

    def _settle(self, some: Iterable[Ready], error: DeliveryError) -> None:
        for one in some:
            self.progress.rejected[one.index] = one.rejected(error)

    async def _send_in_order(self, chain: list[Ready], limit: asyncio.Semaphore) -> None:
        async with limit:
            for one in chain:
                if self.stopped:
                    return
                failure = await self._send_one(one)
                if failure is None:
                    self.progress.accepted.add(one.index)
                elif failure.retried:
                    # Others' messages may fare better, unless the vendor asks for a pause.
                    if isinstance(failure, RateLimited):
                        self.stopped = failure
                    return
                else:
                    self._settle([one], failure)
                    if isinstance(failure, Unauthorized):
                        self.stopped = failure
                self._beat()

    async def _send_one(self, one: Ready) -> DeliveryError | None:
        provider = self.batch.integration.provider
        answer = None
        try:
            answer = await self.send(one.method, one.build(provider, datetime.now(UTC)))
            failure = provider.read(answer)
        except DeliveryError as error:
            failure = error
        except Exception as error:  # noqa: BLE001  # a bug: it stops this user's messages alone
            failure = internal_error(error)
        if answer:
            self.last = as_failure_response(answer)
        if failure and failure.retried:
            self._wait(failure, answer)
        elif isinstance(failure, Unauthorized):
            self.attempt.answer = answer
        return failure

    def _wait(self, failure: DeliveryError, answer: Answer | None) -> None:
        """Remember why to try again: of several reasons the one that asks for the longest pause."""
        before = self.attempt.answer, self.attempt.next_retry_delay()
        self.attempt.answer = answer
        asked = self.attempt.next_retry_delay()
        if self.waiting and (before[1] or _NO_TIME) > (asked or _NO_TIME):
            self.attempt.answer = before[0]
        else:
            self.waiting = failure

    def _beat(self) -> None:
        if not activity.info().is_local:
            activity.heartbeat(self.progress.as_json())

    @asynccontextmanager
    async def _heartbeats(self) -> AsyncIterator[None]:
        """Show life while a vendor takes its time."""
        timeout = activity.info().heartbeat_timeout

        async def beat() -> None:
            while timeout:
                await asyncio.sleep(timeout.total_seconds() / _BEATS)
                self._beat()

        beating = asyncio.create_task(beat())
        try:
            yield
        finally:
            beating.cancel()


def chains(ready: Sequence[Ready]) -> list[list[Ready]]:
    """Messages that share a person, directly or by an alias, in their order."""
    leaders: dict[str, str] = {}

    def leader(name: str) -> str:
        while (following := leaders.setdefault(name, name)) != name:
            name = following
        return name

    for one in ready:
        first, *others = _people(one)
        for other in others:
            leaders[leader(other)] = leader(first)
    by_leader: dict[str, list[Ready]] = {}
    for one in ready:
        by_leader.setdefault(leader(_people(one)[0]), []).append(one)
    return list(by_leader.values())


def _people(one: Ready) -> list[str]:
    """The ids in a message; messages about nobody are in order among themselves."""
    message: Any = one.delivery and one.delivery.message
    names = ("user_id", "anonymous_id", "previous_user_id", "new_user_id")
    found = [getattr(message, name, None) for name in names]
    found.append(getattr(getattr(message, "user", None), "id", None))
    several = [ids if isinstance(ids, list) else [ids] for ids in found]
    return [name for ids in several for name in ids if name] or [""]


def _is_last_attempt(failure: DeliveryError, attempt: Attempt) -> bool:
    """Whether Temporal would not try again: then what is settled is told by the result.

    A failure could not tell it: Temporal cuts a failure at 4 KiB.
    """
    info = activity.info()
    policy = info.retry_policy
    if policy is None or info.is_local:
        return True
    if failure.wire_name() in (policy.non_retryable_error_types or ()):
        return True
    if policy.maximum_attempts and info.attempt >= policy.maximum_attempts:
        return True
    if not info.schedule_to_close_timeout:
        return False
    asked = attempt.next_retry_delay() or _NO_TIME
    ends = info.scheduled_time + info.schedule_to_close_timeout
    return datetime.now(UTC) + max(asked, policy_wait()) >= ends
