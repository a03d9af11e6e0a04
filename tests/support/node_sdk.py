"""Segment's SDK for Node, in a process that calls its methods on command."""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.json_objects import Json
from tests.support.programs import TOOLS
from tests.support.sdk_calls import Call

FOLDER = Path(__file__).parents[1] / "gateway" / "sdks" / "node"


class NodeSdk:
    """The SDK: each method returns when the program has done so.

    Args:
        process: The program.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def send(self, calls: list[Call]) -> Json:
        """Call the SDK's methods, which return before anything is sent."""
        return await self._do(calls=calls)

    async def flush(self) -> Json:
        """Return when all is sent, or has failed: `{"delivered": [id, …], "failed": […]}`."""
        return await self._do(then="flush")

    async def close(self) -> Json:
        """The same, for good."""
        return await self._do(then="closeAndFlush")

    async def _do(self, **command: Any) -> Json:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        await self._process.stdin.drain()
        line = await asyncio.wait_for(self._process.stdout.readline(), 90)
        done: Json = json.loads(line)
        return done


@asynccontextmanager
async def node_sdk(folder: Path, url: str, **settings: Any) -> AsyncIterator[NodeSdk]:
    """Start the program, and end it.

    Args:
        folder: Where it is installed.
        url: Where the SDK sends.
        settings: More of the SDK's.
    """
    process = await asyncio.create_subprocess_exec(
        TOOLS / "node",
        folder / "send.mjs",
        json.dumps({"host": url, "writeKey": "segment", **settings}),
        stdin=PIPE,
        stdout=PIPE,
        limit=1024 * 1024,
    )
    try:
        yield NodeSdk(process)
    finally:
        # It ends with its input; `node` is a launcher, and a signal would end that alone.
        assert process.stdin
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 30)
