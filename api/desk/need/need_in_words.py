"""A need in words, line by line, and the lines in which two needs differ."""

from collections.abc import Callable, Iterator
from datetime import date

from api.desk.frame.layout import CODE_WORDS
from domain.law.procedures.lot_facts import lot_value_as_sum
from domain.needs.need import Buyer, Lot, Place, PlannedNeed, TerritoryRequest, ValueCovers
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

_AMOUNTS: dict[ValueCovers, Text] = {
    "firm": Text("Montant estimé", "Estimated value"),
    "all": Text("Montant estimé, reconductions et options comprises", "Estimated value with renewals and options"),
}


Lines = list[tuple[Text, Text]]
"""Lines about a need or a lot: the name of each, and what is said."""
Differing = tuple[str | None, Text, Text | None, Text | None]
"""The lot that a line is about, None where it is the whole need; its name; what is said of that before, and after."""


def need_lines(need: PlannedNeed, reference: Reference) -> Lines:
    """The need, without its lots, as lines of name and words; unknown facts are left out."""
    buyer, planned = need.buyer or Buyer(), need.planned_publication_on
    facts = (
        (Text("Intitulé", "Title"), _in_both_languages(need.title)),
        (Text("Référence", "Reference"), _in_both_languages(need.reference)),
        (Text("Description", "Description"), _in_both_languages(need.description)),
        (Text("Territoire", "Territory"), _territory_in_words(need.territory, reference)),
        (Text("Acheteur", "Buyer"), _in_both_languages(buyer.name or buyer.siret)),
        (Text("Type d'acheteur", "Buys for"), CODE_WORDS["buyers"][buyer.kind] if buyer.kind else None),
        (Text("Organisme", "Body"), BODIES[buyer.body] if buyer.body else None),
        (Text("Défense ou sécurité", "Defence or security"), _yes_or_no(buyer.defence)),
        (Text("Type de contrat", "Contract"), CONTRACTS[need.contract]),
        (Text("Technique d'achat", "Purchasing technique"), TECHNIQUES[need.technique] if need.technique else None),
        (Text("Procédure", "Procedure"), PROCEDURES[need.procedure] if need.procedure else None),
        (Text("Valeur totale estimée", "Estimated total"), _amount_in_words(printed_euros, need.estimated_total_eur)),
        (Text("Publication prévue", "Planned publication"), _day_in_words(planned)),
        (Text("Évalué au", "Evaluated as of"), _day_in_words(need.on)),
        (
            Text("Fournisseurs sur la liste", "Suppliers on the list"),
            Text(f"{need.limit} au plus par lot", f"at most {need.limit} a lot"),
        ),
        (Text("Considérations sociales", "Social considerations"), _yes_or_no(need.social_considerations)),
        (
            Text("Considérations environnementales", "Environmental considerations"),
            _yes_or_no(need.environmental_considerations),
        ),
        (
            Text("Réponses à la consultation avant le", "Answers to the consultation by"),
            long_date(need.answers_by) if need.answers_by else None,
        ),
        (Text("Page où répondre", "Page for answers"), _in_both_languages(need.answers_url)),
        (Text("Courriel du service", "E-mail of the service"), _in_both_languages(need.answers_email)),
    )
    return [(name, words) for name, words in facts if words]


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
        (Text("Objet", "Object"), _in_both_languages(lot.title)),
        (Text("Métiers", "Trades"), _in_both_languages(", ".join(known))),
        (Text("Codes CPV", "CPV codes"), _in_both_languages(", ".join(lot.cpv))),
        (Text("Mots", "Words"), _in_both_languages(", ".join(lot.keywords))),
        (Text("Nature", "Nature"), NATURES[lot.nature] if lot.nature else None),
        (Text("Réservation", "Reservation"), to_some if reserved else Text("Ouvert à tous", "Open to all")),
        (_AMOUNTS[lot.value_covers], _amount_in_words(printed_euros, lot.value_eur)),
        (Text("Durée", "Term"), _months_in_words(lot.duration_months)),
        (Text("Reconductions", "Renewals"), _months_in_words(lot.renewal_months)),
        (Text("Options", "Options"), _amount_in_words(printed_euros, lot.options_eur)),
        (Text("Valeur estimée, tout compris", "Estimated value, all included"), whole),
        (Text("Lieu d'exécution", "Place of performance"), site),
        (Text("Distance maximale", "Greatest distance"), distance),
        (Text("Territoire", "Territory"), _territory_in_words(lot.territory, reference)),
    )
    return [(name, words) for name, words in facts if words]


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
