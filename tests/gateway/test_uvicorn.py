"""The internals of uvicorn on which `gateway.protocol` relies."""

import inspect
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

CALLBACKS = {
    "connection_made": ["self", "transport"],
    "connection_lost": ["self", "exc"],
    "data_received": ["self", "data"],
    "on_message_begin": ["self"],
    "on_header": ["self", "name", "value"],
    "on_headers_complete": ["self"],
    "on_body": ["self", "body"],
    "on_message_complete": ["self"],
    "shutdown": ["self"],
}


@pytest.mark.parametrize(("name", "parameters"), CALLBACKS.items(), ids=CALLBACKS)
def test_overridden_methods_have_the_expected_parameters(name: str, parameters: list[str]) -> None:
    """Another release of uvicorn may change them."""
    assert list(inspect.signature(getattr(HttpToolsProtocol, name)).parameters) == parameters


def test_used_attributes_exist() -> None:
    """Of a connection, and of a request."""
    connection = inspect.getsource(HttpToolsProtocol)
    for name in ("transport", "cycle", "loop", "timeout_keep_alive_task", "headers"):
        assert f"self.{name}" in connection
    assert "self.response_complete = True" in inspect.getsource(RequestResponseCycle)


def test_connections_are_closed_through_the_transport() -> None:
    """The protocol replaces it with `LingeringTransport`."""
    source = inspect.getsource(httptools_impl)

    assert "self.transport.close()" in source
    assert "transport=self.transport" in source


def test_only_the_tested_version_is_allowed() -> None:
    """pyproject.toml excludes other releases."""
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    (wanted,) = (
        requirement
        for requirement in pyproject["project"]["optional-dependencies"]["gateway"]
        if requirement.startswith("uvicorn")
    )
    minor = int(version("uvicorn").split(".")[1])

    assert wanted == f"uvicorn>=0.{minor},<0.{minor + 1}"
