"""The ASGI application: its routes, middleware and error handlers."""

import logging
import traceback
from functools import partial

from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.endpoints import Endpoints
from gateway.errors import RequestError
from gateway.executions import Executions
from gateway.responses import make_response
from gateway.routes import BEACON, MESSAGE_TYPES, PREFIXES, ROUTES
from gateway.settings import Settings
from gateway.strict_http import StrictHTTP

log = logging.getLogger("durable_analytics.gateway")


class _MessageType(StringConvertor):
    regex = "|".join(MESSAGE_TYPES)


class _UserId(StringConvertor):
    regex = r"[\s\S]*"
    """A user id may hold any character, slashes and line ends included."""


register_url_convertor("message_type", _MessageType())
register_url_convertor("user_id", _UserId())


def create_app(settings: Settings, executions: Executions) -> Starlette:
    """Create the application.

    Args:
        settings: The settings of the gateway.
        executions: Starts the workflow executions.
    """
    endpoints = Endpoints(settings, executions)
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.gateway.cors_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=["Retry-After", "X-RateLimit-Reset"],
        max_age=24 * 60 * 60,
    )
    message_routes = [(f"{p}/{route.name}", route) for p in PREFIXES for route in ROUTES]
    app = Starlette(
        routes=[
            *(
                Route(path, partial(endpoints.messages, route), methods=["POST"])
                for path, route in [*message_routes, (f"/{BEACON.name}", BEACON)]
            ),
            Route("/v1/pixel/{type:message_type}", endpoints.pixel),
            Route("/v1/users/{user_id:user_id}", endpoints.delete, methods=["DELETE"]),
            Route("/v1/projects/{write_key}/settings", endpoints.sdk_settings),
            Route("/sourceConfig", endpoints.source_config),
            Route("/health", endpoints.health),
            Route("/ready", endpoints.ready),
            Route("/openapi.json", endpoints.openapi),
        ],
        middleware=[cors, Middleware(StrictHTTP)],
        exception_handlers={
            RequestError: _request_error,
            HTTPException: _routing_error,
            ClientDisconnect: _disconnected,
            Exception: _internal_error,
        },
    )
    app.router.redirect_slashes = False
    return app


async def _request_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101  # registered for this class only
    return make_response(error.status, error.message, error.headers)


async def _routing_error(request: Request, error: Exception) -> Response:
    """Respond to an unknown path or method."""
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this class only
    reasons = {
        404: "this path does not exist: see /openapi.json",
        405: f"this path does not support {request.method}: see /openapi.json",
    }
    message = reasons.get(error.status_code, error.detail)
    return make_response(error.status_code, message, dict(error.headers or {}))


async def _disconnected(_: Request, __: Exception) -> Response:
    return make_response(400, "the connection closed before the end of the body")


async def _internal_error(_: Request, error: Exception) -> Response:
    # The exception's message may hold personal data; its type and location do not.
    where = traceback.format_tb(error.__traceback__)
    log.error("internal error", extra={"exception": type(error).__name__, "where": where})
    return make_response(500, "internal error; the gateway's log has the location")
