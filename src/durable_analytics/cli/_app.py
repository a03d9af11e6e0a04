"""The commands, and how their errors are shown: in one line, with the exit status 1 or 2."""

import sys
from collections.abc import Mapping, Sequence

import typer
from temporalio.service import RPCError

from durable_analytics.cli._cancel import cancel
from durable_analytics.cli._errors import CommandFailed, describe_rpc_error
from durable_analytics.cli._explain import explain
from durable_analytics.cli._find import find
from durable_analytics.cli._import_file import import_file
from durable_analytics.cli._pausing import pause, resume
from durable_analytics.cli._report import report
from durable_analytics.cli._send_test import send_test
from durable_analytics.cli._setup import setup
from durable_analytics.cli._status import status
from durable_analytics.cli._tail import tail
from durable_analytics.cli.failed import failed_app
from durable_analytics.cli.keys import keys_app
from durable_analytics.cli.plan import plan_app
from durable_analytics.errors import NotAccepted, SettingsError, UnreadablePayload

PROGRAM = "durable-analytics"

app = typer.Typer(
    name=PROGRAM,
    help="Operate the deliveries of Durable Analytics. The connection to Temporal is that of all "
    "its tools: TEMPORAL_ADDRESS, a profile, or localhost:7233.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (setup, status, pause, resume, find, cancel, explain, tail, report):
    app.command()(command)
app.command("test")(send_test)
app.command("import")(import_file)

app.add_typer(failed_app, name="failed")
app.add_typer(plan_app, name="plan")
app.add_typer(keys_app, name="keys")


def run(arguments: Sequence[str]) -> int:
    """Run a command; return its exit status.

    Args:
        arguments: The command and its arguments.

    Returns:
        0; 1 if something failed or was not found; 2 for wrong use, wrong settings, or without a
        connection.
    """
    try:
        result = app(args=list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except tuple(_STATUSES) as error:
        print(f"{PROGRAM}: {_reason(error)}", file=sys.stderr)  # noqa: T201  # for a person
        return next(status for kind, status in _STATUSES.items() if isinstance(error, kind))
    return result if isinstance(result, int) else 0


_STATUSES: Mapping[type[Exception], int] = {
    CommandFailed: 1,
    typer.Abort: 1,
    typer.TyperException: 2,
    SettingsError: 2,
    NotAccepted: 2,
    RPCError: 2,
    UnreadablePayload: 2,
}
"""The exit status of each error."""


def _reason(error: Exception) -> str:
    """Return an error in one line."""
    match error:
        case typer.Abort():
            reason = "stopped"
        case typer.TyperException():
            reason = error.format_message()
        case SettingsError():
            reason = "; ".join(error.problems)
        case RPCError():
            reason = describe_rpc_error(error)
        case _:
            reason = str(error)
    return " ".join(reason.split())
