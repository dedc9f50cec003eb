"""The decorator that makes a handler a route; its docstring is the summary and description in the documentation.

The parameters of the function decide what is read: the first is the call; `query: SomeStruct` the query string;
`body: SomeStruct` the JSON body; `connection: Connection` a transaction of its own, which lasts until the handler has
returned; any other name is a path parameter (`str`, `int`, `UUID` or, at the end, `Tail`).
Everything is checked before the handler runs, in this order: key and scope, Accept, query, body; of a route whose
addresses may name the format of the answer (`AddressFormats`), the query before Accept. The framework's own injection
is not used: with more than one dependency it starts a task group for each request, which costs more than all the rest.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import replace
from inspect import cleandoc
from types import ModuleType
from typing import Any, Literal, NewType, cast, get_type_hints
from urllib.parse import unquote_to_bytes
from uuid import UUID

import msgspec
from litestar import Request, Response
from litestar.connection.base import empty_receive, empty_send
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, Method, Receive, Send
from litestar.types import Scope as ASGIScope

from api.runtime.auth import authorise
from api.runtime.services import Services
from api.web.content_negotiation import (
    JSON,
    KEPT_AS_FILES,
    NAMES,
    AddressFormats,
    choose_language,
    choose_media,
    compress_if_accepted,
    content_disposition,
    headers_by_name,
    split_suffix,
)
from api.web.openapi import Route
from api.web.problems import Refusal
from api.web.query_string import NoQuery, QueryReader
from api.web.request_body import JsonBody, require_empty
from db.core.engine import transaction
from domain.errors import NotFound
from domain.organisation import Client, Scope
from domain.text.bilingual import Language, Text, said_by

Handler = Callable[..., Awaitable[Any]]

Tail = NewType("Tail", str)
"""The last segment of a path, exactly as the client means it: unlike other parameters it may hold a slash (%2F)."""

encode = msgspec.json.Encoder().encode

_CONVERTERS: dict[Any, str] = {str: "str", int: "int", UUID: "uuid", Tail: "path"}


class Call(Request[Client, None, Any]):
    """An HTTP request, with the services of the application and the caller.

    `headers`: see `api.web.content_negotiation.headers_by_name`. `media_type`: that of the answer, negotiated. `csv`:
    the way to write CSV.
    """

    __slots__ = ("csv", "headers", "media_type", "services")  # `headers` in the place of the framework's property

    def __init__(self, scope: ASGIScope, receive: Receive = empty_receive, send: Send = empty_send) -> None:
        super().__init__(scope, receive, send)
        self.headers: Mapping[str, str] = headers_by_name(scope)  # type: ignore[assignment]
        self.services: Services = self.app.state.services
        self.media_type = JSON
        self.csv: Literal["plain", "excel"] = "plain"

    @property
    def bearer(self) -> Client:
        """The bearer of the key; only on routes that name a scope."""
        return cast("Client", self.scope["user"])

    def share_of_body(self) -> AbstractContextManager[Callable[[int], None]]:
        """Reserve memory for the request's body: see `Services.share_of_bodies`."""
        return self.services.share_of_bodies(self.scope.get("user"))

    def turn_to_decode(self) -> AbstractAsyncContextManager[None]:
        """Wait for the turn of the caller's organisation to have a large body decoded."""
        bearer = self.scope.get("user")
        return self.services.large_bodies.slot_of(str(bearer and bearer.organisation_id))

    async def wait_for_disconnect(self) -> None:
        """Wait until the client hangs up; to be called once the body was read."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    @property
    def language(self) -> Language:
        return choose_language(self.headers.get("accept-language", ""))


def endpoint(  # noqa: PLR0913 - keywords that say what a route is
    method: Method,
    path: str,
    *,
    tag: str,
    scope: Scope | tuple[Scope, ...] | None,
    answers: Any,
    status: int | tuple[int, ...] = 200,
    problems: tuple[str, ...] = (),
    patch: type | None = None,
    takes: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    example: str | None = None,
    file: str | None = None,
) -> Callable[[Handler], HTTPRouteHandler]:
    """A decorator that makes a handler a route; see the module. `path` has parameters, as `/suppliers/{id}`.

    `scope`: None for no key; of several, one suffices. `answers`: the type of the JSON answer, a mapping from media
    types to types, or None for no content. `status`: the first is used for what the handler returns bare. `headers`:
    request headers it honours, described. `patch`, `takes`, `example`, `file`: see `api.web.openapi.Route`.
    """

    def make_route(handler: Handler) -> HTTPRouteHandler:
        hints = get_type_hints(handler)
        summary, _, description = cleandoc(handler.__doc__ or "").partition("\n")
        query, body, connection = (hints.pop(name, None) for name in ("query", "body", "connection"))
        offered = answers if isinstance(answers, Mapping) else {} if answers is None else {JSON: answers}
        route = Route(
            method=method,
            path=path,
            name=handler.__name__,
            summary=summary.rstrip("."),
            description=description.strip(),
            tag=tag,
            scopes=(scope,) if isinstance(scope, str) else scope or (),
            statuses=status if isinstance(status, tuple) else (status,),
            answers=offered,
            query=query,
            body=body,
            patch=patch,
            takes=takes or {},
            parameters={name: kind for name, kind in hints.items() if kind is not Call and name != "return"},
            headers=headers or {},
            problems=problems,
            example=example,
            file=file,
        )
        return _route_handler(_in_transaction(handler) if connection else handler, route)

    return make_route


def _route_handler(handler: Handler, route: Route) -> HTTPRouteHandler:
    """The framework's handler for a route: typed path parameters, and an adapter that calls our handler."""
    takes_query, formats = route.query is not None, None
    # an address names the format of what is read, where several have names
    if route.method == "GET" and len(route.answers.keys() & NAMES) > 1:
        formats = AddressFormats(tuple(route.answers))
        route = replace(route, query=formats.extend(route.query or NoQuery))
    typed = split_suffix(route.path)
    for name, kind in route.parameters.items():
        typed = typed.replace("{" + name + "}", "{" + f"{name}:{_CONVERTERS[kind]}" + "}")
    answer = _adapter(handler, route, formats, takes_query=takes_query)
    opt = {"route": route, "answer": answer}
    # the status is set on each answer; this one only keeps the framework from having opinions about 204
    return HTTPRouteHandler(typed, http_method=route.method, name=route.name, status_code=200, opt=opt)(answer)


def _in_transaction(handler: Handler) -> Handler:
    """The handler, wrapped so that it gets the connection of a transaction of its own."""

    async def call_in_transaction(call: Call, **arguments: Any) -> Any:
        async with transaction(call.services.database) as connection:
            return await handler(call, connection=connection, **arguments)

    return call_in_transaction


def handlers_in(modules: Iterable[ModuleType]) -> tuple[HTTPRouteHandler, ...]:
    """All routes or pages of these modules, in their order there."""
    return tuple(each for module in modules for each in vars(module).values() if isinstance(each, HTTPRouteHandler))


def options_handlers(handlers: Iterable[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """Handlers of OPTIONS for the paths of `handlers`, each of which names all methods of its path."""
    by_path: dict[str, dict[str, Route]] = defaultdict(dict)
    for handler in handlers:
        for path in handler.paths:
            by_path[path] |= {str(method): handler.opt["route"] for method in handler.http_methods}

    def options_handler(path: str, routes: Mapping[str, Route]) -> HTTPRouteHandler:
        allow = ", ".join(sorted({"OPTIONS", *routes, *(("HEAD",) if "GET" in routes else ())}))

        async def answer_options() -> Response[None]:
            return Response(None, status_code=204, headers={"allow": allow})

        return HTTPRouteHandler(path, http_method="OPTIONS", status_code=204, opt={"routes": routes})(answer_options)

    return [options_handler(path, routes) for path, routes in by_path.items()]


def _adapter(
    handler: Handler, route: Route, formats: AddressFormats | None, *, takes_query: bool
) -> Callable[[Call], Awaitable[ASGIApp]]:
    """The function that the framework calls: it reads the handler's arguments, calls it and encodes its result."""
    query: QueryReader[Any] = QueryReader(route.query or NoQuery)
    body: JsonBody[Any] | None = JsonBody(route.body, patch=route.patch is not None) if route.body else None
    takes_nothing = route.method == "POST" and not (body or route.takes)
    offered = tuple(route.answers)
    tail = next((name for name, kind in route.parameters.items() if kind is Tail), None)

    async def authorise_and_call(request: Call) -> ASGIApp:
        # not as a guard of the framework, which copies the whole handler for each request it guards
        if not route.scopes:
            return await read_arguments_call_and_encode(request)
        services = request.services
        await authorise(request, services.keys, services.limits, route.scopes)
        with services.request_slot(request.bearer):
            return await read_arguments_call_and_encode(request)

    async def read_arguments_call_and_encode(request: Call) -> ASGIApp:
        services = request.services
        by_address = formats if request.scope["query_string"] else None
        if offered and not by_address:
            request.media_type = negotiate_media(request, offered)
        # a copy: the framework keeps these with the request
        arguments: dict[str, Any] = {**request.path_params}
        if tail:
            arguments[tail] = _last_segment(request.scope, route)
        parameters = query.read(request.scope["query_string"])
        if by_address:
            request.media_type = by_address.media_type_of(parameters) or negotiate_media(request, offered)
            request.csv = getattr(parameters, "csv", None) or "plain"
        if takes_query:
            arguments["query"] = parameters
        if body:
            limit, share, turn = services.settings.body_limit, request.share_of_body, request.turn_to_decode
            arguments["body"] = await body.read(request, limit, share, turn)
        elif takes_nothing:
            await require_empty(request, services.settings.body_limit, request.share_of_body)
        answer = await handler(request, **arguments)
        return await _encode_answer(request, answer, route)

    return authorise_and_call


async def _encode_answer(request: Call, answer: Any, route: Route) -> ASGIApp:
    """The ASGI response of a handler's answer: encoded, compressed, and with a file name where it is a download."""
    headers, status = dict[str, str](), route.statuses[0]
    if route.file is not None and request.media_type in KEPT_AS_FILES:
        headers["content-disposition"] = content_disposition(route.file, request.media_type, request.services.now())
    accept_encoding = request.headers.get("accept-encoding", "")
    if isinstance(answer, Response):
        answer.headers.update(headers)
        if isinstance(answer.content, bytes):
            media = answer.headers.get("content-type") or str(answer.media_type)
            answer.content = await compress_if_accepted(answer.content, media, answer.headers, accept_encoding)
        return answer.to_asgi_response(app=None, request=request, status_code=status)
    if answer is None:
        return ASGIResponse(status_code=status)
    # a function: the framework's response class takes longer to build than the rest of this
    headers["content-type"] = request.media_type
    encoded = answer if isinstance(answer, bytes) else encode(answer)
    sent = await compress_if_accepted(encoded, request.media_type, headers, accept_encoding)
    headers["content-length"] = str(len(sent))
    encoded_headers = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]

    async def send_answer(_: ASGIScope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": encoded_headers})
        await send({"type": "http.response.body", "body": sent, "more_body": False})

    return send_answer


def _last_segment(scope: ASGIScope, route: Route) -> Tail:
    """The last segment of the path. Raises NotFound where it is not UTF-8, or has slashes that are not encoded."""
    raw = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0]
    segments = raw.strip(b"/").split(b"/")
    if len(segments) != route.path.count("/"):
        raise NotFound(said_by(__name__)["slash_in_path"])
    try:
        text = unquote_to_bytes(segments[-1]).decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise NotFound(Text("Cet identifiant n'est pas un texte en UTF-8", "This identifier is not a text in UTF-8"))
    return Tail(text)


def negotiate_media(request: Request[Any, Any, Any], offered: tuple[str, ...]) -> str:
    """The media type among `offered` that the client prefers. Raises Refusal (406) where it accepts none."""
    chosen = choose_media(request.headers.get("accept", ""), offered)
    if chosen is None:
        listed = ", ".join(offered)
        raise Refusal("not-acceptable", Text(f"Formats disponibles : {listed}", f"Formats available: {listed}"))
    return chosen
