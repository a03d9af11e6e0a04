"""Compares the inputs and outputs that pages show with those of real executions."""

import json
import shlex
from typing import Any

from tests.documentation.pages import blocks, commands, page
from tests.support.json_objects import Execute, Json
from tests.support.tracks import TRACK


def shape_of_actual(value: Any, shown: Any) -> Any:
    """Return the keys of an output at all levels, in order, without its other values.

    If the page shortens an object with `…`, only the keys that the page shows are returned.
    """
    if isinstance(value, dict) and isinstance(shown, dict):
        is_shortened = "…" in shown
        return {
            key: shape_of_actual(item, shown.get(key))
            for key, item in value.items()
            if key in shown or not is_shortened
        }
    if isinstance(value, list) and isinstance(shown, list):
        return [shape_of_actual(item, example) for item, example in zip(value, shown, strict=True)]
    return None


def shape_of_shown(shown: Any) -> Any:
    """Return the keys of an output that a page shows, without `…`."""
    if isinstance(shown, dict):
        return {key: shape_of_shown(item) for key, item in shown.items() if key != "…"}
    if isinstance(shown, list):
        return [shape_of_shown(item) for item in shown]
    return None


def to_json(value: Any) -> str:
    """Return an object as JSON, so that a comparison includes the order of its keys."""
    return json.dumps(value)


def first_input(text: str) -> Any:
    """Return the input of the first execution on a page."""
    command = next(line for line in commands(text) if "workflow execute" in line)
    words = shlex.split(command)
    return json.loads(words[words.index("--input") + 1])


async def compared_output(execute: Execute, workflow: str, name: str) -> tuple[Json, Json]:
    """Compare the keys of a real output with those that a page shows; return both outputs."""
    text = page(name)
    (block,) = blocks(text, "json")
    shown: Json = json.loads(block)

    output = await execute(workflow, first_input(text))

    assert to_json(shape_of_actual(output, shown)) == to_json(shape_of_shown(shown))
    return output, shown


async def test_output_of_a_message_has_the_keys_that_the_page_shows(execute: Execute) -> None:
    """The page is getting-started.md."""
    output, shown = await compared_output(execute, "Track", "getting-started")

    assert output["status"] == shown["status"]
    assert output["response"]["body"] == shown["response"]["body"]


async def test_output_of_a_batch_has_the_keys_that_the_page_shows(execute: Execute) -> None:
    """The page is batches.md."""
    output, shown = await compared_output(execute, "Batch", "batches")

    assert {key: output[key] for key in ("status", "accepted", "rejected")} == {
        key: shown[key] for key in ("status", "accepted", "rejected")
    }


async def test_policies_that_the_page_shows_are_applied(execute: Execute) -> None:
    """The page is policies.md."""
    (block,) = blocks(page("policies"), "json")
    shown: Json = json.loads(block)

    output = await execute("Track", {**TRACK, **shown})

    applied = output["policies"]["request"]
    request = shown["policies"]["request"]
    assert applied["total_timeout"] == request["total_timeout"]
    assert request["retry_policy"].items() <= applied["retry_policy"].items()
