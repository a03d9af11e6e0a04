"""Sends the requests of a batch, within the time of the attempt."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity

from activities.attempt import Attempt
from activities.http import HttpClient
from activities.http_send import HTTP_SHARE, send
from activities.turns import Turns
from durable_analytics.providers import HttpRequest, HttpResponse, Provider


@dataclass(frozen=True, slots=True)
class BatchSender:
    """Sends requests with credentials.

    Args:
        client: The integration's client.
        provider: The provider of the integration.
        attempt: The attempt that the requests belong to.
        deadline: The timeout of a request.
        turns: The turns of its requests.
    """

    client: HttpClient
    provider: Provider
    attempt: Attempt
    deadline: timedelta
    turns: Turns

    @property
    def concurrency(self) -> int:
        """The most requests that may be in flight."""
        return self.client.max_in_flight

    async def send(
        self,
        request: HttpRequest,
        delivery_id: str,
        on_incomplete: Callable[[HttpResponse], None] = lambda _: None,
    ) -> HttpResponse:
        """Send a request, and read its response; see `http_send.send` for its errors.

        If there are several messages in a request, it waits for its turn here.
        """
        if self.provider.batch_limits:
            await self.turns.wait(self.client.health)
        return await send(
            self.client,
            self.provider,
            request,
            delivery_id=delivery_id,
            deadline=self.deadline,
            within=None if self.provider.batch_limits else self._remaining_time(),
            may_be_held=self.turns.may_be_held,
            on_incomplete=on_incomplete,
        )

    def has_time_for_another(self) -> bool:
        """Whether this attempt may send one more request: it has the time, and need not stop."""
        if self.turns.pause.is_paused() or activity.is_worker_shutdown():
            return False
        limit = activity.info().start_to_close_timeout
        return not limit or self.attempt.remaining_time(reserve=timedelta(0)) >= self.deadline

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until one of many requests may start; it may take until the attempt ends.

        Raises:
            Held: A request must not be sent now.
            Unavailable: The time of the attempt is over.
        """
        async with self.client.turn(self._remaining_time()):
            await self.turns.wait(self.client.health)
            yield

    def _remaining_time(self) -> timedelta:
        return self.attempt.remaining_time(reserve=self.deadline / HTTP_SHARE - self.deadline)
