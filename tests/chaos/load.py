"""The load: singles and lists of messages through the gateways, and both clients."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import timedelta

import httpx
from temporalio.client import Client

from durable_analytics import AnalyticsClient, BufferingClient, NotAccepted, Outcome
from durable_analytics.errors import AnalyticsError
from tests.chaos.ledger import Ledger
from tests.chaos.processes import INTEGRATION, TASK_QUEUE, WRITE_KEY
from tests.support.json_objects import Json

LIST_MESSAGES = 100

RATES = {"singles": 2.0, "lists": 1.5, "buffered": 100.0, "client": 0.5}
"""Calls per second: together about 250 messages, in five executions. A server that is overloaded
lets activities time out, and that would hide what the faults do."""

_BUFFERED_AT_ONCE = 10
_FLUSH_INTERVAL_SECONDS = 1.0
_CALL_ATTEMPTS = 12
_LONGEST_PAUSE_SECONDS = 4.0
_HTTP_SECONDS = 12.0
"""A gateway answers within 10 s."""

_FLUSH_TIMEOUT = timedelta(seconds=60)


class Load:
    """Sends messages, and notes in the ledger which of them were accepted.

    Args:
        client: A Temporal client, through the proxy.
        gateway_urls: The gateways.
        ledger: The ledger.
        seed: The seed of the run.
    """

    def __init__(self, client: Client, gateway_urls: list[str], ledger: Ledger, seed: int) -> None:
        self._ledger = ledger
        self._gateway_urls = gateway_urls
        self._random = random.Random(f"load {seed}")  # noqa: S311  # repeatable, not secret
        self._numbers = itertools.count()
        self._client = AnalyticsClient(client, integration=INTEGRATION, task_queue=TASK_QUEUE)
        self._buffering = BufferingClient(
            client,
            integration=INTEGRATION,
            task_queue=TASK_QUEUE,
            flush_at=1_000,
            flush_interval=_FLUSH_INTERVAL_SECONDS,
            max_queue_size=100_000,
        )
        self._http = httpx.AsyncClient(auth=(WRITE_KEY, ""), trust_env=False, timeout=_HTTP_SECONDS)
        self._calls: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float) -> None:
        """Send for this time."""
        rates: list[tuple[float, Callable[[], Awaitable[None]]]] = [
            (RATES["singles"], self._single),
            (RATES["lists"], self._list),
            (RATES["buffered"] / _BUFFERED_AT_ONCE, self._buffered),
            (RATES["client"], self._by_client),
        ]
        await asyncio.gather(*(self._repeat(seconds, rate, call) for rate, call in rates))

    async def finish(self) -> None:
        """Wait for all calls; those that fail until their last attempt are not accepted."""
        await asyncio.gather(*self._calls)
        with suppress(AnalyticsError):
            await self._buffering.aclose(_FLUSH_TIMEOUT)
        await self._http.aclose()

    async def _repeat(
        self, seconds: float, rate: float, call: Callable[[], Awaitable[None]]
    ) -> None:
        """Begin calls at this rate, whether or not the earlier ones have ended."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(int(seconds * rate)):
            await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
            task = asyncio.ensure_future(call())
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

    def _ids(self, kind: str, count: int) -> list[str]:
        ids = [f"{kind}-{number}" for number in itertools.islice(self._numbers, count)]
        self._ledger.sent(ids)
        return ids

    async def _single(self) -> None:
        (message_id,) = ids = self._ids("single", 1)
        await self._post("/v1/track", _message(message_id), ids)

    async def _list(self) -> None:
        ids = self._ids("list", LIST_MESSAGES)
        batch = [{"type": "track", **_message(message_id)} for message_id in ids]
        await self._post("/v1/batch", {"batch": batch}, ids)

    async def _post(self, path: str, body: Json, ids: list[str]) -> None:
        """Post as SDKs do: with the same ids again, to any of the gateways."""
        for pause in _pauses():
            url = self._random.choice(self._gateway_urls)
            with suppress(httpx.HTTPError):
                response = await self._http.post(url + path, json=body)
                if response.status_code == 200:
                    self._ledger.accepted(ids)
                    return
            await asyncio.sleep(pause)

    async def _buffered(self) -> None:
        for message_id in self._ids("buffered", _BUFFERED_AT_ONCE):
            with suppress(AnalyticsError):
                self._buffering.track(
                    user_id="u-1", event="Chaos", message_id=message_id, callback=self._outcome
                )

    def _outcome(self, outcome: Outcome) -> None:
        if outcome.error is None:
            self._ledger.accepted([outcome.message_id])

    async def _by_client(self) -> None:
        (message_id,) = ids = self._ids("client", 1)
        for pause in _pauses():
            with suppress(NotAccepted):
                await self._client.track(user_id="u-1", event="Chaos", message_id=message_id)
                self._ledger.accepted(ids)
                return
            await asyncio.sleep(pause)


def _message(message_id: str) -> Json:
    return {"userId": "u-1", "event": "Chaos", "messageId": message_id}


def _pauses() -> Iterator[float]:
    """The pauses after the attempts of a call, in seconds."""
    return (min(0.5 * 2**attempt, _LONGEST_PAUSE_SECONDS) for attempt in range(_CALL_ATTEMPTS))
