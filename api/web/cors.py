"""Cross-origin requests (the CORS protocol of the Fetch standard): whose pages may read the answers in a browser.

What needs no key is open to every origin; everything else to the origins that the operator names. Keys travel in a
header that a page sets itself, so credentials of the browser are never asked for. Not with the framework's
configuration, which knows one set of origins for all routes.
"""

from collections.abc import Iterable
from http import HTTPStatus

from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.utils.path import normalize_path

from api.web.content_negotiation import header_values
from api.web.openapi import Route

EXPOSED = "Content-Disposition, ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"
ALLOWED = (
    "Accept, Accept-Language, Authorization, Content-Encoding, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
    "X-Request-Id"
)
REMEMBERED_SECONDS = 7_200
"""How long a browser need not ask again, the longest that browsers keep to."""
_OF_SOMEBODY = frozenset({"Operations", "Replies"})
"""The tags of routes that need no key and are not for everybody's pages: the operator's, and suppliers' reply links."""

Headers = list[tuple[bytes, bytes]]


def is_open(route: Route | None) -> bool:
    """Whether pages of every origin may read a route's answers: it takes neither key nor token and is for everyone."""
    return route is not None and not route.scopes and route.tag not in _OF_SOMEBODY and "{token}" not in route.path


class CrossOrigin:
    """ASGI middleware that adds the headers of CORS to the answers of `app`, refusals and failures too."""

    def __init__(self, app: ASGIApp, origins: Iterable[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return

        method: str = scope["method"]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._cors_headers(scope, method, message["status"])]
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _cors_headers(self, scope: Scope, method: str, status: int) -> Headers:
        """The CORS headers to add to an answer of this status, by the route that `app` has set in the scope."""
        handler: BaseRouteHandler | None = scope.get("route_handler")
        told = handler.opt if handler is not None else {}
        if status == HTTPStatus.METHOD_NOT_ALLOWED and handler is None:
            try:
                _, handler, *_ = scope["litestar_app"].asgi_router.handle_routing(
                    path=normalize_path(scope["path"]), method="OPTIONS"
                )
            except HTTPException:  # a page of the desk
                return self._headers_of_route(scope, None, _EXPOSING)
            routes = handler.opt.get("routes", {}).values()
            return self._headers_of_route(scope, next(filter(is_open, routes), next(iter(routes), None)), _EXPOSING)
        if "page" in told:
            return []  # of people who are signed in: nobody else's page reads them
        if method == "OPTIONS" and "routes" in told:
            asked = next(header_values(scope, b"access-control-request-method"), "GET")
            route = told["routes"].get("GET" if asked == "HEAD" else asked)
            methods = sorted({*told["routes"], *(("HEAD",) if "GET" in told["routes"] else ())})
            allowed = [(b"access-control-allow-methods", ", ".join(methods).encode()), *_ALLOWING]
            return self._headers_of_route(scope, route, allowed)
        return self._headers_of_route(scope, told.get("route"), _EXPOSING)

    def _headers_of_route(self, scope: Scope, route: Route | None, more: Headers) -> Headers:
        """The allowed origin and `more`, where the origin of the request may read answers of the route."""
        if is_open(route):
            return [(b"access-control-allow-origin", b"*"), *more]
        if not self._origins:
            return []
        origin = next(header_values(scope, b"origin"), "")
        allowed = [(b"access-control-allow-origin", origin.encode()), *more] if origin in self._origins else []
        return [(b"vary", b"origin"), *allowed]


_EXPOSING: Headers = [(b"access-control-expose-headers", EXPOSED.encode())]
_ALLOWING: Headers = [
    (b"access-control-allow-headers", ALLOWED.encode()),
    (b"access-control-max-age", str(REMEMBERED_SECONDS).encode()),
]
"""What a browser is told that asks before it sends more than a simple request, besides the methods."""
