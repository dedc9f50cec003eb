"""The decorator `page`, which makes a handler a page of the desk: session and scope, form token, failures.

Pages are HTML for people: they are no routes of the API, and not in its document. Checked before the handler runs, in
this order: the session and its scope, then the token of the form, without which no form is carried out. Where a page
and a route of the API have one path, a browser is shown the page and a program is answered by the route.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from litestar.types import ASGIApp, Method, Receive, Send
from litestar.types import Scope as ASGIScope

from api.desk.frame.visit import (
    TOKEN_FIELD,
    Visit,
    client_of_session,
    cookie_header,
    is_same_origin,
    passes_csrf_check,
    path_to_return_to,
    visit_of,
)
from api.people.passkeys import challenge_of, moment_of, options_to_sign_in
from api.runtime.auth import admit
from api.runtime.endpoint import Call
from api.web.content_negotiation import HTML, JSON, choose_media, compress_if_accepted
from api.web.html_pages import has_files, parse_fields, read_form
from api.web.problems import Refusal, answer_failure, refusal_of
from domain.organisation import Scope

Handler = Callable[..., Awaitable[Response[bytes] | Stream]]

LONGEST_FORM, MOST_FIELDS = 1 << 20, 10_000
"""A meeting of 500 people with 200 follow-ups has some 2,400 fields, a gap of equal treatment one for each supplier."""
LONGEST_CARRIED = 128 << 10
"""A form that is sent without a session, and carried along on the way to one: anybody may send some."""
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; "
        "img-src 'self' data:{tiles}; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "vary": "accept-language, cookie",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
}
"""Of every page: nothing is loaded from elsewhere but `tiles`, if set; no script or style stands in it, nobody frames
it."""


@dataclass(frozen=True)
class Page:
    """The method, path and required scopes of a page.

    `scopes`: one of which the session must have; empty: the page needs no session. `files`: its form may upload some.
    """

    method: Method
    path: str
    scopes: tuple[Scope, ...]
    files: bool


def page(
    method: Method, path: str, *, scope: Scope | tuple[Scope, ...] | None, files: bool = False
) -> Callable[[Handler], HTTPRouteHandler]:
    """A decorator that makes an async function, of a Visit and the path's parameters, the handler of a page.

    `scope`: as for an endpoint, None for no session; `files`: the form may upload some.
    """

    def decorate(handler: Handler) -> HTTPRouteHandler:
        """The handler, registered as a page at the path."""
        declared = Page(method, path, (scope,) if isinstance(scope, str) else scope or (), files)

        async def answer_call(request: Call) -> ASGIApp:
            """The page that the handler makes, or an error page, with the headers and cookie of every page."""
            visit = visit_of(request)
            shown: Response[bytes] | Stream
            try:
                shown = await _answer_visit(visit, handler, declared)
            except Exception as failure:  # noqa: BLE001 - described, and logged where it is our own
                shown = _failure_page(visit, failure)
            for name, value in _headers(request.services.settings.tiles_url).items():
                shown.headers.setdefault(name, value)
            if cookie := cookie_header(request, visit.new_token):
                shown.headers["set-cookie"] = cookie
            if isinstance(shown, Stream):  # in parts, each as soon as it is made
                return shown.to_asgi_response(app=None, request=request)
            accepted = request.headers.get("accept-encoding", "")
            shown.content = await compress_if_accepted(shown.content, str(shown.media_type), shown.headers, accepted)
            return shown.to_asgi_response(app=None, request=request)

        typed = path.replace("}", ":str}")
        return HTTPRouteHandler(
            typed, http_method=method, name=f"page {method} {path}", opt={"page": declared, "answer": answer_call}
        )(answer_call)

    return decorate


def answer_not_found(request: Request[Any, Any, Any], failure: Exception) -> Response[bytes]:
    """The answer (404) at an unknown address: a page for a browser, a problem document for a program."""
    call = Call(request.scope, request.receive, request.send)
    if not is_from_browser(call):
        return answer_failure(call, failure)
    return PageOfFailure(call, failure)


class PageOfFailure(Response[bytes]):
    """The page of a failure at an address that no handler has, with the bar of who is signed in."""

    def __init__(self, call: Call, failure: Exception) -> None:
        super().__init__(b"")
        self._visit, self._failure = visit_of(call), failure

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIApp:  # type: ignore[override]  # one that looks up first
        return self._answer

    async def _answer(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        visit = self._visit
        with suppress(Refusal):
            visit.client = await client_of_session(visit.services, visit.token, scope)
        shown = _failure_page(visit, self._failure)
        shown.headers.update(_headers(visit.services.settings.tiles_url))
        await shown.to_asgi_response(app=None, request=visit.call)(scope, receive, send)


@cache
def _headers(tiles_url: str | None) -> dict[str, str]:
    """The response headers of every page; the policy admits images of the tile server, where there is one."""
    parts = urlsplit(tiles_url or "")
    tiles = f" {parts.scheme}://{parts.netloc}" if tiles_url else ""
    return {name: value.replace("{tiles}", tiles) for name, value in HEADERS.items()}


async def _answer_visit(visit: Visit, handler: Handler, declared: Page) -> Response[bytes] | Stream:
    """The handler's response; else a page to sign in (no session), or to send the form again (no valid form token)."""
    call = visit.call
    if declared.scopes:
        # a token that was made just now is of no session
        is_known = visit.new_token is None
        visit.client = await client_of_session(call.services, visit.token, call.scope) if is_known else None
    may_be_long = declared.files and has_files(call)
    if visit.client is not None and may_be_long:
        # before so much is read; of a shorter form, a refusal shows what was typed
        await admit(call, visit.client, call.services.limits, declared.scopes)
    await _set_fields(visit, declared)
    if declared.scopes and visit.client is None:
        # to sign in and back; a form that a page of this server sent is carried along
        if call.method != "POST":
            return visit.redirect(f"/connexion?{urlencode({'suite': path_to_return_to(call)})}")
        if not is_same_origin(call):
            return visit.redirect("/connexion")
        return sign_in_page(visit, HTTPStatus.UNAUTHORIZED, call.scope["path"], urlencode(visit.typed_fields()))
    if visit.client is not None and not may_be_long:
        await admit(call, visit.client, call.services.limits, declared.scopes)
    if declared.method == "POST" and not passes_csrf_check(call, visit.token, visit.text(TOKEN_FIELD)):
        return _ask_to_send_again(visit)
    if visit.client is None:
        return await handler(visit, **call.path_params)
    with call.services.request_slot(visit.client), call.services.share_of_bodies(visit.client) as take:
        # those that wait for their turn hold their files meanwhile
        take(sum(len(file.content) for file in visit.files.values()))
        return await handler(visit, **call.path_params)


async def _set_fields(visit: Visit, declared: Page) -> None:
    """Read the request's form or query into `visit.fields`, and uploaded files into `visit.files`."""
    call = visit.call
    share = partial(call.services.share_of_bodies, visit.client)
    if declared.files and has_files(call):
        # files are for those who are signed in: of others only what is typed is kept
        limit = LONGEST_CARRIED if visit.client is None else call.services.settings.body_limit
        visit.fields, visit.files = await read_form(call, limit, MOST_FIELDS, share, with_files=True)
    elif declared.method == "POST":
        # the form to sign in has another in one of its fields, where it is longer
        limit = LONGEST_FORM if visit.client else LONGEST_CARRIED if declared.scopes else 2 * LONGEST_CARRIED
        visit.fields, _ = await read_form(call, limit, MOST_FIELDS, share)
    else:
        visit.fields = parse_fields(call.scope["query_string"], MOST_FIELDS)


def sign_in_page(
    visit: Visit, status: int = HTTPStatus.OK, back: str = "", typed: str = "", wrong: str = ""
) -> Response[bytes]:
    """The sign-in form. `back`: the path to return to; `typed`: a form to send there, encoded; `wrong`: what was."""
    provider, settings = visit.services.identity_provider, visit.services.settings
    way = f"connexion/fournisseur?{urlencode({'suite': back})}" if back and not typed else "connexion/fournisseur"
    moment = moment_of(visit.services.now())
    is_by_mail = settings.smtp is not None and settings.public_url is not None
    answer = visit.page(
        "signing_in/sign_in.html",
        status,
        back=back,
        typed=typed,
        carried=decoded_fields(typed) if provider else [],
        wrong=wrong,
        provider=provider.label if provider else None,
        way=way,
        is_by_mail=is_by_mail,
        moment=moment,
        passkey=options_to_sign_in(settings.public_url or "", challenge_of(visit.token, "sign-in", moment)),
    )
    if status == HTTPStatus.UNAUTHORIZED:
        answer.headers["www-authenticate"] = "Bearer"
    return answer


def decoded_fields(encoded: str) -> list[tuple[str, str]]:
    """The pairs of field name and text in a URL-encoded form."""
    fields = parse_fields(encoded.encode(), MOST_FIELDS)
    return [(name, text) for name, texts in fields.items() for text in texts]


def _ask_to_send_again(visit: Visit) -> Response[bytes]:
    """The page (403) where a form's token is not this browser's: the form as filled in, to be sent again.

    For a form that another site sent, a redirect to the first page: one more click must not send what that site wrote.
    """
    if not is_same_origin(visit.call):
        return visit.redirect("/connexion")
    path = visit.call.scope["path"]
    return visit.page(
        "frame/send_again.html", HTTPStatus.FORBIDDEN, path=path, typed=visit.typed_fields(), signed_in=False
    )


def _failure_page(visit: Visit, failure: Exception) -> Response[bytes]:
    """The error page: what failed or was refused, and what to do."""
    described = answer_failure(visit.call, failure)
    refusal = refusal_of(failure)
    kept = visit.typed_fields() if visit.call.method == "POST" else []
    path = visit.call.scope["path"]
    shown = visit.page("frame/refusal.html", refusal.kind.status, refusal=refusal, typed=kept, path=path)
    for name in ("retry-after", "www-authenticate"):
        if name in described.headers:
            shown.headers[name] = described.headers[name]
    return shown


def with_pages(
    routes: Sequence[HTTPRouteHandler], pages: Iterable[HTTPRouteHandler]
) -> tuple[list[HTTPRouteHandler], list[HTTPRouteHandler]]:
    """The API's routes, each joined with the page of its method and path, if any; and the pages that have no route."""
    by_place = {_method_and_path(each): each for each in pages}
    joined = [
        _handler_of_both(each, shown) if (shown := by_place.pop(_method_and_path(each), None)) else each
        for each in routes
    ]
    return joined, list(by_place.values())


def is_from_browser(request: Call) -> bool:
    """Whether a browser sent the request: HTML is preferred and no key is sent."""
    prefers = choose_media(request.headers.get("accept", ""), (JSON, HTML))
    return prefers == HTML and "authorization" not in request.headers


def _method_and_path(handler: HTTPRouteHandler) -> tuple[str, str]:
    (method,), (path,) = handler.http_methods, handler.paths
    return str(method), path


def _handler_of_both(route: HTTPRouteHandler, page: HTTPRouteHandler) -> HTTPRouteHandler:
    """A handler that shows browsers the page and answers programs by the route."""

    async def answer_either(request: Call) -> ASGIApp:
        shown = page if is_from_browser(request) else route
        answered: ASGIApp = await shown.opt["answer"](request)
        return answered

    method, path = _method_and_path(route)
    opt = route.opt | {"answer": answer_either}
    return HTTPRouteHandler(path, http_method=method, name=route.name, status_code=200, opt=opt)(answer_either)  # type: ignore[arg-type]
