"""What the page of an answer says besides the answer itself: what to ask whom, and what an offer rests on."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from domain.needs.need import Lot
from domain.shortlists.shortlist import Gate, LotShortlist, NearMiss, OfferEvidence, SegmentAnswer
from domain.text.bilingual import OR, Text, listed
from domain.text.labels import RESERVED

MOST_EVIDENCE = 3
"""An answer carries no more pieces of evidence for one offer."""


class Question(NamedTuple):
    """Near misses that lack the same thing, and what to ask them."""

    gate: Gate
    ask: Text
    rows: tuple[NearMiss, ...]


def trade_question(lot: LotShortlist, asked: Lot) -> Text:
    """What to ask a supplier whose trade is not known."""
    what = f"{_trades(lot, asked)} ({lot.territory.label})"
    return Text(
        f"Bonjour, nous préparons un achat : {what}. Proposez-vous cette activité, et jusqu'où intervenez-vous ?",
        f"Hello, we are preparing a purchase: {what}. Do you offer this, and how far do you go?",
    )


def near_miss_questions(lot: LotShortlist, asked: Lot) -> Iterator[Question]:
    """The near misses by what they lack, in the order of the answer, each with what to ask."""
    gates = list(dict.fromkeys(row.excluded_by for row in lot.near_misses))
    for gate, rows in groupby(sorted(lot.near_misses, key=lambda row: gates.index(row.excluded_by)), _GATE):
        yield Question(gate, _question(gate, lot, asked), tuple(rows))


_GATE = attrgetter("excluded_by")


def _question(gate: Gate, lot: LotShortlist, asked: Lot) -> Text:
    trades, where = _trades(lot, asked), lot.territory.label
    match gate:
        case "segment":
            return Text(
                f"Bonjour, proposez-vous aussi : {trades} ({where}) ?", f"Hello, do you also offer: {trades} ({where})?"
            )
        case "service_area":
            return Text(
                f"Bonjour, pourriez-vous intervenir dans ce territoire : {where} ? Il s'agit de : {trades}.",
                f"Hello, could you work in this territory: {where}? It is about: {trades}.",
            )
        case "distance":
            limit = f"{asked.max_distance_km:g} km" if asked.max_distance_km else where
            return Text(
                f"Bonjour, iriez-vous au-delà de {limit} ({where}) ? Il s'agit de : {trades}.",
                f"Hello, would you go beyond {limit} ({where})? It is about: {trades}.",
            )
        case "reservation":
            to = listed([RESERVED[each].long.fr for each in asked.reserved or ()], OR).fr
            to_en = listed([RESERVED[each].long.en for each in asked.reserved or ()], OR).en
            return Text(
                f"Bonjour, avez-vous, ou attendez-vous, ce qui ouvre un lot réservé ({to}) : agrément, autorisation ou "
                f"convention ? Il s'agit de : {trades} ({where}).",
                f"Hello, do you hold, or expect, what opens a reserved lot ({to_en}): an approval, authorisation or "
                f"agreement? It is about: {trades} ({where}).",
            )


def _trades(lot: LotShortlist, asked: Lot) -> str:
    """What the lot buys, as its title or trades say it."""
    return asked.title or ", ".join(each.label for each in lot.requested)


def evidence_summary(answer: SegmentAnswer) -> Text | None:
    """What several pieces of evidence for one offer say together; None where there are not several."""
    won = [each for each in answer.evidence if each.kind == "award"]
    if len(won) > 1:
        number = Text("d'au moins ", "of at least ") if len(won) == MOST_EVIDENCE else Text("de ", "of ")
        when = _latest(won)
        return Text(
            f"Titulaire {number.fr}{len(won)} marchés publics de ce métier{when.fr}",
            f"Holder {number.en}{len(won)} public contracts of this trade{when.en}",
        )
    if len(answer.evidence) > 1:
        return Text(f"{len(answer.evidence)} indices", f"{len(answer.evidence)} pieces of evidence")
    return None


def _latest(won: Iterable[OfferEvidence]) -> Text:
    years = [each.on.year for each in won if each.on]
    return Text(f", le dernier en {max(years)}", f", the last in {max(years)}") if years else Text("", "")


def reserved_to(reserved: Sequence[str]) -> str:
    """The name of a reservation among those that an answer counts, such as `handicap_iae`; empty for another one."""
    named = "_".join(sorted(reserved)) or "none"
    return named if named == "none" or named in RESERVED else ""
