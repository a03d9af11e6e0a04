"""The buffering client: a call only checks and enqueues a message, and returns at once."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from temporalio.client import Client
from temporalio.converter import DataConverter

from durable_analytics.buffering._environment import read_variables
from durable_analytics.buffering._lifecycle import Lifecycle
from durable_analytics.buffering._methods import EnqueueMethods
from durable_analytics.buffering._reports import Notifier, OnError
from durable_analytics.buffering._settings import (
    ClientSettings,
    FlushSettings,
    message_overhead,
)
from durable_analytics.client.arguments import NOT_GIVEN
from durable_analytics.client.checks import (
    Duration,
    boolean,
    converter,
    duration,
    encrypting,
    function,
    input_options,
    optional_duration,
    queue_name,
    temporal_client,
    whole_number,
)
from durable_analytics.wire.limits import BATCH_LIMIT_BYTES, MOST_MESSAGES
from durable_analytics.wire.methods import TASK_QUEUE
from durable_analytics.wire.policies import Policies


class BufferingClient(EnqueueMethods):
    """Enqueues messages in the caller's thread, and sends them to Temporal in another thread.

    >>> analytics = BufferingClient(integration="segment")
    >>> analytics.track(user_id="u-1", event="Signed Up")  # checked and enqueued: microseconds
    >>> analytics.close()  # Temporal has all of them, or NotAccepted is raised

    The methods may be called from any thread and from asyncio. The client connects when it gets its
    first message. Until Temporal has a message, it is only in memory: if the process is killed, the
    message is lost.
    Durations are seconds (an int or a float) or a `timedelta`.

    Args:
        client: A connected Temporal client. Default: the client connects with `TEMPORAL_ADDRESS`,
            with a profile, or to localhost:7233.
        integration: The integration that receives the messages. Default: the worker's default.
        deliver_to: Several integrations that receive the messages, instead of `integration`. One
            execution delivers to all of them.
        context: The context of all messages. The context of a call is merged into it, and its
            values take precedence.
        policies: The timeouts and retries of the deliveries.
        request_options: The `headers`, `query` and `body` to add to the provider's requests.
        strict: False refuses only messages that the provider itself would refuse.
        task_queue: The task queue of the workers.
        data_converter: The converter for inputs, if there is no `client`. Default: JSON.
        encryption_keys: The workers' setting of this name, if there is no `client`: inputs are
            encrypted with the first key, without compression. Needs `[encryption]`.
        flush_at: The number of enqueued messages that starts a flush. From 5,000 messages a second
            on, the client waits for a full batch while messages keep coming fast.
        flush_interval: The longest time that a message waits for more messages.
        max_queue_size: The most messages that may wait for Temporal, including those that are
            being sent.
        max_batch_bytes: The largest total size of the messages of one execution, each counted with
            the shared context. With `deliver_to`, it and `max_batch_messages` are reduced: to
            1,966,080 bytes and 5,000 divided by the number of integrations.
        max_batch_messages: The most messages in one execution.
        max_flushes: The most executions that the client starts at the same time.
        wait_when_full: The longest time that a call blocks its thread if the queue is full.
            Default: not at all.
        exit_timeout: The longest time that the interpreter waits for Temporal when it exits.
        on_error: A function that is called with an exception and the messages that may be lost
            because of it: in the client's thread, or, for invalid messages with
            `on_invalid="report"`, in the caller's thread.
        on_invalid: What a call does with an invalid message. "raise" raises an exception; "report"
            passes the message to `on_error`, with the values as the caller gave them, and returns
            its id.
        disabled: For tests: the client checks and drops messages, and does not connect.

    Raises:
        ValidationError: An argument breaks the contract of inputs.
        TypeError: An argument is of the wrong type.
        ValueError: A limit or a duration is out of range.
    """

    def __init__(
        self,
        client: Client | None = None,
        *,
        integration: str | None = None,
        deliver_to: Sequence[str] | None = None,
        context: Mapping[str, Any] | None = None,
        policies: Policies | Mapping[str, Any] | None = None,
        request_options: Mapping[str, Any] | None = None,
        strict: bool = True,
        task_queue: str = TASK_QUEUE,
        data_converter: DataConverter = NOT_GIVEN,
        encryption_keys: Sequence[str] = (),
        flush_at: int = 100,
        flush_interval: Duration = 0.5,
        max_queue_size: int = 10_000,
        max_batch_bytes: int = 1_800_000,
        max_batch_messages: int = 5_000,
        max_flushes: int = 2,
        wait_when_full: Duration | None = None,
        exit_timeout: Duration = 5,
        on_error: OnError | None = None,
        on_invalid: Literal["raise", "report"] = "raise",
        disabled: bool = False,
    ) -> None:
        options = input_options(
            integration=integration,
            deliver_to=deliver_to,
            policies=policies,
            context=context,
            request_options=request_options,
            strict=strict,
        )
        integrations = len(options.get("deliver_to", [""]))
        flush_settings = FlushSettings(
            flush_at=whole_number("flush_at", flush_at),
            flush_interval=duration("flush_interval", flush_interval),
            max_batch_bytes=min(
                whole_number("max_batch_bytes", max_batch_bytes, BATCH_LIMIT_BYTES),
                BATCH_LIMIT_BYTES // integrations,
            ),
            max_batch_messages=min(
                whole_number("max_batch_messages", max_batch_messages, MOST_MESSAGES),
                MOST_MESSAGES // integrations,
            ),
            max_flushes=whole_number("max_flushes", max_flushes),
        )
        if on_invalid not in {"raise", "report"}:
            raise ValueError(f'on_invalid must be "raise" or "report", not {on_invalid!r}')
        if on_error is not None:
            function("on_error", on_error, "on_error(error, messages)")
        if client is not None and encryption_keys:
            raise ValueError(
                "encryption_keys must not be set beside client: connect the client with a "
                "data converter that has the keys"
            )
        settings = ClientSettings(
            client=None if client is None else temporal_client(client),
            data_converter=encrypting(converter(data_converter), encryption_keys),
            task_queue=queue_name("task_queue", task_queue),
            options=options,
            overhead_bytes=message_overhead(options, flush_settings.max_batch_bytes),
            max_queue_size=whole_number("max_queue_size", max_queue_size),
            wait_when_full=optional_duration("wait_when_full", wait_when_full),
            exit_timeout=duration("exit_timeout", exit_timeout),
            flush=flush_settings,
            notifier=Notifier(on_error),
            reports_invalid=on_invalid == "report",
            disabled=boolean("disabled", disabled),
        )
        self._lifecycle = Lifecycle(settings)
        self._submit = self._lifecycle.enqueue

    @classmethod
    def from_env(
        cls,
        client: Client | None = None,
        *,
        data_converter: DataConverter = NOT_GIVEN,
        on_error: OnError | None = None,
    ) -> Self:
        """Make a client with the arguments that environment variables set.

        >>> # ANALYTICS_CLIENT__INTEGRATION=segment ANALYTICS_CLIENT__FLUSH_INTERVAL=0.2
        >>> analytics = BufferingClient.from_env()

        `ANALYTICS_CLIENT__` and the name of an argument of the class is its variable, in any case.
        As for a worker, `task_queue` is `ANALYTICS_TASK_QUEUE`, and `encryption_keys` is
        `ANALYTICS_ENCRYPTION_KEYS`, which counts only without `client` and `data_converter`.
        Durations are seconds or ISO 8601, `deliver_to` is a list with commas, `context`, `policies`
        and `request_options` are JSON, and switches are true or false. An empty variable counts as
        not set, except that of the keys. The connection has the variables of Temporal, like
        `TEMPORAL_ADDRESS`.

        Args:
            client: A connected Temporal client. Default: the client connects.
            data_converter: The converter for inputs, if there is no `client`. Default: JSON.
            on_error: A function that is called with an exception and the messages that may be lost
                because of it.

        Raises:
            SettingsError: A variable has a wrong name or value; one line for each.
            ValidationError: An argument breaks the contract of inputs.
            ValueError: A limit or a duration is out of range.
        """
        arguments = read_variables(os.environ)
        if client is not None or data_converter is not NOT_GIVEN:
            arguments.pop("encryption_keys", None)  # their own converter encrypts
        return cls(client, data_converter=data_converter, on_error=on_error, **arguments)

    async def room(self) -> None:
        """Wait until the queue has room for a message, without blocking the event loop.

        Raises:
            ClientClosed: The client is closed.
        """
        await self._lifecycle.session.room()

    def flush(self, timeout: Duration | None = None) -> None:
        """Block this thread until Temporal has all messages that were enqueued before.

        Messages that Temporal refuses permanently are passed to `on_error` and the callbacks.

        Args:
            timeout: Seconds, or a `timedelta`; None waits without a limit.

        Raises:
            NotAccepted: The timeout has passed; the messages remain in the queue and are sent
                again. Or the sending thread has failed: the messages that may be lost were passed
                to `on_error`.
        """
        self._lifecycle.session.flush(optional_duration("timeout", timeout))

    async def aflush(self, timeout: Duration | None = None) -> None:  # noqa: ASYNC109  # as flush
        """Flush the queue like `flush`, without blocking the event loop."""
        await self._lifecycle.session.aflush(optional_duration("timeout", timeout))

    def close(self, timeout: Duration | None = 10) -> None:
        """Accept no more messages, flush the queue, and stop. A second call does nothing.

        Args:
            timeout: Seconds, or a `timedelta`; None waits without a limit.

        Raises:
            NotAccepted: The timeout has passed, or the sending thread has failed at any time. The
                messages that may be lost were passed to `on_error` and the callbacks.
        """
        self._lifecycle.session.close(optional_duration("timeout", timeout))

    async def aclose(self, timeout: Duration | None = 10) -> None:  # noqa: ASYNC109  # as close
        """Close the client like `close`, without blocking the event loop."""
        session, limit = self._lifecycle.session, optional_duration("timeout", timeout)
        await asyncio.to_thread(session.close, limit)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
