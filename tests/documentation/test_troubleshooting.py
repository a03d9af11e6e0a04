"""Checks that programs print the error messages that docs/troubleshooting.md quotes."""

import re
from pathlib import Path

import pytest

from tests.documentation.pages import page
from tests.support.free_ports import free_ports
from tests.worker.processes import ROOT, clean_environment, running

STATUS = "import sys; from durable_analytics.cli import main; sys.argv[1:] = ['status']; main()"


@pytest.mark.parametrize(
    ("begins", "command", "variables"),
    [
        ("integrations: is required", ["-m", "worker"], {}),
        ("ANALYTICS_…: is not a setting", ["-m", "worker"], {"ANALYTICS_MISSPELT": "1"}),
        ("sources: is required", ["-m", "gateway"], {}),
        ("no Temporal server responds", ["-c", STATUS], {"TEMPORAL_ADDRESS": "127.0.0.1:{port}"}),
    ],
)
async def test_quoted_messages_are_printed(
    begins: str, command: list[str], variables: dict[str, str], tmp_path: Path
) -> None:
    """`…` in a quotation stands for any text."""
    (port,) = free_ports(1)
    environment = {name: value.format(port=port) for name, value in variables.items()}
    environment["PYTHONPATH"] = str(ROOT)

    async with running(
        *command, environment=clean_environment(**environment), cwd=tmp_path
    ) as program:
        await program.ended()

    printed = "\n".join(program.lines).replace(f":{port}", ":7233")
    assert re.search(to_pattern(find_quotation(begins)), printed), printed


def find_quotation(begins: str) -> str:
    """Return the quotation on the page that begins with a text."""
    (quoted,) = re.findall(
        rf"^\| `({re.escape(begins)}.*?)` \|", page("troubleshooting"), re.MULTILINE
    )
    return str(quoted)


def to_pattern(quoted: str) -> str:
    """Return a quotation as a regular expression, in which `…` matches any text."""
    return ".*".join(re.escape(part) for part in quoted.split("…"))
