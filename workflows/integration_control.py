"""The workflow that pauses an integration, and resumes it.

It holds the integration's task queue with a limit of 0, so that a paused message spends no attempt.
It exists only while the integration is paused.
"""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from durable_analytics.errors import ValidationError
    from durable_analytics.wire.health_reports import REPORT, HealthReport
    from durable_analytics.wire.integration_state import (
        CHECK,
        COMMAND,
        CONTROL_WORKFLOW,
        MEMO,
        PAUSE,
        RESUME,
        RUNNING,
        SET_LIMIT,
        STATE,
        IntegrationState,
        PauseRequest,
        controlled_integration,
        paused,
    )
    from durable_analytics.wire.methods import integration_queue
    from durable_analytics.wire.operator_events import PAUSED, RESUMED, WEBHOOK, operator_event
    from workflows.integration_holds import Holds

_FIRST_COMMAND = timedelta(seconds=60)
"""How long an execution without a command waits for one."""

_SET_LIMIT_TIMEOUT = timedelta(seconds=15)
_SET_LIMIT_RETRIES = RetryPolicy(maximum_interval=timedelta(seconds=10))

_BY_AGE = "pause-by-age"
"""Since this patch, the length of a pause depends on the age of the outage."""

_SENDS_EVENTS = "operator-events"
"""Since this patch, the workflow sends events to operators. The result of `SetLimit` alone does not
show that it did: during an update, a newer worker may run the activity, and an older one the
workflow."""

_HOLDS_FOR_PROBE = "hold-for-probe"
"""Since this patch, the task queue is held while a probe is in flight. A worker of an earlier
release ignores the report."""

_MOST_COMMANDS = 100
"""The ids of commands that are remembered."""


@workflow.defn(name=CONTROL_WORKFLOW)
class Integration:
    """The control of one integration; the workflow id names it."""

    @workflow.init
    def __init__(self, earlier: Any = None) -> None:
        earlier = earlier if isinstance(earlier, dict) else {}
        self._holds = Holds(earlier.get("holds", []))
        self._commands: list[str] = earlier.get("commands", [])
        self._has_begun = bool(earlier)
        self._announced: IntegrationState = earlier.get("announced", RUNNING)
        """The last state of which operators got an event."""

        self._shown: tuple[IntegrationState, str | None] | None = None
        """The state that the memo has, and why the task queue is held; None if that is not known.
        """

    @workflow.run
    async def run(self, earlier: Any = None) -> IntegrationState:
        """Hold the task queue while there is a reason to.

        Args:
            earlier: What an earlier run passes on; null at the start.
        """
        del earlier
        await self._wait(lambda: self._has_begun, _FIRST_COMMAND)
        while True:
            self._holds.end_expired(workflow.now())
            if not self._is_settled():
                await self._settle()
            # Whether this ends is decided from the state, after all handlers have returned.
            elif not workflow.all_handlers_finished():
                await workflow.wait_condition(
                    lambda: workflow.all_handlers_finished() or not self._is_settled()
                )
            elif self._holds.state()["by"] is None:
                return self._holds.state()
            elif workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(
                    {
                        "holds": self._holds.as_json(),
                        "commands": self._commands,
                        "announced": self._announced,
                    }
                )
            else:
                end = self._holds.next_end()
                rest = end - workflow.now() if end else None
                await self._wait(
                    lambda: not (self._is_settled() and workflow.all_handlers_finished()), rest
                )

    @workflow.update(name=PAUSE)
    async def pause(self, request: dict[str, Any]) -> IntegrationState:
        """Pause the integration; returns when the task queue is held.

        Args:
            request: A `PauseRequest`.
        """
        update = workflow.current_update_info()
        self._pause(update.id if update else "", request)
        await workflow.wait_condition(self._is_settled)
        return self._holds.state()

    @pause.validator
    def check_pause(self, request: dict[str, Any]) -> None:
        """Refuse a wrong argument."""
        try:
            PauseRequest.read(request)
        except ValidationError as error:
            raise ApplicationError(
                error.message, error.as_json(), type=error.wire_name(), non_retryable=True
            ) from None

    @workflow.update(name=RESUME)
    async def resume(self, request: dict[str, Any] | None = None) -> IntegrationState:
        """End all pauses; returns when the task queue is released."""
        del request
        update = workflow.current_update_info()
        self._resume(update.id if update else "")
        await workflow.wait_condition(self._is_settled)
        return self._holds.state()

    @workflow.signal(name=COMMAND)
    def command(self, command: dict[str, Any]) -> None:
        """Take a command that no worker has taken as an update in time.

        Args:
            command: `{"id", "pause"}` or `{"id", "resume"}`.
        """
        command_id = str(command.get("id", ""))
        if RESUME in command:
            self._resume(command_id)
        elif PAUSE in command:
            try:
                self._pause(command_id, command[PAUSE])
            except ValidationError:
                workflow.logger.warning("a pause with a wrong argument was ignored")

    @workflow.signal(name=CHECK)
    def check(self) -> None:
        """Set the limit again."""
        self._shown = None

    @workflow.signal(name=REPORT)
    def report(self, report: dict[str, Any]) -> None:
        """Take what a worker has seen of the provider.

        Args:
            report: A `HealthReport`.
        """
        try:
            checked = HealthReport.read(report)
            if checked.event == "probing" and not workflow.patched(_HOLDS_FOR_PROBE):
                return
            by_age = workflow.patched(_BY_AGE)
            self._holds.report(checked, workflow.now(), by_age=by_age)
            self._has_begun = True
        except ValidationError:
            workflow.logger.warning("a report with a wrong argument was ignored")

    @workflow.query(name=STATE)
    def state(self) -> IntegrationState:
        """Return the state of the integration."""
        return self._holds.state()

    def _pause(self, command_id: str, argument: dict[str, Any]) -> None:
        request = PauseRequest.read(argument)
        if self._is_new(command_id):
            self._holds.add(
                paused(
                    "operator",
                    request.described(),
                    since=workflow.now(),
                    duration=request.for_,
                )
            )

    def _resume(self, command_id: str) -> None:
        if self._is_new(command_id):
            self._holds.end()

    def _is_new(self, command_id: str) -> bool:
        """Remember a command; an update may arrive again as a signal."""
        self._has_begun = True
        if command_id in self._commands:
            return False
        self._commands = [*self._commands, command_id][-_MOST_COMMANDS:]
        return True

    def _is_settled(self) -> bool:
        return self._shown == (self._holds.state(), self._holds.reason_to_hold())

    async def _settle(self) -> None:
        """Give the task queue and the memo the current state."""
        info, state, reason = workflow.info(), self._holds.state(), self._holds.reason_to_hold()
        name = controlled_integration(info.workflow_id)
        workflow.upsert_memo({MEMO: state})
        workflow.set_current_details(_describe(name, state))
        result: Any = await workflow.execute_activity(
            SET_LIMIT,
            args=[integration_queue(info.task_queue, name), reason],
            start_to_close_timeout=_SET_LIMIT_TIMEOUT,
            retry_policy=_SET_LIMIT_RETRIES,
            summary=state["state"],
        )
        self._shown = state, reason
        # Only a worker whose settings name a webhook returns more than a boolean.
        webhook = result.get(WEBHOOK) if isinstance(result, dict) else None
        if webhook not in (None, name) and workflow.patched(_SENDS_EVENTS):
            await self._announce(str(webhook), name, state)

    async def _announce(self, webhook: str, name: str, state: IntegrationState) -> None:
        """Send operators an event about a state, unless they know it; probes are no event."""
        earlier = self._announced
        if state["state"] != "probing":
            self._announced = state
        if state["by"] is None and earlier["by"] is not None:
            event, properties = RESUMED, {**earlier, "state": state["state"], "until": None}
        elif state["state"] == "paused" and not _is_same_pause(state, earlier):
            event, properties = PAUSED, {**state}
        else:
            return
        made = operator_event(
            webhook, event, {"integration": name, **properties}, str(workflow.uuid4())
        )
        try:
            await workflow.start_child_workflow(
                made.workflow,
                made.input,
                id=made.workflow_id,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=made.summary,
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.warning("an event was not sent: its workflow id is in use")

    @staticmethod
    async def _wait(condition: Any, limit: timedelta | None) -> None:
        try:
            await workflow.wait_condition(condition, timeout=limit)
        except TimeoutError:
            return


def _is_same_pause(state: IntegrationState, other: IntegrationState) -> bool:
    return (state["by"], state["since"]) == (other["by"], other["since"])


def _describe(name: str, state: IntegrationState) -> str:
    if state["by"] is None:
        return f"{name} is running"
    until = f"until {state['until']}" if state["until"] else "until it is resumed"
    return f"{name} is {state['state']} by {state['by']} {until}: {state['reason']}"
