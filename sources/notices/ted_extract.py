"""Notices of TED extracted as JSON, one object a notice, often one a line: buyer, title, CPV, lots with their places.

Of values, durations, renewals and the procedure such an extract says nothing.
"""

from collections.abc import Mapping
from typing import Any

from domain.needs.need import Nature
from sources.notices.element import Element, PlacedText, from_json, mark_read
from sources.notices.notice import Notice, NoticeBuyer, NoticeLot, NoticePlace, ReservedFlag
from sources.notices.reserved_marks import OF_TED
from sources.notices.ted import NATURES


def is_extract(document: Mapping[str, Any]) -> bool:
    """Whether an object is such an extract: it has a `notice_id`, and lots."""
    return "notice_id" in document and isinstance(document.get("lots"), list)


def read(document: Mapping[str, Any]) -> Notice:
    """The notice of an extract. Raises InvalidContent for what is past the bounds of `from_json`."""
    root = from_json(document)
    notice = Notice(root, _text(root, "notice_id"), root.first_text("title"))
    nature = NATURES.get(_text(root, "nature").upper())
    notice.cpv = _all(root, "cpv_main")
    notice.nature = nature
    notice.words = " . ".join(filter(None, (_text(root, "title"), _text(root, "short_description"))))
    address = NoticePlace(
        root.path,
        tuple(_all(root, "buyer_nuts")),
        _text(root, "buyer_country"),
        postal_code=_text(root, "buyer_postal"),
        city=_text(root, "buyer_town"),
    )
    if name := _text(root, "buyer"):
        notice.buyer = NoticeBuyer(root.path, name, place=address)
    marks = [each for each in _all(root, "reserved_flags") if each.text in OF_TED]
    flags = [ReservedFlag(each.path, OF_TED[each.text]) for each in marks]
    mark_read(*(root.at(name) for name in ("schema", "form", "lot_division")))
    elements = notice.first_lots(list(root.all("lots")))
    for element in elements:
        notice.lots.append(_lot(element, nature, flags))
    if len(elements) == 1:
        notice.lots[0].cpv = [*notice.cpv, *notice.lots[0].cpv]
        notice.lots[0].words = f"{notice.words} . {notice.lots[0].words}"
    if not elements:
        notice.lots.append(NoticeLot(root.path, "1", notice.title, reserved=flags, words=notice.words))
    return notice


def _lot(element: Element, nature: Nature | None, flags: list[ReservedFlag]) -> NoticeLot:
    lot = NoticeLot(
        element.path, _text(element, "id"), element.first_text("title"), nature=nature, reserved=list(flags)
    )
    lot.cpv = _all(element, "cpv_add")
    lot.words = " . ".join(filter(None, (_text(element, "title"), _text(element, "description"))))
    for place in element.all("places"):
        nuts = tuple(_all(place, "nuts"))
        words = _text(place, "main_site")
        if nuts or words:
            lot.places.append(NoticePlace(place.path, nuts, words=words))
    return lot


def _all(element: Element, name: str) -> list[PlacedText]:
    return [PlacedText(each.path, text) for each in element.all(name) if (text := each.text())]


def _text(element: Element, name: str) -> str:
    written = element.first_text(name)
    return written.text if written else ""
