"""A form with files, as browsers send it (multipart/form-data): its fields, and the files that were chosen."""

import asyncio
from collections.abc import Mapping
from io import BytesIO
from typing import NamedTuple

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from api.web.form_fields import Fields, cleaned, unreadable_form
from api.web.request_body import AnyRequest, Share, require_coding, whole_body

MULTIPART = "multipart/form-data"
LONGEST_PART_HEADER = 4 << 10
AT_ONCE_BYTES = 1 << 20
"""A longer body is read in a thread: other requests would wait for it."""


class FormFile(NamedTuple):
    """A file that was chosen in a form; `name` as its owner calls it."""

    name: str
    content: bytes


Files = Mapping[str, FormFile]
"""The file of each field in which one was chosen; of several the last."""


def has_files(request: AnyRequest) -> bool:
    """Whether the body is announced as a form with files."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == MULTIPART


async def read_form_with_files(request: AnyRequest, limit: int, most: int, share: Share) -> tuple[Fields, Files]:
    """The fields and files in a body of at most `limit` bytes and `most` parts.

    Raises Refusal: 400 where it is no such form, 413, 415, 429.
    """
    require_coding(request.headers, ("identity",))
    raw = await whole_body(request, limit, share)
    boundary = parse_options_header(request.headers.get("content-type", ""))[1].get("boundary", "")
    try:
        if len(raw) <= AT_ONCE_BYTES:
            return form_in(raw, boundary, most)
        return await asyncio.to_thread(form_in, raw, boundary, most)
    except (MultipartError, UnicodeDecodeError):
        raise unreadable_form() from None


def form_in(raw: bytes, boundary: str, most: int) -> tuple[Fields, Files]:
    """The fields and files between these boundaries. Raises MultipartError, UnicodeDecodeError."""
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
                fields.setdefault(part.name, []).append(cleaned(content.decode()))
            elif part is not None and part.filename:
                files[part.name] = FormFile(part.filename, bytes(content))
    return fields, files
