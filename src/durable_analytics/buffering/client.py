"""The buffering client: for services that track in their request path, and must not wait there."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, Unpack

from pydantic_core import to_json
from temporalio.client import Client
from temporalio.converter import DataConverter

from durable_analytics.batches import BATCH_LIMIT_BYTES, MOST_MESSAGES
from durable_analytics.buffering.engine import Engine
from durable_analytics.buffering.options import Setup, input_options, whole_number
from durable_analytics.buffering.sending import Pace
from durable_analytics.buffering.telling import OnError, Teller
from durable_analytics.calls import (
    BufferedAlias,
    BufferedAnnotate,
    BufferedCall,
    BufferedDelete,
    BufferedGroup,
    BufferedIdentify,
    BufferedMetric,
    BufferedPage,
    BufferedScreen,
    BufferedTrack,
)
from durable_analytics.contract import TASK_QUEUE
from durable_analytics.policies import Policies


class BufferingClient:
    """Enqueues messages in the caller's thread, and gives them to Temporal from its own.

    >>> analytics = BufferingClient(integration="segment")
    >>> analytics.track(user_id="u-1", event="Signed Up")  # checked and enqueued: microseconds
    >>> analytics.close()  # Temporal has all of them, or NotAccepted is raised

    Plain functions, from any thread and from asyncio; nothing connects before the first message.
    A message is in memory until Temporal has it: what a killed process had enqueued is lost.

    Args:
        client: A connected Temporal client. Default: connects by itself, by `TEMPORAL_ADDRESS`, a
            profile, or to localhost:7233.
        integration: The account to deliver to. Default: the worker's.
        context: The surroundings of all messages, under each call's own, key by key.
        policies: Timeouts and retries of the deliveries.
        request_options: `headers`, `query` and `body`, added to the provider's requests.
        strict: False refuses only what the provider itself would.
        task_queue: Where the workers poll.
        data_converter: How inputs are stored, where it connects by itself.
        flush_at: How many queued messages start a flush, which takes all that fit, not so many.
        flush_interval: How long a message waits for others.
        max_queue_size: How many messages may wait for Temporal, those in flight included.
        max_batch_bytes: What the messages of one execution may add up to, each with the context
            that they share. Segment takes 500 KB a request.
        max_batch_messages: How many messages one execution may carry.
        max_flushes: How many executions may be on their way to Temporal at once.
        wait_when_full: How long a call may block its thread for room. Default: not at all.
        exit_timeout: How long the interpreter's exit may wait for Temporal.
        on_error: Called, in the client's thread, with an exception and the messages that are not
            known to be kept because of it.
        disabled: For tests: checks messages, keeps nothing, connects to nothing.

    Raises:
        ValidationError: The options of the input break the contract.
        ValueError: A limit makes no sense.
    """

    def __init__(
        self,
        client: Client | None = None,
        *,
        integration: str | None = None,
        context: Mapping[str, Any] | None = None,
        policies: Policies | Mapping[str, Any] | None = None,
        request_options: Mapping[str, Any] | None = None,
        strict: bool = True,
        task_queue: str = TASK_QUEUE,
        data_converter: DataConverter = DataConverter.default,
        flush_at: int = 100,
        flush_interval: timedelta = timedelta(seconds=0.5),
        max_queue_size: int = 10_000,
        max_batch_bytes: int = 475_000,
        max_batch_messages: int = 1_000,
        max_flushes: int = 2,
        wait_when_full: timedelta | None = None,
        exit_timeout: timedelta = timedelta(seconds=5),
        on_error: OnError | None = None,
        disabled: bool = False,
    ) -> None:
        options = input_options(
            integration=integration,
            policies=policies,
            context=context,
            request_options=request_options,
            strict=strict,
        )
        pace = Pace(
            flush_at=whole_number("flush_at", flush_at),
            flush_interval=flush_interval,
            max_batch_bytes=whole_number("max_batch_bytes", max_batch_bytes, BATCH_LIMIT_BYTES),
            max_batch_messages=whole_number(
                "max_batch_messages", max_batch_messages, MOST_MESSAGES
            ),
            max_flushes=whole_number("max_flushes", max_flushes),
        )
        setup = Setup(
            client=client,
            data_converter=data_converter,
            task_queue=task_queue,
            options=options,
            overhead_bytes=len(to_json(options["context"])) + len(b","),
            max_queue_size=whole_number("max_queue_size", max_queue_size),
            wait_when_full=wait_when_full,
            exit_timeout=exit_timeout,
            pace=pace,
            teller=Teller(on_error),
            disabled=disabled,
        )
        self._engine = Engine(setup)
        self._enqueue = self._engine.enqueue

    def identify(self, **call: Unpack[BufferedIdentify]) -> str:
        """Say who somebody is; returns the message id, as all of these."""
        return self._enqueue("identify", call)

    def track(self, **call: Unpack[BufferedTrack]) -> str:
        """Say what somebody did.

        Raises:
            ValidationError: The message breaks the contract, or is too large for a batch.
            QueueFull: `max_queue_size` messages wait for Temporal, and there was no time to wait.
            ClientClosed: The client was closed before.
        """
        return self._enqueue("track", call)

    def group(self, **call: Unpack[BufferedGroup]) -> str:
        """Say which company, team or account somebody belongs to."""
        return self._enqueue("group", call)

    def alias(self, **call: Unpack[BufferedAlias]) -> str:
        """Say that two ids are the same person."""
        return self._enqueue("alias", call)

    def page(self, **call: Unpack[BufferedPage]) -> str:
        """Say which web page somebody saw."""
        return self._enqueue("page", call)

    def screen(self, **call: Unpack[BufferedScreen]) -> str:
        """Say which screen of an app somebody saw."""
        return self._enqueue("screen", call)

    def delete(self, **call: Unpack[BufferedDelete]) -> str:
        """Suppress somebody, and delete what is stored of them."""
        return self._enqueue("delete", call)

    def annotate(self, **call: Unpack[BufferedAnnotate]) -> str:
        """Say what happened to everybody."""
        return self._enqueue("annotate", call)

    def metric(self, **call: Unpack[BufferedMetric]) -> str:
        """Move somebody's number up or down."""
        return self._enqueue("metric", call)

    def call(self, **call: Unpack[BufferedCall]) -> str:
        """Call any other endpoint of the provider."""
        return self._enqueue("call", call)

    async def room(self) -> None:
        """Wait until there is room for a message, without blocking the event loop.

        Raises:
            ClientClosed: There will be none.
        """
        await self._engine.room()

    def flush(self, timeout: timedelta | None = None) -> None:
        """Block this thread until Temporal has everything that was enqueued before.

        What Temporal refuses for good does not hold it up; `on_error` and callbacks are told.

        Raises:
            NotAccepted: The time ran out; the messages stay, and are tried again.
        """
        self._engine.flush(timeout)

    async def aflush(self, timeout: timedelta | None = None) -> None:  # noqa: ASYNC109  # as flush
        """Wait as `flush` does, without blocking the event loop."""
        await self._engine.aflush(timeout)

    def close(self, timeout: timedelta = timedelta(seconds=10)) -> None:
        """Take no more messages, flush, and stop. Closing again does nothing.

        Raises:
            NotAccepted: The time ran out. What is left went to `on_error` and the callbacks.
        """
        self._engine.close(timeout)

    async def aclose(self, timeout: timedelta = timedelta(seconds=10)) -> None:  # noqa: ASYNC109
        """Do as `close` does, without blocking the event loop."""
        await asyncio.to_thread(self._engine.close, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
