"""Registration of all workflows and activities with a Temporal worker."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

from temporalio.client import Client
from temporalio.plugin import SimplePlugin
from temporalio.worker import Worker, WorkerConfig, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities import activities, activity_names
from activities.http import EmbeddersClient
from activities.progress import HEARTBEAT_INTERVAL
from durable_analytics.redrive.names import LOCK_WORKFLOW
from durable_analytics.wire.integration_state import CONTROL_WORKFLOW
from durable_analytics.wire.message_counts import MessageCount
from durable_analytics.wire.methods import BATCH, METHODS
from runtime.metrics import Metrics, meter_of
from worker.health_signals import HealthSignals
from worker.hooks import Hooks
from worker.http_clients import http_clients
from worker.integration_states import record_states
from worker.interceptor import DeliveryInterceptor
from worker.operator_events import OperatorEvents
from worker.rate_sharing import share_rates
from worker.reconciliation import reconcile
from worker.settings import Settings
from workflows import WORKFLOWS, RedriveLock

log = logging.getLogger("durable_analytics.worker")

Beside: TypeAlias = Callable[[Client, str], Coroutine[Any, Any, None]]
"""Runs with the connection and the task queue of a worker; it is cancelled when the worker ends."""


def register(
    settings: Settings, *, clients: Mapping[str, EmbeddersClient] | None = None
) -> SimplePlugin:
    """Make the plugin that registers every workflow and activity with a Temporal `Worker`.

    >>> Worker(client, task_queue=settings.task_queue, plugins=[register(settings)])

    The plugin adds the interceptor that refuses surplus inputs and calls the hooks, and closes its
    HTTP clients when the worker ends. Make one plugin for each worker. Such a worker sends the
    requests on its own task queue; `workers` makes those with a task queue for each integration.

    Args:
        settings: The worker's settings.
        clients: Your own HTTP clients (`httpx.AsyncClient`) by the integration's name; you close
            them. Make their pool at least as large as `max_in_flight`: httpx loses connections
            to requests that are cancelled while they wait for the pool.

    Raises:
        ValueError: The name of a client is not the name of an integration.
    """
    return Registration(settings, clients).plugin()


class Registration:
    """What the workers of a process share: the HTTP clients, the hooks and the activities.

    Args:
        settings: The worker's settings.
        clients: As for `register`.
        have_queues: Whether the process polls a task queue for each integration.

    Raises:
        ValueError: The name of a client is not the name of an integration.
    """

    def __init__(
        self,
        settings: Settings,
        clients: Mapping[str, EmbeddersClient] | None = None,
        *,
        have_queues: bool = False,
    ) -> None:
        own = dict(clients or {})
        if surplus := sorted(own.keys() - settings.integrations.keys()):
            names = ", ".join(sorted(settings.integrations))
            raise ValueError(
                f"the clients {', '.join(surplus)} belong to no integration; "
                f"the integrations are {names}"
            )
        self._clients = http_clients(settings, own)
        self._metrics = Metrics(settings.integrations)
        for name, client in self._clients.items():
            client.on_request = partial(self._metrics.request, name)
        self._hooks = Hooks(settings.on_attempt_failed, settings.on_execution_failed)
        self._activities = activities(
            settings.deliverable(have_queues=have_queues),
            self._clients,
            self._hooks.notify,
            settings.operator_webhook,
        )
        self._events = OperatorEvents(settings.operator_webhook)
        self._running = 0
        self._reconciled = sorted(settings.integrations) if have_queues else []
        self._signals = (
            HealthSignals(settings, self._clients, self._events) if have_queues else None
        )

    def plugin(self, *besides: Beside) -> SimplePlugin:
        """Make the plugin of a worker of all workflows and activities.

        Args:
            besides: What else runs while the worker runs.
        """
        plugin = self._plugin(
            workflows=[*WORKFLOWS, RedriveLock],
            activities=[
                *self._activities.validations,
                *self._activities.requests,
                *self._activities.control,
            ],
            workflow_runner=_without_reimports,
        )
        plugin.signals = self._signals
        paces = {name: client.pace for name, client in self._clients.items() if client.pace}
        plugin.besides = (
            partial(reconcile, integrations=self._reconciled, signals=self._signals),
            partial(share_rates, paces=paces),
            partial(record_states, metrics=self._metrics),
            *besides,
        )
        return plugin

    def _record(self, method: str, counts: Sequence[MessageCount], seconds: float) -> None:
        """Take messages that have reached a stage; threads of workflows call it."""
        self._metrics.messages(method, counts, seconds)
        self._events.messages(counts)

    def requests_plugin(self) -> SimplePlugin:
        """Make the plugin of a worker that only sends requests."""
        return self._plugin(activities=self._activities.requests)

    def _plugin(self, **registered: Any) -> "_Plugin":
        plugin = _Plugin(
            "durable-analytics",
            interceptors=[DeliveryInterceptor(self._hooks.notify, self._record)],
            run_context=self._run_context,
            **registered,
        )
        plugin.metrics, plugin.events = self._metrics, self._events
        return plugin

    @asynccontextmanager
    async def _run_context(self) -> AsyncIterator[None]:
        """Start the hooks with the first worker, and close the clients with the last one."""
        self._hooks.start()
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                if self._signals:
                    self._signals.stop()
                self._events.stop()
                for client in self._clients.values():
                    await client.aclose()


class _Plugin(SimplePlugin):
    """The SDK's simple plugin, and what it does not support."""

    besides: Sequence[Beside] = ()
    """What else runs while the worker runs."""

    signals: HealthSignals | None = None
    """Reports of the process to the control workflows."""

    metrics: Metrics | None = None
    events: OperatorEvents | None = None

    async def run_worker(self, worker: Worker, next: Callable[[Worker], Awaitable[None]]) -> None:
        """See base class."""
        if self.metrics:
            self.metrics.start(meter_of(worker.client))
        if self.events and self.besides:  # a worker that only sends requests has another task queue
            self.events.start(worker.client, worker.task_queue)
        if self.signals:
            self.signals.start(worker.client)
        tasks = [
            asyncio.create_task(beside(worker.client, worker.task_queue)) for beside in self.besides
        ]
        for task in tasks:
            task.add_done_callback(_log_failure)
        try:
            await super().run_worker(worker, next)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """See base class."""
        config = super().configure_worker(config)
        config["max_heartbeat_throttle_interval"] = HEARTBEAT_INTERVAL
        return config


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        # By its type: its message may have values of payloads.
        log.error("a task of the worker failed", extra={"exception": type(error).__name__})


def _without_reimports(runner: WorkflowRunner | None) -> WorkflowRunner:
    """Share the modules of this project with the sandbox; an import takes 10 ms per execution."""
    if not isinstance(runner, SandboxedWorkflowRunner):
        return runner or SandboxedWorkflowRunner()
    restrictions = runner.restrictions.with_passthrough_modules("durable_analytics", "workflows")
    return SandboxedWorkflowRunner(restrictions=restrictions)


def list_workflows() -> list[str]:
    """Return the workflow types that `register` registers, sorted."""
    methods = (*METHODS.values(), BATCH)
    return sorted([*(method.workflow for method in methods), CONTROL_WORKFLOW, LOCK_WORKFLOW])


def list_activities() -> list[str]:
    """Return the activity types that `register` registers, sorted."""
    return activity_names()
