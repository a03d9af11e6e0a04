"""Makes a span for each request, in the trace that the caller has started."""

from collections.abc import Sequence
from http import HTTPMethod

from starlette.datastructures import Headers
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from durable_analytics.temporal import tracing

_METHODS = frozenset(HTTPMethod)


class TracedApp:
    """An ASGI application that makes a span for each request.

    Args:
        app: The application.
        routes: Its routes. A span is named by the path of its route, such as `/v1/users/{user_id}`:
            the path of a request may contain a user id.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[Route]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        route = self._route_path(scope)
        attributes = {"http.request.method": method} | ({"http.route": route} if route else {})
        with tracing.span(
            f"{method} {route}" if route else method,
            "server",
            attributes,
            parent=tracing.context_of(Headers(scope=scope)),
        ) as span:

            async def send_and_record_status(message: Message) -> None:
                if span and message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            await self._app(scope, receive, send_and_record_status)

    def _route_path(self, scope: Scope) -> str | None:
        """Return the path of the route that matches a request, with names for its parameters."""
        found = (each.path_format for each in self._routes if each.matches(scope)[0] is Match.FULL)
        return next(found, None)
