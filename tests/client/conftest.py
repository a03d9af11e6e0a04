"""A client on a real server, and one whose starts are noted."""

import pytest
from temporalio.client import (
    Client,
)

from durable_analytics import AnalyticsClient
from durable_analytics.testing import StandIn
from tests.support.noted_starts import Starts
from worker import Settings


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
