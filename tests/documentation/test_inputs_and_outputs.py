"""The inputs and outputs that pages show are those of real executions."""

import json
import shlex
from typing import Any

from tests.documentation.pages import blocks, commands, page
from tests.support.json_objects import Execute, Json
from tests.support.tracks import TRACK


def shape(value: Any, shown: Any) -> Any:
    """The keys at all levels, in their order; of a shortened object, those that are shown."""
    if isinstance(value, dict) and isinstance(shown, dict):
        is_shortened = "…" in shown
        return {
            key: shape(item, shown.get(key))
            for key, item in value.items()
            if key in shown or not is_shortened
        }
    if isinstance(value, list) and isinstance(shown, list):
        return [shape(item, example) for item, example in zip(value, shown, strict=True)]
    return None


def of_page(shown: Any) -> Any:
    """The same of what a page shows."""
    if isinstance(shown, dict):
        return {key: of_page(item) for key, item in shown.items() if key != "…"}
    if isinstance(shown, list):
        return [of_page(item) for item in shown]
    return None


def ordered(value: Any) -> str:
    """An object as JSON, so that the order of its keys counts."""
    return json.dumps(value)


def first_input(text: str) -> Any:
    """The input of the first execution on a page."""
    command = next(line for line in commands(text) if "workflow execute" in line)
    words = shlex.split(command)
    return json.loads(words[words.index("--input") + 1])


async def test_output_of_a_message(execute: Execute) -> None:
    """As getting-started.md shows it."""
    text = page("getting-started")
    (block,) = blocks(text, "json")
    shown: Json = json.loads(block)

    output = await execute("Track", first_input(text))

    assert ordered(shape(output, shown)) == ordered(of_page(shown))
    assert output["status"] == shown["status"]
    assert output["response"]["body"] == shown["response"]["body"]


async def test_output_of_a_batch(execute: Execute) -> None:
    """As batches.md shows it."""
    text = page("batches")
    (block,) = blocks(text, "json")
    shown: Json = json.loads(block)

    output = await execute("Batch", first_input(text))

    assert ordered(shape(output, shown)) == ordered(of_page(shown))
    assert {key: output[key] for key in ("status", "accepted", "rejected")} == {
        key: shown[key] for key in ("status", "accepted", "rejected")
    }


async def test_policies_of_an_input(execute: Execute) -> None:
    """As policies.md shows them: they are applied."""
    (block,) = blocks(page("policies"), "json")
    asked: Json = json.loads(block)

    output = await execute("Track", {**TRACK, **asked})

    applied = output["policies"]["request"]
    request = asked["policies"]["request"]
    assert applied["total_timeout"] == request["total_timeout"]
    assert request["retry_policy"].items() <= applied["retry_policy"].items()
