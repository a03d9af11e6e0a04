"""Tells the control workflows what this process sees of its providers, and learns of the others."""

import asyncio
import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.http import HttpClient
from activities.provider_health import BreakerLimits, ProviderHealth
from durable_analytics.providers import Provider
from durable_analytics.settings.breaker import BreakerSettings
from durable_analytics.temporal import integration_control
from durable_analytics.wire.health_reports import REPORT, HealthReport
from durable_analytics.wire.integration_state import CONTROL_WORKFLOW, MEMO, control_id, paused
from worker.operator_events import OperatorEvents
from worker.settings import Settings

log = logging.getLogger("durable_analytics.integrations")

_SECONDS_BETWEEN_READS = 1.5

_READ_TIMEOUT_SECONDS = 0.2
"""How long a message may wait for the state; it is a part of the time of its attempt."""

_SECONDS_BETWEEN_TRIES = 1.0
_MOST_TRIES = 10


class HealthSignals:
    """The connection between the health of the providers in this process and Temporal.

    While nothing fails, nothing is paused and no message has waited, it sends and reads nothing.

    Args:
        settings: The worker's settings.
        clients: The HTTP client of each integration, which then counts how requests end.
        events: Sends events for operators.
    """

    def __init__(
        self, settings: Settings, clients: Mapping[str, HttpClient], events: OperatorEvents
    ) -> None:
        self._task_queue = settings.task_queue
        self._health: dict[str, ProviderHealth] = {}
        self._providers: dict[str, Provider] = {}
        for name, integration in settings.integrations.items():
            health = ProviderHealth(
                _limits(integration.breaker), integration.pause_after_unauthorized
            )
            health.listener = partial(self._changed, name)
            health.ask = partial(self._ask, name)
            health.on_level = partial(events.failing, name)
            self._health[name] = clients[name].health = health
            self._providers[name] = integration.provider
        self._client: Client | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._watched: set[str] = set()
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._asked_at: dict[str, float] = {}

    def start(self, client: Client) -> None:
        """Begin to report, on the connection of the worker."""
        self._client = client

    def stop(self) -> None:
        """End all that runs."""
        self._client = None
        for task in self._tasks:
            task.cancel()

    async def found_paused(self, name: str) -> None:
        """Tell a control workflow that was there before this process, which credentials it has."""
        report = HealthReport(by="credentials", event="started")
        await self._send(name, report)
        self._watch(name)

    def _changed(self, name: str, report: HealthReport | None) -> None:
        if self._client is None:
            return
        if report:
            log.warning(
                "integration reported",
                extra={
                    "integration": name,
                    "by": report.by,
                    "event": report.event,
                    "reason": report.reason,
                },
            )
            self._run(self._send(name, report))
        self._watch(name)

    def _watch(self, name: str) -> None:
        if name not in self._watched and self._client:
            self._watched.add(name)
            self._run(self._keep_reading(name, self._client))

    async def _ask(self, name: str) -> None:
        """Read the state of an integration, unless that has just been done."""
        loop = asyncio.get_running_loop()
        async with self._asking[name]:
            is_known = loop.time() < self._asked_at.get(name, -inf) + _SECONDS_BETWEEN_READS
            if is_known or name in self._watched or self._client is None:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(_READ_TIMEOUT_SECONDS):
                    await self._read(name, self._client)
            self._asked_at[name] = loop.time()
        if self._health[name].is_troubled():
            self._watch(name)

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_reading(self, name: str, client: Client) -> None:
        """Read the state of an integration, until nothing fails any more and it is not paused."""
        health = self._health[name]
        try:
            while True:
                await self._read(name, client)
                if not health.is_troubled():
                    return
                await asyncio.sleep(_SECONDS_BETWEEN_READS)
        finally:
            self._watched.discard(name)

    async def _read(self, name: str, client: Client) -> None:
        with suppress(RPCError):  # what was known before still counts
            state = await integration_control.state(client, self._task_queue, name)
            self._health[name].learn(state)

    async def _send(self, name: str, report: HealthReport) -> None:
        if report.by == "credentials":
            known = await asyncio.to_thread(
                _hash_credentials, self._providers[name], self._task_queue, name
            )
            report = report.model_copy(update={"credentials": known})
        for _ in range(_MOST_TRIES):
            try:
                await self._signal(name, report)
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return  # a pause that has ended
                log.warning("report not sent", extra={"integration": name, "reason": error.message})
                await asyncio.sleep(_SECONDS_BETWEEN_TRIES)
            else:
                return

    async def _signal(self, name: str, report: HealthReport) -> None:
        if self._client is None:
            return
        workflow_id = control_id(self._task_queue, name)
        if report.event != "failing":
            await self._client.get_workflow_handle(workflow_id).signal(REPORT, report.as_json())
            return
        now = datetime.now(UTC)
        wait = timedelta(seconds=report.seconds) if report.seconds else None
        wait = report.until - now if report.until else wait
        await self._client.start_workflow(
            CONTROL_WORKFLOW,
            id=workflow_id,
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            memo={MEMO: paused(report.by, report.reason, since=now, duration=wait)},
            priority=integration_control.CONTROL_PRIORITY,
            start_signal=REPORT,
            start_signal_args=[report.as_json()],
        )


def _limits(breaker: BreakerSettings | bool) -> BreakerLimits | None:
    if isinstance(breaker, bool):
        return None
    return BreakerLimits(breaker.failure_share, breaker.minimum, breaker.window, breaker.open_for)


def _hash_credentials(provider: Provider, task_queue: str, name: str) -> str:
    """Return a slow hash of the credentials, so that a weak one cannot be found by trying."""
    secrets = json.dumps(sorted(provider.configured_secrets())).encode()
    salt = control_id(task_queue, name).encode()
    return hashlib.scrypt(secrets, salt=salt, n=2**14, r=8, p=1, dklen=16).hex()
