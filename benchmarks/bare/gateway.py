"""The gateway that gathers nothing: an execution a request, on the same HTTP server."""

import argparse
import asyncio

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from durable_analytics import AnalyticsClient


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
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--queue", required=True)
    asked = parser.parse_args()
    analytics = await AnalyticsClient.connect(integration="segment", task_queue=asked.queue)
    config = uvicorn.Config(app(analytics), port=asked.port, access_log=False, log_config=None)
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(main())
