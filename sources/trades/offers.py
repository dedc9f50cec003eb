"""Offers that nobody declared, as every kind of evidence makes them, and those by licences and certificates."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Literal

import msgspec

from domain.suppliers.supplier import Basis, Evidence, Offer, PrestaType, ServiceArea

LONGEST_LABEL = 400
_LONGEST_REFERENCE = 200


def offer_of(
    segments: tuple[str, ...],
    label: str,
    evidence: Evidence,
    presta_types: tuple[PrestaType, ...] = (),
    basis: Basis = "inferred",
    area: ServiceArea | None = None,
) -> Offer:
    """An offer that rests on one piece of evidence."""
    return Offer(
        segments=segments,
        label=label[:LONGEST_LABEL],
        presta_types=presta_types,
        service_area=area,
        basis=basis,
        evidence=(evidence,),
    )


def without(offers: Iterable[Offer], known: set[str]) -> Iterator[Offer]:
    """The offers less the segments that are known; not those that have no others."""
    for offer in offers:
        if others := tuple(segment for segment in offer.segments if segment not in known):
            yield msgspec.structs.replace(offer, segments=others)


def shortened(text: str) -> str | None:
    """The text as a label may hold it, blanks made one; None where nothing is left."""
    return " ".join(text.split())[:LONGEST_LABEL] or None


def reference_of(code: str | None) -> str | None:
    """The code as a reference may hold it; None where there is none."""
    return (code or "").strip()[:_LONGEST_REFERENCE] or None


Licence = Literal["training", "live_show", "rge", "organic"]

# What a licence is for is what its holder does: nobody asks for one to do something else.
_TRADES: dict[Licence, tuple[str, str]] = {
    "training": ("so-formation", "Organisme de formation"),
    "live_show": ("cc-spectacle", "Licence d'entrepreneur de spectacles vivants"),
    "rge": ("bt-energie", "Certificat RGE (travaux d'économie d'énergie)"),
    "organic": ("ev-vegetal", "Certificat d'agriculture biologique"),
}


def licensed(licence: Licence, source: str | None, reference: str | None = None, on: date | None = None) -> Offer:
    """The offer that a licence names."""
    segment, label = _TRADES[licence]
    evidence = Evidence("register", label, on, source, reference)
    return offer_of((segment,), f"Déduit d'une licence ou d'un certificat : {label}", evidence)
