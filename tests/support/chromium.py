"""Chromium, driven by its DevTools protocol: opens a page and reads its text."""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse

from runtime.child_process import ChildProcess, environment_without_settings
from tests.support.browser import FLAGS
from tests.support.json_objects import Json


class Page:
    """A page of the browser.

    Args:
        socket: The connection to it.
    """

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def call(self, method: str, **parameters: Any) -> Json:
        """Call a method of the protocol; returns its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = json.loads((await self._socket.receive()).data)
            if message.get("id") == number:
                assert "error" not in message, message
                result: Json = message["result"]
                return result

    async def open(self, url: str, headers: Mapping[str, str]) -> None:
        """Open an address, with these headers in each request of the page."""
        await self.call("Network.enable")
        await self.call("Network.setExtraHTTPHeaders", headers=dict(headers))
        await self.call("Page.navigate", url=url)

    async def text(self) -> str:
        """The text that the page shows now."""
        result = await self.call("Runtime.evaluate", expression="document.body.innerText")
        return str(result["result"].get("value"))

    async def until_shown(self, text: str, seconds: float = 60.0) -> str:
        """Wait until the page shows a text; returns all of its text."""
        shown = ""
        try:
            async with asyncio.timeout(seconds):
                while text not in shown:
                    shown = await self.text()
                    await asyncio.sleep(0.1)  # a page has no event for it
        except TimeoutError:
            raise AssertionError(f"the page does not show {text}: {shown}") from None
        return shown

    async def save_screenshot(self, file: Path) -> None:
        """Save what the page looks like."""
        shot = await self.call("Page.captureScreenshot")
        await asyncio.to_thread(file.write_bytes, base64.b64decode(shot["data"]))


@asynccontextmanager
async def page(chromium: str, folder: Path) -> AsyncIterator[Page]:
    """A page of a new browser.

    Args:
        chromium: The program.
        folder: Where its profile goes.
    """
    command = [
        *(chromium, *FLAGS, f"--user-data-dir={folder / 'profile'}"),
        *("--remote-debugging-port=0", "--window-size=1400,1000", "about:blank"),
    ]
    process = await ChildProcess.start(
        command, environment_without_settings(HOME=str(folder)), output=folder / "chromium.log"
    )
    try:
        line = await process.line("DevTools listening on")
        port = line.rpartition("127.0.0.1:")[2].partition("/")[0]
        async with ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as response:
                target = next(t for t in await response.json() if t["type"] == "page")
            socket = await session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0)
            yield Page(socket)
            await socket.close()
    finally:
        await process.kill()
