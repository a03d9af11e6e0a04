"""The activities of a batch outside of any worker, with what Temporal would say of them."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from temporalio.common import RetryPolicy
from temporalio.testing import ActivityEnvironment

from activities.batch_request import BatchRequest
from activities.batch_send import BatchSend
from activities.batch_validation import BatchValidation
from activities.http import HttpClient
from activities.prepared_batches import PreparedBatches
from tests.support.json_objects import Json
from worker import Settings

Handler = Callable[[httpx.Request], Any]


@dataclasses.dataclass
class Alone:
    """The activities of one worker, outside of any."""

    settings: Settings
    clients: dict[str, HttpClient]
    prepared: PreparedBatches = dataclasses.field(default_factory=PreparedBatches)

    async def validate(self, data: Json) -> Json:
        """Run the Validation."""
        validation = BatchValidation(self.settings.deliverable(), self.prepared)
        return await _run(validation, data)

    async def request(self, data: Json, plan: Any = None) -> Json:
        """Run an attempt that others may follow."""
        integrations = self.settings.deliverable()
        request = BatchRequest(integrations, self.clients, lambda _: None, self.prepared)
        return await _run(request, data, plan)

    async def send(self, data: Json, plan: Any = None, **info: Any) -> Json:
        """Run an attempt at all slices; `info` is what Temporal says of it."""
        integrations = self.settings.deliverable()
        send = BatchSend(integrations, self.clients, lambda _: None, self.prepared)
        return await _run(send, data, plan, **info)

    def answering(self, handler: Handler, max_in_flight: int = 8) -> None:
        """Let a function answer in Trak.io's place."""
        client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
        self.clients["trakio"] = HttpClient(client, max_in_flight)


async def _run(activity: Any, *arguments: Any, **info: Any) -> Json:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info,
        is_local=False,
        scheduled_time=datetime.now(UTC),
        **{
            "retry_policy": RetryPolicy(),
            "start_to_close_timeout": timedelta(seconds=10),
            "schedule_to_close_timeout": timedelta(hours=1),
            **info,
        },
    )
    result: Json = await environment.run(activity.__call__, *arguments)
    return result
