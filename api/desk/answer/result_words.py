"""Sentences of the page of an answer besides the answer itself: questions to suppliers, evidence in short."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from domain.exchanges.letter import lot_name
from domain.needs.need import Lot, Need, Reserved
from domain.shortlists.shortlist import Gate, LotShortlist, NearMiss, SegmentAnswer
from domain.text.bilingual import Text
from domain.text.labels import RESERVED

MOST_EVIDENCE = 3
"""An answer carries no more pieces of evidence for one offer."""


class Question(NamedTuple):
    """Near misses that lack the same thing, and what to ask them."""

    gate: Gate
    ask: Text
    rows: tuple[NearMiss, ...]


def trade_question(lot: LotShortlist, asked: Lot) -> Text:
    """The question to a supplier whose trade is not known."""
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
            limit = f"{asked.max_distance_km or 0:g} km"
            return Text(
                f"Bonjour, iriez-vous à plus de {limit} pour : {trades} ({where}) ?",
                f"Hello, would you go farther than {limit} for: {trades} ({where})?",
            )
        case "reservation":
            asks = [ASKS_OF_RESERVED[each] for each in asked.reserved or ()]
            fr, en = " ; ou ".join(each.fr for each in asks), "; or ".join(each.en for each in asks)
            return Text(
                f"Bonjour, nous préparons un achat ({trades}, {where}) : {fr} ?",
                f"Hello, we are preparing a purchase ({trades}, {where}): {en}?",
            )


ASKS_OF_RESERVED: dict[Reserved, Text] = {
    "handicap": Text(
        "êtes-vous ESAT ou entreprise adaptée, ou employez-vous au moins 50 % de travailleurs handicapés",
        "are you a sheltered work establishment or an adapted enterprise, or are at least 50% of your workers disabled",
    ),
    "iae": Text(
        "avez-vous, ou attendez-vous, une convention d'insertion (EI, ACI, AI, ETTI), ou employez-vous au moins 50 % "
        "de travailleurs défavorisés",
        "do you hold, or expect, a work integration agreement (EI, ACI, AI, ETTI), or are at least 50% of your workers "
        "disadvantaged",
    ),
    "penitentiary": Text(
        "ferez-vous ce travail dans un établissement pénitentiaire, avec des personnes détenues",
        "would you do this work in a prison, with people who are detained",
    ),
    "ess": Text(
        "êtes-vous une entreprise de l'économie sociale et solidaire, par vos statuts ou par agrément",
        "are you a company of the social and solidarity economy, by your statutes or by approval",
    ),
}
"""By reserved type, what shows that a supplier may answer."""


def _trades(lot: LotShortlist, asked: Lot) -> str:
    """The purchase, as the title of the lot or its trades say it."""
    return lot_name(asked) or ", ".join(each.label for each in lot.requested)


def evidence_summary(answer: SegmentAnswer) -> Text | None:
    """A sentence for several pieces of evidence for one offer; None where there are not several."""
    won = [each for each in answer.evidence if each.kind == "award"]
    if len(won) > 1:
        number = Text("d'au moins ", "of at least ") if len(won) == MOST_EVIDENCE else Text("de ", "of ")
        years = [each.on.year for each in won if each.on]
        when = Text(f", le dernier en {max(years)}", f", the last in {max(years)}") if years else Text("", "")
        return Text(
            f"Titulaire {number.fr}{len(won)} marchés publics de ce métier{when.fr}",
            f"Holder {number.en}{len(won)} public contracts of this trade{when.en}",
        )
    if len(answer.evidence) > 1:
        return Text(f"{len(answer.evidence)} indices", f"{len(answer.evidence)} pieces of evidence")
    return None


def reserved_to(reserved: Sequence[str]) -> str:
    """The name of a reservation among those that an answer counts, such as `handicap_iae`; empty for another one."""
    named = "_".join(sorted(reserved)) or "none"
    return named if named == "none" or named in RESERVED else ""


def said_in(need: Need) -> dict[str, Any]:
    """A need as `POST /match` takes it, with nothing that it does not say."""
    said: dict[str, Any] = _filled_in(msgspec.to_builtins(need))
    for lot in said["lots"]:
        if not lot["innovative"]:
            del lot["innovative"]
    return said


def _filled_in(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _filled_in(value) for name, value in part.items() if value is not None and value != ()}
    return [_filled_in(each) for each in part] if isinstance(part, tuple) else part
