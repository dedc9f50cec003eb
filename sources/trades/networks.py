"""Offers by the network whose name a structure bears: what all its members do, by its charter.

Only networks whose members have one trade, or the same few, are here. Names that are words too ("envie", "jardins") are
read of inclusion structures alone: there they are the network's, or the trade's.
"""

import re
from typing import NamedTuple

from domain.suppliers.supplier import Evidence, Kind, Offer
from domain.text.normalise import fold
from sources.trades.offers import offer_of

_INCLUSION: frozenset[Kind] = frozenset({"EI", "ACI"})


class Network(NamedTuple):
    """A network: how its members' folded names show it, and what they do."""

    label: str
    name: re.Pattern[str]
    segments: tuple[str, ...]
    of_inclusion_only: bool = False


NETWORKS = (
    Network(
        "Régies de quartier", re.compile(r"\bregies?\b.*\b(quartiers?|territoires?)\b"), ("pr-locaux", "ev-entretien")
    ),
    Network("Emmaüs", re.compile(r"\bemmaus\b"), ("re-ressourcerie",)),
    Network("Envie 2E", re.compile(r"\benvie 2 ?e\b"), ("de-deee",)),
    Network("Envie", re.compile(r"\benvie\b(?! 2 ?e\b)"), ("re-ressourcerie",), of_inclusion_only=True),
    Network("Le Relais", re.compile(r"\b(ebs|scop)\b.*\brelais\b|\brelais\b.*\bebs\b"), ("de-textile",)),
    Network("Jardins d'insertion", re.compile(r"\bjardins?\b|\bcocagne\b"), ("ev-vegetal",), of_inclusion_only=True),
)
# Most names are passed at one look.
_ANY = re.compile("|".join(network.name.pattern for network in NETWORKS))


def networked(name: str, kind: Kind | None, source: str | None) -> tuple[Offer, ...]:
    """The offers of the networks in a name; () for most names."""
    folded = fold(name)
    if not _ANY.search(folded):
        return ()
    found = (
        network
        for network in NETWORKS
        if network.name.search(folded) and (kind in _INCLUSION or not network.of_inclusion_only)
    )
    return tuple(
        offer_of(
            network.segments, f"Déduit du réseau : {network.label}", Evidence("words", network.label, source=source)
        )
        for network in found
    )
