"""The Temporal workers of a process: one for each task queue, on one client."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

from activities.http import EmbeddersClient
from durable_analytics.settings.integrations import IntegrationSettings
from durable_analytics.temporal.codecs import leave_large, leave_unreadable
from durable_analytics.wire.methods import integration_queue
from worker.former_integrations import FormerIntegrations
from worker.registration import Registration
from worker.settings import Settings
from worker.versioning import deployment_config

_POLLERS = PollerBehaviorAutoscaling()
"""Concurrent polls for the available work, so that all deliveries wait about as long. With 20
deliveries at a time on two cores, one in a hundred took 2.4 s or more with the SDK's five polls and
1.0 s with these; the medians were 0.4 s and 0.7 s, the throughput the same. Slots, cache and
garbage collection keep their defaults: no other values were faster."""

_PARTITIONS = 4
"""The partitions of a task queue, which a Temporal server has by default."""

_REQUEST_POLLERS = PollerBehaviorAutoscaling(minimum=_PARTITIONS)
"""A poll in each partition of an idle task queue of requests.

With fewer, a partition of the server passes its polls on to another one, but none while the queue
has a limit of 0. When the limit goes, nothing wakes that partition: messages in other partitions
wait until the poll ends by itself, up to 60 s. Measured for a message after a pause of 70 s: up to
43 s with one poll, 1.0 s with four."""

_DISPATCH_FACTOR = 2

_VALIDATIONS = 2
"""Concurrent local activities. They share one core with the requests, which should not wait."""


def workers(
    client: Client, settings: Settings, *, clients: Mapping[str, EmbeddersClient] | None = None
) -> list[Worker]:
    """Make the workers of a process, as `python -m worker` runs them.

    The first one polls `task_queue` for workflows, and for requests that earlier releases planned.
    The others poll the task queue of one integration each, unless `integration_queues` is false.
    Run all of them, with `run_all` or in tasks of your own.
    They are versioned if `TEMPORAL_DEPLOYMENT_NAME` and `TEMPORAL_WORKER_BUILD_ID` are set.

    Args:
        client: The connection, with the data converter `worker.data_converter`.
        settings: The worker's settings.
        clients: Your own HTTP clients, as for `register`.

    Raises:
        ValueError: The name of a client is not the name of an integration.
        SettingsError: Only one of the variables of the version is set.
    """
    shared = Registration(settings, clients, have_queues=settings.integration_queues)
    former = FormerIntegrations(
        settings.integrations,
        settings.former_integrations,
        lambda connection, queue, identity: Worker(
            connection,
            task_queue=queue,
            identity=identity,
            plugins=[shared.requests_plugin()],
            **_common_options(settings),
        ),
    )
    first = Worker(
        _with_converter(client, leave_large(client.data_converter)),
        task_queue=settings.task_queue,
        plugins=[shared.plugin(*([former.run] if settings.integration_queues else []))],
        **worker_options(settings),
    )
    if not settings.integration_queues:
        return [first]
    # The interceptor reports what a worker of activities cannot decrypt, and the attempt fails. An
    # error of the codec would fail the activity finally where the payload is a heartbeat.
    requests_client = _with_converter(client, leave_unreadable(client.data_converter))
    others = [
        Worker(
            requests_client,
            task_queue=integration_queue(settings.task_queue, name),
            plugins=[shared.requests_plugin()],
            # A message beyond `max_in_flight` waits in Temporal, without spending its attempt.
            max_concurrent_activities=min(
                settings.max_concurrent_activities, integration.max_in_flight
            ),
            max_task_queue_activities_per_second=_dispatch_rate(integration),
            **_common_options(settings),
        )
        for name, integration in settings.integrations.items()
    ]
    return [first, *others]


def _with_converter(client: Client, converter: DataConverter) -> Client:
    """Return a client on the same connection with another data converter."""
    config = client.config()
    config["data_converter"] = converter
    return Client(**config)


def _dispatch_rate(integration: IntegrationSettings) -> float | None:
    """Return how many messages and batches per second Temporal gives out; None without a limit.

    Twice the rate of requests, which the processes keep exactly: Temporal splits its limit between
    four partitions of the task queue, and with the rate itself, 60 messages at 5 per second took 15
    to 18 s instead of 12.
    """
    rate = integration.max_requests_per_second
    return rate and _DISPATCH_FACTOR * rate


def worker_options(settings: Settings) -> dict[str, Any]:
    """Return the options of the worker of all workflows, except what is registered with it."""
    return {
        **_common_options(settings),
        "max_concurrent_activities": settings.max_concurrent_activities,
        "max_concurrent_workflow_tasks": settings.max_concurrent_workflow_tasks,
        "max_concurrent_local_activities": _VALIDATIONS,
        "workflow_task_poller_behavior": _POLLERS,
        # The sandbox takes a quarter of a worker's time. It detects workflow code that is not
        # deterministic; tests and the workers of other teams run these workflows in it.
        "workflow_runner": UnsandboxedWorkflowRunner(),
    }


def _common_options(settings: Settings) -> dict[str, Any]:
    return {
        "graceful_shutdown_timeout": settings.graceful_shutdown_timeout,
        "activity_task_poller_behavior": _REQUEST_POLLERS,
        "deployment_config": deployment_config(),
    }


async def run_all(made: Sequence[Worker]) -> None:
    """Run workers until all of them are shut down, or one of them fails.

    Raises:
        RuntimeError: A worker failed; the others have been stopped.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for worker in made:
                group.create_task(worker.run())
    except ExceptionGroup as failures:
        # One cause, like a wrong namespace, fails all of them.
        raise failures.exceptions[0] from None


async def shut_down(made: Sequence[Worker]) -> None:
    """Shut down workers gracefully, all at once."""
    await asyncio.gather(*(worker.shutdown() for worker in made))
