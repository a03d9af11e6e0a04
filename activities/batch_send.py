"""`Batch.Send`: one attempt to deliver all that is open of a batch."""

from dataclasses import dataclass
from typing import ClassVar

from temporalio import activity
from temporalio.common import RawValue

from activities.attempt import attempting, earlier_attempts
from activities.batch_activity import BatchActivity, BatchAttempt
from activities.failures import internal_error
from activities.pauses import PauseWatch, watch_pauses
from activities.provider_health import Held
from activities.responses import as_failure_response, as_response
from activities.slice_send import send_slice
from activities.turns import ask_others
from durable_analytics.delivery.batch_preparation import PreparedBatch
from durable_analytics.errors import DeliveryError
from durable_analytics.providers import HttpResponse
from durable_analytics.wire.indexes import ranges
from durable_analytics.wire.methods import ABSENT, BATCH
from durable_analytics.wire.plans import HeldMessage, Response, SendResult

_MOST_SPLITS = 500
"""The most times that one slice is halved; further parts that are too large are rejected."""

_TOO_LARGE = 413


@dataclass(eq=False)
class BatchSend(BatchActivity):
    """The activity `Batch.Send`."""

    can_leave_open: ClassVar = True

    async def __call__(self, input: RawValue = ABSENT, plan: RawValue = ABSENT) -> SendResult:
        """Return `accepted`, `rejected` and `responses` as in the output, and the `open` slices.

        With a plan, `rejected` has only messages that the plan does not reject. It fails only if
        its first open slice must be sent again. Slices are left open, for another `Batch.Send`, if
        the attempts of the next one begin anew, the time is over, the worker ends, the integration
        is paused, or a heartbeat cannot hold the results.
        """
        with attempting(BATCH.key, self.notify) as attempt:
            batch = await self.start(input, plan, attempt)
            batch.source.plan.require_slices()
            await ask_others(batch.sender.client)
            async with watch_pauses(batch.integration.name) as pause:
                slices = SliceBySlice(batch, pause)
                if batch.integration.provider.batch_limits:
                    attempt.attempts = earlier_attempts()
                attempt.continue_from(batch.source.plan.earlier)
                if batch.integration.provider.batch_limits:
                    async with batch.progress.heartbeats():
                        await slices.run()
                else:
                    await slices.run_one_by_one()
            settled = batch.result()
            result: SendResult = {
                **settled,  # type: ignore[typeddict-item]  # it has none of the keys below
                "open": slices.left_open(),
                "split": list(batch.progress.split),
            }
            if slices.is_held:
                result["held"] = True
            if slices.earlier and slices.earlier["count"]:
                result["earlier"] = slices.earlier
            return result


class SliceBySlice:
    """The open slices of a batch, which are sent in order.

    If the first slice had attempts before, only that one is sent: so each slice has the attempts of
    the policy.
    """

    def __init__(self, batch: BatchAttempt, pause: PauseWatch) -> None:
        self._batch = batch
        self._pause = batch.sender.turns.pause = pause
        self._progress = batch.progress
        self._attempt = batch.attempt
        plan = batch.source.plan
        self._is_part = plan.is_part
        if self._progress.open is None:
            self._progress.open, self._progress.split = [*plan.slices], plan.split
        self.open = self._progress.open
        self.is_held = False
        """Whether a request was held back."""

        self.earlier: HeldMessage | None = None
        """The attempts that the first open slice has used up, if it was held back."""

        self._is_retry = activity.info().attempt > 1 or bool(plan.earlier)

    async def run(self) -> None:
        """Send the open slices, until something requires another activity.

        Raises:
            DeliveryError: The first open slice must be sent again, and the policy allows it.
        """
        while self.open:
            try:
                await self._send_first()
            except Held as held:
                self._attempt.log_held(held)
                self.is_held, self.earlier = True, self._attempt.used_up()
                return
            if not self.open or self._must_stop() or not self._progress.beat():
                return

    async def run_one_by_one(self) -> None:
        """Send each message of the open slices in a request of its own.

        Raises:
            DeliveryError: Some messages must be sent again, and the policy allows it.
        """
        if self.open:
            bounds = self.open[0][0], self.open[-1][1]
            prepared = await self._batch.prepare(bounds)
            self.is_held = await self._batch.send_one_by_one(prepared, self._pause.is_paused)
            left = [message.index for message in self._progress.unsettled(prepared.messages)]
            self.open[:] = ranges(left)
            self.earlier = self._attempt.used_up() if left else None

    def _must_stop(self) -> bool:
        return self._is_retry or not self._batch.sender.has_time_for_another()

    def left_open(self) -> list[list[int]]:
        """Return the open slices without the messages in them that are settled."""
        settled = self._progress.accepted | self._progress.rejected.keys()
        return [
            [*part]
            for first, end in self.open
            for part in ranges([index for index in range(first, end) if index not in settled])
        ]

    async def _send_first(self) -> None:
        """Settle the first open slice, or halve it, or leave a part of it open."""
        prepared = await self._batch.prepare(self.open[0])
        response: Response | None
        self._attempt.begin_request()
        try:
            received = await send_slice(prepared, self._attempt, self._progress, self._batch.sender)
            if self._progress.unsettled(prepared.messages):
                self._attempt.end_request(None)
                return
            response = self._write(received) if received else None
            attempts = self._attempt.end_request(None)
        except Held:
            raise
        except Exception as error:  # noqa: BLE001  # a bug concerns only this slice
            failure = error if isinstance(error, DeliveryError) else internal_error(error)
            if self._halve(prepared, failure):
                return
            self._progress.retry_or_reject(prepared.messages, failure, self._attempt)
            response = self._attempt.last_response(self._write)
            attempts = self._attempt.end_request(failure)
        if response:
            if len(attempts) > 1:
                response["attempts"] = attempts
            self._progress.responses.append(response)
        self.open.pop(0)

    def _write(self, response: HttpResponse) -> Response:
        """Complete responses to many slices would make the history too large."""
        is_only = len(self.open) == 1 and not self._progress.responses and not self._is_part
        return as_response(response) if is_only else as_failure_response(response)

    def _halve(self, prepared: PreparedBatch, failure: DeliveryError) -> bool:
        """Replace the first open slice by its halves if it was too large for the provider."""
        response, (first, end) = self._attempt.response, self.open[0]
        messages = self._progress.unsettled(prepared.messages)
        if response is None or response.status_code != _TOO_LARGE or len(messages) < 2:
            return False
        split_end, count = self._progress.split
        split_end, count = (split_end, count + 1) if first < split_end else (end, 1)
        if count > _MOST_SPLITS:
            return False
        self._attempt.report(failure)
        self._attempt.end_request(failure)
        middle = messages[len(messages) // 2].index
        halves = [(first, middle), (middle, end)]
        self.open[:1] = halves
        self._progress.split = split_end, count
        self._batch.source.keep(prepared, halves)
        return True
