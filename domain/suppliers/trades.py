"""Whether a supplier has a trade, and on what the surest of its trades rests."""

from collections.abc import Iterable
from typing import Literal, get_args

from domain.suppliers.supplier import Offer

STAFF_LENT = "so-mad"
"""The segment of staff made available: it says how a supplier works, not at what."""
_STAFF_CPV, _HOME_HELP_CPV = "7962", "79622"

TradeEvidence = Literal["declared", "sector", "job", "award", "register", "purpose", "words", "kind", "unknown"]
"""What a trade rests on, strongest first: said by the supplier or its network, the kinds of evidence, nothing known."""
TRADE_EVIDENCE: tuple[TradeEvidence, ...] = get_args(TradeEvidence)


def has_trade(offers: Iterable[Offer]) -> bool:
    """Whether any offer names a trade: a segment other than staff lent or, without segments, such a CPV code."""
    return any(map(is_trade, offers))


def is_trade(offer: Offer) -> bool:
    """Whether the offer is of a segment other than `STAFF_LENT` or, where it names none, of a CPV code of another."""
    if offer.segments:
        return any(segment != STAFF_LENT for segment in offer.segments)
    return not all(code.startswith(_STAFF_CPV) and not code.startswith(_HOME_HELP_CPV) for code in offer.cpv)


def trade_evidence(offers: Iterable[Offer]) -> TradeEvidence | None:
    """The strongest ground of any trade among the offers; None where there is no trade.

    A contract that was won is an award even where the offer does not say which; an inferred offer without evidence is
    `unknown`.
    """
    grounds = [ground for offer in offers if is_trade(offer) for ground in _grounds(offer)]
    return min(grounds, key=TRADE_EVIDENCE.index, default=None)


def _grounds(offer: Offer) -> Iterable[TradeEvidence]:
    if offer.basis == "declared":
        return ("declared",)
    kinds: list[TradeEvidence] = [each.kind for each in offer.evidence]
    return kinds or (("award",) if offer.basis == "awarded" else ("unknown",))
