"""The purchase as suppliers read it: its name, and the terms that the buyer chooses to tell."""

from collections.abc import Collection, Iterator
from typing import Literal

from domain.needs.lot_terms import Term, terms_in
from domain.needs.need import Lot, Need
from domain.needs.object_words import without_terms
from domain.text.bilingual import NOTHING, Text, euros, joined, listed
from domain.text.labels import RESERVED
from domain.text.one_line import cut

ToldTerm = Literal["value", "months", "reserved"]
LONGEST_NAME = 200


def lot_name(lot: Lot) -> str | None:
    """The words of a lot's title that say what is bought; None where there are none."""
    return without_terms(lot.title or "") or None


def purchase_name(need: Need, lot_ids: Collection[str] = ()) -> Text | None:
    """The object that the need's title says, else those of the titles of these lots (none: of all); None without any.

    Of many lots the first are named, and the others counted.
    """
    if own := cut(without_terms(need.title or ""), LONGEST_NAME):
        return Text(own, own)
    lots = lots_about(need, lot_ids)
    names = list(dict.fromkeys(filter(None, map(lot_name, lots))))
    if not names:
        return None
    told = [cut(names[0], LONGEST_NAME)]
    while len(told) < len(names) and len(" ; ".join(names[: len(told) + 1])) <= LONGEST_NAME:
        told.append(names[len(told)])
    left = sum(lot_name(lot) not in names[: len(told)] for lot in lots)
    more = [Text(f"et {left} autre{'s' * (left > 1)} lot{'s' * (left > 1)}", f"and {left} other lot{'s' * (left > 1)}")]
    name = joined([Text(each, each) for each in told])
    return joined([name, *more], Text(" ", " ")) if left else name


def lots_about(need: Need, lot_ids: Collection[str]) -> list[Lot]:
    """These lots of the need; without any, all of them."""
    return [lot for lot in need.lots if not lot_ids or lot.id in lot_ids]


def told_terms(need: Need, lot_ids: Collection[str], told: Collection[ToldTerm]) -> Iterator[Text]:
    """A sentence for each of these terms of each lot, as the lot has it, else as its title says it."""
    lots = lots_about(need, lot_ids)
    for lot in lots:
        before = Text(f"Lot {lot.id} : ", f"Lot {lot.id}: ") if len(lots) > 1 else NOTHING
        for sentence in _told_of(lot, told):
            yield joined([before, sentence if len(lots) > 1 else sentence.capitalised()], NOTHING)


def _told_of(lot: Lot, told: Collection[ToldTerm]) -> Iterator[Text]:
    said = terms_in(lot.title or "")
    value, months = lot.value_eur or _first(said, "value"), lot.duration_months or _first(said, "months")
    if "value" in told and value:
        amount = euros(round(value * 100))
        yield Text(
            f"le montant est estimé à {amount.fr} hors taxe.", f"the value is estimated at {amount.en} excluding tax."
        )
    if "months" in told and months:
        renewal = int(lot.renewal_months or _first(said, "renewal") or 0)
        fr, en = (f", plus {renewal} mois de reconduction", f", and {renewal} of renewal") if renewal else NOTHING
        yield Text(
            f"la durée envisagée est de {int(months)} mois{fr}.", f"the planned term is {int(months)} months{en}."
        )
    reserved = lot.reserved or [each.value for each in said if each.kind == "reserved"]
    if "reserved" in told and reserved:
        names = [RESERVED[each].long for each in reserved]
        french, english = listed([each.fr for each in names]).fr, listed([each.en for each in names]).en
        yield Text(f"une réservation est envisagée : {french}.", f"a reservation is planned: {english}.")


def _first(said: Collection[Term], kind: str) -> float | None:
    return next((float(each.value) for each in said if each.kind == kind), None)
