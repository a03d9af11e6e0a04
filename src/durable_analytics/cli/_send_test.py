"""`durable-analytics test`: delivers one message now, and shows request and response."""

import asyncio
import sys
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit
from uuid import uuid4

import typer
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from durable_analytics.cli._errors import CommandFailed
from durable_analytics.cli._explain import print_body, print_request
from durable_analytics.cli._inputs import FileArgument, Input, read_file, to_input
from durable_analytics.cli._names import NameArgument
from durable_analytics.cli._output import JsonOption, print_json, print_line
from durable_analytics.cli._requests import explain_input
from durable_analytics.cli._session import configured_task_queue, connect_client
from durable_analytics.cli._settings import CommonSettings, DeliverySettings
from durable_analytics.delivery.integrations import Integration
from durable_analytics.errors import SettingsError
from durable_analytics.providers.setting_types import is_loopback
from durable_analytics.settings.sources import configured_value
from durable_analytics.temporal.batch_start import VisibleFields, start_once
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH
from durable_analytics.wire.search_attributes import start_attributes, user_id_of

_TEST = {"track": {"user_id": "durable-analytics-test", "event": "Durable Analytics Test"}}
_START_TIMEOUT = timedelta(seconds=5)


def send_test(
    name: NameArgument,
    file: FileArgument = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait: Annotated[int, typer.Option(min=1, help="How many seconds to wait.")] = 60,
    as_json: JsonOption = False,
) -> None:
    """Deliver one message now, through a worker, and show the request and the response.

    Default: a track of "Durable Analytics Test" by the user durable-analytics-test.
    """
    given = to_input(_TEST) if file is None else read_file(file)
    named = {key: value for key, value in given.data.items() if key != "deliver_to"}
    given = Input(given.method, {**named, "integration": name})
    integration = _find_integration(name)
    if not yes and not _is_local(integration):
        _ask(name)
    explained = explain_input(given, integration) if integration else None
    output = asyncio.run(_deliver(given, name, wait))
    if as_json:
        requests = explained["requests"] if explained else []
        print_json({"requests": requests, "output": output})
    else:
        for request in explained["requests"] if explained else ():
            print_request(request)
        _print_output(output)
    if output["status"] != "success":
        raise CommandFailed(_reason(name, output))


def _find_integration(name: str) -> Integration | None:
    """Return the integration, if the settings of the worker are here."""
    if configured_value("integrations", name) is None:
        return None
    try:
        return DeliverySettings.load().deliverable().by_name.get(name)
    except SettingsError:
        return None


def _is_local(integration: Integration | None) -> bool:
    return integration is not None and is_loopback(urlsplit(integration.provider.base_url).hostname)


def _ask(name: str) -> None:
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{name} may be a real account: add --yes to send to it")
    typer.confirm(f"Send a test message to {name}, which may be a real account?", abort=True)


async def _deliver(given: Input, name: str, wait_seconds: int) -> JsonObject:
    client = await connect_client()
    method, message_id = given.method, str(uuid4())
    workflow_id = f"{name}:{method.key}:{message_id}"
    message = {} if method is BATCH else given.data[method.key]
    keys = CommonSettings.load().hash_keys
    user_id = user_id_of(method, message) if isinstance(message, dict) else None
    await start_once(
        client,
        method.workflow,
        given.data,
        workflow_id=workflow_id,
        task_queue=configured_task_queue(),
        start_timeout=_START_TIMEOUT,
        visible=VisibleFields(f"test of {name}", start_attributes([name], user_id, keys)),
    )
    try:
        async with asyncio.timeout(wait_seconds):
            output: JsonObject = await client.get_workflow_handle(workflow_id).result()
    except TimeoutError:
        raise CommandFailed(
            f"not delivered after {wait_seconds} s: is a worker running? "
            f"The delivery goes on as {workflow_id}"
        ) from None
    except WorkflowFailureError as failure:
        if not isinstance(failure.cause, ApplicationError) or not failure.cause.details:
            raise CommandFailed(f"{workflow_id} ended without an output") from None
        detail: JsonObject = failure.cause.details[0]
        return detail
    return output


def _print_output(output: JsonObject) -> None:
    responses = output.get("responses") or [output.get("response")]
    for response in filter(None, responses):
        print_line(f"HTTP {response['status_code']}")
        print_body(response["body"])
    print_line(output["status"])


def _reason(name: str, output: JsonObject) -> str:
    if error := output.get("error"):
        return f"not delivered to {name}: {error['type']}: {error['message']}"
    if output["status"] == "filtered":
        filtered = output["filtered"]
        first = filtered[0] if isinstance(filtered, list) else filtered
        return f"not for {name}: filtered by {first['by']}: {first['reason']}"
    return f"{name} accepted only a part of the messages"
