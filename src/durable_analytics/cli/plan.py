"""`durable-analytics plan`: checks messages against a tracking plan, before they are sent."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from durable_analytics.cli._errors import CommandFailed
from durable_analytics.cli._inputs import read_json
from durable_analytics.cli._names import integration_name
from durable_analytics.cli._output import JsonOption, print_json, print_line
from durable_analytics.cli._settings import DeliverySettings
from durable_analytics.delivery.tracking_plan import TrackingPlan
from durable_analytics.errors import ValidationError
from durable_analytics.settings.routing import read_tracking_plan
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH, METHODS
from durable_analytics.wire.parsing import read_batch_message, read_envelope

_MOST_BYTES = 1024 * 1024
"""The longest line."""

_ENVELOPE = read_envelope(BATCH, {"messages": [], "strict": False})
"""Messages in a file are those of SDKs."""

plan_app = typer.Typer(help="Tracking plans.", no_args_is_help=True)


@plan_app.callback()
def _plan() -> None:
    """Check messages against tracking plans."""


@plan_app.command()
def check(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help='Messages, {"type": "track", …}, one a line; - is stdin.'
        ),
    ],
    *,
    plan: Annotated[
        Path | None, typer.Option(help="The plan. Default: those of the integrations.")
    ] = None,
    integration: Annotated[
        str | None,
        typer.Option(parser=integration_name, metavar="NAME", help="Only the plan of this one."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell which messages of a file do not match the tracking plan; nothing is sent."""
    plans = {"": _read_plan(plan)} if plan else _configured(integration)
    violations = []
    for number, line in _lines(file):
        message = _message(number, line)
        for name, one in plans.items():
            violations += [_row(number, message, name, path) for path in _paths(one, message)]
    if as_json:
        print_json(violations)
    for row in violations if not as_json else ():
        at = f" ({row['integration']})" if row["integration"] else ""
        print_line(f"line {row['line']}: {row['path']}{at}")
    if violations:
        lines = len({row["line"] for row in violations})
        raise CommandFailed(f"{lines} messages do not match the tracking plan")


def _paths(plan: TrackingPlan, message: JsonObject) -> list[str]:
    method = message["type"]
    return [".".join((method, *path)) for path in plan.check(method, message)]


def _row(number: int, message: JsonObject, integration: str, path: str) -> JsonObject:
    event = message.get("event")
    return {
        "line": number,
        "event": event if isinstance(event, str) else None,
        "integration": integration or None,
        "path": path,
    }


def _read_plan(path: Path) -> TrackingPlan:
    try:
        made: TrackingPlan = read_tracking_plan(path)
    except ValueError as error:
        raise typer.BadParameter(f"{path}: {error}") from None
    return made


def _configured(integration: str | None) -> dict[str, TrackingPlan]:
    integrations = DeliverySettings.load().deliverable().by_name
    if integration and integration not in integrations:
        names = ", ".join(sorted(integrations))
        raise CommandFailed(f"the integration {integration} is not configured; configured: {names}")
    plans = {
        name: one.route.plans[0][0]
        for name, one in sorted(integrations.items())
        if one.route.plans and integration in (None, name)
    }
    if not plans:
        whose = f"the integration {integration} has" if integration else "no integration has"
        hint = "no tracking_plan" if integration else "a tracking_plan"
        raise CommandFailed(f"{whose} {hint}: set it, or name a file with --plan")
    return plans


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers."""
    try:
        with sys.stdin.buffer if str(path) == "-" else path.open("rb") as file:
            number = 0
            while line := file.readline(_MOST_BYTES + 1):
                number += 1
                if len(line) > _MOST_BYTES:
                    raise typer.BadParameter(f"line {number} has more than {_MOST_BYTES} bytes")
                if line.strip():
                    yield number, line
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}") from None


def _message(number: int, line: bytes) -> JsonObject:
    message = read_json(line, f"line {number}")
    method = message.get("type") if isinstance(message, dict) else None
    if not isinstance(method, str) or method not in METHODS:
        known = ", ".join(METHODS)
        raise typer.BadParameter(
            f'line {number} must be a message, like {{"type": "track", …}}; the types are {known}'
        )
    return _whole(message)


def _whole(message: JsonObject) -> JsonObject:
    """Return a message as a schema of whole messages sees it."""
    try:
        read = read_batch_message(_ENVELOPE, message)
    except ValidationError:  # a worker refuses it before it checks the plan
        return message
    return {"type": read.method.key, **read.fields, "context": read.context}
