"""The activities of a batch, which deliver to the stand-in."""

from collections.abc import AsyncIterator

import pytest

from durable_analytics.testing import StandIn
from tests.support.batch_activities import Alone
from tests.support.worker_settings import settings_for
from worker.http_clients import http_clients


@pytest.fixture
async def alone(standin: StandIn) -> AsyncIterator[Alone]:
    """A worker's activities, delivering to the stand-in."""
    settings = settings_for(standin)
    clients = http_clients(settings, {})
    made = Alone(settings, clients)
    yield made
    for client in {*clients.values(), *made.clients.values()}:
        await client.aclose()
