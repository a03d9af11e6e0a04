"""Delivery of a batch with one request per message, in order for each user, resumable."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from activities.attempt import Attempt
from activities.batch_sender import BatchSender
from activities.failures import internal_error
from activities.progress import Progress
from activities.provider_health import Held
from activities.responses import as_response
from durable_analytics.delivery.batch_preparation import PreparedBatch, PreparedMessage
from durable_analytics.errors import DeliveryError, RateLimited, Unauthorized
from durable_analytics.providers import HttpResponse

_NO_TIME = timedelta(0)


@dataclass
class OneByOne:
    """One attempt to deliver all messages that are not settled.

    Args:
        batch: The messages.
        attempt: The attempt, which gets the response of the failure that is reported.
        sender: Sends a request.
        progress: The messages that earlier attempts settled.
        must_stop: Whether the messages that are not sent yet must be left open.
    """

    batch: PreparedBatch
    attempt: Attempt
    sender: BatchSender
    progress: Progress
    must_stop: Callable[[], bool] = bool
    last_response: HttpResponse | None = None

    stopped_by: DeliveryError | None = None
    """The failure that concerns all messages, so that no other message is sent."""

    held: Held | None = None
    """Why no other message is sent now."""

    waiting: DeliveryError | None = None
    """The failure of a message that must be sent again."""

    to_repeat: list[PreparedMessage] = field(default_factory=list)
    """The messages that must be sent again."""

    longest_wait: timedelta = _NO_TIME
    """The longest wait that the provider asked for."""

    async def run(self) -> None:
        """Send the messages that are not settled, and settle them; keep the last response.

        If it must stop, or a request is held back, messages are left open: those not sent yet, and
        those to be sent again, if the policy allows it.

        Raises:
            DeliveryError: Some messages must be sent again, and the policy allows it.
        """
        waiting = chains(self.progress.unsettled(self.batch.messages))
        next_chains = iter(waiting)
        async with self.progress.heartbeats(), asyncio.TaskGroup() as group:
            for _ in range(min(self.sender.concurrency, len(waiting))):
                group.create_task(self._send_chains(next_chains))
        if isinstance(self.stopped_by, Unauthorized):
            self.attempt.report(self.stopped_by)
            self.progress.reject(self.progress.unsettled(self.batch.messages), self.stopped_by)
        elif self.waiting and not self._stops():
            self.progress.retry_or_reject(self.batch.messages, self.waiting, self.attempt)
        elif self.waiting and self.attempt.is_last(self.waiting):
            self.progress.retry_or_reject(self.to_repeat, self.waiting, self.attempt)
        if self.last_response:
            self.progress.responses.append(as_response(self.last_response))

    def _stops(self) -> bool:
        return self.must_stop() or (self.held is not None and self.stopped_by is None)

    async def _send_chains(self, next_chains: Iterator[list[PreparedMessage]]) -> None:
        for chain in next_chains:
            await self._send_in_order(chain)

    async def _send_in_order(self, chain: list[PreparedMessage]) -> None:
        for message in chain:
            if self.stopped_by or self._stops():
                return
            try:
                failure = await self._send_one(message)
            except Held as held:
                self.held = held
                return
            if failure is None:
                self.progress.accepted.add(message.index)
            elif failure.retried:
                # Messages of other users may succeed, unless the provider limits the rate.
                if isinstance(failure, RateLimited):
                    self.stopped_by = failure
                return
            else:
                self.progress.reject([message], failure)
                if isinstance(failure, Unauthorized):
                    self.stopped_by = failure
            self.progress.changed.set()

    async def _send_one(self, message: PreparedMessage) -> DeliveryError | None:
        provider = self.batch.integration.provider
        response: HttpResponse | None = None

        def keep(incomplete: HttpResponse) -> None:
            nonlocal response
            response = incomplete

        try:
            async with self.sender.turn():
                if self.stopped_by:  # during the wait
                    return self.stopped_by
                if self.held:
                    raise self.held
                request = message.build(provider, datetime.now(UTC))
                response = await self.sender.send(request, message.message_id or "", keep)
            failure = provider.classify(response)
        except DeliveryError as error:
            failure = error
        except Held:
            raise
        except Exception as error:  # noqa: BLE001  # a bug stops only the messages of this user
            failure = internal_error(error)
        if response:
            self.last_response = response
        if failure and failure.retried:
            self.to_repeat.append(message)
            self._wait(failure, response)
        elif isinstance(failure, Unauthorized):
            self.attempt.response = response
        return failure

    def _wait(self, failure: DeliveryError, response: HttpResponse | None) -> None:
        """Keep the failure that asks for the longest wait."""
        asked = self.attempt.requested_wait(response) or _NO_TIME
        if self.waiting is None or asked >= self.longest_wait:
            self.waiting, self.longest_wait = failure, asked
            self.attempt.response = response


def chains(messages: Sequence[PreparedMessage]) -> list[list[PreparedMessage]]:
    """Group messages of the same person, directly or by an alias, in their order."""
    leaders: dict[str, str] = {}

    def leader(name: str) -> str:
        while (following := leaders.setdefault(name, name)) != name:
            # Path compression: without it, long paths take seconds.
            leaders[name] = name = leaders[following]
        return name

    for message in messages:
        first, *others = _people(message)
        for other in others:
            leaders[leader(other)] = leader(first)
    by_leader: dict[str, list[PreparedMessage]] = {}
    for message in messages:
        by_leader.setdefault(leader(_people(message)[0]), []).append(message)
    return list(by_leader.values())


def _people(prepared: PreparedMessage) -> list[str]:
    """Return the ids of people in a message; messages without a person form one group."""
    message: Any = prepared.delivery and prepared.delivery.message
    names = ("user_id", "anonymous_id", "previous_user_id", "new_user_id")
    values = [getattr(message, name, None) for name in names]
    values.append(getattr(getattr(message, "user", None), "id", None))
    lists = [ids if isinstance(ids, list) else [ids] for ids in values]
    return [name for ids in lists for name in ids if name] or [""]
