"""Whether a supplier's offers name a trade, on what that rests, how old it is, and how many suppliers have one.

And suppliers that a buyer asks last what they do: public bodies, groups of employers, clubs, those without staff. An
approval says more than a name: whoever holds another than GEIQ is asked with its kind. Public bodies with an ESAT or an
EA sell; those with an insertion workshop (ACI) mostly work for themselves, and those that give food aid give it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, get_args

import msgspec

from domain.suppliers.supplier import UNKNOWN_SIZE, Evidence, Kind, LegalForm, Offer, SupplierSize
from domain.text.normalise import fold

STAFF_LENT = "so-mad"
"""The segment of staff made available: it says how a supplier works, not at what."""
_STAFF_CPV, _HOME_HELP_CPV = "7962", "79622"

TradeEvidence = Literal["declared", "sector", "job", "award", "register", "purpose", "words", "kind", "unknown"]
"""What a trade rests on, strongest first: said by the supplier or its network, the kinds of evidence, nothing known."""
TRADE_EVIDENCE: tuple[TradeEvidence, ...] = get_args(TradeEvidence)

_TRADE_RANKS = {evidence: rank for rank, evidence in enumerate(TRADE_EVIDENCE)}
KindOrNone = Literal[Kind, "none"]
KINDS: tuple[KindOrNone, ...] = get_args(KindOrNone)


class KindTrades(msgspec.Struct, frozen=True):
    """Suppliers of one kind."""

    kind: KindOrNone
    """`none`: of no known kind"""
    suppliers: int
    """All of that kind"""
    with_trade: int
    """Those with an offer of another segment than staff made available"""


class EvidenceTrades(msgspec.Struct, frozen=True):
    """The number of suppliers whose surest trade rests on one kind of evidence."""

    evidence: TradeEvidence
    """Strongest first: declared by the supplier, the kinds of evidence, nothing known"""
    suppliers: int
    """Those whose surest trade rests on it"""


class KnownTrades(msgspec.Struct, frozen=True):
    """Active suppliers, and how many of them have a trade beyond lending staff, in all and by kind."""

    suppliers: int
    """The number of all of them"""
    with_trade: int
    """Those with an offer of another segment than staff made available"""
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] | None
    """Of those with a trade, from 0 to 1; null where there are none"""
    by_kind: tuple[KindTrades, ...]
    """A supplier of several kinds counts in each"""


class TradeCounts(KnownTrades, frozen=True):
    """Active suppliers, and how many of them have a trade beyond lending staff, also by what that rests on."""

    by_evidence: tuple[EvidenceTrades, ...]
    """By what the surest trade rests on, strongest first; each supplier with a trade counts once"""


def is_trade(offer: Offer) -> bool:
    """Whether the offer names a trade, by a segment or, without segments, a CPV code; staff lent is no trade."""
    if offer.segments:
        return offer.segments[0] != STAFF_LENT or any(segment != STAFF_LENT for segment in offer.segments)
    return not all(code.startswith(_STAFF_CPV) and not code.startswith(_HOME_HELP_CPV) for code in offer.cpv)


def trade_evidence(offers: Iterable[Offer]) -> TradeEvidence | None:
    """The strongest evidence for a trade among the offers; None where no offer names a trade.

    A contract that was won is an award even where the offer does not say which; an inferred offer without evidence is
    `unknown`.
    """
    grounds: list[TradeEvidence] = []
    for offer in offers:
        if is_trade(offer):
            if offer.basis == "declared":
                return "declared"
            kinds: list[TradeEvidence] = [each.kind for each in offer.evidence]
            grounds += kinds or (["award"] if offer.basis == "awarded" else ["unknown"])
    return min(grounds, key=_TRADE_RANKS.__getitem__, default=None)


def count_trades(suppliers: Iterable[tuple[tuple[Kind, ...], TradeEvidence | None, int]]) -> TradeCounts:
    """The counts of suppliers by kind and evidence, from groups of (kinds, `trade_evidence`, number of suppliers)."""
    of_kind: Counter[KindOrNone] = Counter()
    traded_of_kind: Counter[KindOrNone] = Counter()
    of_evidence: Counter[TradeEvidence] = Counter()
    total = 0
    for kinds, evidence, number in suppliers:
        total += number
        named: dict[KindOrNone, int] = dict.fromkeys(kinds or ("none",), number)
        of_kind.update(named)
        if evidence is not None:
            traded_of_kind.update(named)
            of_evidence[evidence] += number
    with_trade = of_evidence.total()
    return TradeCounts(
        suppliers=total,
        with_trade=with_trade,
        share=share_of(with_trade, total),
        by_kind=tuple(KindTrades(kind, of_kind[kind], traded_of_kind[kind]) for kind in KINDS if of_kind[kind]),
        by_evidence=tuple(EvidenceTrades(each, of_evidence[each]) for each in TRADE_EVIDENCE if of_evidence[each]),
    )


def share_of(part: int, whole: int) -> float | None:
    """A part of a whole, from 0 to 1, to the ten-thousandth; None of nothing."""
    return round(part / whole, 4) if whole else None


AWARD_YEARS = 6
"""The years for which a contract won shows what a supplier does; an older one shows what it did."""


def is_older_award(evidence: Evidence, on: date) -> bool:
    """Whether evidence is a contract won more than six years before a day, or on a day that nobody tells."""
    return evidence.kind == "award" and (evidence.on is None or evidence.on < years_before(on, AWARD_YEARS))


def years_before(day: date, years: int) -> date:
    """The same day some years earlier; 28 February for a 29 February."""
    if (day.month, day.day) == (2, 29):
        day = day.replace(day=28)
    return day.replace(year=day.year - years)


AskedLast = Literal["public_body", "employers_group", "club", "no_seller", "without_staff"]
"""Reasons to ask a supplier last: it buys rather than sells, lends staff to its members alone, meets for its own sake,
serves the public or other organisations (banks, federations), or is an association that employs nobody."""


class _Names(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of asked_last.toml: patterns of folded names, from the start of a word."""

    club: tuple[str, ...]
    food_aid: tuple[str, ...]
    no_seller: tuple[str, ...]
    public_body: tuple[str, ...]


@cache
def _name_patterns(kinds: frozenset[Kind]) -> tuple[tuple[AskedLast, re.Pattern[str]], ...]:
    """The patterns of names by which a supplier of these kinds is asked last."""
    names = msgspec.toml.decode((files("domain") / "data" / "asked_last.toml").read_bytes(), type=_Names)
    listed: tuple[tuple[AskedLast, tuple[str, ...]], ...] = (
        (("no_seller", names.food_aid if kinds <= _GIVERS else ()),)
        if kinds
        else (("public_body", names.public_body), ("club", names.club), ("no_seller", names.no_seller + names.food_aid))
    )
    return tuple((reason, re.compile(rf"\b(?:{'|'.join(some)})")) for reason, some in listed if some)


SELLING_KINDS: frozenset[Kind] = frozenset({"ESAT", "EA", "EATT"})
"""The kinds that sell their work, also where a public body runs them."""
_GIVERS: frozenset[Kind] = frozenset({"ACI"})
OF_THE_STATE, OF_LOCAL_AUTHORITIES = "1", "2"
"""The first digits of SIRENs of public bodies, which INSEE gives to nobody else."""


def is_public_siret(siret: str | None) -> bool:
    """Whether a SIRET is one of those that INSEE gives to public bodies alone."""
    return (siret or "").startswith((OF_THE_STATE, OF_LOCAL_AUTHORITIES))


def asked_last(
    kinds: Sequence[Kind],
    legal_form: LegalForm | None,
    name: str = "",
    siret: str | None = None,
    size: SupplierSize = UNKNOWN_SIZE,
) -> AskedLast | None:
    """The reason to ask a supplier last what it does; None for most."""
    if set(kinds) == {"GEIQ"}:
        return "employers_group"
    if SELLING_KINDS.intersection(kinds):
        return None
    if legal_form == "public_body" or is_public_siret(siret):
        return "public_body"
    patterns = _name_patterns(frozenset(kinds))
    folded = fold(name) if patterns else ""
    named = next((reason for reason, pattern in patterns if pattern.search(folded)), None)
    if named or kinds or legal_form != "association":
        return named
    return "without_staff" if size.staff is not None and size.staff.max == 0 else None
