"""Offers by licences and certificates that registers tell of a supplier."""

from datetime import date
from typing import Literal

from domain.suppliers.supplier import Evidence, Offer
from sources.trades.offers import offer_of

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
