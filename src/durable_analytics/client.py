"""The client: starts deliveries from other services, which may wait for them or not."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Self, Unpack
from uuid import uuid4

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.converter import DataConverter
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.calls import (
    AliasCall,
    AnnotateCall,
    CallCall,
    DeleteCall,
    GroupCall,
    IdentifyCall,
    MetricCall,
    Options,
    PageCall,
    ScreenCall,
    TrackCall,
)
from durable_analytics.connection import connect
from durable_analytics.contract import METHODS, TASK_QUEUE, Method
from durable_analytics.errors import NotAccepted, ValidationError
from durable_analytics.handle import DeliveryHandle
from durable_analytics.messages import Context, JsonObject
from durable_analytics.policies import Policies
from durable_analytics.reading import (
    is_lenient,
    needs_message_id,
    normalise,
    not_json,
    read,
    snake_case,
)
from durable_analytics.version import __version__

LIBRARY = {"name": "durable-analytics", "version": __version__}
"""The `context.library` of every message, unless the caller names another."""

_INPUT_KEYS = ("integration", "policies", "context", "request_options", "strict")


class AnalyticsClient:
    """Delivers messages through a worker of this project.

    >>> analytics = await AnalyticsClient.connect(integration="segment")
    >>> handle = await analytics.track(user_id="u-1", event="Signed Up")  # Temporal has it
    >>> output = await handle.result()  # the provider has it

    Every call returns as soon as Temporal keeps the message, and raises `ValidationError` where the
    message breaks the contract, or `NotAccepted` within `start_timeout` where nothing was kept.

    Args:
        client: A Temporal client, with any data converter that writes JSON.
        integration: The account to deliver to where a call names none. Default: the worker's.
        context: Merged under each call's own context, key by key.
        policies: The policies of calls that bring none.
        task_queue: Where the workers poll.
        start_timeout: How long a call may wait for Temporal.
    """

    def __init__(
        self,
        client: Client,
        *,
        integration: str | None = None,
        context: Mapping[str, Any] | None = None,
        policies: Policies | Mapping[str, Any] | None = None,
        task_queue: str = TASK_QUEUE,
        start_timeout: timedelta = timedelta(seconds=5),
    ) -> None:
        self.temporal = client
        self._integration = integration
        self._context = {"library": LIBRARY, **(context or {})}
        self._policies = policies
        self._task_queue = task_queue
        self._start_timeout = start_timeout

    @classmethod
    async def connect(
        cls, *, data_converter: DataConverter = DataConverter.default, **options: Any
    ) -> Self:
        """Connect as Temporal's own tools do: `TEMPORAL_ADDRESS`, a profile, or localhost:7233.

        Args:
            data_converter: How inputs are stored; `codecs.data_converter` compresses them.
            options: The keyword arguments of the class.

        Raises:
            NotAccepted: No server answered within five seconds.
        """
        return cls(await connect(data_converter=data_converter), **options)

    async def identify(self, **call: Unpack[IdentifyCall]) -> DeliveryHandle:
        """Say who somebody is."""
        return await self._start("identify", call)

    async def track(self, **call: Unpack[TrackCall]) -> DeliveryHandle:
        """Say what somebody did."""
        return await self._start("track", call)

    async def group(self, **call: Unpack[GroupCall]) -> DeliveryHandle:
        """Say which company, team or account somebody belongs to."""
        return await self._start("group", call)

    async def alias(self, **call: Unpack[AliasCall]) -> DeliveryHandle:
        """Say that two ids are the same person."""
        return await self._start("alias", call)

    async def page(self, **call: Unpack[PageCall]) -> DeliveryHandle:
        """Say which web page somebody saw."""
        return await self._start("page", call)

    async def screen(self, **call: Unpack[ScreenCall]) -> DeliveryHandle:
        """Say which screen of an app somebody saw."""
        return await self._start("screen", call)

    async def delete(self, **call: Unpack[DeleteCall]) -> DeliveryHandle:
        """Suppress somebody, and delete what is stored of them."""
        return await self._start("delete", call)

    async def annotate(self, **call: Unpack[AnnotateCall]) -> DeliveryHandle:
        """Say what happened to everybody."""
        return await self._start("annotate", call)

    async def metric(self, **call: Unpack[MetricCall]) -> DeliveryHandle:
        """Move somebody's number up or down."""
        return await self._start("metric", call)

    async def call(self, **call: Unpack[CallCall]) -> DeliveryHandle:
        """Call any other endpoint of the provider."""
        return await self._start("call", call)

    async def _start(self, key: str, call: Options) -> DeliveryHandle:
        method = METHODS[key]
        data = as_input(method, self._input(key, dict(call)))
        message = data[key]
        if needs_message_id(message, lenient=is_lenient(data)):
            message["message_id"] = str(uuid4())
        read(method, data)
        message_id = message["message_id"]
        # An integration that the worker chooses has no name here; "default" keeps the shape.
        workflow_id = f"{data.get('integration') or 'default'}:{key}:{message_id}"
        try:
            # `rpc_timeout` bounds one attempt of the SDK, which makes several.
            async with asyncio.timeout(self._start_timeout.total_seconds()):
                await self.temporal.start_workflow(
                    method.workflow,
                    data,
                    id=workflow_id,
                    task_queue=self._task_queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                    rpc_timeout=self._start_timeout,
                    # Where a worker runs on the same connection, it begins at once.
                    request_eager_start=True,
                )
        except WorkflowAlreadyStartedError:
            pass  # It was delivered before: the handle returns that delivery's output.
        except (RPCError, TimeoutError) as error:
            raise _not_accepted(error, message_id) from error
        return DeliveryHandle(self.temporal.get_workflow_handle(workflow_id), message_id)

    def _input(self, key: str, call: dict[str, Any]) -> JsonObject:
        data = {name: call.pop(name) for name in _INPUT_KEYS if name in call}
        if self._integration is not None:
            data.setdefault("integration", self._integration)
        if self._policies is not None:
            data.setdefault("policies", self._policies)
        if isinstance(policies := data.get("policies"), Policies):
            data["policies"] = policies.model_dump(mode="json", exclude_none=True)
        if isinstance(context := data.get("context", {}), Mapping):
            own, nearer = (
                snake_case(dict(c), Context, "context") for c in (self._context, context)
            )
            data["context"] = {**own, **nearer}
        return {**data, key: call}


def as_input(method: Method, given: JsonObject) -> JsonObject:
    """What a caller in Python gave, as an input of JSON that `normalise` returned.

    Args:
        method: The method.
        given: The input; its message is a dict of its own.

    Raises:
        ValidationError: It holds what is not JSON, or `normalise` refuses it.
    """
    message = given[method.key]
    if isinstance(when := message.get("timestamp"), datetime):
        message["timestamp"] = (when if when.tzinfo else when.replace(tzinfo=UTC)).isoformat()
    try:
        data = plain(given)
        problems = list(not_json(data))
    except RecursionError:
        raise ValidationError.at(method.key, "is nested too deeply, or holds itself") from None
    if problems:
        raise ValidationError.of(problems)
    return normalise(method, data)


def plain(value: Any) -> Any:
    """Any mapping as JSON's object, any tuple as its list."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


_TOO_LATE = (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)


def _not_accepted(error: RPCError | TimeoutError, message_id: str) -> NotAccepted:
    if isinstance(error, TimeoutError) or error.status in _TOO_LATE:
        reason = "Temporal did not answer in time"
    else:
        reason = f"Temporal answered {error.status.name}: {error.message}"
    hint = f"call again with message_id={message_id!r}, which starts it once at most"
    return NotAccepted(f"the message is not known to be kept ({reason}); {hint}")
