"""Offers of one supplier from several records, and the order of what they rest on."""

from collections.abc import Iterable
from datetime import date
from itertools import chain

import msgspec

from domain.suppliers.supplier import EVIDENCE_KINDS, Evidence, Offer, ServiceArea

EVIDENCE_KEPT = 5
CODES_KEPT = 2_000

_RANKS = {kind: rank for rank, kind in enumerate(EVIDENCE_KINDS)}


def strength(evidence: Evidence) -> tuple[int, int]:
    """The sort key of evidence: the stronger kind first, and of one kind the latest."""
    return _RANKS[evidence.kind], -(evidence.on or date.min).toordinal()


def unite(offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """The offers, each once; those that nobody declared and that say the same are one, with the evidence of all.

    Of one with places, the places are those of all. As many as `EVIDENCE_KEPT` pieces of evidence stay, the strongest.
    """
    alike: dict[object, list[Offer]] = {}
    for offer in offers:
        alike.setdefault(_likeness(offer), []).append(offer)
    return tuple(some[0] if len(some) == 1 or some[0].basis == "declared" else _one(some) for some in alike.values())


def _likeness(offer: Offer) -> object:
    if offer.basis == "declared":
        return offer
    area = offer.service_area
    where = area if area is None or area.codes is None else "codes"
    return offer.basis, offer.segments, offer.cpv, offer.presta_types, where


def _one(some: list[Offer]) -> Offer:
    """The offer that says what all of `some` say; its label is that of the one that rests on the strongest evidence."""
    evidence = sorted(dict.fromkeys(chain.from_iterable(offer.evidence for offer in some)), key=strength)
    best = min(some, key=lambda offer: min(map(strength, offer.evidence), default=(len(_RANKS), 0)))
    areas = [area.codes for offer in some if (area := offer.service_area) is not None and area.codes]
    area = best.service_area
    if areas:
        area = ServiceArea(codes=tuple(sorted(set(chain.from_iterable(areas)))[:CODES_KEPT]))
    return msgspec.structs.replace(best, service_area=area, evidence=tuple(evidence[:EVIDENCE_KEPT]))
