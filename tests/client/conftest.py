"""A client on a real server, and one whose starts are noted."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    WorkflowHandle,
)

from durable_analytics import AnalyticsClient
from durable_analytics.testing import StandIn
from worker import Settings


@dataclass
class Starts(Interceptor):
    """Notes what a client starts, and starts it."""

    noted: list[StartWorkflowInput] = field(default_factory=list)

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """Stand before the real one."""
        return _Noting(next, self.noted)


class _Noting(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, noted: list[StartWorkflowInput]) -> None:
        super().__init__(following)
        self._noted = noted

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        self._noted.append(input)
        return await super().start_workflow(input)


@pytest.fixture
def starts() -> Starts:
    """What `analytics` has started."""
    return Starts()


@pytest.fixture
def noted(temporal: Client, starts: Starts) -> Client:
    """A Temporal client whose starts are noted."""
    config = temporal.config()
    config["interceptors"] = [starts]
    return Client(**config)


@pytest.fixture
def analytics(noted: Client, running_worker: Settings, standin: StandIn) -> AnalyticsClient:
    """A client; the worker delivers to the stand-in, which has received nothing."""
    assert standin.requests == []
    return AnalyticsClient(noted, integration="segment", task_queue=running_worker.task_queue)
