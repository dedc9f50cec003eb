"""Routes of the documentation: the OpenAPI document, the Swagger UI page, the problem types, the site of guides."""

import sys
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from litestar import Response, Router
from litestar.static_files import create_static_files_router

from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import HOUR, IF_NONE_MATCH, conditional_get, etag_of
from api.web.content_negotiation import HTML, JSON
from api.web.openapi import encode_document, routes_of
from api.web.problems import CATALOGUE, ProblemType
from domain.errors import NotFound
from domain.text.bilingual import Language, Text

TAG = "Documentation"
ASSETS = Path(__file__).parent / "assets"
MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
}
# the page may load what this server has, and nothing else
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'"
)

# in a checkout; in an installation
GUIDES = (Path(__file__).parents[2] / "site", Path(sys.prefix) / "share" / "vivier" / "site")
# its pages set their colours by a script of their own, in place
GUIDES_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'"
)


class ProblemTypeDocument(msgspec.Struct, frozen=True):
    """A type of problem."""

    type: str
    """Its path"""
    status: int
    """The HTTP status it comes with"""
    title: str
    """The event in a few words, in the language of the request"""
    description: str
    """Advice to the caller, in the language of the request"""


class ProblemTypeList(msgspec.Struct, frozen=True):
    """Every type of problem that this API answers with."""

    items: tuple[ProblemTypeDocument, ...]
    """In the order of the catalogue"""


class ServiceDocument(msgspec.Struct, frozen=True):
    """The name and version of this server, and the addresses of its documentation."""

    name: str
    """`Vivier`"""
    version: str
    """The version of the program"""
    docs: str
    """The address of the page that documents every route"""
    openapi: str
    """The address of the OpenAPI document"""


@endpoint(
    "GET",
    "/",
    tag=TAG,
    scope=None,
    answers={JSON: ServiceDocument, HTML: str},
    status=(200, 303),
    example="service",
)
async def get_service(call: Call) -> Response[bytes]:
    """This service, and where its documentation is; browsers are led to sign in, or on to their first page."""
    if call.media_type == HTML:
        # relative, so that no proxy's prefix is lost
        return Response(b"", status_code=303, media_type=HTML, headers={"location": "connexion", "vary": "accept"})
    base = call.services.settings.public_url or ""
    service = ServiceDocument("Vivier", version("vivier"), f"{base}/docs", f"{base}/openapi.json")
    return Response(msgspec.json.encode(service), media_type=JSON, headers={"vary": "accept"})


@endpoint("GET", "/openapi.json", tag=TAG, scope=None, answers=dict[str, Any], status=(200, 304), headers=IF_NONE_MATCH)
async def get_openapi(call: Call) -> Response[bytes]:
    """This description of the API, as OpenAPI 3.1."""
    state = call.app.state
    if "openapi" not in state:
        state.openapi = encode_document(routes_of(call.app), call.services.settings.public_url)
    return conditional_get(call, state.openapi, max_age=HOUR)


@endpoint("GET", "/docs", tag=TAG, scope=None, answers={HTML: str})
async def get_docs(_: Call) -> Response[bytes]:
    """A page to read and try this API; works without internet access."""
    page, media_type = page_asset("docs.html")[:2]
    if guides_route():
        page = page.replace(b"<!-- guides -->", b'<p lang="fr"><a href="guides/index.html">Les guides</a></p>')
    return Response(page, headers={"content-type": media_type, "content-security-policy": POLICY})


@endpoint(
    "GET",
    "/docs/assets/{name}",
    tag=TAG,
    scope=None,
    answers={"text/javascript": str, "text/css": str, "text/plain": str},
    status=(200, 304),
    headers=IF_NONE_MATCH,
)
async def get_docs_asset(call: Call, name: str) -> Response[bytes]:
    """A script or style sheet of the documentation page."""
    return conditional_get(call, *page_asset(name), max_age=HOUR)


@endpoint("GET", "/problems", tag=TAG, scope=None, answers=ProblemTypeList)
async def list_problem_types(call: Call) -> ProblemTypeList:
    """Every type of problem, with its status and explanation."""
    return ProblemTypeList(tuple(_problem_type_document(kind, call.language) for kind in CATALOGUE.values()))


@endpoint("GET", "/problems/{slug}", tag=TAG, scope=None, answers={JSON: ProblemTypeDocument, HTML: str})
async def get_problem_type(call: Call, slug: str) -> Response[bytes]:
    """A type of problem, with what happened and what to do; the type of an error leads here."""
    if slug not in CATALOGUE:
        raise NotFound(Text("Aucun type de problème de ce nom", "No problem type of this name"))
    described = _problem_type_document(CATALOGUE[slug], call.language)
    if call.media_type == HTML:
        title = escape(described.title)
        page = (
            f'<!DOCTYPE html><html lang="{call.language}"><meta charset="utf-8"><title>{title}</title>'
            f"<h1>{title}</h1><p>{escape(described.description)}</p>"
            f"<p>HTTP {described.status}, <code>{described.type}</code></p>"
        )
        return Response(page.encode(), media_type=HTML)
    return Response(msgspec.json.encode(described), media_type=JSON)


def guides_route(folders: Sequence[Path] = GUIDES) -> tuple[Router, ...]:
    """The route that serves the built guides, from the first folder with an index.html; () where none was built."""

    def add_security_policy(response: Response[bytes]) -> Response[bytes]:
        response.headers["content-security-policy"] = GUIDES_POLICY
        return response

    for folder in folders:
        if (folder / "index.html").is_file():
            return (create_static_files_router("/guides", [folder], html_mode=True, after_request=add_security_policy),)
    return ()


@cache
def page_asset(name: str) -> tuple[bytes, str, str]:
    """The content, media type and entity tag of a file of the Swagger UI page, by its name. Raises NotFound."""
    if name not in {file.name for file in ASSETS.iterdir()} or Path(name).suffix not in MEDIA_TYPES:
        raise NotFound(Text("Aucun fichier de ce nom", "No file of this name"))
    content = (ASSETS / name).read_bytes()
    return content, MEDIA_TYPES[Path(name).suffix], etag_of(content)


def _problem_type_document(kind: ProblemType, language: Language) -> ProblemTypeDocument:
    return ProblemTypeDocument(kind.path, kind.status, kind.title.to(language), kind.description.to(language))
