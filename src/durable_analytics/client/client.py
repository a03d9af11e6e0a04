"""The client, which starts deliveries and returns a handle for each."""

from collections.abc import Mapping, Sequence
from typing import Any, Self, Unpack
from uuid import uuid4

from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.client.arguments import (
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
from durable_analytics.client.checks import (
    LIBRARY,
    Duration,
    check_names,
    converter,
    duration,
    input_options,
    queue_name,
    read_context,
    temporal_client,
    texts,
)
from durable_analytics.client.handle import DeliveryHandle
from durable_analytics.client.values import ids_as_text, to_json_values
from durable_analytics.errors import NotAccepted
from durable_analytics.providers.request_options import check_call, check_options
from durable_analytics.temporal.batch_start import Shown, start_once
from durable_analytics.temporal.connection import connect
from durable_analytics.temporal.converter import DATA_CONVERTER
from durable_analytics.wire.contexts import merge_context
from durable_analytics.wire.keys import is_lenient, normalise
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import (
    METHODS,
    TASK_QUEUE,
    Method,
    id_prefix,
    named_integrations,
)
from durable_analytics.wire.parsing import check_input, needs_message_id
from durable_analytics.wire.policies import Policies
from durable_analytics.wire.search_attributes import start_attributes, user_id_of
from durable_analytics.wire.summaries import summarize

_INPUT_KEYS = ("integration", "deliver_to", "policies", "context", "request_options", "strict")


class AnalyticsClient:
    """Delivers messages through a worker of this project.

    >>> analytics = await AnalyticsClient.connect(integration="segment")
    >>> handle = await analytics.track(user_id="u-1", event="Signed Up")  # Temporal has it
    >>> output = await handle.result()  # the provider has it

    Every call returns as soon as Temporal has stored the message. It raises `ValidationError` if
    the message breaks the contract, and `NotAccepted` if Temporal does not store it within
    `start_timeout`.

    Args:
        client: A Temporal client, with any data converter that writes JSON.
        integration: The integration for calls that name none. Default: the worker's default.
        deliver_to: Several integrations for calls that name none, instead of `integration`. One
            execution delivers to all of them.
        context: The context of all calls; the context of a call is merged over it, key by key.
        policies: The policies of calls that set none.
        task_queue: The task queue of the workers.
        start_timeout: How long a call may wait for Temporal, in seconds or as a `timedelta`.
        user_hash_keys: The secret keys with which user ids are hashed for the search attribute
            `AnalyticsUser`; the first one is used. Default: it is not set.

    Raises:
        ValidationError: `integration`, `context` or `policies` break the contract.
        TypeError: An argument is of the wrong type.
        ValueError: `start_timeout` is not more than 0 seconds, or `task_queue` cannot be a
            task queue.
    """

    def __init__(
        self,
        client: Client,
        *,
        integration: str | None = None,
        deliver_to: Sequence[str] | None = None,
        context: Mapping[str, Any] | None = None,
        policies: Policies | Mapping[str, Any] | None = None,
        task_queue: str = TASK_QUEUE,
        start_timeout: Duration = 5,
        user_hash_keys: Sequence[str] = (),
    ) -> None:
        self.temporal = temporal_client(client)
        options = input_options(
            integration=integration, deliver_to=deliver_to, context=context, policies=policies
        )
        self._context = options.pop("context")
        if not (context or {}).get("library"):
            del self._context["library"]  # the library of a call replaces it completely
        self._options = options
        self._task_queue = queue_name("task_queue", task_queue)
        self._user_hash_keys = texts("user_hash_keys", user_hash_keys)
        self._start_timeout = duration("start_timeout", start_timeout, may_be_zero=False)

    @classmethod
    async def connect(
        cls, *, data_converter: DataConverter = DATA_CONVERTER, **options: Any
    ) -> Self:
        """Connect as Temporal's tools do: with `TEMPORAL_ADDRESS`, a profile, or localhost:7233.

        Args:
            data_converter: How inputs are stored; `codecs.data_converter` compresses them.
            options: Keyword arguments of the class.

        Raises:
            NotAccepted: No server responded within five seconds.
        """
        return cls(await connect(data_converter=converter(data_converter)), **options)

    async def identify(self, **call: Unpack[IdentifyCall]) -> DeliveryHandle:
        """Identify a user and record the user's traits."""
        return await self._start("identify", call)

    async def track(self, **call: Unpack[TrackCall]) -> DeliveryHandle:
        """Record an event of a user."""
        return await self._start("track", call)

    async def group(self, **call: Unpack[GroupCall]) -> DeliveryHandle:
        """Associate a user with a group, such as a company, and record the group's traits."""
        return await self._start("group", call)

    async def alias(self, **call: Unpack[AliasCall]) -> DeliveryHandle:
        """Connect two ids of the same user."""
        return await self._start("alias", call)

    async def page(self, **call: Unpack[PageCall]) -> DeliveryHandle:
        """Record a page view on a website."""
        return await self._start("page", call)

    async def screen(self, **call: Unpack[ScreenCall]) -> DeliveryHandle:
        """Record a screen view in an app."""
        return await self._start("screen", call)

    async def delete(self, **call: Unpack[DeleteCall]) -> DeliveryHandle:
        """Suppress a user and delete the stored data of the user."""
        return await self._start("delete", call)

    async def annotate(self, **call: Unpack[AnnotateCall]) -> DeliveryHandle:
        """Record an event that concerns all users, such as a deployment."""
        return await self._start("annotate", call)

    async def metric(self, **call: Unpack[MetricCall]) -> DeliveryHandle:
        """Increase or decrease a metric of a user."""
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
        check_input(method, data)
        check_names(data)
        check_options("request_options", data.get("request_options"))
        if key == "call":
            check_call(message)
        message_id = message["message_id"]
        workflow_id = f"{id_prefix(data)}:{key}:{message_id}"
        try:
            # If the message was delivered before, the handle returns that delivery's output.
            await start_once(
                self.temporal,
                method.workflow,
                data,
                workflow_id=workflow_id,
                task_queue=self._task_queue,
                patience=self._start_timeout,
                shown=self._shown(method, data),
                start_eagerly=True,
            )
        except (RPCError, TimeoutError) as error:
            raise _not_accepted(error, message_id) from error
        return DeliveryHandle(self.temporal.get_workflow_handle(workflow_id), message_id)

    def _shown(self, method: Method, data: JsonObject) -> Shown:
        message, integrations = data[method.key], named_integrations(data)
        user_id = user_id_of(method, message)
        return Shown(
            summarize(method, message, integrations),
            start_attributes(integrations, user_id, self._user_hash_keys),
        )

    def _input(self, key: str, call: dict[str, Any]) -> JsonObject:
        own = {name: call.pop(name) for name in _INPUT_KEYS if name in call}
        # None means "not set"; for an integration, None means that the worker chooses.
        options = {k: v for k, v in own.items() if v is not None or k == "integration"}
        of_client = dict(self._options)
        if "integration" in options or "deliver_to" in options:
            of_client.pop("integration", None)
            of_client.pop("deliver_to", None)
        data = {**of_client, **options}
        if isinstance(policies := data.get("policies"), Policies):
            data["policies"] = policies.model_dump(mode="json", exclude_none=True)
        if isinstance(context := data.get("context", {}), Mapping):
            strict = data.get("strict") is not False
            of_client, of_call = (
                read_context(values, strict=strict)
                for values in (self._context, to_json_values(context, "context"))
            )
            data["context"] = {"library": LIBRARY, **merge_context(of_client, of_call)}
        return {**data, key: call}


def as_input(method: Method, values: JsonObject) -> JsonObject:
    """Convert the Python values of an input to JSON, and normalise the input.

    Args:
        method: The method.
        values: The input; its message is a new dict, which this function may change.

    Raises:
        ValidationError: A value cannot be represented in JSON, or `normalise` refuses the input.
    """
    data = normalise(method, to_json_values(values))
    message = ids_as_text(data[method.key])
    if isinstance(when := message.get("timestamp"), str) and not when.strip():
        del message["timestamp"]
    if isinstance(context := data.get("context"), dict):
        ids_as_text(context)
    return data


_TOO_LATE = (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)


def _not_accepted(error: RPCError | TimeoutError, message_id: str) -> NotAccepted:
    if isinstance(error, TimeoutError) or error.status in _TOO_LATE:
        reason = "Temporal did not respond in time"
    else:
        reason = f"Temporal responded with {error.status.name}: {error.message}"
    hint = f"call again with message_id={message_id!r}; it then starts at most once"
    return NotAccepted(f"Temporal may not have stored the message ({reason}); {hint}")
