"""Buffering clients whose starts pass a gate, which does what the test says."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from pydantic_core import from_json
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    WorkflowHandle,
)
from temporalio.common import RawValue
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics import BufferingClient
from durable_analytics.wire.messages import JsonObject

SOON = timedelta(seconds=20)
"""Longer than any of this takes, unless it hangs."""

NEVER = timedelta(hours=1)
"""A flush interval that no test waits for."""


@dataclass(frozen=True)
class Start:
    """One attempt to start an execution."""

    input: StartWorkflowInput

    @property
    def id(self) -> str:
        """The workflow id."""
        return self.input.id

    @property
    def payload(self) -> bytes:
        """What Temporal would store."""
        (value,) = self.input.args
        assert isinstance(value, RawValue)
        assert value.payload.metadata == {"encoding": b"json/plain"}
        return value.payload.data

    @property
    def data(self) -> JsonObject:
        """The input of the execution."""
        data: JsonObject = from_json(self.payload)
        return data

    @property
    def messages(self) -> list[JsonObject]:
        """The messages of the input."""
        messages: list[JsonObject] = self.data["messages"]
        return messages

    @property
    def ids(self) -> list[str]:
        """The ids of the messages."""
        return [message["message_id"] for message in self.messages]


@dataclass
class Gate(Interceptor):
    """Notes each start, and lets it in, holds it or refuses it. No server is behind it."""

    starts: list[Start] = field(default_factory=list)
    """All that were attempted."""

    let_in: list[Start] = field(default_factory=list)
    """Those that the caller was told to be in."""

    away: Exception | None = None
    """What fails all that nothing is scripted for."""

    _script: deque[Exception | Future[None]] = field(default_factory=deque)
    _condition: threading.Condition = field(default_factory=threading.Condition)
    _held: list[Future[None]] = field(default_factory=list)

    def hold(self) -> Future[None]:
        """The next start that nothing is scripted for waits for this."""
        permission: Future[None] = Future()
        self._held.append(permission)
        self._script.append(permission)
        return permission

    def refuse(self, *errors: Exception) -> None:
        """The next starts fail with these."""
        self._script.extend(errors)

    def open(self) -> None:
        """Let all in that are held."""
        self._script.clear()
        for permission in self._held:
            if not permission.done():
                permission.set_result(None)

    def wait_for(self, starts: int) -> list[Start]:
        """Wait until so many have been attempted; returns all of them."""
        with self._condition:
            assert self._condition.wait_for(
                lambda: len(self.starts) >= starts, SOON.total_seconds()
            ), f"{len(self.starts)} starts, not {starts}"
            return list(self.starts)

    async def passes(self, input: StartWorkflowInput) -> None:
        """Do what is scripted for the next start."""
        with self._condition:
            self.starts.append(Start(input))
            step = self._script.popleft() if self._script else self.away
            self._condition.notify_all()
        if isinstance(step, Exception):
            raise step
        if step is not None:
            await asyncio.shield(asyncio.wrap_future(step))
        self.let_in.append(Start(input))

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """Stand before the real one."""
        return _Gated(next, self)


class _Gated(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, gate: Gate) -> None:
        super().__init__(following)
        self._gate = gate

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        await self._gate.passes(input)
        return WorkflowHandle(None, input.id)  # type: ignore[arg-type]  # nobody asks it


def refusal(
    status: RPCStatusCode = RPCStatusCode.INVALID_ARGUMENT, message: str = "no"
) -> RPCError:
    """An answer of the server."""
    return RPCError(message, status, b"")


@pytest.fixture
def gate() -> Iterator[Gate]:
    """What all starts of `connected` come to."""
    gate = Gate()
    yield gate
    gate.open()


@pytest.fixture
async def connected(gate: Gate) -> Client:
    """A Temporal client that never connects."""
    return await Client.connect("127.0.0.1:1", lazy=True, interceptors=[gate])


Make = Callable[..., BufferingClient]


@pytest.fixture
def make(connected: Client, gate: Gate) -> Iterator[Make]:
    """Make buffering clients, which flush only when told, and close them at the end."""
    made: list[BufferingClient] = []

    def make(**options: Any) -> BufferingClient:
        client = BufferingClient(connected, **{"flush_interval": NEVER, **options})
        made.append(client)
        return client

    yield make
    gate.open()
    for client in made:
        client.close(SOON)


def track(client: BufferingClient, count: int = 1, **call: Any) -> list[str]:
    """Enqueue events; returns their ids."""
    return [client.track(**{"user_id": "u-1", "event": "E", **call}) for _ in range(count)]
