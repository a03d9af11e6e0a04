"""The importer while Temporal is out of reach, and for executions that others end."""

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    WorkflowHandle,
)
from temporalio.service import RPCStatusCode

from durable_analytics.client.checks import input_options
from durable_analytics.errors import NotAccepted
from durable_analytics.file_import.columns import Columns
from durable_analytics.file_import.importer import Importer, file_id
from durable_analytics.file_import.messages import MessageBuilder
from durable_analytics.file_import.rows import Row
from durable_analytics.testing import StandIn
from tests.support.buffering import Gate, refusal
from tests.support.visible import until_visible
from worker import Settings


@dataclass
class FailsOnce(Interceptor):
    """The first start fails, and the others pass."""

    failures: int = 1

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """Stand before the real one."""
        return _Failing(next, self)


class _Failing(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, owner: FailsOnce) -> None:
        super().__init__(following)
        self._owner = owner

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        if self._owner.failures:
            self._owner.failures -= 1
            raise refusal(RPCStatusCode.UNAVAILABLE)
        return await super().start_workflow(input)


def importer(client: Client, task_queue: str) -> Importer:
    """An importer of a file that no other test has."""
    builder = MessageBuilder(Columns({}, [], "track"), file_id(str(uuid.uuid4())), strict=True)
    return Importer(client, task_queue, input_options(integration="segment"), builder)


def rows(count: int) -> Iterator[Row]:
    """Valid rows."""
    for line in range(1, count + 1):
        yield Row(line, {"user_id": f"u-{line}", "event": "E"})


async def test_a_start_is_repeated_while_temporal_is_out_of_reach(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """With the same id: the messages arrive once."""
    config = temporal.config()
    config["interceptors"] = [FailsOnce()]
    report = await importer(Client(**config), running_worker.task_queue).run(rows(2))

    assert (report.rows, report.delivered, report.refused) == (2, 2, 0)
    assert len(standin.requests) == 1


async def test_a_start_that_temporal_refuses_ends_the_import() -> None:
    """The error says how to go on."""
    gate = Gate(away=refusal(RPCStatusCode.INVALID_ARGUMENT, "no such namespace"))
    client = await Client.connect("127.0.0.1:1", lazy=True, interceptors=[gate])

    with pytest.raises(NotAccepted, match=r"no such namespace.*run the same command again"):
        await importer(client, "analytics").run(rows(1))


async def test_rows_of_an_execution_that_was_terminated_are_refused(
    temporal: Client, task_queue: str
) -> None:
    """No worker polls this task queue, so that nothing is delivered before."""
    running = asyncio.create_task(importer(temporal, task_queue).run(rows(2)))
    query = f"TaskQueue = '{task_queue}'"
    await until_visible(temporal, query)
    async for one in temporal.list_workflows(query):
        await temporal.get_workflow_handle(one.id).terminate()
    report = await running

    assert (report.delivered, report.refused) == (0, 2)
    assert [(error.line, error.type) for error in report.errors] == [
        (1, "Interrupted"),
        (2, "Interrupted"),
    ]
