"""Notes the executions that a Temporal client starts."""

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
