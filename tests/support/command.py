"""Runs the `durable-analytics` command as an operator does, with its settings and its output."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.client import Client

from durable_analytics.cli._app import run


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed as JSON."""
        return json.loads(self.out)


class Command:
    """The command in this process, connected to the server of the tests.

    Args:
        capsys: What captures its output.
        monkeypatch: What sets its environment.
        client: A client of its server.
        variables: The settings of the operator.
    """

    def __init__(
        self,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        client: Client,
        variables: Mapping[str, str],
    ) -> None:
        self._capsys = capsys
        monkeypatch.setenv("TEMPORAL_ADDRESS", client.service_client.config.target_host)
        monkeypatch.setenv("TEMPORAL_NAMESPACE", client.namespace)
        monkeypatch.setenv("COLUMNS", "80")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    async def __call__(self, *arguments: str) -> Ended:
        """Run the command with these arguments, in a thread: it has an event loop of its own."""
        self._capsys.readouterr()
        status = await asyncio.to_thread(run, arguments)
        out, err = self._capsys.readouterr()
        return Ended(status, out, err)
