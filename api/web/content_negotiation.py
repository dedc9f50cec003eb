"""Content negotiation (RFC 9110 §12): which media type, language and coding a request prefers for its answer.

Headers are read as the server gives them, names in lower case, without the framework's mapping of them. That is made
anew for each request, and costs as much as all checks of a key, a type and a length that look into it.

The media type and the language that the client prefers are not read with the framework's `Accept`, for which a quality
of 0 is an acceptance.

Answers are compressed with gzip where the client accepts it (§12.5.3) and it is worth the work. What forms of pages
prove is another text each time, so that lengths of compressed pages tell nothing of it. It is not the framework's
middleware that does it: that takes `gzip;q=0` for a wish, and names `Accept-Encoding` in `Vary` only on answers that it
compressed.

Map tools, spreadsheets and links set no headers: an address names the format of the answer by a parameter or by the end
of its path, such as "/meetings/{id}.ics". The framework's parameters are whole segments, so the suffix becomes one.
"""

import asyncio
import gzip
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from operator import itemgetter
from typing import Annotated, Any, Literal

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from domain.computations import short_cache
from domain.text.bilingual import PARIS, Language

JSON = "application/json"
GEOJSON = "application/geo+json"
CSV = "text/csv"
HTML = "text/html"
XML = "application/xml"
MERGE_PATCH = "application/merge-patch+json"
FORM = "application/x-www-form-urlencoded"
NDJSON = "application/x-ndjson"
ZIP = "application/zip"
KEPT, LONGEST_KEPT = 512, 256
"""The number of headers whose reading is kept, and the characters of the longest: browsers send some 100."""


@short_cache(KEPT, LONGEST_KEPT, lambda accept, _: len(accept))
def choose_media(accept: str, offered: tuple[str, ...]) -> str | None:
    """The media type of `offered` that the `Accept` header prefers; None where it refuses them all.

    Quality decides, then how precisely the type was named, then the order of `offered`. An empty header accepts all.
    """
    if not accept.strip():
        return offered[0]
    ranges, acceptable = weighted_items(accept), []
    for media in offered:
        patterns = ("*/*", media.partition("/")[0] + "/*", media)
        fitting = [(patterns.index(pattern), quality) for pattern, quality in ranges if pattern in patterns]
        precision, quality = max(fitting, default=(0, 0.0))
        if quality > 0:
            acceptable.append((quality, precision, media))
    return max(acceptable, key=itemgetter(0, 1))[2] if acceptable else None


@short_cache(KEPT, LONGEST_KEPT, len)
def choose_language(accept_language: str) -> Language:
    """French, unless `Accept-Language` prefers English; on equal quality the one named first."""
    qualities: dict[str, float] = {}
    for tag, quality in weighted_items(accept_language):
        qualities.setdefault(tag.partition("-")[0], quality)
    wildcard = qualities.get("*", 0.0)
    french, english = qualities.get("fr", wildcard), qualities.get("en", wildcard)
    if french == english and french > 0 and "en" in qualities:
        tags = list(qualities)
        return "en" if "fr" not in tags or tags.index("en") < tags.index("fr") else "fr"
    return "en" if english > french else "fr"


def weighted_items(header: str) -> list[tuple[str, float]]:
    """The comma-separated items of a header in lower case, each with its `q` (default 1); unreadable ones omitted."""
    items = []
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        values = {key.strip(): text for key, _, text in (parameter.partition("=") for parameter in parameters)}
        with suppress(ValueError):
            if name and 0 <= (quality := float(values.get("q", 1))) <= 1:
                items.append((name, quality))
    return items


def headers_by_name(scope: Scope) -> dict[str, str]:
    """The headers by their names in lower case; of a header sent several times, the first value."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed([*scope["headers"]])}


def header_values(scope: Scope, wanted: bytes) -> Iterator[str]:
    """All values of a header; `wanted`: its name in lower case."""
    return (value.decode("latin-1") for name, value in scope["headers"] if name == wanted)


COMPRESSED = ("json", "/html", "/css", "/javascript")
SMALLEST = 1_400
"""Answers of fewer bytes fit in one packet, compressed or not."""
LEVEL = 1
"""94 kB of candidates become 13 kB in 0.17 ms; level 6 makes 10 kB of them in 0.83 ms."""
LONG = 1 << 20
"""Longer answers are compressed in a thread, so that other requests are not kept waiting for it."""
VARY = "accept-encoding"


@short_cache(KEPT, LONGEST_KEPT, len)
def accepts_gzip(accept_encoding: str) -> bool:
    """Whether `Accept-Encoding` allows gzip and does not prefer an uncompressed answer."""
    qualities = dict(reversed(weighted_items(accept_encoding)))
    quality = qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0)))
    return quality > 0 and quality >= qualities.get("identity", 0.0)


def is_worth_compressing(size: int, media_type: str) -> bool:
    """Whether an answer of `size` bytes is compressed for those who accept it."""
    return size >= SMALLEST and media_type.partition(";")[0].endswith(COMPRESSED)


async def compress_if_accepted(body: bytes, media_type: str, headers: dict[str, str], accept_encoding: str) -> bytes:
    """The body to send, compressed where worth it and accepted; sets `vary` and `content-encoding` in `headers`."""
    if not is_worth_compressing(len(body), media_type):
        return body
    vary = headers.get("vary", "")
    if VARY not in vary:
        headers["vary"] = f"{vary}, {VARY}" if vary else VARY
    if not accepts_gzip(accept_encoding):
        return body
    headers["content-encoding"] = "gzip"
    return await asyncio.to_thread(_compress, body) if len(body) > LONG else _compress(body)


def _compress(body: bytes) -> bytes:
    return gzip.compress(body, LEVEL, mtime=0)  # the same bytes at any time, as a strong entity tag promises


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
    """The query parameters `format` and `csv` of a GET route that offers several media types."""

    def __init__(self, offered: tuple[str, ...]) -> None:
        self._media = {NAMES[media]: media for media in offered if media in NAMES}
        self._has_csv = CSV in offered

    def extend(self, query: type) -> type:
        """The query struct of a route, extended by `format` and, where the route offers CSV, `csv`."""
        named: Any = Literal[tuple(self._media)]
        fields: list[tuple[str, Any, Any]] = [
            ("format", Annotated[named, msgspec.Meta(description=_FORMAT)] | None, None)
        ]
        if self._has_csv:
            fields.append(("csv", Annotated[CsvDialect, msgspec.Meta(description=_CSV)] | None, None))
        name, text = f"{query.__name__}AndFormat", {"__doc__": query.__doc__}
        return msgspec.defstruct(name, fields, bases=(query,), frozen=True, kw_only=True, namespace=text)

    def media_type_of(self, parameters: Any) -> str | None:
        """The media type that the query parameters name; None where the `Accept` header decides."""
        if parameters.format is not None:
            return self._media[parameters.format]
        return CSV if self._has_csv and parameters.csv is not None else None


def content_disposition(what: str, media_type: str, now: datetime) -> str:
    """The `Content-Disposition` of a file that holds `what`, such as `vivier-fournisseurs-2026-11-24-1405.csv`.

    `what` is in unaccented letters and hyphens. The time is that of Paris.
    """
    return f'attachment; filename="vivier-{what}-{now.astimezone(PARIS):%Y-%m-%d-%H%M}.{KEPT_AS_FILES[media_type]}"'


_SUFFIX = re.compile(r"(?<=\})\.\w+$")


def split_suffix(path: str) -> str:
    """The route path with its suffix as a segment of its own: "/meetings/{id}.ics" becomes "/meetings/{id}/.ics"."""
    return _SUFFIX.sub(lambda found: f"/{found[0]}", path)


class FilePaths:
    """ASGI middleware that rewrites request paths such as "/meetings/7.ics" as `split_suffix` rewrites the route's."""

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
