"""HTML pages: the jinja2 environment of their templates, and the reading of submitted forms with files."""

import asyncio
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

from jinja2 import BaseLoader, Environment, StrictUndefined
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from api.web.problems import Refusal
from api.web.request_body import AnyRequest, MemoryShare, require_coding, whole_body
from domain.text.bilingual import Text, said_by

_SAID = said_by(__name__)

STYLE = (Path(__file__).parent / "pages.css").read_text(encoding="utf-8")
"""The style sheet that all pages begin with: the desk's, the one on which suppliers reply, the report."""
FIELDS_AT_ONCE_BYTES = 128 << 10
"""A longer form is read in a thread: a million escapes take a quarter of a second."""

Fields = Mapping[str, list[str]]
"""The texts of each field, at least one, in the order of the form."""


def html_environment(loader: BaseLoader) -> Environment:
    """A jinja2 environment for HTML: values are escaped, unknown names are errors, blocks leave no blank lines."""
    return Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def parse_fields(encoded: bytes, most: int) -> Fields:
    """The fields of a URL-encoded form or query string. Raises Refusal (400) if unreadable or over `most` fields."""
    if encoded.count(b"&") >= most:
        detail = _SAID["too_many_fields"].filled(most=most)
        raise Refusal("malformed-body", detail)
    try:
        fields = parse_qs(encoded.decode(), keep_blank_values=True, errors="strict", max_num_fields=most)
    except ValueError:
        raise unreadable_form() from None
    return {name: list(map(clean_text, texts)) for name, texts in fields.items()}


def unreadable_form() -> Refusal:
    """The refusal (400) of a body that cannot be read as a form."""
    return Refusal("malformed-body", Text("Ce formulaire est illisible", "This form cannot be read"))


def clean_text(text: str) -> str:
    """The text without outer blanks and NUL characters (no database stores them), its line ends as line feeds."""
    return text.replace("\0", "").replace("\r\n", "\n").strip()


MULTIPART = "multipart/form-data"
LONGEST_PART_HEADER = 4 << 10
AT_ONCE_BYTES = 1 << 20
"""A longer body is read in a thread: other requests would wait for it."""


class FormFile(NamedTuple):
    """A file uploaded with a form; `name` is the file name on the user's machine."""

    name: str
    content: bytes


Files = Mapping[str, FormFile]
"""The file of each field in which one was chosen; of several the last."""


def has_files(request: AnyRequest) -> bool:
    """Whether the request's Content-Type announces a form with files (multipart)."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == MULTIPART


async def read_form(
    request: AnyRequest, limit: int, most: int, share: MemoryShare, *, with_files: bool = False
) -> tuple[Fields, Files]:
    """The fields of a submitted form, at most `most` in at most `limit` bytes, and its files where `with_files`.

    Raises Refusal: 400 where it is no such form or has more, 413, 415, 429.
    """
    require_coding(request.headers, ("identity",))
    raw = await whole_body(request, limit, share)
    if not with_files:
        is_long = len(raw) > FIELDS_AT_ONCE_BYTES
        return (await asyncio.to_thread(parse_fields, raw, most) if is_long else parse_fields(raw, most)), {}
    boundary = parse_options_header(request.headers.get("content-type", ""))[1].get("boundary", "")
    try:
        if len(raw) <= AT_ONCE_BYTES:
            return parse_multipart(raw, boundary, most)
        return await asyncio.to_thread(parse_multipart, raw, boundary, most)
    except (MultipartError, UnicodeDecodeError):
        raise unreadable_form() from None


def parse_multipart(raw: bytes, boundary: str, most: int) -> tuple[Fields, Files]:
    """The fields and files of a multipart body, at most `most`. Raises MultipartError, UnicodeDecodeError."""
    fields: dict[str, list[str]] = {}
    files: dict[str, FormFile] = {}
    bounds = {"max_segment_count": most, "max_header_size": LONGEST_PART_HEADER, "content_length": len(raw)}
    with PushMultipartParser(boundary, **bounds) as parser:
        part: MultipartSegment | None = None
        content = bytearray()
        for event in parser.parse_blocking(BytesIO(raw).read):
            if isinstance(event, MultipartSegment):
                part, content = event, bytearray()
            elif event:
                content += event
            elif part is not None and part.filename is None:
                fields.setdefault(part.name, []).append(clean_text(content.decode()))
            elif part is not None and part.filename:
                files[part.name] = FormFile(part.filename, bytes(content))
    return fields, files
