"""The workflow that pauses an integration, and resumes it.

It sets the rate limit of the integration's task queue to 0. Then Temporal holds the messages back,
which costs them no attempts. The workflow runs only while the integration is paused.
"""

from collections.abc import Callable
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

_FIRST_COMMAND_TIMEOUT = timedelta(seconds=60)
"""How long an execution waits for its first command before it ends."""

_SET_LIMIT_TIMEOUT = timedelta(seconds=15)
_SET_LIMIT_RETRIES = RetryPolicy(maximum_interval=timedelta(seconds=10))

_BY_AGE = "pause-by-age"
"""The patch since which the length of a pause depends on how long the outage has lasted."""

_SENDS_EVENTS = "operator-events"
"""The patch since which the workflow sends events to operators. The result of `SetLimit` does not
replace the patch: during an update, a new worker may run the activity for a workflow that an old
worker runs, and the old worker sends no event."""

_HOLDS_FOR_PROBE = "hold-for-probe"
"""Since this patch, the task queue is held while a probe is in flight. A worker of an earlier
release ignores the report."""

_MOST_COMMANDS = 100
"""The limit of command ids that are remembered, to recognise a repeated command."""


@workflow.defn(name=CONTROL_WORKFLOW)
class Integration:
    """Pauses and resumes the integration that its workflow id names."""

    @workflow.init
    def __init__(self, earlier: Any = None) -> None:
        earlier = earlier if isinstance(earlier, dict) else {}
        self._holds = Holds(earlier.get("holds", []))
        self._commands: list[str] = earlier.get("commands", [])
        self._has_begun = bool(earlier)
        self._announced: IntegrationState = earlier.get("announced", RUNNING)
        """The state in the last event for operators."""

        self._shown: tuple[IntegrationState, str | None] | None = None
        """The state that the memo has, and why the task queue is held; None if that is not known.
        """

    @workflow.run
    async def run(self, earlier: Any = None) -> IntegrationState:
        """Hold the task queue until no pause is left.

        Args:
            earlier: The state that the previous run passes with continue-as-new; null in the first
                run. The constructor has read it.
        """
        del earlier
        await self._wait(lambda: self._has_begun, _FIRST_COMMAND_TIMEOUT)
        while True:
            self._holds.end_expired(workflow.now())
            if not self._is_settled():
                await self._settle()
            # A handler that still runs may change the state that decides whether the workflow ends.
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
                remaining = end - workflow.now() if end else None
                await self._wait(
                    lambda: not (self._is_settled() and workflow.all_handlers_finished()), remaining
                )

    @workflow.update(name=PAUSE)
    async def pause(self, request: dict[str, Any]) -> IntegrationState:
        """Pause the integration, and return its state when Temporal holds back the messages.

        Args:
            request: A `PauseRequest`.
        """
        update = workflow.current_update_info()
        self._pause(update.id if update else "", request)
        await workflow.wait_condition(self._is_settled)
        return self._holds.state()

    @pause.validator
    def check_pause(self, request: dict[str, Any]) -> None:
        """Refuse an invalid `PauseRequest`.

        Raises:
            ApplicationError: `ValidationError`, with the fields that are wrong.
        """
        try:
            PauseRequest.read(request)
        except ValidationError as error:
            raise ApplicationError(
                error.message, error.as_json(), type=error.wire_name(), non_retryable=True
            ) from None

    @workflow.update(name=RESUME)
    async def resume(self, request: dict[str, Any] | None = None) -> IntegrationState:
        """End all pauses, and return the state when Temporal hands out messages again.

        Args:
            request: Not used.
        """
        del request
        update = workflow.current_update_info()
        self._resume(update.id if update else "")
        await workflow.wait_condition(self._is_settled)
        return self._holds.state()

    @workflow.signal(name=COMMAND)
    def command(self, command: dict[str, Any]) -> None:
        """Handle a command that no worker accepted as an update in time.

        Args:
            command: `{"id", "pause": PauseRequest}` or `{"id", "resume": {}}`.
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
        """Set the limit of the task queue again, in case it is gone."""
        self._shown = None

    @workflow.signal(name=REPORT)
    def report(self, report: dict[str, Any]) -> None:
        """Handle a worker's report on the health of the provider.

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
        """Remember a command; return false if it is known: an update may come again as a signal."""
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
            await self._send_event(str(webhook), name, state)

    async def _send_event(self, webhook: str, name: str, state: IntegrationState) -> None:
        """Send operators an event, if a pause is new or has ended. A probe is no event."""
        earlier = self._announced
        if state["state"] != "probing":
            self._announced = state
        if state["by"] is None and earlier["by"] is not None:
            event, properties = RESUMED, {**earlier, "state": state["state"], "until": None}
        elif state["state"] == "paused" and not _is_same_pause(state, earlier):
            event, properties = PAUSED, {**state}
        else:
            return
        execution = operator_event(
            webhook, event, {"integration": name, **properties}, str(workflow.uuid4())
        )
        try:
            await workflow.start_child_workflow(
                execution.workflow,
                execution.input,
                id=execution.workflow_id,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=execution.summary,
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.warning("an event was not sent: its workflow id is in use")

    @staticmethod
    async def _wait(condition: Callable[[], bool], longest: timedelta | None) -> None:
        """Wait until a condition is true, or the time is over."""
        try:
            await workflow.wait_condition(condition, timeout=longest)
        except TimeoutError:
            return


def _is_same_pause(state: IntegrationState, other: IntegrationState) -> bool:
    return (state["by"], state["since"]) == (other["by"], other["since"])


def _describe(name: str, state: IntegrationState) -> str:
    if state["by"] is None:
        return f"{name} is running"
    until = f"until {state['until']}" if state["until"] else "until it is resumed"
    return f"{name} is {state['state']} by {state['by']} {until}: {state['reason']}"
