"""The forms of TED of schema R2.0.8, in use until 2016, and for defence (F17, F18) until eForms.

Each form has names of its own for the same things, nested differently: they are looked for wherever they stand in it.
"""

from dataclasses import replace

from domain.needs.need import Technique
from domain.text.bilingual import cut
from sources.notices.element import Element, PlacedText, mark_read
from sources.notices.notice import CODES, Amount, Notice, NoticeBuyer, NoticeLot, NoticePlace, Renewals
from sources.notices.reading import months_between, months_of, renewals_in_digits
from sources.notices.ted import (
    address_of,
    cpv_codes,
    elements_beginning,
    form_of,
    nuts_codes,
    read_procedure,
    reserved_marks,
)

LOTS = ("F01_ANNEX_B", "F02_ANNEX_B", "F05_ANNEX_B", "F17_ANNEX_B", "LOT_PRIOR_INFORMATION", "ANNEX_B")
FRAMEWORKS = ("F02_FRAMEWORK", "F17_FRAMEWORK", "F05_FRAMEWORK", "F19_FRAMEWORK", "FRAMEWORK_AGREEMENT")
AWARDS = ("AWARD_OF_CONTRACT", "AWARD_OF_CONTRACT_DEFENCE", "AWARD_CONTRACT_CONTRACT_AWARD_UTILITIES")
_TITLES = ("TITLE_CONTRACT", "TITLE_QUALIFICATION_SYSTEM", "TITLE_DESIGN_CONTACT_NOTICE", "TITLE")
_DESCRIPTIONS = ("LOT_DESCRIPTION", "SHORT_CONTRACT_DESCRIPTION", "SHORT_DESCRIPTION_CONTRACT")
_CODES = CODES["ted"]
_COSTS = ("COSTS_RANGE_AND_CURRENCY", "COSTS_RANGE_AND_CURRENCY_WITH_VAT_RATE")


def read(root: Element) -> Notice:
    """Read a notice of TED in a form of R2.0.8 from its root element, TED_EXPORT."""
    notice = Notice(root)
    form = form_of(root)
    if form is None:
        return notice
    notice.buyer = _buyer(notice, form)
    read_procedure(notice, form)
    technique, flags = notice.whole.technique or _technique(form), reserved_marks(form)
    sections = elements_beginning(form, "OBJECT_")
    contract = next((each for each in sections if any(each.descendants("CPV", "CPV_MAIN", *_TITLES))), None)
    if contract is None:
        return notice
    annexes = list(contract.descendants(*LOTS))
    whole = _lot(notice, contract, annexes)
    if whole.value is None and (total := next(contract.descendants("TOTAL_FINAL_VALUE"), None)):
        whole.value = _first_cost(notice, total)
        notice.note(total.path, "total_is_awarded")
    notice.whole, whole.technique = whole, technique
    reference = next(form.descendants("FILE_REFERENCE_NUMBER"), None)
    notice.reference = reference.text() if reference is not None else ""
    named = next(
        contract.descendants("TYPE_CONTRACT", "TYPE_CONTRACT_PLACE_DELIVERY_DEFENCE", "F07_CONTRACT_TYPE"), None
    )
    nature = None if named is None else _CODES.natures.get(named.attribute("VALUE") or named.attribute("TYPE"))
    for number, annex in enumerate(notice.first_lots(annexes), start=1):
        lot = _lot(notice, annex, [])
        lot.id = annex.text_at("LOT_NUMBER") or annex.attributes.get("ITEM", "") or str(number)
        lot.months, lot.renewals = lot.months or whole.months, whole.renewals
        notice.lots.append(lot)
    if not annexes:
        notice.lots += _awarded_lots(notice, form, whole)
    if not notice.lots:
        notice.lots.append(replace(whole, id="1"))
    for lot in notice.lots:
        lot.nature, lot.reserved = nature, list(flags)
    return notice


def _lot(notice: Notice, element: Element, besides: list[Element]) -> NoticeLot:
    """Read a lot, or what holds for all lots, from an element, except the elements of `besides` inside it."""
    apart = {id(each) for each in besides}

    def first_element(*names: str) -> Element | None:
        """The first element with one of these names, outside of `besides`."""
        return next((each for each in element.descendants(*names) if not each.is_within(apart)), None)

    title, described = first_element("LOT_TITLE", *_TITLES), first_element(*_DESCRIPTIONS)
    lot = NoticeLot(element.path, title=PlacedText(title.path, title.text()) if title is not None else None)
    lot.words = " . ".join(each.text() for each in (title, described) if each is not None)
    if cpv := first_element("CPV"):
        lot.cpv = cpv_codes([*cpv.all("CPV_MAIN"), *cpv.all("CPV_ADDITIONAL")])
    if cost := first_element("COSTS_RANGE_AND_CURRENCY"):
        lot.value = _cost(notice, cost)
    if place := first_element("LOCATION_NUTS"):
        lot.places = [NoticePlace(place.path, nuts_codes(place), words=place.text_at("LOCATION"))]
    if period := first_element("PERIOD_WORK_DATE_STARTING"):
        lot.months = _months(notice, period)
    for name, unit in (("DURATION_FRAMEWORK_MONTH", "MONTH"), ("DURATION_FRAMEWORK_YEAR", "YEAR")):
        if lot.months is None and (lasting := first_element(name)):
            lot.months = months_of(lasting.text(), unit)
    if renewals := first_element("NUMBER_POSSIBLE_RENEWALS"):
        text = renewals.text()
        lot.renewals = Renewals(renewals.path, renewals_in_digits(text), text)
    return lot


def _technique(form: Element) -> Technique | None:
    """The purchasing technique that a form names, or has a section for; None where it has neither."""
    for involved in form.descendants("NOTICE_INVOLVES", "NOTICE_INVOLVES_DESC"):
        for named in (involved, *involved.children):
            found = _CODES.involved.get(named.name) or _CODES.involved.get(named.attributes.get("VALUE", ""))
            if found is not None:
                mark_read(named)
                return found
    framework = next(form.descendants(*FRAMEWORKS), None)
    mark_read(framework)
    return None if framework is None else "framework_agreement"


def _awarded_lots(notice: Notice, form: Element, whole: NoticeLot) -> list[NoticeLot]:
    """Make a lot of each lot number in the form's awards; CPV, places and duration are those of the whole contract."""
    awards: dict[str, Element] = {}
    for award in form.descendants(*AWARDS):
        if number := award.first_text("LOT_NUMBER"):
            awards.setdefault(number.text, award)
    lots = []
    for name, award in zip(awards, notice.first_lots(list(awards.values())), strict=False):
        title = award.first_text("CONTRACT_TITLE") or award.first_text("TITLE_CONTRACT")
        lot = NoticeLot(award.path, name, title, list(whole.cpv), places=list(whole.places), months=whole.months)
        lot.words = title.text if title else ""
        if value := next(award.descendants("CONTRACT_VALUE_INFORMATION"), None):
            notice.set_value_awarded(lot, _first_cost(notice, value))
        lots.append(lot)
    return lots


def _first_cost(notice: Notice, element: Element) -> Amount | None:
    """The first cost inside an element; None, with a remark, where it includes value added tax."""
    cost = next(element.descendants(*_COSTS), None)
    if cost is not None and (taxed := cost.child("INCLUDING_VAT")) is not None:
        notice.note(taxed.path, "amount_with_tax")
        return None
    return None if cost is None else _cost(notice, cost)


def _cost(notice: Notice, cost: Element) -> Amount | None:
    value = cost.child("VALUE_COST")
    if value is None and (value := next(cost.descendants("HIGH_VALUE"), None)):
        notice.note(cost.path, "range_of_amounts")
    if value is None:
        return None
    return Amount(value.path, value.attribute("FMTVAL") or value.text(), cost.attribute("CURRENCY"))


def _months(notice: Notice, period: Element) -> int | None:
    for name, unit in (("MONTHS", "MONTH"), ("DAYS", "DAY")):
        if written := period.text_at(name):
            return months_of(written, unit)
    days = []
    for name in ("START_DATE", "END_DATE"):
        parts = [period.text_at("INTERVAL_DATE", name, part) for part in ("YEAR", "MONTH", "DAY")]
        days.append("-".join(part.rjust(2, "0") for part in parts) if all(parts) else "")
    months = months_between(*days)
    if months is None and any(days):
        notice.note(period.path, "duration_not_in_months", text=cut(" – ".join(filter(None, days))))
    return months


def _buyer(notice: Notice, form: Element) -> NoticeBuyer | None:
    profile = next(form.descendants("CA_CE_CONCESSIONAIRE_PROFILE"), None)
    if profile is None:
        return None
    name = next(profile.descendants("OFFICIALNAME"), None) or profile.child("ORGANISATION")
    number = next(profile.descendants("NATIONALID"), None)
    buyer = NoticeBuyer(profile.path, name.text() if name is not None else "")
    buyer.number = PlacedText(number.path, number.text()) if number is not None else None
    buyer.place = address_of(profile)
    kind = next(form.descendants("TYPE_OF_CONTRACTING_AUTHORITY"), None)
    is_utility = "UTILITIES" in form.name
    buyer.kind = "utility" if is_utility else None
    if kind is not None:
        notice.set_kind(buyer, PlacedText(kind.path, kind.attribute("VALUE")), _CODES, is_utility=is_utility)
    return buyer
