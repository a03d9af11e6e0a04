"""A web site of one page, and the browser that opens it."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from gateway.sdk_settings import segment_settings
from tests.support.browser_recorder import Recorder
from tests.support.json_objects import Json

WEB = Path(__file__).parents[1] / "gateway" / "browser" / "web"

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)

_ENDING_SECONDS = 10.0

Calls = Sequence[Sequence[Any]]
"""Methods of the SDK, each with its arguments."""


@dataclass(frozen=True)
class Plan:
    """What a page does.

    Args:
        calls: What it does with the SDK, JSON all of it.
        write_key: The source's.
        strategy: The SDK's `deliveryStrategy`; None is its default, a request for each message.
        asks: Whether it asks the gateway for its settings; it has them at hand otherwise.
        clock_is_fast_by: Milliseconds that its clock is ahead.
        next: Whether it goes on to the next page: "at once", or "in time", when the SDK has tried
            each message once or keeps it for a batch; empty stays and tells how it went.
    """

    calls: Calls
    write_key: str = "segment"
    strategy: Json | None = None
    asks: bool = True
    clock_is_fast_by: int = 0
    next: str = ""

    def to_json(self, recorder: Recorder) -> Json:
        """As the page reads it."""
        settings: Json = {"writeKey": self.write_key, "cdnURL": recorder.url}
        if not self.asks:
            settings["cdnSettings"] = segment_settings(self.write_key, "http", recorder.host)
        integrations = {"Segment.io": {"deliveryStrategy": self.strategy}}
        return {
            "settings": settings,
            "options": {"integrations": integrations} if self.strategy else {},
            "calls": self.calls,
            "clockIsFastBy": self.clock_is_fast_by,
            "next": self.next,
        }


class Site:
    """The server of the page, as an async context manager.

    Args:
        sdk: The folder of the SDK's bundles.
        page: The page.
        bundles: Where the page looks for the bundles.
    """

    def __init__(
        self,
        sdk: Path,
        page: Path = WEB / "page.html",
        bundles: str = "/analytics-next/bundles",
    ) -> None:
        self._file = page
        self.plans: deque[Json] = deque()
        """One for each page that is opened."""

        self.log: list[str] = []
        """What went wrong in a page without a word from the SDK."""

        self._done: asyncio.Queue[Json] = asyncio.Queue()
        app = web.Application()
        app.router.add_get("/plan", self._plan)
        app.router.add_post("/done", self._take_done)
        app.router.add_post("/log", self._take_log)
        app.router.add_static(bundles, sdk)
        app.router.add_get("/page.js", _script)
        for path in ("/", "/next"):
            app.router.add_get(path, self._page)
        app.router.add_get("/{path:.*}", _nothing)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    @property
    def origin(self) -> str:
        """As a browser names it."""
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def done(self, seconds: float = 60.0) -> Json:
        """Wait for a page to tell how it went.

        Raises:
            TimeoutError: It has not, in time.
        """
        try:
            return await asyncio.wait_for(self._done.get(), seconds)
        except TimeoutError:
            raise TimeoutError(f"the page has not ended: {self.log}") from None

    async def __aenter__(self) -> Self:
        """Start to listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _page(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(self._file)

    async def _plan(self, _: web.Request) -> web.Response:
        return web.json_response(self.plans.popleft())

    async def _take_done(self, request: web.Request) -> web.Response:
        self._done.put_nowait(json.loads(await request.text()))
        return web.Response(status=204)

    async def _take_log(self, request: web.Request) -> web.Response:
        self.log.append(json.loads(await request.text()))
        return web.Response(status=204)


async def _script(_: web.Request) -> web.FileResponse:
    return web.FileResponse(WEB / "page.js")


async def _nothing(_: web.Request) -> web.Response:
    return web.Response(status=204)


@dataclass(frozen=True)
class Browser:
    """Chromium, and where it can go.

    Args:
        program: The path of it.
        profile: A folder of its own.
        site: The pages.
    """

    program: str
    profile: Path
    site: Site

    @asynccontextmanager
    async def visit(self, gateway: str, *plans: Plan, query: str = "") -> AsyncIterator[Recorder]:
        """Open the page, and close the browser at the end.

        Args:
            gateway: The URL of a gateway.
            plans: What the page does, and what the pages after it do.
            query: Of the page's address.
        """
        async with Recorder(gateway) as recorder:
            self.site.plans.extend(plan.to_json(recorder) for plan in plans)
            async with self._open(f"{self.site.origin}/?{query}"):
                yield recorder

    @asynccontextmanager
    async def _open(self, url: str) -> AsyncIterator[None]:
        with (self.profile / "output.txt").open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                self.program,
                *FLAGS,
                f"--user-data-dir={self.profile}",
                url,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
            )
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _ENDING_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
