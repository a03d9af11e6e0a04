"""`durable-analytics keys`: the keys that encrypt payloads."""

from typing import Annotated

import typer

from durable_analytics.cli._output import print_line
from durable_analytics.temporal.encryption_keys import new_key

keys_app = typer.Typer(help="Keys that encrypt what Temporal stores.", no_args_is_help=True)


@keys_app.callback()
def _keys() -> None:
    """Make keys for the setting encryption_keys."""


@keys_app.command()
def new(
    *,
    name: Annotated[
        str | None,
        typer.Option("--id", help="Its id. Default: k, the date, and four random characters."),
    ] = None,
) -> None:
    """Print a new key for the setting encryption_keys; it is stored nowhere."""
    try:
        print_line(new_key(name))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--id") from None
