"""Routes without parameters, answered without the framework's routing, which costs more than all their checks.

The function of `api/runtime/endpoint.py` that checks everything and the one that describes failures are the same ones;
only what the framework does around them is left out.
"""

import re
from collections.abc import Iterable

from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from api.runtime.endpoint import Call
from api.web.content_negotiation import values_of
from api.web.problems import answer_failure

_PLAIN_HOST = re.compile(r"[\w.:\[\]-]*", re.ASCII)


class DirectRoutes:
    """ASGI middleware that answers what names such a route to the letter; `app` answers, or refuses, everything else.

    Unusual spellings of a path or a host, and requests with another method, are for `app` to judge.
    """

    def __init__(self, app: ASGIApp, handlers: Iterable[HTTPRouteHandler]) -> None:
        self._app = app
        self._handlers = {
            (str(method), path): handler
            for handler in handlers
            for method in handler.http_methods
            for path in handler.paths
            if "{" not in path
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._handlers.get((scope["method"], scope["path"])) if scope["type"] == ScopeType.HTTP else None
        if handler is None or scope["root_path"] or not _has_plain_host(scope):
            await self._app(scope, receive, send)
            return
        scope["route_handler"], scope["path_params"] = handler, {}
        call = Call(scope, receive, send)
        try:
            answer: ASGIApp = await handler.opt["answer"](call)
        except Exception as failure:  # noqa: BLE001 - as the framework does: each becomes a problem document
            answer = answer_failure(call, failure).to_asgi_response(app=None, request=call)
        await answer(scope, receive, send)


def _has_plain_host(scope: Scope) -> bool:
    return _PLAIN_HOST.fullmatch(next(values_of(scope, b"host"), "")) is not None
