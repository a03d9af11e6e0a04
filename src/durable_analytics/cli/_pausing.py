"""`durable-analytics pause NAME` and `resume NAME`: hold the messages of an integration."""

import asyncio
import getpass
from datetime import timedelta
from typing import Annotated

import typer
from temporalio.client import Client
from temporalio.service import RPCError

from durable_analytics.cli._names import NameArgument, is_polled
from durable_analytics.cli._output import JsonOption, print_json, print_line
from durable_analytics.cli._session import configured_task_queue, connect_client
from durable_analytics.cli._settings import DeliverySettings
from durable_analytics.cli._times import read_duration
from durable_analytics.cli._unreadable import warn
from durable_analytics.errors import SettingsError, ValidationError
from durable_analytics.settings.sources import configured_names
from durable_analytics.temporal import integration_control
from durable_analytics.temporal.integration_control import Commanded
from durable_analytics.temporal.visibility import Deliveries
from durable_analytics.wire.policies import merge_policies


def pause(
    name: NameArgument,
    *,
    for_: Annotated[
        timedelta | None,
        typer.Option(
            "--for",
            parser=read_duration,
            metavar="DURATION",
            help='How long, like "1h"; else until resume.',
        ),
    ] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")] = "maintenance",
    as_json: JsonOption = False,
) -> None:
    """Pause an integration: its messages wait in Temporal, and spend no attempt."""
    by = getpass.getuser()
    try:
        # Before the warnings, which are about a pause that is possible.
        integration_control.pause_request(name, reason=reason, by=by, for_=for_)
    except ValidationError as error:
        raise typer.BadParameter(error.message) from None
    _warn_of_lost_messages(name, for_)
    _print(name, asyncio.run(_pause(name, reason, by, for_)), as_json=as_json)


def resume(name: NameArgument, *, as_json: JsonOption = False) -> None:
    """End all pauses of an integration."""
    _print(name, asyncio.run(_resume(name)), as_json=as_json)


async def _pause(name: str, reason: str, by: str, duration: timedelta | None) -> Commanded:
    client = await connect_client()
    await _warn_of_unknown_name(client, name)
    return await integration_control.pause(
        client, configured_task_queue(), name, reason=reason, by=by, for_=duration
    )


async def _resume(name: str) -> Commanded:
    client = await connect_client()
    await _warn_of_unknown_name(client, name)
    return await integration_control.resume(client, configured_task_queue(), name)


def _print(name: str, commanded: Commanded, *, as_json: bool) -> None:
    state = commanded.state
    if commanded.warning:
        warn(commanded.warning)
    if as_json:
        print_json({"integration": name, **state})
        return
    until = f" until {state['until']}" if state["until"] else ""
    print_line(f"{name} is {state['state']}{until}")
    if not commanded.is_taken:
        print_line("no worker has taken it yet: the rest holds when one does")


async def _warn_of_unknown_name(client: Client, name: str) -> None:
    configured = configured_names("integrations")
    if name in configured or await _is_known(client, name, by_deliveries=not configured):
        return
    if configured:
        warn(f"{name} is not in the settings here; configured: {', '.join(configured)}")
    else:
        warn(f"Temporal knows no worker for {name} and no deliveries to it: check the name")


async def _is_known(client: Client, name: str, *, by_deliveries: bool) -> bool:
    try:
        if await is_polled(client, name):
            return True
        if not by_deliveries:
            return False
        deliveries = await Deliveries.find(client, configured_task_queue())
        return bool(await deliveries.count(deliveries.of_integration(name)))
    except RPCError:
        return True  # a pause must not fail because of a warning


def _warn_of_lost_messages(name: str, duration: timedelta | None) -> None:
    """Warn if messages may fail before the pause ends."""
    try:
        integration = DeliverySettings.load().deliverable().by_name.get(name)
    except SettingsError:
        integration = None
    request = merge_policies(integration.policies if integration else None).request
    total = request.total_timeout if request else None
    if total and duration and duration >= total:
        warn(f"messages fail after their total_timeout, {total}, which is within the pause")
