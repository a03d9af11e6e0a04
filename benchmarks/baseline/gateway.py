"""A gateway that starts one execution for each request, on the same HTTP server as ours."""

import asyncio

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from durable_analytics import AnalyticsClient
from durable_analytics.temporal.codecs import data_converter
from gateway.settings import Settings


def app(analytics: AnalyticsClient) -> Starlette:
    """The application."""

    async def track(request: Request) -> Response:
        body = await request.json()
        await analytics.track(
            user_id=body["userId"],
            event=body["event"],
            properties=body["properties"],
            context=body["context"],
            message_id=body["messageId"],
            timestamp=body["timestamp"],
        )
        return JSONResponse({"success": True})

    return Starlette(routes=[Route("/v1/track", track, methods=["POST"])])


async def main() -> None:
    """Serve until the process ends, with the settings of our gateway."""
    settings = Settings.load()
    analytics = await AnalyticsClient.connect(
        integration="segment",
        task_queue=settings.task_queue,
        data_converter=data_converter(compress=settings.compress_payloads),
    )
    port = settings.gateway.port
    config = uvicorn.Config(app(analytics), port=port, access_log=False, log_config=None)
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(main())
