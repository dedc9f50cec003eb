"""The route `POST /notices`: a published notice read as a need; nothing is stored."""

from typing import Any

import msgspec

from api.match import MATCH_PROBLEMS
from api.runtime.endpoint import Call, endpoint
from api.web.content_negotiation import JSON, XML
from api.web.problems import Refusal
from api.web.request_body import JsonBody, missing_body, require_coding, require_media, whole_body
from domain.needs.need import NeedAndProcedure
from matching.reference import Reference
from sources.notices.element import MalformedNotice
from sources.notices.need_of_notice import NoticeNeed, need_in_record, need_in_xml

TEXT_XML = "text/xml"
IN_A_THREAD_BYTES, IN_A_THREAD_TAGS = 128 << 10, 4_000
"""A larger notice is read in another process: in a thread its parser keeps requests waiting for the interpreter."""
RECORD: JsonBody[dict[str, Any]] = JsonBody(dict[str, Any])


class UnreadPart(msgspec.Struct, frozen=True):
    """A part of the notice that is not in the need, or not as it stands."""

    path: str
    """Its place in the notice; numbers begin at 1"""
    detail: str
    """The reason, in the language of the request"""


class ReadNotice(msgspec.Struct, frozen=True):
    """A need as `POST /match` and `POST /needs` take it."""

    need: NeedAndProcedure
    """To be sent as it is, or completed"""
    unread: tuple[UnreadPart, ...]
    """Parts of the notice that are not in it"""


@endpoint(
    "POST",
    "/notices",
    tag="Match",
    scope="match",
    answers=ReadNotice,
    takes={XML: str, TEXT_XML: str, JSON: dict[str, Any]},
    problems=MATCH_PROBLEMS[:2],
    example="notice",
)
async def get_need_of_notice(call: Call) -> ReadNotice:
    """Read a notice as a need.

    Takes an eForms notice or a form of TED that preceded eForms, in XML, or a record of the BOAMP API, in JSON. Answers
    with its lots, CPV codes, places, values, durations, renewals, reservation, procedure and buyer as a body for
    `POST /match`, and with what was not read: first what could not be read or was read on a supposition, then the parts
    that a need has no place for. Of more than 200 lots the first are read. Where lots are reserved and neither
    the field nor the text tells handicap and insertion apart, they are read as open to both. Nothing is stored.

    422 for a document type or entity declaration, whatever it holds, and for a notice without lots.
    """
    media = require_media(call.headers, (XML, TEXT_XML, JSON))
    require_coding(call.headers, ("identity",))
    services = call.services
    raw = await whole_body(call, services.settings.body_limit, call.share_of_body)
    if not raw.strip():
        raise missing_body()
    found = await need_of_notice(call, raw, is_json=media == JSON)
    return ReadNotice(found.need, tuple(UnreadPart(each.path, each.detail.to(call.language)) for each in found.unread))


async def need_of_notice(call: Call, raw: bytes, *, is_json: bool) -> NoticeNeed:
    """The need of a notice, read beside other requests. Raises Refusal (400, 429, 503) and InvalidContent (422)."""
    return await call.services.match_work.run_function(
        need_in,
        raw,
        is_json,
        is_much=is_much(raw),
        key=str(call.bearer.organisation_id),
        left=call.wait_for_disconnect,
    )


def is_much(raw: bytes) -> bool:
    """Whether a notice in XML or JSON is long, or of very many elements, which cost more than their bytes."""
    return len(raw) > IN_A_THREAD_BYTES or raw.count(b"<") + raw.count(b'":') > IN_A_THREAD_TAGS


def need_in(reference: Reference, raw: bytes, is_json: bool) -> NoticeNeed:
    """The need of a notice in JSON or XML. Raises Refusal (400), and InvalidContent (422) as the readers of notices."""
    try:
        if is_json:
            record = RECORD.decode(raw.removeprefix(b"\xef\xbb\xbf"))
            return need_in_record(record, reference.territories, reference.cpv)
        return need_in_xml(raw, reference.territories, reference.cpv)
    except MalformedNotice as malformed:
        raise Refusal("malformed-body", malformed.detail) from None


ROUTES = (get_need_of_notice,)
