"""The ASGI application: finds the endpoint of each request, and turns errors into responses."""

import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import cast

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send
from temporalio.common import MetricMeter

from gateway.endpoints import Endpoints
from gateway.errors import RequestError
from gateway.executions import Executions
from gateway.metrics import GatewayMetrics
from gateway.responses import error_response
from gateway.routes import BEACON, MESSAGE_TYPES, PREFIXES, ROUTES
from gateway.settings import Settings
from gateway.strict_http import check_request, remove_trailing_slash

log = logging.getLogger("durable_analytics.gateway")

_Endpoint = Callable[[Request], Awaitable[Response]]


class _MessageTypeConvertor(StringConvertor):
    regex = "|".join(MESSAGE_TYPES)


class _UserIdConvertor(StringConvertor):
    # A user id may contain any character, also slashes and line breaks.
    regex = r"[\s\S]*"


register_url_convertor("message_type", _MessageTypeConvertor())
register_url_convertor("user_id", _UserIdConvertor())


class App:
    """The ASGI application.

    Starlette's own application passes each request through seven layers of middleware; they took
    half of the gateway's CPU time.

    Args:
        routes: The routes. The first that matches a path is used.
        cors_origins: The origins of web pages whose scripts may read a response.
        metrics: Records the requests.
    """

    def __init__(
        self, routes: Sequence[Route], cors_origins: Sequence[str], metrics: GatewayMetrics
    ) -> None:
        self.routes = routes
        self._metrics = metrics
        self._endpoints_by_path: dict[tuple[str, str], _Endpoint] = {
            (method, route.path): route.endpoint
            for route in routes
            for method in route.methods or ()
            if not route.param_convertors
        }
        self._with_cors = CORSMiddleware(
            self._respond,
            allow_origins=cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["Retry-After", "X-RateLimit-Reset"],
            max_age=24 * 60 * 60,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        # Browsers send Origin with each POST, so the response to a POST without it needs no CORS
        # headers. It needs no Vary header either, because caches do not store responses to POST.
        skips_cors = scope["method"] == "POST" and b"origin" not in dict(scope["headers"])
        await (self._respond if skips_cors else self._with_cors)(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            check_request(scope)
            response = await self._find_endpoint(scope)(Request(scope, receive))
        except RequestError as error:
            response = error_response(error.status, error.message, error.headers)
        except Exception as error:  # noqa: BLE001  # the client needs a response in any case
            # The exception's message may hold personal data; its type and location do not.
            where = traceback.format_tb(error.__traceback__)
            extra = {"exception": type(error).__name__, "where": where}
            log.error("internal error", extra=extra)  # noqa: TRY400
            response = error_response(500, "internal error; the gateway's log has the location")
        self._metrics.responded(scope, response.status_code)
        await response(scope, receive, send)

    def _find_endpoint(self, scope: Scope) -> _Endpoint:
        """Return the endpoint of a request, and add the path parameters to the scope.

        Raises:
            RequestError: The path or the method is unknown.
        """
        remove_trailing_slash(scope)
        if endpoint := self._endpoints_by_path.get((scope["method"], scope["path"])):
            return endpoint
        for route in self.routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                return cast("_Endpoint", route.endpoint)
            if match is Match.PARTIAL:
                reason = f"this path does not support {scope['method']}: see /openapi.json"
                raise RequestError(405, reason, {"Allow": ", ".join(route.methods or ())})
        raise RequestError(404, "this path does not exist: see /openapi.json")


def create_app(
    settings: Settings, executions: Executions, meter: MetricMeter = MetricMeter.noop
) -> App:
    """Create the application.

    Args:
        settings: The settings of the gateway.
        executions: Starts executions.
        meter: Records the requests.
    """
    endpoints = Endpoints(settings, executions)
    message_routes = [(f"{prefix}/{route.name}", route) for prefix in PREFIXES for route in ROUTES]
    routes = [
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
    ]
    return App(routes, settings.gateway.cors_origins, GatewayMetrics(meter))
