"""Problem documents (RFC 9457): every failure becomes one, of a type from `problem_types.toml`."""

import asyncio
import tomllib
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from importlib.resources import files
from math import ceil
from typing import Annotated, Any, Literal

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from api.web.content_negotiation import choose_language
from db.core.connect import is_out_of_space, is_statement_ended, is_unreachable, log_fields
from domain.errors import Conflict, DomainError, InvalidContent, NotFound, Problem
from domain.text.bilingual import Language, Text

RequestPart = Literal["body", "query"]

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_USUAL, RETRY_AFTER_LOADING, RETRY_AFTER_IN_TURN = 5, 2, 30
"""The seconds that a refused client is told to wait (Retry-After): usually, until the first index is loaded, and where
too many wait for their turn. Limits by the minute or the day tell what is left of it: see `require_no_wait`."""
_OF_THE_OPERATOR = frozenset({"database-away", "storage-full"})
"""What the client can only wait for, and the operator should know."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class ProblemType(msgspec.Struct, frozen=True):
    """A type of problem. `slug` and `status` never change; `description` says what happened and what to do."""

    slug: str
    status: int
    title: Text
    description: Text

    @property
    def path(self) -> str:
        """The path of the page that explains the type."""
        return f"/problems/{self.slug}"


_TYPES = tomllib.loads((files("api.web") / "problem_types.toml").read_text("utf-8"))["type"]
CATALOGUE = {kind.slug: kind for kind in msgspec.convert(_TYPES, tuple[ProblemType, ...])}


class ProblemError(msgspec.Struct, frozen=True, rename={"place": "in"}, omit_defaults=True):
    """One fault of the request."""

    pointer: str
    """JSON pointer (RFC 6901) into the body; where `in` is `query`, to a parameter: `/limit`"""
    code: str
    """Stable in every language, such as `unknown_code`"""
    detail: str
    """The fault, and what would be right"""
    place: Annotated[
        RequestPart, msgspec.Meta(description="Where `pointer` starts: `body` (the default) or `query`")
    ] = "body"


class ProblemDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """The reason for which a request was refused or failed (RFC 9457).

    Messages are in French, or in English with `Accept-Language: en`.
    """

    type: Annotated[str, msgspec.Meta(description="A path below /problems/")]
    """Stable; a path below `/problems/` that leads to its explanation"""
    title: str
    """The event in a few words"""
    status: int
    """The HTTP status"""
    detail: str
    """The cause in this request, and what to do"""
    errors: Annotated[tuple[ProblemError, ...], msgspec.Meta(description="Everything wrong, each with its place")] = ()


class Refusal(Exception):
    """A request that the API itself refuses (the domain raises DomainError instead).

    `slug` is a key of CATALOGUE. `errors` point into the body, or into the query where `place` says so.
    """

    def __init__(
        self,
        slug: str,
        detail: Text | None = None,
        errors: tuple[Problem, ...] = (),
        headers: Mapping[str, str] | None = None,
        place: RequestPart = "body",
    ) -> None:
        self.kind = CATALOGUE[slug]
        self.detail = detail or self.kind.description
        self.errors = errors
        self.headers = {name.lower(): value for name, value in (headers or {}).items()}
        self.place = place
        super().__init__(self.detail.en)

    def __reduce__(self) -> tuple[Any, ...]:
        # processes that read notices send it to the server, pickled
        return type(self), (self.kind.slug, self.detail, self.errors, self.headers, self.place)


def require_no_wait(wait: float) -> None:
    """Raises Refusal (429), with `Retry-After`, where a client has to wait (`wait`: seconds, 0 for none)."""
    if wait > 0:
        seconds = ceil(wait)
        raise Refusal(
            "too-many-requests",
            Text(f"Trop de requêtes ; reprendre dans {seconds} s", f"Too many requests; try again in {seconds} s"),
            headers={"retry-after": str(seconds)},
        )


def answer_failure(request: Request[Any, Any, Any], failure: Exception) -> Response[bytes]:
    """The problem document for any exception; internal errors are logged, and their text is not shown."""
    task = asyncio.current_task()
    # what fails in a request that is being ended may only be a consequence of that
    refusal = shutdown_refusal() if task is not None and task.cancelling() > 0 else refusal_of(failure)
    if refusal.kind.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("unhandled exception", request_id=request.scope.get("request_id"), **log_fields(failure))
    elif refusal.kind.slug in _OF_THE_OPERATOR:
        log.warning(
            refusal.kind.slug.replace("-", " "),
            request_id=request.scope.get("request_id"),
            error=type(failure).__name__,
        )
    return problem_response(refusal, choose_language(request.headers.get("accept-language", "")))


def shutdown_refusal() -> Refusal:
    """The refusal (503) of a request that is cut off because the server shuts down."""
    return Refusal("stopping", headers={"connection": "close"})


def problem_response(refusal: Refusal, language: Language) -> Response[bytes]:
    """The response with a refusal as application/problem+json, and the headers that its status requires."""
    kind = refusal.kind
    body = ProblemDocument(
        type=kind.path,
        title=kind.title.to(language),
        status=kind.status,
        detail=refusal.detail.to(language),
        errors=tuple(
            ProblemError(error.pointer, error.code, error.detail.to(language), refusal.place)
            for error in refusal.errors
        ),
    )
    headers = {"content-language": language, "vary": "accept-language", **refusal.headers}
    if kind.status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        headers.setdefault("retry-after", str(RETRY_AFTER_USUAL))
    if kind.status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("www-authenticate", "Bearer")
    return Response(msgspec.json.encode(body), status_code=kind.status, media_type=MEDIA_TYPE, headers=headers)


def refusal_of(failure: Exception) -> Refusal:  # noqa: C901, PLR0911 - one answer for each sort
    """The refusal that answers an exception; `internal-error`, without its text, for any unforeseen one."""
    match failure:
        case Refusal():
            return failure
        case NotFound():
            return Refusal("not-found", failure.detail)
        case Conflict():
            slug = failure.code.lower().replace("_", "-")
            return Refusal(slug if slug in CATALOGUE else "conflict", failure.detail)
        case InvalidContent():
            detail, count = failure.problems[0].detail, len(failure.problems)
            if count > 1:
                detail = Text(f"{count} erreurs ; la première : {detail.fr}", f"{count} errors; the first: {detail.en}")
            return Refusal(shared_slug(failure.problems, "invalid-content"), detail, failure.problems)
        case DomainError():
            return Refusal("invalid-content", failure.detail)
        case RecursionError():
            detail = Text("Le corps est imbriqué trop profondément", "The body is nested too deeply")
            return Refusal("malformed-body", detail)
        case HTTPException():
            # an unknown path, a wrong method, a bad Host header…
            headers = {name.lower(): value for name, value in (failure.headers or {}).items()}
            if failure.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
                methods = {name.strip() for name in headers.get("allow", "").split(",") if name.strip()}
                headers["allow"] = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
                detail = Text(f"Méthodes admises ici : {headers['allow']}", f"Methods allowed here: {headers['allow']}")
                return Refusal("method-not-allowed", detail, headers=headers)
            default = "bad-request" if failure.status_code < HTTPStatus.INTERNAL_SERVER_ERROR else "internal-error"
            return Refusal(_OF_STATUS.get(failure.status_code, default), headers=headers)
    if is_unreachable(failure):
        return Refusal("database-away")
    if is_statement_ended(failure):
        return Refusal("query-not-finished")
    return Refusal("storage-full" if is_out_of_space(failure) else "internal-error")


def shared_slug(problems: Iterable[Problem], general: str) -> str:
    """The slug of the special problem type that all problems share, such as `unknown-segment`; else `general`."""
    slugs = set()
    for problem in problems:
        slug, steps = general, problem.pointer.split("/")
        if problem.code == "outside_france":
            slug = "outside-france"
        elif problem.code == "unknown_code":
            if "territory" in steps or "service_area" in steps or steps[-1] == "commune":
                slug = "unknown-territory"
            elif not {"segment", "segments", "support_segments"}.isdisjoint(steps):
                slug = "unknown-segment"
        slugs.add(slug)
    return slugs.pop() if len(slugs) == 1 else general


# the first type of each status is the general one
_OF_STATUS = {kind.status: slug for slug, kind in reversed(CATALOGUE.items())}
