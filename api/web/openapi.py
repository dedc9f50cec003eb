"""The OpenAPI 3.1 document, made from the routes: requests, answers and every way a route refuses.

`vivier openapi` prints it. It is built here rather than by the web framework, whose generator loses docstrings,
constraints on list items and `additionalProperties`, and has no problem documents.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar
from litestar.types import Method

from api.web.content_negotiation import FORM, HTML, JSON, MERGE_PATCH
from api.web.openapi_schemas import adapt_for_generators, components, content_schema, field_texts, schema_of
from api.web.problems import CATALOGUE, ProblemDocument
from api.web.problems import MEDIA_TYPE as PROBLEM
from domain.organisation import Scope

# in a checkout; in an installation
EXAMPLE_FOLDERS = (
    Path(__file__).parents[2] / "openapi" / "examples",
    Path(sys.prefix) / "share" / "vivier" / "examples",
)
TEXTS: Mapping[str, Any] = tomllib.loads((files("api.web") / "openapi_texts.toml").read_text("utf-8"))


@dataclass(frozen=True, kw_only=True)
class Route:
    """A documented route. `answers` maps each media type it produces (the first is the default) to a Python type.

    `scopes`: any one of them suffices; empty: no key needed. `problems` are the slugs it adds to those that follow from
    the rest. `patch`: the body is a merge patch of this type. `takes` maps media types to the type of a body that the
    handler reads by itself, as a stream. `example`: how the names of its files in openapi/examples begin. `file`: what
    an answer in CSV or GeoJSON holds, for the name of the file that it is kept as.
    """

    method: Method
    path: str
    name: str
    summary: str
    description: str
    tag: str
    scopes: tuple[Scope, ...]
    statuses: tuple[int, ...]
    answers: Mapping[str, Any]
    query: type | None
    body: type | None
    patch: type | None
    takes: Mapping[str, Any]
    parameters: Mapping[str, type]
    headers: Mapping[str, str]
    problems: tuple[str, ...]
    example: str | None
    file: str | None = None


def routes_of(app: Litestar) -> tuple[Route, ...]:
    """The documented routes of `app`, in the order they were registered."""
    handlers = (handler for route in app.routes for handler in getattr(route, "route_handlers", ()))
    return tuple(handler.opt["route"] for handler in handlers if "route" in handler.opt)


def encode_document(routes: Iterable[Route], server: str | None = None) -> bytes:
    """The OpenAPI document as indented JSON; the same routes give the same bytes."""
    return msgspec.json.format(msgspec.json.encode(openapi_document(tuple(routes), server)), indent=2) + b"\n"


def openapi_document(routes: tuple[Route, ...], server: str | None = None) -> dict[str, Any]:
    """The OpenAPI document of `routes`. `server`: the address under which the API is published, where it is known."""
    paths: dict[str, dict[str, Any]] = {}
    for route in sorted(routes, key=lambda r: (r.path, r.method)):
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    used = {route.tag for route in routes}
    taken = [kind for route in routes for media, kind in route.takes.items() if media != FORM]
    taken += [route.body for route in routes if route.body and not route.patch]
    taken += [field.type for route in routes if route.query for field in msgspec.structs.fields(route.query)]
    given = [ProblemDocument, *(kind for route in routes for kind in route.answers.values() if kind is not bytes)]
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "Vivier",
            "version": version("vivier"),
            "contact": {"name": "Vivier"},
            "description": TEXTS["description"],
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "servers": [{"url": server or "/", "description": "The server that gives this document"}],
        "tags": [{"name": tag, "description": text} for tag, text in TEXTS["tags"].items() if tag in used],
        "paths": adapt_for_generators(paths),
        "components": {
            "schemas": components(taken, given, [route.patch for route in routes if route.patch]),
            "parameters": TEXTS["parameters"],
            "headers": TEXTS["headers"],
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "A key: `Bearer <key>`"}},
        },
    }
    # msgspec names a page of awards Page_Award_
    text = re.sub(rb"\bPage_(\w+)_\b", rb"\1Page", msgspec.json.encode(whole))
    text = text.replace(b"NeedAndProcedure", b"Need")  # what a match takes; a need without its procedure is ours alone
    renamed: dict[str, Any] = msgspec.json.decode(text)
    renamed["components"]["schemas"] = dict(sorted(renamed["components"]["schemas"].items()))
    return renamed


def problems_of(route: Route) -> tuple[str, ...]:
    """The slugs of all problem types that a route may answer: declared ones, and those implied by its properties."""
    slugs = ["bad-request", "unknown-query-parameter", "internal-error", "stopping", *route.problems]
    if route.query and msgspec.structs.fields(route.query):
        slugs.append("invalid-query")
    if route.query and "cursor" in route.query.__struct_fields__:  # type: ignore[attr-defined]
        slugs.append("bad-cursor")
    if route.parameters:
        slugs.append("not-found")
    if route.answers:
        slugs.append("not-acceptable")
    if route.scopes:
        slugs += ["no-valid-key", "missing-scope", "too-many-requests", "database-away", "storage-full"]
    if route.body or route.takes or route.method == "POST":
        slugs += ["malformed-body", "body-too-large", "unsupported-media-type", "invalid-content"]
    return tuple(slug for slug in CATALOGUE if slug in slugs)


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {"operationId": route.name, "tags": [route.tag], "summary": route.summary}
    scopes = " or ".join(f"`{scope}`" for scope in route.scopes)
    needed = f"Scope: {scopes}." if scopes else "No key is needed."
    operation["description"] = "\n\n".join(filter(None, [route.description, needed]))
    operation["security"] = [{"key": []}] if route.scopes else []
    operation["parameters"] = [*_parameters(route), {"$ref": "#/components/parameters/AcceptLanguage"}]
    content = {media: {"schema": content_schema(media, kind)} for media, kind in route.takes.items()}
    media = MERGE_PATCH if route.patch else JSON
    if route.body:
        content = {media: {"schema": schema_of(route.patch or route.body)}}
    example = _load_example(f"{route.example}.request.json") if route.example else None
    if example is not None and media in content:
        content[media]["example"] = example
    if content:
        operation["requestBody"] = {"required": True, "content": content}
    operation["responses"] = {**_success_responses(route), **_problem_responses(route)}
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    before = {name: folder for folder, name in re.findall(r"(\w+)/\{(\w+)\}", route.path)}
    texts = {name: TEXTS["path_parameters"][f"{folder}/{name}"] for name, folder in before.items()}
    path = [
        {"name": name, "in": "path", "required": True, "description": texts[name], "schema": schema_of(kind)}
        for name, kind in route.parameters.items()
    ]
    headers = [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in route.headers.items()
    ]
    fields = msgspec.structs.fields(route.query) if route.query else ()
    said = field_texts(route.query) if route.query else {}
    return [*path, *(_query_parameter(field, said.get(field.name)) for field in fields), *headers]


def _query_parameter(field: msgspec.structs.FieldInfo, text: str | None) -> dict[str, Any]:
    """The OpenAPI object of a query parameter, described by `text`; its schema leaves out null, for an absent one."""
    schema = schema_of(field.type)
    if "anyOf" in schema:
        options = [option for option in schema.pop("anyOf") if option != {"type": "null"}]
        schema.update(options[0] if len(options) == 1 else {"anyOf": options})
    if field.default is not msgspec.NODEFAULT and field.default is not None:
        schema["default"] = msgspec.to_builtins(field.default)
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    parameter = {"name": field.encode_name, "in": "query", "required": field.required}
    described = schema.pop("description", None)
    if text or described:
        parameter["description"] = text or described
    return {**parameter, "schema": schema}


def _success_responses(route: Route) -> dict[str, Any]:
    content: dict[str, Any] = {media: {"schema": content_schema(media, kind)} for media, kind in route.answers.items()}
    if route.example and (example := _load_example(f"{route.example}.response.json")) is not None:
        content[JSON]["example"] = example
    answers = {}
    for status in route.statuses:
        answer: dict[str, Any] = {
            "description": HTTPStatus(status).phrase,
            "headers": {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
        }
        if content and status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
            answer["content"] = content
        answers[str(status)] = answer
    return answers


def _problem_responses(route: Route) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    content: dict[str, Any] = {PROBLEM: {"schema": schema_of(ProblemDocument)}}
    if route.path in _REFUSED_BY_PAGES:
        content[HTML] = {"schema": schema_of(str)}
    for slug in problems_of(route):
        by_status.setdefault(CATALOGUE[slug].status, []).append(slug)
    refusals = {}
    for status, slugs in by_status.items():
        lines = [f"`{CATALOGUE[slug].path}`: {CATALOGUE[slug].description.en}" for slug in slugs]
        names = ["X-Request-Id", *_HEADERS_OF_STATUS.get(status, ())]
        refusals[str(status)] = {
            "description": "\n\n".join(lines),
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
            "content": content,
        }
    return refusals


@lru_cache(maxsize=64)
def _load_example(name: str) -> Any:
    for folder in EXAMPLE_FOLDERS:
        if (folder / name).is_file():
            return msgspec.json.decode((folder / name).read_bytes())
    return None


_REFUSED_BY_PAGES = frozenset({"/replies/{token}", "/fiche/{token}"})
"""The paths on which who asks for HTML is refused by a page: suppliers, in a browser."""
_HEADERS_OF_STATUS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}
