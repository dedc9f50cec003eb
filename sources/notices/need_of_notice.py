"""The need in a notice of any form: eForms, the older forms of TED, or a record of the BOAMP API.

A need is what `POST /match` takes, checked against the reference data.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from domain.errors import InvalidContent, Problem
from domain.needs.need import RESERVED_TYPES, Buyer, Lot, NeedAndProcedure, Reserved
from domain.suppliers.supplier import SIRET_DIGITS
from domain.text.bilingual import cut, on_one_line, said_by
from matching.reference import Reference
from sources.notices import boamp, eforms, ted, ted_before_2016
from sources.notices.element import PlacedText, from_xml
from sources.notices.notice import MOST_LOTS, MOST_WORDS, TECHNIQUES, Notice, NoticeBuyer, NoticeLot, Unread, all_unread
from sources.notices.reading import PlaceReader, lots_with_values, renewal_months, renewal_sentences, reservations_in
from sources.validation import siret_passes_check

_SAID = said_by(__name__)

LONGEST, LONGEST_ID, MOST_CPV = 400, 100, 200
MOST_SUGGESTIONS = 20
"""A suggestion costs more than finding a code wrong."""
_SHELTERED: tuple[Reserved, ...] = ("handicap", "iae")


class NoticeNeed(NamedTuple):
    """The need that a notice describes, and the parts of the notice that were not read."""

    need: NeedAndProcedure
    unread: tuple[Unread, ...]


def need_of(notice: Notice, reference: Reference) -> NoticeNeed:
    """Make a need, as `POST /match` takes it, of a notice. Raises InvalidContent where no lot has an object."""
    return NoticeNeed(_NeedBuilder(notice, reference).need(), all_unread(notice))


class _NeedBuilder:
    """Makes the need of a notice, and adds remarks to the notice on what a need has no place for."""

    def __init__(self, notice: Notice, reference: Reference) -> None:
        self.notice, self._places, self._known = notice, PlaceReader(notice, reference), reference.cpv
        self._suggested = 0
        words = notice.whole.words[:MOST_WORDS]
        self._renewed_in_all, self._reservations_in_all = renewal_sentences(words), reservations_in(words, marked=True)

    def need(self) -> NeedAndProcedure:
        notice = self.notice
        common, title = self._cpv(notice.whole.cpv), self._title(notice.whole.title)
        made: list[tuple[NoticeLot, Lot]] = []
        ids = set[str]()
        for number, read in enumerate(notice.lots[:MOST_LOTS], start=1):
            # none empty or too long, no two alike
            identifier = on_one_line(read.id)[: LONGEST_ID - 10].strip() or str(number)
            while identifier in ids:
                identifier = f"{identifier[: LONGEST_ID - 10]}-{number}"
            ids.add(identifier)
            if (lot := self._lot(read, identifier, common, title)) is not None:
                made.append((read, lot))
        if not made:
            raise InvalidContent((Problem("", "no_lots", _SAID["no_lots"]),))
        lots, total = lots_with_values(notice, made)
        named = {lot.technique for lot in (notice.whole, *notice.lots)}
        shared = {lot.territory for lot in lots}
        whole = lots[0].territory if len(shared) == 1 else None
        if whole is not None:
            lots = [msgspec.structs.replace(lot, territory=None) for lot in lots]
        return NeedAndProcedure(
            lots=tuple(lots),
            reference=on_one_line(notice.reference)[:LONGEST].strip() or None,
            title=title,
            planned_publication_on=notice.planned_publication_on,
            buyer=self._buyer(notice.buyer),
            contract=notice.contract,
            technique=next((each for each in TECHNIQUES if each in named), None),
            estimated_total_eur=total,
            territory=whole,
            procedure=notice.procedure,
        )

    def _lot(self, read: NoticeLot, identifier: str, shared_cpv: tuple[str, ...], need_title: str | None) -> Lot | None:
        title = self._title(read.title) or (need_title if len(self.notice.lots) == 1 else None)
        codes = self._cpv(read.cpv) or shared_cpv
        keywords = tuple(text[:LONGEST] for text in self.notice.keywords[:50])
        if not (codes or title or keywords):
            title = need_title
        if not (codes or title or keywords):
            self.notice.note(read.path, "lot_without_object")
            return None
        if not codes:
            self.notice.note(read.path, "object_in_words")
        territory, site = self._places.territory_and_site(read.places)
        return Lot(
            id=identifier,
            title=title,
            cpv=codes,
            keywords=keywords,
            nature=read.nature or self.notice.whole.nature,
            duration_months=read.months or None,
            renewal_months=self._renewal(read),
            innovative=read.innovative,
            reserved=self._reservations(read),
            site=site or msgspec.UNSET,
            territory=territory,
        )

    def _title(self, title: PlacedText | None) -> str | None:
        if title is None:
            return None
        text = on_one_line(title.text)
        if len(text) > LONGEST:
            self.notice.note(title.path, "title_cut", most=LONGEST, length=len(text))
        return text[:LONGEST].strip() or None

    def _cpv(self, written: Iterable[PlacedText]) -> tuple[str, ...]:
        codes: dict[str, None] = {}
        for path, text in written:
            if self._known.exists(text):
                codes[self._known.normalise(text)] = None
                continue
            self._suggested += 1
            near = self._known.nearest(text[:LONGEST]) if self._suggested <= MOST_SUGGESTIONS else None
            self.notice.note(path, "unknown_cpv_near" if near else "unknown_cpv", text=cut(text), near=near or "")
        return tuple(codes)[:MOST_CPV]

    def _renewal(self, read: NoticeLot) -> int | None:
        """The months of all renewals of a lot; adds a remark where only the lot's text tells them, or nothing does."""
        in_text = renewal_sentences(read.words[:MOST_WORDS]) or self._renewed_in_all
        if read.renewals is None:
            months, is_written = renewal_months(in_text, None, read.months)
            if months is None or not is_written:
                return None
            self.notice.note(read.path, "renewable_by_its_text", months=months)
            return months
        path, number, words = read.renewals
        months, is_written = renewal_months(words[:MOST_WORDS] or in_text, number, read.months)
        if months is None:
            self.notice.note(path, "renewals_of_unknown_length")
        elif not is_written:
            self.notice.note(path, "renewals_as_long")
        return months

    def _reservations(self, read: NoticeLot) -> tuple[Reserved, ...]:
        if not read.reserved:
            told = () if read.is_not_reserved else reservations_in(read.words[:MOST_WORDS], marked=False)
            if told:
                self.notice.note(read.path, "reserved_by_its_text", kinds=", ".join(told))
            return told
        marks = {flag.text: flag for flag in reversed(read.reserved)}
        flag = marks.get("sheltered") or marks.get("programme") or marks["mission"]
        if flag.text == "mission":
            self.notice.note(flag.path, "reserved_to_public_service")
            return ("ess",)
        if "mission" in marks:
            self.notice.note(marks["mission"].path, "two_reservations")
        told = reservations_in(read.words[:MOST_WORDS], marked=True) or self._reservations_in_all
        told = tuple(kind for kind in told if kind != "ess")
        if not told:
            self.notice.note(flag.path, "reserved_to_either")
            told = _SHELTERED
        return tuple(kind for kind in RESERVED_TYPES if kind in told)

    def _buyer(self, buyer: NoticeBuyer | None) -> Buyer | None:
        if buyer is None:
            return None
        siret = None
        if buyer.number is not None:
            path, written = buyer.number
            digits = re.sub(r"[\s.\u00a0-]|SIRET|:", "", written, flags=re.IGNORECASE)
            if not (len(digits) == SIRET_DIGITS and digits.isascii() and digits.isdecimal()):
                self.notice.note(path, "buyer_without_siret", text=cut(written))
            else:
                siret = digits
                if not siret_passes_check(siret):
                    self.notice.note(path, "siret_of_buyer_fails")
        name = on_one_line(buyer.name)[:LONGEST].strip() or None
        if not (name or siret or buyer.kind or buyer.contracting_authority is not None):
            return None
        return Buyer(name, siret, buyer.kind, buyer.contracting_authority, body=buyer.body)


MOST_SHOWN = 100


def need_in_xml(raw: bytes, reference: Reference) -> NoticeNeed:
    """Read the need that a notice in XML describes.

    Raises MalformedNotice where it is no XML, InvalidContent where it is no notice that is known, has no lots, declares
    a document type or an entity, or is past the bounds of `from_xml`.
    """
    root, names = from_xml(raw), (*eforms.ROOTS, *ted.ROOTS)
    document = root if root.name in names else next(root.descendants(*names), None)
    if document is None:
        name, known = root.name[:MOST_SHOWN], ", ".join(names)
        detail = _SAID["unknown_notice"].filled(name=name, known=known)
        raise InvalidContent((Problem("", "unknown_notice", detail),))
    if document.name in eforms.ROOTS:
        return need_of(eforms.read(document), reference)
    form = ted.form_of(document)
    is_newer = form is not None and any(form.child(name) for name in ("CONTRACTING_BODY", "OBJECT_CONTRACT"))
    return need_of((ted if is_newer else ted_before_2016).read(document), reference)


def need_in_record(document: Mapping[str, Any], reference: Reference) -> NoticeNeed:
    """Read the need that the only BOAMP record in a JSON document describes.

    Raises InvalidContent where there is none or there are several, where it has no lots, or no JSON inside.
    """
    found = list(islice(boamp.records_in(document), 2))
    if not found:
        raise InvalidContent((Problem("", "no_notice", _SAID["no_record"]),))
    if len(found) > 1:
        raise InvalidContent((Problem(found[1][0], "several_notices", _SAID["several_notices"]),))
    (at, record), *_ = found
    return need_of(boamp.read(record, at), reference)
