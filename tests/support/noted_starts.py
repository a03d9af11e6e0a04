"""Notes the executions that a Temporal client starts, or lets them wait."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle


@dataclass
class Starts(Interceptor):
    """Notes what a client starts, and starts it."""

    noted: list[StartWorkflowInput] = field(default_factory=list)

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """Stand before the real one."""
        return _Noting(next, self.noted)


class _Noting(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, noted: list[StartWorkflowInput]) -> None:
        super().__init__(following)
        self._noted = noted

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        self._noted.append(input)
        return await super().start_workflow(input)


@dataclass
class PausedStarts(Interceptor):
    """Lets each start wait until `resumed` is set; `reached` is set when one waits."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    resumed: asyncio.Event = field(default_factory=asyncio.Event)

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """Stand before the real one."""
        return _Pausing(next, self)


class _Pausing(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, pause: PausedStarts) -> None:
        super().__init__(following)
        self._pause = pause

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        self._pause.reached.set()
        await self._pause.resumed.wait()
        return await super().start_workflow(input)
