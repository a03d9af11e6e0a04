"""Names and ids that commands take: their form, and whether an integration is known."""

import asyncio
import re
from typing import Annotated

import typer
from temporalio.client import Client
from temporalio.service import RPCError

from durable_analytics.cli._session import configured_task_queue, connect_client
from durable_analytics.errors import NotAccepted
from durable_analytics.settings.sources import configured_names
from durable_analytics.temporal.pollers import ACTIVITIES, last_polls
from durable_analytics.wire.methods import NOT_A_NAME, integration_queue, is_integration_name


def integration_name(text: str) -> str:
    """Return the name of an integration.

    Each option and argument for a name has this parser: Temporal retries a query for another text
    for minutes, and reports an error of its database.

    Raises:
        typer.BadParameter: No integration can have this name.
    """
    if not is_integration_name(text):
        raise typer.BadParameter(NOT_A_NAME)
    return text


def unicode_text(text: str) -> str:
    """Return an id, which may be any text that Temporal takes.

    Raises:
        typer.BadParameter: Its bytes are not UTF-8.
    """
    if re.search("[\ud800-\udfff]", text):  # what Python makes of such a byte
        raise typer.BadParameter("must be text in UTF-8")
    return text


NameArgument = Annotated[
    str, typer.Argument(parser=integration_name, metavar="NAME", help="The integration.")
]


def unknown_integration(name: str) -> str | None:
    """Return why nothing can be delivered to an integration, as far as it can be known here.

    The settings of the worker tell, if they are here. But workers may have more integrations, as
    those of `make run` do: then they poll its task queue.

    Args:
        name: Its name.

    Returns:
        The rest of a sentence; None if it is known, or if there are no settings here.

    Raises:
        SettingsError: One of the sources of the settings cannot be read.
    """
    configured = configured_names("integrations")
    if not configured or name in configured or asyncio.run(_has_worker(name)):
        return None
    return f"the settings have no such integration; they have {', '.join(configured)}"


async def is_polled(client: Client, name: str) -> bool:
    """Whether a worker polls the task queue of an integration."""
    task_queue = integration_queue(configured_task_queue(), name)
    return bool(await last_polls(client, task_queue, kinds=(ACTIVITIES,)))


async def _has_worker(name: str) -> bool:
    try:
        return await is_polled(await connect_client(), name)
    except (NotAccepted, RPCError):  # the settings alone tell then
        return False
