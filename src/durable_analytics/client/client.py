"""`AnalyticsClient`, which starts deliveries and returns a handle for each."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self
from uuid import UUID, uuid4

from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.client.arguments import NOT_GIVEN, Id, Json
from durable_analytics.client.checks import (
    Duration,
    batch_uuid,
    check_names,
    converter,
    duration,
    encrypting,
    input_options,
    queue_name,
    temporal_client,
    texts,
)
from durable_analytics.client.handle import BatchHandle, DeliveryHandle
from durable_analytics.client.inputs import as_input, batch_messages, merge_options
from durable_analytics.client.methods import DeliveryMethods
from durable_analytics.client.values import ids_as_text, to_json_values
from durable_analytics.errors import ClientClosed, NotAccepted
from durable_analytics.providers.request_options import check_call, check_options
from durable_analytics.temporal.batch_start import (
    VisibleFields,
    batch_envelope,
    batch_input,
    start_batch,
    start_once,
)
from durable_analytics.temporal.batch_start import batch_id as batch_id_of
from durable_analytics.temporal.connection import connect, is_about_fork
from durable_analytics.temporal.integration_status import IntegrationStatus, integration_statuses
from durable_analytics.temporal.visibility import Deliveries
from durable_analytics.wire.json_reader import DEEPEST_INPUT
from durable_analytics.wire.json_writer import write_json
from durable_analytics.wire.keys import is_lenient
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


class AnalyticsClient(DeliveryMethods):
    """Delivers messages through a worker of this project.

    >>> async with await AnalyticsClient.connect(integration="segment") as analytics:
    ...     handle = await analytics.track(user_id="u-1", event="Signed Up")  # Temporal has it
    ...     output = await handle.result()  # the provider has it

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
        self._temporal: Client | None = temporal_client(client)
        options = input_options(
            integration=integration, deliver_to=deliver_to, context=context, policies=policies
        )
        self._context = options.pop("context")
        if not (context or {}).get("library"):
            del self._context["library"]  # a call's library replaces it; they are not merged
        self._options = options
        self._task_queue = queue_name("task_queue", task_queue)
        self._user_hash_keys = texts("user_hash_keys", user_hash_keys)
        self._start_timeout = duration("start_timeout", start_timeout, may_be_zero=False)

    @classmethod
    async def connect(
        cls,
        *,
        data_converter: DataConverter = NOT_GIVEN,
        encryption_keys: Sequence[str] = (),
        integration: str | None = None,
        deliver_to: Sequence[str] | None = None,
        context: Mapping[str, Any] | None = None,
        policies: Policies | Mapping[str, Any] | None = None,
        task_queue: str = TASK_QUEUE,
        start_timeout: Duration = 5,
        user_hash_keys: Sequence[str] = (),
    ) -> Self:
        """Connect to the server that `TEMPORAL_ADDRESS` or a Temporal profile names.

        Default: localhost:7233, as in Temporal's own tools.

        >>> analytics = await AnalyticsClient.connect(integration="segment")

        Args:
            data_converter: How inputs are stored; `codecs.data_converter` compresses and encrypts
                them. Default: as JSON.
            encryption_keys: The keys of the workers' setting with this name. Payloads are encrypted
                with the first one, without compression. Needs the extra `encryption`.
            integration: The integration for calls that name none. Default: the worker's default.
            deliver_to: Several integrations for calls that name none, instead of `integration`.
            context: The context of all calls; the context of a call is merged over it, key by key.
            policies: The policies of calls that set none.
            task_queue: The task queue of the workers.
            start_timeout: How long a call may wait for Temporal, in seconds or as a `timedelta`.
            user_hash_keys: The secret keys with which user ids are hashed for the search attribute
                `AnalyticsUser`; the first one is used. Default: it is not set.

        Raises:
            NotAccepted: No server responded within five seconds.
            SettingsError: A setting of the connection is wrong.
            ValidationError: `integration`, `context` or `policies` break the contract.
            TypeError: An argument is of the wrong type.
            ValueError: `start_timeout` is not more than 0 seconds, `task_queue` cannot be a task
                queue, a key has a wrong form, or both `data_converter` and keys are given.
        """
        return cls(
            await connect(data_converter=encrypting(converter(data_converter), encryption_keys)),
            integration=integration,
            deliver_to=deliver_to,
            context=context,
            policies=policies,
            task_queue=task_queue,
            start_timeout=start_timeout,
            user_hash_keys=user_hash_keys,
        )

    @property
    def temporal(self) -> Client:
        """The Temporal client.

        Raises:
            ClientClosed: The client is closed.
        """
        if self._temporal is None:
            raise ClientClosed("the client was closed: the message was not sent")
        return self._temporal

    def close(self) -> None:
        """Make later calls raise `ClientClosed`. A second call does nothing.

        This client holds no messages, so none is lost. Handles that it has returned can still be
        used. The connection to Temporal ends when nothing refers to it any more.
        """
        self._temporal = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def batch(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        batch_id: str | UUID | None = None,
        integration: str | None = NOT_GIVEN,
        deliver_to: Sequence[str] | None = None,
        policies: Policies | Json | None = None,
        context: Json | None = None,
        request_options: Json | None = None,
        strict: bool | None = None,
    ) -> BatchHandle:
        """Deliver up to 5,000 messages of any methods in one execution.

        >>> handle = await analytics.batch(
        ...     [
        ...         {"type": "identify", "user_id": "u-1", "traits": {"plan": "pro"}},
        ...         {"type": "track", "user_id": "u-1", "event": "Signed Up"},
        ...     ]
        ... )
        >>> (await handle.result())["accepted"]
        2

        A message that breaks the contract does not stop the others: the output lists it in
        `rejected`.

        Args:
            messages: Each is an object: its `type` is a method, and the other keys are the
                arguments of this method. They may have `context`, `message_id`, `timestamp` and
                `integrations`.
            batch_id: A UUID for these messages: a second call with the same id joins the first
                delivery. Default: a new one.
            integration: The integration to deliver to; None lets the worker choose. Default: the
                client's.
            deliver_to: Several integrations to deliver to, instead of `integration`.
            policies: Timeouts and retries, if the integration allows overriding. Default: the
                client's.
            context: The context of all these messages, merged over that of the client.
            request_options: `headers`, `query` and `body`, added to the provider's requests.
            strict: With False, only what the provider would refuse is refused. Default: True.

        Returns:
            The handle of the batch; Temporal has stored the messages.

        Raises:
            ValidationError: An option breaks the contract, a value cannot be represented in JSON,
                a message has no known `type`, or the batch is too large. The error names the field,
                like `messages.3.properties.price`.
            NotAccepted: Temporal did not store the messages within `start_timeout`.
        """
        temporal, uuid = self.temporal, batch_uuid(batch_id)
        options = self._merge_options(
            {
                **({} if integration is NOT_GIVEN else {"integration": integration}),
                "deliver_to": deliver_to,
                "policies": policies,
                "context": context,
                "request_options": request_options,
                "strict": strict,
            }
        )
        options = to_json_values(options, levels=DEEPEST_INPUT)
        if isinstance(options["context"], dict):
            ids_as_text(options["context"])
        of_client = self._merge_options({"strict": strict})["context"]
        converted = batch_messages(options, messages, uuid, of_client)
        check_names(options)
        check_options("request_options", options.get("request_options"))
        workflow_id = batch_id_of(options, uuid)
        contents = [write_json(message) for message in converted]
        with _start_errors_as_not_accepted(f"batch_id={str(uuid)!r}"):
            await start_batch(
                temporal,
                workflow_id,
                batch_input(batch_envelope(options), contents),
                integrations=named_integrations(options),
                count=len(converted),
                task_queue=self._task_queue,
                start_timeout=self._start_timeout,
            )
        return BatchHandle(
            temporal.get_workflow_handle(workflow_id),
            [str(message["message_id"]) for message in converted],
        )

    async def delivery(
        self, integration: str | Sequence[str] | None, method: str, message_id: Id
    ) -> DeliveryHandle | None:
        """Find an earlier delivery of an `AnalyticsClient` by its message.

        >>> handle = await analytics.delivery("segment", "track", message_id)
        >>> output = await handle.outcome() if handle else None

        Args:
            integration: The integration that the call named, or the client; the list of
                `deliver_to`; or None if the worker chose it.
            method: Like "track".
            message_id: The id of the message, as `DeliveryHandle.message_id` has it.

        Returns:
            None if Temporal has no such delivery, or does not keep it any more. Messages of a batch
            are found by `durable-analytics find`.

        Raises:
            ValueError: There is no such method.
            RPCError: Temporal could not be reached.
        """
        if method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
        target = (
            "integration" if integration is None or isinstance(integration, str) else "deliver_to"
        )
        workflow_id = f"{id_prefix({target: integration})}:{method}:{message_id}"
        handle = self.temporal.get_workflow_handle(workflow_id)
        try:
            await handle.describe(rpc_timeout=self._start_timeout)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        return DeliveryHandle(handle, str(message_id))

    async def status(self) -> list[IntegrationStatus]:
        """Count, for each integration, the open executions and the failures of the last day.

        >>> [(row["integration"], row["state"], row["waiting"]) for row in await analytics.status()]
        [('segment', 'running', 0)]

        The client does not know which integrations the workers have. It returns its own
        integrations, those that are paused, and those that have deliveries. The command
        `durable-analytics status` shows the same for the integrations in the settings.

        Raises:
            RPCError: Temporal could not be reached.
        """
        deliveries = await Deliveries.find(self.temporal, self._task_queue)
        return await integration_statuses(deliveries, named_integrations(self._options), None)

    async def _submit(self, key: str, call: dict[str, Any]) -> DeliveryHandle:
        temporal, method = self.temporal, METHODS[key]
        data = as_input(method, self._build_input(key, call))
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
        # If the message was delivered before, the handle returns that delivery's output.
        with _start_errors_as_not_accepted(f"message_id={message_id!r}"):
            await start_once(
                temporal,
                method.workflow,
                data,
                workflow_id=workflow_id,
                task_queue=self._task_queue,
                start_timeout=self._start_timeout,
                visible=self._visible_fields(method, data),
                start_eagerly=True,
            )
        return DeliveryHandle(temporal.get_workflow_handle(workflow_id), message_id)

    def _visible_fields(self, method: Method, data: JsonObject) -> VisibleFields:
        message, integrations = data[method.key], named_integrations(data)
        user_id = user_id_of(method, message)
        return VisibleFields(
            summarize(method, message, integrations),
            start_attributes(integrations, user_id, self._user_hash_keys),
        )

    def _build_input(self, key: str, call: dict[str, Any]) -> JsonObject:
        own = {name: call.pop(name) for name in _INPUT_KEYS if name in call}
        context = own.get("context")
        if is_lenient(own) and context is not None and not isinstance(context, Mapping):
            # The worker leaves it out of the message, and keeps the context of the client.
            call["context"] = own.pop("context")
        return {**self._merge_options(own), key: call}

    def _merge_options(self, own: JsonObject) -> JsonObject:
        return merge_options(self._options, self._context, own)


_TIMEOUT_STATUSES = (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)


@contextmanager
def _start_errors_as_not_accepted(id_argument: str) -> Iterator[None]:
    """Raise `NotAccepted` if Temporal does not store a start; say how to repeat the call safely.

    Args:
        id_argument: The argument with which a repeated call starts nothing twice.
    """
    try:
        yield
    except AssertionError as error:
        if not is_about_fork(error):
            raise
        reason = "this client was connected before a fork, in another process"
        raise NotAccepted(f"{reason}: connect another one in this process ({error})") from error
    except (RPCError, TimeoutError) as error:
        if isinstance(error, TimeoutError) or error.status in _TIMEOUT_STATUSES:
            reason = "Temporal did not respond in time"
        else:
            reason = f"Temporal responded with {error.status.name}: {error.message}"
        hint = f"call again with {id_argument}; it then starts at most once"
        raise NotAccepted(f"Temporal may not have stored the message ({reason}); {hint}") from error
