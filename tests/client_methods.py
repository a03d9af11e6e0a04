"""Generates the methods of both clients from the models: `make methods`.

Editors read signatures and docstrings from source code. So the source of each method is generated,
with an argument for each field of its model and each option of the client.
"""

import ast
import inspect
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from durable_analytics.wire.field_types import Ids, Number, TextByName
from durable_analytics.wire.messages import JsonObject, Message, MetricUser
from durable_analytics.wire.methods import METHODS, Method
from tests.support.method_cases import CASES

SOURCE = Path(__file__).parent.parent / "src/durable_analytics"

DOCUMENTATION_WIDTH = 92
"""The longest line of a docstring inside a class."""

SUMMARIES: Mapping[str, str] = {
    "identify": "Identify a user and record the user's traits.",
    "track": "Record an event of a user.",
    "group": "Associate a user with a group, such as a company, and record the group's traits.",
    "alias": "Connect two ids of the same user.",
    "page": "Record a page view on a website.",
    "screen": "Record a screen view in an app.",
    "delete": "Suppress a user and delete the stored data of the user.",
    "annotate": "Record an event that concerns all users, such as a deployment.",
    "metric": "Increase or decrease a metric of a user.",
    "call": "Call any other endpoint of the provider.",
}


@dataclass(frozen=True)
class Argument:
    """An argument of a method."""

    name: str
    annotation: str
    meaning: str
    default: str | None = "None"
    """None if the argument is required."""

    def __str__(self) -> str:
        default = "" if self.default is None else f" = {self.default}"
        return f"{self.name}: {self.annotation}{default}"


CONTEXT = Argument(
    "context",
    "Json | None",
    'The context of this message, like `{"ip": …}`. Its keys, also those of nested objects, '
    "replace the same keys in the context of the client.",
)
INTEGRATIONS = 'Destinations to switch on or off, like `{"All": False, "PostHog": True}`.'


@dataclass(frozen=True)
class Client:
    """A client whose methods are generated."""

    file: Path
    name: str
    doc: str
    imports: Sequence[str]
    function: str
    returns: str
    submit: str
    meanings: Mapping[str, str]
    """Of the fields that every message has."""

    options: Sequence[Argument]
    outcome: str
    """The docstring's sections about what a call returns and raises."""

    example: str
    """What stands before an example of a call."""


DELIVERY = Client(
    file=SOURCE / "client/methods.py",
    name="DeliveryMethods",
    doc="The methods of `AnalyticsClient` that each start a delivery.",
    imports=[
        "from collections.abc import Awaitable, Callable, Mapping, Sequence",
        "from decimal import Decimal",
        "from typing import Any, Literal",
        "from durable_analytics.client.arguments import NOT_GIVEN, Id, Json, Time, passes_keywords",
        "from durable_analytics.client.handle import DeliveryHandle",
        "from durable_analytics.wire.policies import Policies",
    ],
    function="async def",
    returns="DeliveryHandle",
    submit="Callable[[str, dict[str, Any]], Awaitable[DeliveryHandle]]",
    meanings={
        "timestamp": "When it happened. Default: when Temporal starts the delivery.",
        "message_id": "Identifies the message: a call with the same id joins the first delivery. "
        "Fewer than 100 characters. Default: a UUID.",
        "integrations": INTEGRATIONS,
    },
    options=[
        CONTEXT,
        Argument(
            "integration",
            "str | None",
            "The integration to deliver to; None lets the worker choose. Default: the client's.",
            "NOT_GIVEN",
        ),
        Argument(
            "deliver_to",
            "Sequence[str] | None",
            "Several integrations to deliver to, instead of `integration`.",
        ),
        Argument(
            "policies",
            "Policies | Json | None",
            "Timeouts and retries; ignored unless the integration has `allow_policies_override`. "
            "Default: the client's.",
        ),
        Argument(
            "request_options",
            "Json | None",
            "`headers`, `query` and `body` to add to the request to the provider.",
        ),
        Argument(
            "strict",
            "bool | None",
            "False refuses only what the provider itself would refuse. Default: True.",
        ),
    ],
    outcome="""\
Returns:
    The handle of the delivery; Temporal has stored the message.

Raises:
    ValidationError: The message breaks the contract; the error names each field.
    NotAccepted: Temporal did not store the message within `start_timeout`.""",
    example="handle = await ",
)

BUFFERING = Client(
    file=SOURCE / "buffering/_methods.py",
    name="EnqueueMethods",
    doc="The methods of `BufferingClient` that each enqueue a message.",
    imports=[
        "from collections.abc import Callable, Mapping, Sequence",
        "from decimal import Decimal",
        "from typing import Any, Literal",
        "from durable_analytics.client.arguments import Id, Json, Outcome, Time, passes_keywords",
    ],
    function="def",
    returns="str",
    submit="Callable[[str, dict[str, Any]], str]",
    meanings={
        "timestamp": "When it happened. Default: the time of this call.",
        "message_id": "Identifies the message, so that the provider can drop repeats. Fewer than "
        "100 characters. Default: a new id.",
        "integrations": INTEGRATIONS,
    },
    options=[
        CONTEXT,
        Argument(
            "callback",
            "Callable[[Outcome], Any] | None",
            "Called once with the result of this message, in the client's thread.",
        ),
    ],
    outcome="""\
Returns:
    The message id. The message is only in memory until Temporal has stored it.

Raises:
    ValidationError: The message breaks the contract, or is too large for a batch.
    QueueFull: After `wait_when_full`, `max_queue_size` messages still wait for Temporal.
    ClientClosed: The client is closed.""",
    example="",
)

CLIENTS = (DELIVERY, BUFFERING)


def source_of(client: Client) -> str:
    """The module with the methods of a client, formatted."""
    methods = "\n".join(_method(client, method) for method in METHODS.values())
    imports = "\n".join(_imports(client.imports, methods + client.submit))
    text = f'''"""{client.doc}

Generated by `make methods` from the models in `wire/messages.py`; change those, not this file.
"""

{imports}


class {client.name}:
    """{client.doc}"""

    _submit: {client.submit}

{methods}'''
    return _formatted(text)


def _imports(lines: Sequence[str], text: str) -> Iterator[str]:
    """The imports, without the names that a text does not use."""
    for line in lines:
        module, names = line.split(" import ")
        if used := [name for name in names.split(", ") if re.search(rf"\b{name}\b", text)]:
            yield f"{module} import {', '.join(used)}"


def _method(client: Client, method: Method) -> str:
    arguments = [*_fields(client, method), *client.options]
    signature = "".join(f"        {argument},\n" for argument in arguments)
    documentation = textwrap.indent(_docstring(client, method, arguments), " " * 8)
    return f"""    @passes_keywords
    {client.function} {method.key}(
        self,
        *,
{signature}    ) -> {client.returns}:
{documentation}
        raise NotImplementedError
"""


def _docstring(client: Client, method: Method, arguments: Sequence[Argument]) -> str:
    lines = "\n".join(
        textwrap.fill(
            f"{argument.name}: {argument.meaning}",
            width=DOCUMENTATION_WIDTH,
            initial_indent="    ",
            subsequent_indent="        ",
            break_on_hyphens=False,
            break_long_words=False,
        )
        for argument in arguments
    )
    return f'''"""{SUMMARIES[method.key]}

{_example(client, method)}

Args:
{lines}

{client.outcome}
"""'''


def _example(client: Client, method: Method) -> str:
    case = CASES[method.key]
    words = {**case.required, **case.chosen, **case.more}
    arguments = ", ".join(f"{name}={value!r}" for name, value in words.items()).replace("'", '"')
    line = f">>> {client.example}analytics.{method.key}({arguments})"
    if len(line) <= DOCUMENTATION_WIDTH:
        return line
    return f">>> {client.example}analytics.{method.key}(\n...     {arguments}\n... )"


def _fields(client: Client, method: Method) -> Iterator[Argument]:
    """The message's own fields, the required ones first, then those of every message."""
    documented = {name: doc for model in _models(method) for name, doc in _docs(model).items()}
    fields = method.message.model_fields
    own = [name for name in fields if name not in Message.model_fields]
    required = CASES[method.key].required
    for name in sorted(own, key=lambda name: name not in required):
        yield Argument(
            name,
            _annotation(name, fields[name], is_required=name in required),
            documented[name],
            None if name in required else "None",
        )
    for name, kind in (("timestamp", "Time"), ("message_id", "Id"), ("integrations", "Json")):
        yield Argument(name, f"{kind} | None", client.meanings[name])


def _models(method: Method) -> Sequence[type]:
    return [model for model in reversed(method.message.__mro__) if issubclass(model, Message)]


def _docs(model: type) -> Mapping[str, str]:
    """The docstring below each field of a model, in one line."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    for node, following in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            match following:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    found[node.target.id] = " ".join(text.split())
    return found


_ANNOTATIONS: Mapping[Any, str] = {
    str: "str",
    JsonObject: "Json",
    MetricUser: "Json",
    get_args(Ids)[0]: "Id | Sequence[Id]",
    get_args(Number)[0]: "float | Decimal",
    TextByName: "Mapping[str, str]",
    Any: "Any",
}
"""What a caller may pass, by the type of the model."""


def _annotation(name: str, info: FieldInfo, *, is_required: bool) -> str:
    kinds = [info.annotation]
    if type(None) in get_args(info.annotation):
        kinds = [kind for kind in get_args(info.annotation) if kind is not type(None)]
    (kind,) = kinds
    if name.endswith("_id") and _base(kind) is str:
        text = "Id"
    elif _base(kind) in _ANNOTATIONS:
        text = _ANNOTATIONS[_base(kind)]
    else:
        text = str(kind).removeprefix("typing.").replace("'", '"')
    return text if is_required or text == "Any" else f"{text} | None"


def _base(kind: Any) -> Any:
    """The type without its validators."""
    if kind in _ANNOTATIONS:
        return kind
    return get_args(kind)[0] if hasattr(kind, "__metadata__") else kind


def _formatted(text: str) -> str:
    ruff = Path(sys.executable).with_name("ruff")
    for command in (["check", "--fix-only", "--quiet", "--select", "I"], ["format", "--quiet"]):
        text = subprocess.run(
            [ruff, *command, "--stdin-filename", DELIVERY.file, "-"],
            input=text,
            capture_output=True,
            check=True,
            text=True,
        ).stdout
    return text


if __name__ == "__main__":
    for client in CLIENTS:
        client.file.write_text(source_of(client))
