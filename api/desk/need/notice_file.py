"""The form of a need filled in from a file: a notice that was published, read as `POST /notices` reads it."""

from http import HTTPStatus
from typing import NamedTuple

from api.desk.frame.mistakes import Mistake
from api.desk.frame.visit import Visit
from api.desk.need.form_of_need import form_of_need
from api.desk.need.need_form import NeedForm
from api.notices import need_of_notice
from api.web.problems import Refusal
from domain.errors import InvalidContent
from domain.text.bilingual import Text

FIELD = "avis"


class FilledIn(NamedTuple):
    """A notice that filled in the form.

    `name`: of its file; `lots`: how many it has. `doubts`: what was not read, or on a supposition; `others`: what a
    need has no place for, each in words. `before`: the fields that it replaced.
    """

    name: str
    lots: int
    doubts: tuple[Text, ...]
    others: tuple[Text, ...]
    before: list[tuple[str, str]]


async def read_notice_file(visit: Visit, form: NeedForm) -> tuple[NeedForm, FilledIn] | Mistake:
    """The form that the chosen file fills in, and what was read of it; the mistake where it cannot be read."""
    file = visit.files.get(FIELD)
    if file is None or not file.content.strip():
        return Mistake(FIELD, NO_FILE)
    is_json = file.content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"{", b"["}
    try:
        found = await need_of_notice(visit.call, file.content, is_json=is_json)
    except InvalidContent as invalid:
        return Mistake(FIELD, UNREADABLE.filled(reason=invalid.problems[0].detail))
    except Refusal as refusal:
        if refusal.kind.status != HTTPStatus.BAD_REQUEST:
            raise
        return Mistake(FIELD, UNREADABLE.filled(reason=refusal.detail))
    filled = form_of_need(found.need, keep_ids=False)
    doubts = dict.fromkeys(each.detail for each in found.unread if not each.expected)
    others = dict.fromkeys(each.detail for each in found.unread if each.expected)
    before = form.carried() if form != NeedForm() else []
    return filled, FilledIn(file.name, len(found.need.lots), tuple(doubts), tuple(others), before)


NO_FILE = Text(
    "Choisissez le fichier de l'avis : XML d'eForms ou de TED, ou JSON du BOAMP",
    "Choose the file of the notice: XML of eForms or TED, or JSON of BOAMP",
)
UNREADABLE = Text("Ce fichier n'a pas été lu. {reason}", "This file was not read. {reason}")
