"""The standard forms of TED before eForms: TED_EXPORT with schema R2.0.9 (F01 to F25), as TED publishes them.

A form stands once in each language it was translated into; one is read. Names are those of the schema. Notices of TED
are extracted as JSON too, one object a notice, often one a line: buyer, title, CPV, lots with their places. Of values,
durations, renewals and the procedure such an extract says nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from domain.needs.need import Nature
from domain.text.bilingual import cut
from sources.notices.element import Element, PlacedText, from_json, mark_read, placed_texts
from sources.notices.notice import CODES, Amount, Notice, NoticeBuyer, NoticeLot, NoticePlace, Renewals
from sources.notices.reading import months_between, months_of

ROOTS = ("TED_EXPORT", "TED_ESENDERS")
FRENCH = "FR"

CONCESSIONS, UTILITIES = "32014L0023", "32014L0025"
_CODES = CODES["ted"]


def read(root: Element) -> Notice:
    """Read a notice of TED in a form of R2.0.9 from its root element, which has a name in `ROOTS`."""
    notice = Notice(root)
    form = form_of(root)
    if form is None:
        return notice
    mark_read(form.child("LEGAL_BASIS"))
    basis = next((each.attribute("VALUE") for each in form.all("LEGAL_BASIS")), "")
    if basis == CONCESSIONS:
        notice.contract = "concession"
    notice.buyer = _buyer(notice, form, basis)
    read_procedure(notice, form)
    flags = reserved_marks(form)
    contracts = notice.first_lots(list(form.all("OBJECT_CONTRACT")))
    for number, contract in enumerate(contracts, start=1):
        _read_object(notice, contract, f"{number}-" if len(contracts) > 1 else "", flags)
    awarded: dict[str, Amount] = {}
    for award in form.all("AWARD_CONTRACT"):  # estimated or awarded; of a lot awarded twice the first counts
        lot_number = award.text_at("LOT_NO") or "1"
        elements = (next(award.descendants(name), None) for name in ("VAL_ESTIMATED_TOTAL", "VAL_TOTAL"))
        if value := next((each for each in elements if each is not None), None):
            awarded.setdefault(lot_number, _amount_of(value))
    notice.set_values_awarded(awarded)
    for name in ("CHANGES", "MODIFICATIONS_CONTRACT"):
        if changes := form.child(name):
            notice.note(changes.path, "changes_not_read")
    return notice


def form_of(root: Element) -> Element | None:
    """A notice's form in French, else in the original language, else the first; None where there is no form."""
    section = root if root.name == "FORM_SECTION" else next(root.descendants("FORM_SECTION"), None)
    forms = [each for each in section.children if each.name != "NOTICE_UUID"] if section is not None else []
    in_french = [each for each in forms if each.attributes.get("LG") == FRENCH]
    original = [each for each in forms if each.attributes.get("CATEGORY") == "ORIGINAL"]
    return next(iter((*in_french, *original, *forms)), None)


def read_procedure(notice: Notice, form: Element) -> None:
    """Read the procedure and the technique (framework agreement, dynamic purchasing system) into the notice."""
    for kind in elements_beginning(form, "PT_"):
        mark_read(kind)
        notice.procedure = notice.procedure or _CODES.procedures.get(kind.name)
        if kind.name not in _CODES.procedures:
            notice.note(kind.path, "procedure_without_equal", text=cut(kind.name))
    for element in form.descendants("PROCEDURE"):
        for name, technique in _CODES.techniques.items():
            if (found := element.child(name)) is not None:
                mark_read(found)
                notice.whole.technique = notice.whole.technique or technique


def elements_beginning(element: Element, prefix: str) -> list[Element]:
    """The topmost elements inside an element whose names begin with `prefix`, the least deep first."""
    found, waiting = [], list(element.children)
    for each in waiting:
        if each.name.startswith(prefix):
            found.append(each)
        else:
            waiting += each.children
    return found


def reserved_marks(form: Element) -> list[PlacedText]:
    """The marks in a form that the contract is reserved, which hold for all its lots."""
    marks = list(form.descendants(*_CODES.reserved))
    mark_read(*marks)
    return [PlacedText(each.path, _CODES.reserved[each.name]) for each in marks]


def _read_object(notice: Notice, contract: Element, prefix: str, flags: list[PlacedText]) -> None:
    """Read the lots of one OBJECT_CONTRACT into the notice; most forms have one, with a description per lot.

    `prefix`: of the ids of its lots; `flags`: the marks that they are reserved.
    """
    whole = notice.whole
    title = contract.first_text("TITLE")
    notice.set_planned_day(contract.first_text("DATE_PUBLICATION_NOTICE"))
    reference = contract.text_at("REFERENCE_NUMBER")
    described = contract.first_text("SHORT_DESCR")
    whole.title = whole.title or title
    notice.reference = notice.reference or reference
    words = " . ".join(each.text for each in (title, described) if each)
    whole.words += " . " + words
    nature: Nature | None = None
    if (kind := contract.child("TYPE_CONTRACT")) is not None:
        nature = _CODES.natures.get(kind.attribute("CTYPE"))
        if nature is None:
            notice.note(kind.path, "nature_without_equal", text=cut(kind.attribute("CTYPE")))
    cpv = cpv_codes(contract.all("CPV_MAIN"))
    value = _amount_in(contract, "VAL_ESTIMATED_TOTAL")
    if value is None and (value := _amount_in(contract, "VAL_TOTAL")):
        notice.note(value.path, "total_is_awarded")
    if not prefix:
        whole.nature, whole.cpv, whole.value = nature, cpv, value
    described_lots = notice.first_lots(list(contract.all("OBJECT_DESCR")))
    for number, element in enumerate(described_lots, start=1):
        lot = _lot(notice, element)
        lot.id = prefix + (lot.id or str(number))
        lot.nature = nature
        lot.title = lot.title or (title if len(described_lots) == 1 else None)
        lot.words = f"{words} . {lot.words}" if len(described_lots) == 1 else lot.words
        lot.reserved = list(flags)
        lot.cpv = [*cpv, *lot.cpv] if len(described_lots) == 1 else lot.cpv or list(cpv)
        if prefix and len(described_lots) == 1:
            lot.value = lot.value or value
        notice.lots.append(lot)
    if not described_lots:
        notice.lots.append(
            NoticeLot(contract.path, prefix + "1", title, cpv, nature, value, reserved=list(flags), words=words)
        )


def _lot(notice: Notice, element: Element) -> NoticeLot:
    title = element.first_text("TITLE")
    lot = NoticeLot(element.path, element.text_at("LOT_NO"), title)
    lot.words = " . ".join(filter(None, (element.text_at("TITLE"), element.text_at("SHORT_DESCR"))))
    lot.cpv = cpv_codes(element.all("CPV_ADDITIONAL"))
    lot.value = _amount_in(element, "VAL_OBJECT") or _amount_in(element, "VAL_ESTIMATED_TOTAL")
    nuts, site = nuts_codes(element), element.first_text("MAIN_SITE")
    if nuts or site:
        path = site.path if site else nuts[0].path
        lot.places = [NoticePlace(path, nuts, words=site.text if site else "")]
    lot.months = _months(notice, element)
    if element.child("RENEWAL") is not None or element.child("RENEWAL_DESCR") is not None:
        mark_read(element.child("RENEWAL"))
        words = element.first_text("RENEWAL_DESCR")
        lot.renewals = Renewals(words.path if words else element.path, None, words.text if words else "")
    elif none := element.child("NO_RENEWAL"):
        mark_read(none)
        lot.renewals = Renewals(none.path, 0, "")
    return lot


def _months(notice: Notice, element: Element) -> int | None:
    if (duration := element.child("DURATION")) is not None:
        unit = duration.attribute("TYPE")
        months, path, written = months_of(duration.text(), unit), duration.path, f"{duration.text()} {unit}"
    else:
        start, end = element.first_text("DATE_START"), element.first_text("DATE_END")
        if (first := start or end) is None:
            return None
        months = months_between(start.text, end.text) if start and end else None
        path, written = first.path, " – ".join(each.text for each in (start, end) if each)
    if months is None:
        notice.note(path, "duration_not_in_months", text=cut(written))
    return months


def cpv_codes(elements: Iterable[Element]) -> list[PlacedText]:
    """The CPV codes inside elements such as CPV_MAIN, each of which may have several."""
    return [
        PlacedText(code.path, code.attribute("CODE") or code.text())
        for element in elements
        for code in element.descendants("CPV_CODE")
    ]


def _amount_in(element: Element, name: str) -> Amount | None:
    """The amount in the first child with this name; None without such a child."""
    found = element.child(name)
    return None if found is None else _amount_of(found)


def _amount_of(element: Element) -> Amount:
    """The amount in an element: the attribute FMTVAL, else the text."""
    return Amount(element.path, element.attribute("FMTVAL") or element.text(), element.attribute("CURRENCY"))


def nuts_codes(element: Element) -> tuple[PlacedText, ...]:
    """The NUTS codes that are children of an element."""
    return tuple(PlacedText(code.path, code.attribute("CODE") or code.text()) for code in element.all("NUTS"))


def _buyer(notice: Notice, form: Element, legal_basis: str) -> NoticeBuyer | None:
    body = form.child("CONTRACTING_BODY")
    address = body.child("ADDRESS_CONTRACTING_BODY") if body is not None else None
    if body is None or address is None:
        return None
    buyer = NoticeBuyer(address.path, address.text_at("OFFICIALNAME"), address.first_text("NATIONALID"))
    buyer.place = address_of(address)
    if others := list(body.all("ADDRESS_CONTRACTING_BODY_ADDITIONAL")):
        notice.note(others[0].path, "more_buyers", count=len(others))
    kind = body.child("CA_TYPE")
    if kind is not None:
        notice.set_kind(buyer, PlacedText(kind.path, kind.attribute("VALUE") or kind.text()), _CODES)
    entity = body.child("CE_ACTIVITY") or body.child("CE_ACTIVITY_OTHER")
    if legal_basis == UTILITIES or entity is not None:
        mark_read(entity)
        buyer.kind = "utility"
    return buyer


def address_of(address: Element) -> NoticePlace:
    """The place that an element with a buyer's address tells."""
    town, postal_code, country = (address.text_at(name) for name in ("TOWN", "POSTAL_CODE", "COUNTRY"))
    if (code := address.child("COUNTRY")) is not None:
        country = code.attribute("VALUE")
    return NoticePlace(address.path, nuts_codes(address), country, "", postal_code, town)


def is_extract(document: Mapping[str, Any]) -> bool:
    """Whether an object is a notice of TED extracted as JSON: it has a `notice_id`, and lots."""
    return "notice_id" in document and isinstance(document.get("lots"), list)


def read_extract(document: Mapping[str, Any]) -> Notice:
    """Read a notice of TED extracted as JSON. Raises InvalidContent past the bounds of `from_json`."""
    root = from_json(document)
    nature = _CODES.natures.get(root.text_at("nature").upper())
    whole = NoticeLot(root.path, "1", root.first_text("title"), placed_texts(root.all("cpv_main")), nature)
    notice = Notice(root, root.text_at("notice_id"), whole)
    whole.words = " . ".join(filter(None, (root.text_at("title"), root.text_at("short_description"))))
    address = NoticePlace(
        root.path,
        tuple(placed_texts(root.all("buyer_nuts"))),
        root.text_at("buyer_country"),
        postal_code=root.text_at("buyer_postal"),
        city=root.text_at("buyer_town"),
    )
    if name := root.text_at("buyer"):
        notice.buyer = NoticeBuyer(root.path, name, place=address)
    marks = [each for each in placed_texts(root.all("reserved_flags")) if each.text in _CODES.reserved]
    flags = [PlacedText(each.path, _CODES.reserved[each.text]) for each in marks]
    mark_read(*(root.child(name) for name in ("schema", "form", "lot_division")))
    elements = notice.first_lots(list(root.all("lots")))
    for element in elements:
        texts = (element.text_at("title"), element.text_at("description"))
        lot = NoticeLot(element.path, element.text_at("id"), element.first_text("title"), nature=nature)
        lot.reserved, lot.cpv = list(flags), placed_texts(element.all("cpv_add"))
        lot.words = " . ".join(filter(None, texts))
        for place in element.all("places"):
            nuts, words = tuple(placed_texts(place.all("nuts"))), place.text_at("main_site")
            if nuts or words:
                lot.places.append(NoticePlace(place.path, nuts, words=words))
        notice.lots.append(lot)
    if len(elements) == 1:
        notice.lots[0].cpv = [*whole.cpv, *notice.lots[0].cpv]
        notice.lots[0].words = f"{whole.words} . {notice.lots[0].words}"
    if not elements:
        notice.lots.append(NoticeLot(root.path, "1", whole.title, reserved=flags, words=whole.words))
    return notice
