"""Paths that a route of the API and a page share: a browser is shown the page, a program answered as ever."""

from collections.abc import Iterable, Sequence

from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from api.runtime.endpoint import Call
from api.web.content_negotiation import HTML, JSON, choose_media

Place = tuple[str, str]


def with_pages(
    routes: Sequence[HTTPRouteHandler], pages: Iterable[HTTPRouteHandler]
) -> tuple[list[HTTPRouteHandler], list[HTTPRouteHandler]]:
    """The routes, of which some show a page to browsers, and the pages that have a path to themselves."""
    by_place = {_place(each): each for each in pages}
    joined = [_joined(each, page) if (page := by_place.pop(_place(each), None)) else each for each in routes]
    return joined, list(by_place.values())


def is_of_a_person(request: Call) -> bool:
    """Whether a browser asks, which prefers HTML and sends no key."""
    prefers = choose_media(request.headers.get("accept", ""), (JSON, HTML))
    return prefers == HTML and "authorization" not in request.headers


def _place(handler: HTTPRouteHandler) -> Place:
    (method,), (path,) = handler.http_methods, handler.paths
    return str(method), path


def _joined(route: HTTPRouteHandler, page: HTTPRouteHandler) -> HTTPRouteHandler:
    async def answer(request: Call) -> ASGIApp:
        shown = page if is_of_a_person(request) else route
        answered: ASGIApp = await shown.opt["answer"](request)
        return answered

    method, path = _place(route)
    opt = route.opt | {"answer": answer}
    return HTTPRouteHandler(path, http_method=method, name=route.name, status_code=200, opt=opt)(answer)  # type: ignore[arg-type]
