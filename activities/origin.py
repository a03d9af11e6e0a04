"""The origin of a message: the execution from which missing ids and times are derived."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.service import RPCError

from durable_analytics.delivery.preparation import Defaults
from durable_analytics.errors import ValidationError
from durable_analytics.wire.decoding import decode
from durable_analytics.wire.message_ids import derive_message_id
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.timestamps import parse_time, timestamp_problem

log = logging.getLogger("durable_analytics.validation")

_MOST_WAIT = timedelta(seconds=2)
"""If the first workflow task starts later than this after the start of the execution, the activity
asks the server whether the execution was started with a delay."""

_DESCRIBE_TIMEOUT = timedelta(seconds=1)
_ROUNDING = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True)
class Origin:
    """The execution that delivers a message."""

    started_at: datetime
    run: str
    first_task_at: datetime | None = None
    """When the first workflow task started; None if the workflow does not pass it."""

    @classmethod
    def read(cls, origin: Any) -> "Origin":
        """Read the argument of the workflow; the activity's info replaces missing values.

        Raises:
            ValidationError: The argument is not an origin.
        """
        info = activity.info()
        data = decode(origin, "origin")
        if data is None:
            data = {}
        if not isinstance(data, dict):
            raise ValidationError.at("origin", 'must be an object like {"started_at": …}, or null')
        started_at = _time(data, "started_at") or info.scheduled_time
        run = data.get("first_run_id") or info.workflow_run_id or info.activity_run_id or ""
        return cls(started_at, str(run), _time(data, "first_task_at"))

    @classmethod
    async def find(cls, origin: Any) -> "Origin":
        """Read the origin; an execution that was started with a delay starts when the delay ends.

        Raises:
            ValidationError: The argument is not an origin.
        """
        result = cls.read(origin)
        first_task_at = result.first_task_at
        if first_task_at is None or first_task_at - result.started_at < _MOST_WAIT:
            return result
        return replace(result, started_at=first_task_at) if await _is_delayed() else result

    def defaults(self) -> Defaults:
        """Return the id and the time for a message that has none."""
        return Defaults(self.message_id, self.started_at)

    def message_id(self) -> str:
        """Return an id that is the same in all attempts, replays, and retried or reset runs."""
        info = activity.info()
        return derive_message_id(info.namespace, info.workflow_id, self.run, info.activity_id)


def _time(origin: JsonObject, key: str) -> datetime | None:
    if origin.get(key) is None:
        return None
    time = parse_time(origin[key])
    if time is None:
        raise ValidationError.at(f"origin.{key}", timestamp_problem(origin[key]))
    return time


async def _is_delayed() -> bool:
    """Whether the execution was started with a delay, and did not just wait for a worker."""
    info = activity.info()
    try:
        handle = activity.client().get_workflow_handle(
            info.workflow_id or "", run_id=info.workflow_run_id
        )
        described = await handle.describe(rpc_timeout=_DESCRIBE_TIMEOUT)
    except (RPCError, RuntimeError) as error:
        # The message is delivered, though its time may be less exact.
        log.warning("start delay unknown", extra={"error": type(error).__name__})
        return False
    return described.execution_time is not None and (
        described.execution_time > described.start_time + _ROUNDING
    )
