"""A worker does not keep the inputs of executions that have ended."""

import gc
import weakref
from collections.abc import Iterator

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from tests.support.batches import TRACK
from tests.support.json_objects import Execute
from worker.ended_executions import LIMIT_BYTES, EndedExecutions
from workflows.methods import Batch


class Node:
    """An object that refers to itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _only_explicit_collections() -> Iterator[None]:
    """Python collects nothing by itself."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def raw(size_bytes: int) -> RawValue:
    """An input of this size."""
    return RawValue(Payload(data=bytes(size_bytes)))


def garbage() -> weakref.ref[Node]:
    """A reference to an object that only a collection frees."""
    return weakref.ref(Node())


def test_garbage_is_collected_after_as_many_bytes_as_the_limit() -> None:
    """The count then begins anew."""
    ended = EndedExecutions()
    for _ in range(2):
        found = garbage()

        ended.add([raw(LIMIT_BYTES // 2)])
        assert found()

        ended.add([raw(LIMIT_BYTES // 2), "no payload"])
        assert not found()


def test_garbage_is_collected_after_many_small_executions() -> None:
    """Each has an instance, however small its input is."""
    ended = EndedExecutions()
    found = garbage()

    for _ in range(LIMIT_BYTES // (16 * 1024)):
        assert found()
        ended.add([])

    assert not found()


def test_a_process_with_an_unknown_heap_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that embeds a worker may have millions of objects, which it has not frozen."""
    monkeypatch.setattr(gc, "get_freeze_count", lambda: 0)
    found = garbage()

    EndedExecutions().add([raw(LIMIT_BYTES)])

    assert found()


async def test_ended_batches_are_freed(execute: Execute) -> None:
    """The SDK leaves each in a cycle of references."""
    text = "x" * 1_000
    messages = [{**TRACK, "properties": {"text": text}}] * 1_000
    for _ in range(8):
        await execute("Batch", {"integration": "segment", "messages": messages})

    kept = [found for found in gc.get_objects() if isinstance(found, Batch)]
    assert len(kept) <= LIMIT_BYTES // 1_000_000 + 1
