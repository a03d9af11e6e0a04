"""The examples of docs/gateway.md for SDKs."""

import asyncio
import re
import shlex
import shutil
from asyncio.subprocess import DEVNULL
from pathlib import Path
from textwrap import indent

import pytest

from durable_analytics.testing import StandIn
from tests.support.delivered import messages
from tests.support.gateway_process import Gateway
from tests.support.json_objects import Json
from tests.support.programs import EXAMPLES, TOOLS, run_program

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[3] / "docs" / "gateway.md"
SECTION = PAGE.read_text().partition("## Use the SDK you already have")[2].partition("\n## ")[0]


def block(language: str, part: str) -> str:
    """The code in this language that holds this text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", SECTION, flags=re.DOTALL)
    (found,) = (one for one in blocks if part in one)
    return str(found)


async def only_message(standin: StandIn) -> Json:
    """What arrived."""
    await standin.wait_for(1)
    (message,) = messages(standin)
    return message


async def test_curl_example_sends_a_message(gateway: Gateway, standin: StandIn) -> None:
    """The first thing that anybody tries."""
    program = shutil.which("curl")
    if program is None:
        pytest.skip("there is no curl")
    line, expected = block("console", "curl").splitlines()
    command = line.removeprefix("$ ").replace("localhost:8088", gateway.url)

    output = await run_program(program, "-s", *shlex.split(command)[1:])

    assert output == expected == '{"success":true}'
    assert (await only_message(standin))["event"] == "Hi"


async def test_python_example_sends_a_message(
    gateway: Gateway, standin: StandIn, tmp_path: Path
) -> None:
    """segment-analytics-python."""
    program = tmp_path / "program.py"
    program.write_text(block("python", "segment").replace("http://localhost:8088", gateway.url))

    await run_program(TOOLS / "python", program)

    assert (await only_message(standin))["properties"] == {"plan": "pro"}


async def test_node_example_sends_a_message(gateway: Gateway, standin: StandIn, node: Path) -> None:
    """@segment/analytics-node."""
    code = block("js", "analytics-node").replace("http://localhost:8088", gateway.url)

    await run_program(TOOLS / "node", "--input-type=module", "--eval", code, cwd=node)

    assert (await only_message(standin))["properties"] == {"plan": "pro"}


def test_java_example_is_a_part_of_the_program() -> None:
    """Which `test_java_sdk` runs."""
    program = (EXAMPLES / "segment-java" / "Send.java").read_text()
    assert indent(block("java", "Analytics.builder"), " " * 4) in program


GO = """package main

import "github.com/segmentio/analytics-go/v3"

func main() {
%s}
"""


@pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed")
async def test_go_example_sends_a_message(
    gateway: Gateway, standin: StandIn, tmp_path: Path
) -> None:
    """github.com/segmentio/analytics-go/v3."""
    program = tmp_path / "program"
    shutil.copytree(Path(__file__).with_name("go"), program)
    code = block("go", "analytics").replace("http://localhost:8088", gateway.url)
    (program / "main.go").write_text(GO % indent(code, "\t"))
    download = await asyncio.create_subprocess_exec(
        *("go", "mod", "download"), cwd=program, stdout=DEVNULL, stderr=DEVNULL
    )
    if await download.wait():
        pytest.skip("Go cannot download the SDK")

    await run_program("go", "vet", ".", cwd=program, GOTOOLCHAIN="local")
    await run_program("go", "run", ".", cwd=program, GOTOOLCHAIN="local")

    message = await only_message(standin)
    assert (message["userId"], message["event"]) == ("u-1", "Signed Up")
