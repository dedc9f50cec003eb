"""A notice read, whichever its form: eForms, the forms of TED before them, a record of the BOAMP API."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from domain.errors import InvalidContent, Problem
from domain.reference.cpv import Cpv
from domain.reference.territory import Territories
from domain.text.bilingual import Text
from sources.notices import boamp, eforms, ted, ted_before_2016
from sources.notices.element import Element, from_xml
from sources.notices.need_of_notice import NoticeNeed, need_of
from sources.notices.notice import Notice

MOST_SHOWN = 100


def need_in_xml(raw: bytes, territories: Territories, cpv: Cpv) -> NoticeNeed:
    """The need of a notice in XML.

    Raises MalformedNotice where it is no XML, InvalidContent where it is no notice that is known, has no lots, declares
    a document type or an entity, or is past the bounds of `from_xml`.
    """
    return need_of(_notice(from_xml(raw)), territories, cpv)


def need_in_record(document: Mapping[str, Any], territories: Territories, cpv: Cpv) -> NoticeNeed:
    """The need of the one record of BOAMP in a document.

    Raises InvalidContent where there is none or there are several, and as `need_of_record`.
    """
    found = list(islice(boamp.records_in(document), 2))
    if not found:
        raise InvalidContent((Problem("", "no_notice", boamp.NO_RECORD),))
    if len(found) > 1:
        raise InvalidContent((Problem(found[1][0], "several_notices", boamp.SEVERAL),))
    (at, record), *_ = found
    return need_of_record(record, at, territories, cpv)


def need_of_record(record: Mapping[str, Any], at: str, territories: Territories, cpv: Cpv) -> NoticeNeed:
    """The need of a record; `at`: its JSON pointer. Raises InvalidContent where it has no lots, or no JSON inside."""
    return need_of(boamp.read(record, at), territories, cpv)


def _notice(root: Element) -> Notice:
    names = (*eforms.ROOTS, *ted.ROOTS)
    document = root if root.name in names else next(root.within(*names), None)
    if document is None:
        raise InvalidContent((Problem("", "unknown_notice", _unknown(root.name[:MOST_SHOWN])),))
    if document.name in eforms.ROOTS:
        return eforms.read(document)
    form = ted.form_of(document)
    is_newer = form is not None and any(form.at(name) for name in ("CONTRACTING_BODY", "OBJECT_CONTRACT"))
    return ted.read(document) if is_newer else ted_before_2016.read(document)


def _unknown(name: str) -> Text:
    known = ", ".join((*eforms.ROOTS, *ted.ROOTS))
    return Text(
        f"« {name} » n'est pas un avis connu ; attendu : {known}", f"“{name}” is no known notice; expected: {known}"
    )
