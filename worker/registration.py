"""Registration of everything through one call, for our worker and for a team's own."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
from temporalio.plugin import SimplePlugin
from temporalio.worker import WorkerConfig, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities import activities, activity_names
from durable_analytics.contract import BATCH, METHODS
from worker.hooks import Hooks
from worker.http_clients import http_clients
from worker.interceptor import DeliveryInterceptor
from worker.settings import Settings
from workflows import WORKFLOWS

_HEARTBEAT_THROTTLE = timedelta(milliseconds=50)
"""How old the progress of a batch may be that goes out one by one: what a killed worker repeats.
The SDK's own, 60 s, would lose all of it."""


def register(
    settings: Settings, *, clients: Mapping[str, httpx.AsyncClient] | None = None
) -> SimplePlugin:
    """Make the plugin that registers every workflow and activity with a Temporal `Worker`.

    >>> Worker(client, task_queue=settings.task_queue, plugins=[register(settings)])

    It brings the interceptor that refuses surplus inputs and calls the hooks, and closes its HTTP
    clients when the worker ends. Each call serves one worker.

    Args:
        settings: The worker's settings.
        clients: HTTP clients of your own by the integration's name; you close them.

    Raises:
        ValueError: A client's name is no integration.
    """
    own = dict(clients or {})
    if surplus := sorted(own.keys() - settings.integrations.keys()):
        known = ", ".join(sorted(settings.integrations))
        raise ValueError(f"no integration for the clients {', '.join(surplus)}; there are {known}")
    pooled = http_clients(settings, own)
    hooks = Hooks(settings.on_attempt_failed, settings.on_execution_failed)

    @asynccontextmanager
    async def run_context() -> AsyncIterator[None]:
        hooks.start()
        try:
            yield
        finally:
            for name, client in pooled.items():
                if name not in own:
                    await client.aclose()

    return _Plugin(
        "durable-analytics",
        workflows=WORKFLOWS,
        activities=activities(settings.deliverable(), pooled, hooks.notify),
        interceptors=[DeliveryInterceptor(hooks.notify)],
        workflow_runner=_without_reimports,
        run_context=run_context,
    )


class _Plugin(SimplePlugin):
    """What a plugin of the SDK's simple kind can bring, and the one option of workers beside it."""

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """See base class."""
        config = super().configure_worker(config)
        config["max_heartbeat_throttle_interval"] = _HEARTBEAT_THROTTLE
        return config


def _without_reimports(runner: WorkflowRunner | None) -> WorkflowRunner:
    """Share our modules with the sandbox: imported again, they would cost each execution 10 ms."""
    if not isinstance(runner, SandboxedWorkflowRunner):
        return runner or SandboxedWorkflowRunner()
    restrictions = runner.restrictions.with_passthrough_modules("durable_analytics", "workflows")
    return SandboxedWorkflowRunner(restrictions=restrictions)


def list_workflows() -> list[str]:
    """The workflow types that `register` registers, sorted."""
    return sorted(method.workflow for method in (*METHODS.values(), BATCH))


def list_activities() -> list[str]:
    """The activity types that `register` registers, sorted."""
    return activity_names()
