"""The forms of TED of schema R2.0.8, in use until 2016, and for defence (F17, F18) until eForms.

Each form has names of its own for the same things, nested differently: they are looked for wherever they stand in it.
"""

from domain.needs.need import BuyerKind, Nature
from sources.notices.durations import count_of, months_between, months_of
from sources.notices.element import Element, Written, mark_read
from sources.notices.notice import Amount, Notice, NoticeBuyer, NoticeLot, NoticePlace, Renewals
from sources.notices.ted import (
    AUTHORITIES,
    BUYER_KINDS,
    NATURES,
    address_of,
    codes,
    form_of,
    nuts_of,
    procedure_of,
    reserved_flags,
)

LOTS = ("F01_ANNEX_B", "F02_ANNEX_B", "F05_ANNEX_B", "F17_ANNEX_B", "LOT_PRIOR_INFORMATION", "ANNEX_B")
FRAMEWORKS = ("F02_FRAMEWORK", "F17_FRAMEWORK", "F05_FRAMEWORK", "FRAMEWORK_AGREEMENT")
_TITLES = ("TITLE_CONTRACT", "TITLE")


def read(root: Element) -> Notice:
    """The notice of a TED_EXPORT whose form is one of R2.0.8; without lots where it has no object."""
    notice = Notice(root)
    form = form_of(root)
    if form is None:
        return notice
    notice.buyer = _buyer(notice, form)
    procedure_of(notice, form)
    if framework := next(form.within(*FRAMEWORKS), None):
        mark_read(framework)
        notice.technique = notice.technique or "framework_agreement"
    flags = reserved_flags(form)
    contract = next((each for each in _sections(form, "OBJECT_") if _has_object(each)), None)
    if contract is None:
        return notice
    annexes = list(contract.within(*LOTS))
    whole = _lot(notice, contract, annexes)
    notice.title, notice.cpv, notice.value, notice.words = whole.title, whole.cpv, whole.value, whole.words
    notice.places = whole.places
    reference = next(form.within("FILE_REFERENCE_NUMBER"), None)
    notice.reference = reference.text() if reference is not None else ""
    nature = _nature(contract)
    for number, annex in enumerate(notice.first_lots(annexes), start=1):
        lot = _lot(notice, annex, [])
        written = annex.written("LOT_NUMBER")
        lot.id = written.text if written else annex.attributes.get("ITEM", "") or str(number)
        lot.months, lot.renewals = lot.months or whole.months, whole.renewals
        notice.lots.append(lot)
    if not annexes:
        whole.id = "1"
        notice.lots.append(whole)
    for lot in notice.lots:
        lot.nature, lot.reserved = nature, list(flags)
    return notice


def _sections(form: Element, beginning: str) -> list[Element]:
    """The uppermost elements whose names begin so."""
    found, waiting = [], list(form.children)
    for each in waiting:
        if each.name.startswith(beginning):
            found.append(each)
        else:
            waiting += each.children
    return found


def _has_object(section: Element) -> bool:
    return next(section.within("CPV", "CPV_MAIN", *_TITLES), None) is not None


def _lot(notice: Notice, element: Element, besides: list[Element]) -> NoticeLot:
    """The lot, or the whole, that an element describes; what stands in the elements `besides` is left out."""

    apart = {id(each) for each in besides}

    def first(*names: str) -> Element | None:
        return next((each for each in element.within(*names) if not each.is_within(apart)), None)

    title, described = first("LOT_TITLE", *_TITLES), first("LOT_DESCRIPTION", "SHORT_CONTRACT_DESCRIPTION")
    lot = NoticeLot(element.path, "", Written(title.path, title.text()) if title is not None else None)
    lot.words = " . ".join(each.text() for each in (title, described) if each is not None)
    if cpv := first("CPV"):
        lot.cpv = codes([*cpv.all("CPV_MAIN"), *cpv.all("CPV_ADDITIONAL")])
    if cost := first("COSTS_RANGE_AND_CURRENCY"):
        lot.value = _cost(notice, cost)
    if place := first("LOCATION_NUTS"):
        where = place.written("LOCATION")
        lot.places = [NoticePlace(place.path, nuts_of(place), words=where.text if where else "")]
    if period := first("PERIOD_WORK_DATE_STARTING"):
        lot.months = _months(notice, period)
    if renewals := first("NUMBER_POSSIBLE_RENEWALS"):
        text = renewals.text()
        lot.renewals = Renewals(renewals.path, count_of(text), text)
    return lot


def _cost(notice: Notice, cost: Element) -> Amount | None:
    value = cost.at("VALUE_COST")
    if value is None:
        if high := next(cost.within("HIGH_VALUE"), None):
            notice.note(
                cost.path,
                "Une fourchette : sa valeur haute est lue",
                "A range: its high value is read",
            )
            value = high
        else:
            return None
    return Amount(value.path, value.attribute("FMTVAL") or value.text(), cost.attribute("CURRENCY"))


def _months(notice: Notice, period: Element) -> int | None:
    for name, unit in (("MONTHS", "MONTH"), ("DAYS", "DAY")):
        if written := period.written(name):
            return months_of(written.text, unit)
    days = [_date(period.at("INTERVAL_DATE", name)) for name in ("START_DATE", "END_DATE")]
    months = months_between(*days)
    if months is None and any(days):
        written_days = " – ".join(filter(None, days))
        notice.note(
            period.path,
            f"La durée ne se dit pas en mois : « {written_days} »",
            f"The duration cannot be said in months: “{written_days}”",
        )
    return months


def _date(element: Element | None) -> str:
    """A date written in three elements, as YYYY-MM-DD; "" for none."""
    parts = [element.written(name) for name in ("YEAR", "MONTH", "DAY")] if element is not None else []
    return "-".join(part.text.rjust(2, "0") for part in parts if part) if all(parts) else ""


def _nature(contract: Element) -> Nature | None:
    element = next(contract.within("TYPE_CONTRACT", "TYPE_CONTRACT_PLACE_DELIVERY_DEFENCE"), None)
    return None if element is None else NATURES.get(element.attribute("VALUE") or element.attribute("TYPE"))


def _buyer(notice: Notice, form: Element) -> NoticeBuyer | None:
    profile = next(form.within("CA_CE_CONCESSIONAIRE_PROFILE"), None)
    if profile is None:
        return None
    name = next(profile.within("OFFICIALNAME"), None)
    number = next(profile.within("NATIONALID"), None)
    buyer = NoticeBuyer(profile.path, name.text() if name is not None else "")
    buyer.number = Written(number.path, number.text()) if number is not None else None
    buyer.place = address_of(profile)
    kind = next(form.within("TYPE_OF_CONTRACTING_AUTHORITY"), None)
    written = kind.attribute("VALUE") if kind is not None else ""
    buyer.kind = BUYER_KINDS.get(written)
    buyer.contracting_authority = True if written in AUTHORITIES else None
    if "UTILITIES" in form.name:
        utility: BuyerKind = "utility"
        buyer.kind = utility
    if buyer.kind is None and kind is not None:
        notice.note(
            kind.path,
            f"« {written} » ne dit pas si l'acheteur relève de l'État ou d'une collectivité",
            f"“{written}” does not tell whether the buyer is of the State or of a local authority",
        )
    return buyer
