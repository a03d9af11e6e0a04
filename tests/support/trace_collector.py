"""A collector of traces that speaks OTLP over HTTP, and what it has received."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """A span as it was received."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: Mapping[str, object]
    links: list[str]
    """The span ids that it links to."""


@dataclass
class Collector:
    """What was received."""

    url: str = ""
    raw: bytes = b""
    """All bodies, decompressed."""

    spans: list[Span] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, str]:
        """The variables that switch traces on, and send them here."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }

    async def until(self, name: str, count: int = 1) -> list[Span]:
        """Wait for so many spans of a name; returns them."""
        async with asyncio.timeout(60):
            while len(found := [one for one in self.spans if one.name == name]) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # exporters send when they like
        return found

    def parent(self, span: Span) -> Span | None:
        """The span that another one belongs to."""
        return next((one for one in self.spans if one.span_id == span.parent_id), None)

    def lineage(self, span: Span) -> list[str]:
        """The names of a span and of those that it belongs to, up to the first."""
        names = [span.name]
        while above := self.parent(span):
            names.append(above.name)
            span = above
        return names

    async def take(self, request: web.Request) -> web.Response:
        """Receive spans."""
        body = await request.read()
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(
                one.value.string_value
                for one in resource.resource.attributes
                if one.key == "service.name"
            )
            for scope in resource.scope_spans:
                for one in scope.spans:
                    attributes = {
                        each.key: each.value.string_value or each.value.int_value
                        for each in one.attributes
                    }
                    self.spans.append(
                        Span(
                            service,
                            one.name,
                            one.trace_id.hex(),
                            one.span_id.hex(),
                            one.parent_span_id.hex(),
                            attributes,
                            [link.span_id.hex() for link in one.links],
                        )
                    )
        return web.Response()


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """A collector that listens."""
    made = Collector()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/traces", made.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()
