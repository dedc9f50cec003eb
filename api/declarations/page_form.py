"""The form of a supplier's own page: its fields, read and filled in, and the declaration that they make.

A field left empty is an empty text. Of several ways to say one thing the more exact counts: places named before a
distance, amounts typed before a band.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any, NamedTuple, get_type_hints

import msgspec
from msgspec import field

from api.web.html_pages import Fields
from domain.declarations.declaration import DAYS_VALID, Declaration, DeclaredContact, DeclaredOffer, YearlyCapacity
from domain.decoding.requests import explain
from domain.errors import InvalidContent, Problem
from domain.reference.territory import Area, UnknownTerritory
from domain.suppliers.supplier import ServiceArea, Supplier
from domain.text.bilingual import said_by
from domain.text.normalise import fold
from matching.lot_query import SURE
from matching.reference import Reference

_SAID = said_by(__name__)

SEARCH, WITHDRAW = "chercher", "retirer"
"""Values of the buttons that look words up, and that take back what was said."""
KILOMETRES = ("20", "50", "100")
USUAL_KILOMETRES = "50"
"""Where an offer without an area is looked for, so that a supplier who leaves it as it is says nothing new."""
FRANCE, AS_BEFORE = "france", "garder"
AMOUNTS = (10_000, 40_000, 90_000, 250_000, 1_000_000)
"""Bands of the largest contract a year, in euros excluding tax."""
MOST_FOUND, MOST_OF_PART, MOST_PARTS, MOST_PLACES = 8, 3, 10, 8
LONGEST_FIELD = 2_000
_AROUND_NUMBER = re.compile(r"€|\b(?:environ|euros?|ht|etp|salari\w*|personnes?|travailleurs?)\b", re.IGNORECASE)
_PART = re.compile(r"[,;/\n]|\bet\b", re.IGNORECASE)


class DeclarationForm(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of the form as they were typed, each with its name in HTML.

    Annotated with the beginning of the JSON pointers of a declaration whose problems the page shows at the field.
    """

    trades: Annotated[tuple[str, ...], "/offers"] = field(default=(), name="metier")
    words: Annotated[str, "/offers/0/words"] = field(default="", name="mots")
    no_offer: Annotated[str, "/no_offer"] = field(default="", name="rien")
    where: Annotated[str, "/offers/0/service_area"] = field(default="", name="zone")
    territories: tuple[str, ...] = field(default=(), name="territoire")
    place: Annotated[str, "/place"] = field(default="", name="lieu")
    amount: str = field(default="", name="montant")
    least: Annotated[str, "/yearly_capacity_eur/min"] = field(default="", name="montant-min")
    most: Annotated[str, "/yearly_capacity_eur"] = field(default="", name="montant-max")
    with_others: str = field(default="", name="avec")
    staff: Annotated[str, "/staff"] = field(default="", name="effectif")
    references: Annotated[str, "/references"] = ""
    email: Annotated[str, "/contact/email"] = field(default="", name="courriel")
    phone: Annotated[str, "/contact/phone"] = field(default="", name="telephone")
    website: Annotated[str, "/contact/website"] = field(default="", name="site")
    until: Annotated[str, "/valid_until"] = field(default="", name="jusqu")


FIELDS = msgspec.structs.fields(DeclarationForm)
_POINTERS = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(DeclarationForm, include_extras=True).items()
    if hasattr(hint, "__metadata__")
}


def field_of_problem(problem: Problem) -> str:
    """The name of the field at which a problem of a declaration is shown: the one with the longest pointer of it."""
    found = [each for each in FIELDS if problem.pointer.startswith(_POINTERS.get(each.name, " "))]
    return max(found, key=lambda each: len(_POINTERS[each.name]), default=FIELDS[0]).encode_name


def read_declaration_form(fields: Fields) -> DeclarationForm:
    """The form that the submitted fields fill in; fields of other forms are left alone."""
    read: dict[str, Any] = {}
    for each in FIELDS:
        if texts := [text[:LONGEST_FIELD] for text in fields.get(each.encode_name, ())]:
            read[each.name] = texts[-1] if each.default == "" else tuple(dict.fromkeys(filter(None, texts)))
    return DeclarationForm(**read)


def form_of_declaration(declared: Declaration | None, supplier: Supplier, today: date) -> DeclarationForm:
    """The form as it is first shown: with what was declared, else with a year and the usual distance."""
    if declared is None:
        where = f"km:{USUAL_KILOMETRES}" if supplier.location else ""
        return DeclarationForm(where=where, until=(today + timedelta(days=DAYS_VALID)).isoformat())
    capacity = declared.yearly_capacity_eur or YearlyCapacity()
    contact, offers = declared.contact or DeclaredContact(), declared.offers
    area = offers[0].service_area if offers else None
    amount = str(int(capacity.max)) if capacity.min is None and capacity.max in AMOUNTS else ""
    until = declared.valid_until
    if until is None or until < today:
        until = today + timedelta(days=DAYS_VALID)
    return DeclarationForm(
        trades=tuple(dict.fromkeys(code for offer in offers for code in offer.segments)),
        words=_joined_words(declared),
        no_offer="oui" if declared.no_offer else "",
        where=AS_BEFORE if has_several_areas(declared) else _code_of_area(area),
        territories=area.codes or () if area and _code_of_area(area) == "" and not has_several_areas(declared) else (),
        amount=amount,
        least=_digits(capacity.min),
        most="" if amount else _digits(capacity.max),
        with_others={True: "oui", False: "non", None: ""}[declared.with_others],
        staff=_digits(declared.staff),
        references="\n".join(declared.references),
        email=contact.email or "",
        phone=contact.phone or "",
        website=contact.website or "",
        until=until.isoformat(),
    )


def has_several_areas(declared: Declaration) -> bool:
    """Whether a declaration says different areas for different trades, for which the form has no field."""
    return any(each.service_area != declared.offers[0].service_area for each in declared.offers)


def _joined_words(declared: Declaration) -> str:
    return ", ".join(dict.fromkeys(offer.words for offer in declared.offers if offer.words))[:LONGEST_FIELD]


def _code_of_area(area: ServiceArea | None) -> str:
    """The choice of the field `zone` that stands for an area; empty for none and for areas by name."""
    if area is None:
        return ""
    if area.radius_km is not None:
        return f"km:{area.radius_km:g}"
    return FRANCE if area.national else AS_BEFORE if area.geometry is not None else ""


def _digits(number: float | None) -> str:
    return "" if number is None else f"{number:,.0f}".replace(",", " ")


class Understood(NamedTuple):
    """A form with the place typed in it replaced by its code; `found`: trades that its words may mean, as segments.

    `places`: what the typed place may mean, where it is not clear.
    """

    form: DeclarationForm
    found: tuple[str, ...] = ()
    places: tuple[Area, ...] = ()


def understand_form(form: DeclarationForm, reference: Reference) -> Understood:
    """The form with its words and its typed place looked up."""
    found = trades_of_words(form.words, reference)
    if not form.place:
        return Understood(form, found)
    areas = reference.gazetteer.search(form.place, None, MOST_PLACES)
    exact = [area for area in areas if fold(form.place) in {fold(area.label), fold(area.code)}]
    chosen = exact if len(exact) == 1 else areas
    if len(chosen) != 1:
        return Understood(form, found, tuple(areas))
    codes = tuple(dict.fromkeys((*form.territories, chosen[0].id)))
    return Understood(msgspec.structs.replace(form, territories=codes, place=""), found)


def trades_of_words(words: str, reference: Reference) -> tuple[str, ...]:
    """The segments that a few words may mean, those of each of their parts; () for no words."""
    parts = [part.strip() for part in _PART.split(words) if part.strip()][:MOST_PARTS]
    readings = (reference.interpreter.search(part, MOST_OF_PART) for part in parts)
    found = [
        each.segment for some in readings for place, each in enumerate(some) if not place or each.confidence >= SURE
    ]
    return tuple(dict.fromkeys(code for code in found if code in reference.taxonomy.segments))[:MOST_FOUND]


def known_areas(codes: Sequence[str], reference: Reference) -> list[Area]:
    """The areas of these codes; codes that mean none are left out."""
    areas = []
    for code in codes:
        try:
            areas.append(reference.territories.area(code, suggest=False))
        except UnknownTerritory:
            continue
    return areas


def declaration_of_form(understood: Understood, before: Declaration | None) -> Declaration:
    """The declaration that a form makes; what it has no field for stays as `before`.

    Raises InvalidContent with everything to be corrected, its pointers those of the declaration (`/place`: the place).
    """
    form, problems = understood.form, list[Problem]()
    if form.place:
        detail = _SAID["which_place"] if understood.places else _SAID["no_place"]
        problems.append(Problem("/place", "unknown_place", detail))
    if not form.trades and not form.no_offer:
        problems.append(Problem("/offers", "missing_field", _SAID["nothing_ticked"]))
    if form.trades and form.no_offer:
        problems.append(Problem("/no_offer", "offers_given", _SAID["both_ticked"]))
    least = _number(form.least, "/yearly_capacity_eur/min", problems)
    most = _number(form.most or ("" if form.least else form.amount), "/yearly_capacity_eur/max", problems)
    contact = {name: getattr(form, name) for name in ("email", "phone", "website") if getattr(form, name)}
    offers = _offers_of_form(form, before) if form.trades else []
    parts = {
        "offers": offers,
        "no_offer": bool(form.no_offer),
        "yearly_capacity_eur": None if least is None and most is None else {"min": least, "max": most},
        "staff": _number(form.staff, "/staff", problems),
        "with_others": {"oui": True, "non": False}.get(form.with_others),
        "references": [line.strip() for line in form.references.split("\n") if line.strip()],
        "contact": contact or None,
        "ask_again": before.ask_again if before else None,
        "valid_until": form.until or None,
    }
    if not problems:
        try:
            return msgspec.convert(msgspec.to_builtins(parts), Declaration)
        except msgspec.ValidationError as error:
            problems.append(explain(error, Declaration))
    raise InvalidContent(tuple(problems))


def _offers_of_form(form: DeclarationForm, before: Declaration | None) -> list[DeclaredOffer]:
    """The offers that a form makes: of the trades that stay ticked as they were before, and one of the others.

    Each keeps its words where the field of words was left as it was, and its area where that of areas was.
    """
    area, words, told = _area_of_form(form, before), form.words or None, set[str]()
    has_words_as_before = before is not None and form.words == _joined_words(before)
    offers = list[DeclaredOffer]()
    for each in before.offers if before else ():
        if segments := tuple(segment for segment in each.segments if segment in form.trades):
            told |= set(segments)
            own_area = each.service_area if form.where == AS_BEFORE and not form.territories else area
            own_words = each.words if has_words_as_before else (None if offers else words)
            offers.append(DeclaredOffer(segments, own_words, own_area))
    if others := tuple(segment for segment in form.trades if segment not in told):
        offers.append(DeclaredOffer(others, None if offers else words, area))
    return offers


def _area_of_form(form: DeclarationForm, before: Declaration | None) -> ServiceArea | None:
    kind, _, number = form.where.partition(":")
    if form.territories:
        return ServiceArea(codes=form.territories)
    if kind == "km" and number.replace(".", "", 1).isdecimal():
        return ServiceArea(radius_km=float(number))
    if form.where == FRANCE:
        return ServiceArea(national=True)
    if form.where == AS_BEFORE and before and before.offers:
        return before.offers[0].service_area
    return ServiceArea(codes=(form.where,)) if number else None


def _number(text: str, at: str, problems: list[Problem]) -> int | None:
    """The whole number in a text as people write it; None for none, and one more problem where it is no number."""
    plain = "".join(_AROUND_NUMBER.sub("", text).split()).removesuffix(",00")
    if plain.isascii() and plain.isdecimal() and len(plain) <= 12:
        return int(plain)
    if plain:
        problems.append(Problem(at, "wrong_type", _SAID["no_number"]))
    return None
