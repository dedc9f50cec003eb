"""Formats that an address names, for map tools, spreadsheets and links, which set no headers; names of files.

A parameter names the format, or the end of the path, such as "/meetings/{id}.ics": the framework's parameters are whole
segments, so the suffix becomes one.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from api.web.content_negotiation import CSV, GEOJSON, HTML, JSON
from api.web.query_string import NoQuery
from domain.text.typography import PARIS

NAMES: Mapping[str, str] = {JSON: "json", GEOJSON: "geojson", CSV: "csv", HTML: "html", "application/pdf": "pdf"}
"""The media types that an address can name."""
KEPT_AS_FILES: Mapping[str, str] = {GEOJSON: "geojson", CSV: "csv"}
"""The media types of answers that people keep as files, each with its extension."""
CsvDialect = Literal["plain", "excel"]
"""How CSV is written."""
MapFormat = Literal["json", "geojson"]
PageFormat = Literal["json", "html"]
TableFormat = Literal["json", "geojson", "csv"]
"""Names of media types that several routes offer together."""
_FORMAT = "The media type of the answer; it goes before the `Accept` header"
_CSV = "`excel`: CSV as French spreadsheets open it by a double click (semicolons, decimal commas, byte order mark)"


class AddressFormats:
    """The parameters `format` and `csv` of a route that reads and offers several media types."""

    def __init__(self, offered: tuple[str, ...]) -> None:
        self._media = {NAMES[media]: media for media in offered if media in NAMES}
        self._has_csv = CSV in offered

    def added_to(self, query: type) -> type:
        """The query of the route, with these parameters too."""
        named: Any = Literal[tuple(self._media)]
        fields: list[tuple[str, Any, Any]] = [
            ("format", Annotated[named, msgspec.Meta(description=_FORMAT)] | None, None)
        ]
        if self._has_csv:
            fields.append(("csv", Annotated[CsvDialect, msgspec.Meta(description=_CSV)] | None, None))
        name, text = f"{query.__name__}AndFormat", {"__doc__": query.__doc__}
        return msgspec.defstruct(name, fields, bases=(query,), frozen=True, kw_only=True, namespace=text)

    def chosen(self, parameters: Any) -> str | None:
        """The media type that the parameters name; None where the `Accept` header decides."""
        if parameters.format is not None:
            return self._media[parameters.format]
        return CSV if self._has_csv and parameters.csv is not None else None


def address_formats(method: str, offered: tuple[str, ...]) -> AddressFormats | None:
    """The formats that addresses of a route name; None where it writes, or has fewer than two that have names."""
    named = [media for media in offered if media in NAMES]
    return AddressFormats(offered) if method == "GET" and len(named) > 1 else None


def with_formats(method: str, offered: tuple[str, ...], query: type | None) -> type | None:
    """The query of a route, with the formats that its addresses name."""
    formats = address_formats(method, offered)
    return query if formats is None else formats.added_to(query or NoQuery)


def file_name(what: str, media_type: str, now: datetime) -> str:
    """The `Content-Disposition` of an answer kept as a file, such as `vivier-fournisseurs-2026-11-24-1405.csv`.

    `what`: letters without accents and hyphens. The time is that of Paris.
    """
    return f'attachment; filename="vivier-{what}-{now.astimezone(PARIS):%Y-%m-%d-%H%M}.{KEPT_AS_FILES[media_type]}"'


_SUFFIX = re.compile(r"(?<=\})\.\w+$")


def path_in_parts(path: str) -> str:
    """The path with the suffix of its last parameter as a segment of its own: "/meetings/{id}/.ics"."""
    return _SUFFIX.sub(lambda found: f"/{found[0]}", path)


class FilePaths:
    """ASGI middleware that rewrites requests to those of `paths` that have a suffix, as `path_in_parts` does."""

    def __init__(self, app: ASGIApp, paths: Iterable[str]) -> None:
        self._app = app
        shapes = [
            re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path[: found.start()])) + f"(?={re.escape(found[0])}$)"
            for path in paths
            if (found := _SUFFIX.search(path))
        ]
        self._shape = re.compile("|".join(shapes)) if shapes else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and self._shape is not None and (found := self._shape.match(scope["path"])):
            scope["path"] = f"{scope['path'][: found.end()]}/{scope['path'][found.end() :]}"
        await self._app(scope, receive, send)
