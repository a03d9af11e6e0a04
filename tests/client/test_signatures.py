"""What an editor and `help` show of the clients: each argument of each method, with its meaning."""

import inspect
from collections.abc import Callable
from typing import Any, assert_type, get_type_hints

import jedi
import pytest

from durable_analytics import AnalyticsClient, BufferingClient, DeliveryHandle, ValidationError
from durable_analytics.wire.methods import METHODS, Input
from durable_analytics.wire.parsing import check_input
from tests.client_methods import CLIENTS, Client, source_of
from tests.support.method_cases import CASES

# A tracking plan in an input is for the sources of the gateway.
OPTIONS: list[tuple[type, set[str]]] = [
    (AnalyticsClient, {*Input.model_fields} - {"tracking_plan"}),
    (BufferingClient, {"context", "callback"}),
]

PROGRAM = """\
from durable_analytics import AnalyticsClient, BufferingClient

async def deliver(analytics: AnalyticsClient):
    await analytics.track(comp

def enqueue(analytics: BufferingClient):
    analytics.metric(idem
"""


def parameters(client: type, key: str) -> dict[str, inspect.Parameter]:
    """The arguments that a method shows."""
    shown = dict(inspect.signature(getattr(client, key)).parameters)
    del shown["self"]
    return shown


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_written_methods_are_current(client: Client) -> None:
    """`make methods` writes them again after a change of the models."""
    assert client.file.read_text() == source_of(client)


@pytest.mark.parametrize("key", METHODS)
@pytest.mark.parametrize(("client", "options"), OPTIONS)
def test_arguments_are_the_fields_and_the_options(
    client: type, options: set[str], key: str
) -> None:
    """Each by keyword, and none is missing or invented."""
    shown = parameters(client, key)

    assert shown.keys() == METHODS[key].message.model_fields.keys() | options
    assert {parameter.kind for parameter in shown.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert get_type_hints(getattr(client, key)).keys() == shown.keys() | {"return"}


@pytest.mark.parametrize("key", METHODS)
@pytest.mark.parametrize(("client", "options"), OPTIONS)
def test_required_arguments_are_those_that_the_contract_requires(
    client: type, options: set[str], key: str
) -> None:
    """A message without one of them is refused, and the error names it."""
    del options
    method, case = METHODS[key], CASES[key]
    required = {
        name for name, shown in parameters(client, key).items() if shown.default is shown.empty
    }
    assert required == case.required.keys()

    smallest = {**case.required, **case.chosen}
    check_input(method, {key: smallest})
    for name in case.required:
        with pytest.raises(ValidationError) as refused:
            check_input(method, {key: {k: v for k, v in smallest.items() if k != name}})
        assert [problem.path for problem in refused.value.fields] == [f"{key}.{name}"]


@pytest.mark.parametrize("key", METHODS)
@pytest.mark.parametrize(("client", "options"), OPTIONS)
def test_every_argument_is_explained(client: type, options: set[str], key: str) -> None:
    """In the docstring, in the order of the signature, after an example of a call."""
    del options
    text = inspect.getdoc(getattr(client, key)) or ""
    explained = [line.split(":")[0].strip() for line in text.splitlines() if line[:5].strip()]

    assert f"analytics.{key}(" in text
    assert [name for name in explained if name in parameters(client, key)] == [
        *parameters(client, key)
    ]


@pytest.mark.parametrize(
    "made_by", [BufferingClient, BufferingClient.from_env, AnalyticsClient.connect]
)
def test_help_shows_short_defaults(made_by: Callable[..., Any]) -> None:
    """`help()` prints the default of each argument: no object with a long representation."""
    for parameter in inspect.signature(made_by).parameters.values():
        assert len(repr(parameter.default)) < 40, parameter.name


@pytest.mark.parametrize(
    ("line", "name"), [("await analytics.track(comp", "company_id="), ("idem", "idempotency_key=")]
)
def test_editors_complete_arguments(line: str, name: str) -> None:
    """From the source code, as an editor does."""
    lines = PROGRAM.splitlines()
    number = next(index for index, text in enumerate(lines) if line in text)

    script = jedi.Script(PROGRAM)
    completed = script.complete(number + 1, len(lines[number]))

    assert [completion.name for completion in completed] == [name]
    (signature,) = script.get_signatures(number + 1, len(lines[number]))
    assert name.removesuffix("=") in signature.to_string()
    assert "Args:" in signature.docstring()


def test_consoles_complete_arguments() -> None:
    """From the objects, as IPython does."""
    analytics = BufferingClient(disabled=True)
    line = "analytics.track(prop"

    console = jedi.Interpreter(line, [{"analytics": analytics}])

    assert [completion.name for completion in console.complete(1, len(line))] == ["properties="]
    (signature,) = console.get_signatures(1, len(line))
    assert "**" not in signature.to_string()


async def test_type_checkers_know_arguments_and_results() -> None:
    """An unused `type: ignore` would fail the type check of this module."""
    analytics = BufferingClient(disabled=True)
    assert_type(analytics.track(user_id="u-1", event="E"), str)
    with pytest.raises(ValidationError, match="did you mean event"):
        analytics.track(user_id="u-1", evnt="E")  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="integration is an option of the client"):
        analytics.track(user_id="u-1", event="E", integration="segment")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"track\(\) takes 1 positional argument"):
        analytics.track("E")  # type: ignore[call-arg]

    async def deliver(client: AnalyticsClient) -> None:
        assert_type(await client.track(user_id="u-1", event="E"), DeliveryHandle)

    assert inspect.iscoroutinefunction(AnalyticsClient.track)
    assert callable(deliver)


@pytest.mark.parametrize("key", METHODS)
def test_methods_keep_their_names(key: str) -> None:
    """In tracebacks and in `help`."""
    for client in (AnalyticsClient, BufferingClient):
        function: Any = getattr(client, key)
        assert function.__name__ == key
        assert function.__qualname__.endswith(f".{key}")
