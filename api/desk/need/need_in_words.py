"""A need in words, line by line, and the lines in which two needs differ."""

from collections.abc import Callable, Iterator
from datetime import date

from api.desk.frame.layout import CODE_WORDS
from domain.law.procedures.lot_facts import lot_value_as_sum
from domain.needs.need import Buyer, Lot, Place, PlannedNeed, TerritoryRequest
from domain.reference.territory import Territories, UnknownTerritory
from domain.text.bilingual import (
    Language,
    Text,
    listed,
    long_date,
    place_after_de,
    printed_before_tax,
    printed_euros,
    printed_kilometres,
)
from domain.text.labels import BODIES, CONTRACTS, NATURES, PROCEDURES, RESERVED, TECHNIQUES
from matching.reference import Reference

Lines = list[tuple[Text, Text]]
"""Lines about a need or a lot: the name of each, and what is said."""
Differing = tuple[str | None, Text, Text | None, Text | None]
"""The lot that a line is about, None where it is the whole need; its name; what is said of that before, and after."""


def need_lines(need: PlannedNeed, reference: Reference) -> Lines:
    """The need, without its lots, as lines of name and words; unknown facts are left out."""
    buyer, planned = need.buyer or Buyer(), need.planned_publication_on
    facts = (
        ("title", _in_both_languages(need.title)),
        ("reference", _in_both_languages(need.reference)),
        ("description", _in_both_languages(need.description)),
        ("territory", _territory_in_words(need.territory, reference)),
        ("buyer", _in_both_languages(buyer.name or buyer.siret)),
        ("buys_for", CODE_WORDS["buyers"][buyer.kind] if buyer.kind else None),
        ("body", BODIES[buyer.body] if buyer.body else None),
        ("defence", _yes_or_no(buyer.defence)),
        ("contract", CONTRACTS[need.contract]),
        ("technique", TECHNIQUES[need.technique] if need.technique else None),
        ("procedure", PROCEDURES[need.procedure] if need.procedure else None),
        ("total", _amount_in_words(printed_euros, need.estimated_total_eur)),
        ("publication", _day_in_words(planned)),
        ("on", _day_in_words(need.on)),
        ("limit", Text(f"{need.limit} au plus par lot", f"at most {need.limit} a lot")),
        ("social", _yes_or_no(need.social_considerations)),
        ("environmental", _yes_or_no(need.environmental_considerations)),
        ("answers_by", _day_in_words(need.answers_by)),
        ("answers_url", _in_both_languages(need.answers_url)),
        ("answers_email", _in_both_languages(need.answers_email)),
    )
    return [(CODE_WORDS["need_lines"][name], words) for name, words in facts if words]


def lot_lines(lot: Lot, reference: Reference) -> Lines:
    """A lot as lines of name and words; unknown facts are left out."""
    known = (reference.taxonomy.label(each) for each in lot.segments if reference.taxonomy.known(each))
    reserved = [RESERVED[each].long for each in lot.reserved or ()]
    listed_types = Text(listed([name.fr for name in reserved]).fr, listed([name.en for name in reserved]).en)
    to_some = Text(f"Réservé : {listed_types.fr}", f"Reserved: {listed_types.en}")
    said = lot_value_as_sum(lot, reference.rules)
    whole = said and printed_before_tax(said)
    distance = _amount_in_words(printed_kilometres, lot.max_distance_km)
    site = Text("non supposé", "not supposed") if lot.site is None else None
    site = _place_in_words(lot.site, reference) if lot.site else site
    facts = (
        ("title", _in_both_languages(lot.title)),
        ("trades", _in_both_languages(", ".join(known))),
        ("cpv", _in_both_languages(", ".join(lot.cpv))),
        ("keywords", _in_both_languages(", ".join(lot.keywords))),
        ("nature", NATURES[lot.nature] if lot.nature else None),
        ("reserved", to_some if reserved else Text("Ouvert à tous", "Open to all")),
        (f"value_{lot.value_covers}", _amount_in_words(printed_euros, lot.value_eur)),
        ("duration", _months_in_words(lot.duration_months)),
        ("renewals", _months_in_words(lot.renewal_months)),
        ("options", _amount_in_words(printed_euros, lot.options_eur)),
        ("whole", whole),
        ("site", site),
        ("distance", distance),
        ("territory", _territory_in_words(lot.territory, reference)),
    )
    return [(CODE_WORDS["lot_lines"][name], words) for name, words in facts if words]


def changed_lines(before: PlannedNeed, after: PlannedNeed, reference: Reference) -> Iterator[Differing]:
    """The lines in which two needs differ: those of the need first, then those of each lot."""
    was, now = (
        {None: dict(need_lines(need, reference)), **{lot.id: dict(lot_lines(lot, reference)) for lot in need.lots}}
        for need in (before, after)
    )
    for lot_id in dict.fromkeys([*now, *was]):
        old, new = was.get(lot_id, {}), now.get(lot_id, {})
        for name in dict.fromkeys([*new, *old]):
            if old.get(name) != new.get(name):
                yield lot_id, name, old.get(name), new.get(name)


def _day_in_words(day: date | None) -> Text | None:
    return long_date(day) if day else None


def _territory_in_words(territory: TerritoryRequest | None, reference: Reference) -> Text | None:
    if territory is None:
        return None
    if territory.near is not None:
        around = _place_in_words(territory.near, reference)
        radius = _amount_in_words(printed_kilometres, territory.radius_km) or Text("", "")
        of_french = place_after_de(around.fr) if territory.near.commune else f"du {around.fr}"
        return Text(f"à {radius.fr} au plus {of_french}", f"within {radius.en} of {around.en}")
    if territory.codes is None:
        return Text("zone dessinée sur la carte", "area drawn on the map")
    return _in_both_languages(", ".join(name_of_area(code, reference.territories) for code in territory.codes))


def name_of_area(code: str, territories: Territories) -> str:
    """The name of the territory with this code; the code itself where no territory has it any more."""
    try:
        return territories.area(code).label
    except UnknownTerritory:
        return code


def _place_in_words(place: Place, reference: Reference) -> Text:
    if place.commune is not None:
        name = reference.territories.commune_name(place.commune) or place.commune
        return Text(name, name)
    point = f"{place.lat:g}, {place.lon:g}"
    return Text(f"point {point}", f"point {point}")


def _in_both_languages(words: str | None) -> Text | None:
    return Text(words, words) if words else None


def _amount_in_words(write: Callable[[float, Language], str], number: float | None) -> Text | None:
    return None if number is None else Text(write(number, "fr"), write(number, "en"))


def _months_in_words(months: int | None) -> Text | None:
    return None if months is None else Text(f"{months} mois", f"{months} month{'s' if months != 1 else ''}")


def _yes_or_no(answer: bool | None) -> Text | None:
    return None if answer is None else Text("oui", "yes") if answer else Text("non", "no")
