"""Offers that nobody declared, as every kind of evidence makes them: those by licences, and by the name of a structure.

Of a network whose members have one trade, or the same few, by its charter, the name tells whatever else is known. The
words of a name tell only of inclusion structures, and only where nothing else does: elsewhere "paysages" is a journal's
and "la ferme" an inn's. `words.toml` lists both; networks with many trades (ID'EES, La Varappe, Ares, the Restaurants
du Cœur's workshops) are not there.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from importlib.resources import files
from typing import Literal

import msgspec

from domain.suppliers.supplier import Basis, Evidence, Kind, Offer, PrestaType, ServiceArea
from domain.text.normalise import fold

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


def without_segments(offers: Iterable[Offer], known: set[str]) -> Iterator[Offer]:
    """The offers without the segments that are known; one that has no others is left out."""
    for offer in offers:
        if others := tuple(segment for segment in offer.segments if segment not in known):
            yield msgspec.structs.replace(offer, segments=others)


def label_of(text: str) -> str | None:
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


def offer_of_licence(
    licence: Licence, source: str | None, reference: str | None = None, on: date | None = None
) -> Offer:
    """The offer that a licence names."""
    segment, label = _TRADES[licence]
    evidence = Evidence("register", label, on, source, reference)
    return offer_of((segment,), f"Déduit d'une licence ou d'un certificat : {label}", evidence)


class Naming(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Folded names of structures and what those do that bear one. `kinds`: the kinds it is read of; None for all."""

    label: str
    name: str
    segments: tuple[str, ...]
    kinds: frozenset[Kind] | None = None


class TradeWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of words.toml."""

    trade_words: frozenset[str]
    misleading: tuple[str, ...]
    networks: tuple[Naming, ...]
    names: tuple[Naming, ...]


WORDS = msgspec.toml.decode((files("sources.trades") / "words.toml").read_bytes(), type=TradeWords)
# Most names are passed at one look.
_ANY_NETWORK, _ANY_NAME = (
    re.compile("|".join(each.name for each in namings)) for namings in (WORDS.networks, WORDS.names)
)
_LONGEST_NAME = 400
"""What is read of a name, whose words may stand far apart: no supplier has a longer one."""


def offers_by_network(name: str, kind: Kind | None, source: str | None) -> tuple[Offer, ...]:
    """The offers of the networks in a name; () for most names."""
    folded = fold(name[:_LONGEST_NAME])
    return (
        _offers_of_namings(WORDS.networks, folded, kind, source, "Déduit du réseau")
        if _ANY_NETWORK.search(folded)
        else ()
    )


def offers_by_name(name: str, kind: Kind | None, source: str | None) -> tuple[Offer, ...]:
    """The offer of the words by which structures of a kind call themselves; () for most names."""
    folded = fold(name[:_LONGEST_NAME])
    return (
        _offers_of_namings(WORDS.names, folded, kind, source, "Déduit du nom")[:1] if _ANY_NAME.search(folded) else ()
    )


def _offers_of_namings(
    namings: tuple[Naming, ...], folded: str, kind: Kind | None, source: str | None, label: str
) -> tuple[Offer, ...]:
    """An offer for each naming that the folded name fits; of those with the same segments, of the first."""
    found: dict[tuple[str, ...], Offer] = {}
    for naming in namings:
        if (naming.kinds is None or kind in naming.kinds) and re.search(naming.name, folded):
            evidence = Evidence("words", naming.label, source=source)
            found.setdefault(naming.segments, offer_of(naming.segments, f"{label} : {naming.label}", evidence))
    return tuple(found.values())
