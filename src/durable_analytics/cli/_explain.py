"""`durable-analytics explain`: what each integration would get for an input; nothing is sent."""

import json
from typing import Annotated
from urllib.parse import urlencode

import typer

from durable_analytics.cli._errors import CommandFailed
from durable_analytics.cli._inputs import FileArgument, read_file
from durable_analytics.cli._names import integration_name
from durable_analytics.cli._output import JsonOption, print_json, print_line
from durable_analytics.cli._requests import explain_input
from durable_analytics.cli._settings import DeliverySettings
from durable_analytics.errors import UnknownIntegration, ValidationError
from durable_analytics.wire.messages import JsonObject


def explain(
    file: FileArgument = None,
    *,
    integration: Annotated[
        str | None,
        typer.Option(
            parser=integration_name,
            metavar="NAME",
            help="Only this one. Default: the input's, or all.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the request that each integration would get for an input; nothing is sent.

    It needs the settings of a worker. Credentials are not shown.
    """
    integrations = DeliverySettings.load().deliverable()
    given = read_file(file)
    name = integration or given.data.get("integration")
    several = None if name else given.data.get("deliver_to")
    try:
        if isinstance(several, list):
            names = [integrations.find(one).name for one in several]
        else:
            names = sorted(integrations.by_name) if name is None else [integrations.find(name).name]
    except (UnknownIntegration, ValidationError) as error:
        raise CommandFailed(error.message) from None
    explained = [explain_input(given, integrations.by_name[name]) for name in names]
    if as_json:
        print_json(explained)
    else:
        for one in explained:
            print_explained(one)
    if not any(one["requests"] for one in explained):
        raise CommandFailed("no integration would get a request")


def print_explained(explained: JsonObject) -> None:
    """Print what one integration would get."""
    name = explained["integration"]
    if error := explained["error"]:
        print_line(f"{name}: nothing, {error['type']}: {error['message']}")
    match explained["filtered"]:
        case list() as messages:
            for one in messages:
                print_line(
                    f"{name}: not message {one['index']}, filtered by {one['by']}: {one['reason']}"
                )
        case dict() as one:
            print_line(f"{name}: nothing, filtered by {one['by']}: {one['reason']}")
    for rejection in explained["rejected"]:
        error = rejection["error"]
        print_line(f"{name}: not message {rejection['index']}, {error['type']}: {error['message']}")
    for field in explained["left_out"]:
        print_line(f"{name}: left out, because the provider has no field for it: {field}")
    for path in explained["violations"]:
        print_line(f"{name}: does not match the tracking plan: {path}")
    for request in explained["requests"]:
        print_line(f"{name}:")
        print_request(request)


def print_request(request: JsonObject) -> None:
    """Print a request as HTTP writes it."""
    query = urlencode(request["query"], doseq=True)
    print_line(f"  {request['method']} {request['url']}{'?' + query if query else ''}")
    for header, value in request["headers"].items():
        print_line(f"  {header}: {value}")
    print_body(request["body"])


def print_body(body: object) -> None:
    """Print a body, JSON indented."""
    if body is None:
        return
    text = body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False)
    for line in text.splitlines():
        print_line(f"  {line}")
    print_line()
