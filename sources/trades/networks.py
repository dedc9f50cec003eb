"""Offers by the name a structure bears: its network's, else one of those that inclusion structures give themselves.

Of a network whose members have one trade, or the same few, by its charter, the name tells whatever else is known. The
words of a name tell only of inclusion structures, and only where nothing else does: elsewhere "paysages" is a journal's
and "la ferme" an inn's. Words that mean several trades ("environnement": grounds as often as waste; "bois", "services")
are not here, nor networks that have many (ID'EES, La Varappe, Ares, the Restaurants du Cœur's workshops).
"""

import re
from typing import NamedTuple

from domain.suppliers.supplier import Evidence, Kind, Offer
from domain.text.normalise import fold
from sources.trades.offers import offer_of

_INCLUSION: frozenset[Kind] = frozenset({"EI", "ACI"})
_WORKSHOPS: frozenset[Kind] = _INCLUSION | {"EA", "EATT", "ESAT"}


class Naming(NamedTuple):
    """Folded names of structures and what those do that bear one. `kinds`: the kinds it is read of; None for all."""

    label: str
    name: re.Pattern[str]
    segments: tuple[str, ...]
    kinds: frozenset[Kind] | None = None


_REGIE = ("pr-locaux", "ev-entretien")

NETWORKS = (
    # the national committee's label: upkeep of housing estates and of what is around them
    Naming("Régies de quartier", re.compile(r"\bregies?\b.*\b(quartiers?|territoires?)\b"), _REGIE),
    Naming("Régies", re.compile(r"\bregi(e|es)?\b(?!.*\b(eaux?|publicitaire)\b)"), _REGIE, _INCLUSION),
    # not those that house people or teach how to use a computer
    Naming("Emmaüs", re.compile(r"\bemmaus\b(?!.*\b(solidarite|habitat|connect)\b)"), ("re-ressourcerie",)),
    Naming("Envie 2E", re.compile(r"\benvie 2 ?e\b"), ("de-deee",)),
    Naming(
        "Envie",
        re.compile(r"\benvie\b(?!.*\b(2 ?e|environnement|transports?|logistique|autonomie)\b)"),
        ("re-ressourcerie",),
        _INCLUSION,
    ),
    Naming("Le Relais", re.compile(r"\b(ebs|scop)\b.*\brelais\b|\brelais\b.*\bebs\b"), ("de-textile",)),
    Naming("Sineo", re.compile(r"\bsineo\b"), ("pr-vehicules",)),
    Naming("Elise", re.compile(r"\belise\b"), ("de-5flux",), _WORKSHOPS),
    Naming("Pain et Partage", re.compile(r"\bpain et partage\b"), ("rs-denrees",)),
    Naming("Compagnons Bâtisseurs", re.compile(r"\bcompagnons batisseurs\b"), ("bt-peinture", "bt-maintenance")),
    # youth and inclusion work on footpaths, rivers and old walls
    Naming("Études et Chantiers", re.compile(r"\betudes et chantiers\b"), ("ev-milieux",)),
)
NAMES = (
    Naming("jardins", re.compile(r"\bjardins?\b|\bcocagne\b"), ("ev-vegetal",), _INCLUSION),
    Naming(
        "ferme, potager",
        re.compile(r"\b(fermes?|potagers?|vergers?|semailles|horti\w*|agri urbains?|paysans? urbains?)\b"),
        ("ev-vegetal",),
        _INCLUSION | {"ESAT"},
    ),
    Naming(
        "emplois verts",
        re.compile(r"\b(brigades?|chantiers?|chemins|emplois?|equipes?) verte?s?\b|\bpaysag\w*"),
        ("ev-entretien", "ev-creation"),
        _INCLUSION,
    ),
    Naming("forêt", re.compile(r"\b(forets?|forestiere?s?|sylva)\b"), ("ev-elagage",), _INCLUSION),
    Naming(
        "rivières, milieux naturels",
        re.compile(r"\brivieres\b|\bbassin versant\b|\bmilieux naturels\b|\bzones humides\b|\bparc naturel\b"),
        ("ev-milieux",),
        _INCLUSION,
    ),
    Naming(
        "patrimoine",
        re.compile(r"\b(patrimoine|rempart|vieilles pierres)\b(?<!voile et patrimoine)"),
        ("bt-maconnerie",),
        _INCLUSION,
    ),
    Naming("bâtiment, rénovation", re.compile(r"\b(bati|bat|batiments?|renov|renovation)\b"), ("bt-tce",), _INCLUSION),
    Naming("mobilité", re.compile(r"\bmobil(ites?)?\b"), ("lo-personnes",), _INCLUSION),
    Naming(
        "cycles, automobile",
        re.compile(r"\b(?!re)\w*cycles\b|\bvelos?\b|\b(auto|autos|meca|mecanique)\b(?! ecole)"),
        ("lo-vehicules",),
        _INCLUSION,
    ),
    Naming(
        "restauration",
        re.compile(r"\brestauration\b|\brestaurants?\b(?!.*\bcoeurs?\b)|\bcuisin\w*"),
        ("rs-traiteur", "rs-collective"),
        _WORKSHOPS,
    ),
    Naming(
        "vêtements",
        re.compile(r"\b(frip\w*|fringu\w*|habits?|vetements?|vestiaire|textiles?)\b"),
        ("de-textile", "re-ressourcerie"),
        _INCLUSION,
    ),
    Naming("récupération", re.compile(r"\brecup\w*"), ("re-ressourcerie", "de-encombrants"), _INCLUSION),
    Naming("tri, recyclage", re.compile(r"\btri\b(?! d)|\brecyclages?\b|\bcartons?\b"), ("de-5flux",), _INCLUSION),
    Naming("meubles", re.compile(r"\bmeubles\b"), ("re-mobilier",), _INCLUSION),
    Naming("métal", re.compile(r"\bmetal\b"), ("in-metal",), _WORKSHOPS),
    Naming("industrie", re.compile(r"\bindustriel\b"), ("in-conditionnement",), frozenset({"ESAT"})),
    Naming("amidon", re.compile(r"\bamidon\b"), ("lt-blanchisserie",), _INCLUSION),
    Naming("propreté", re.compile(r"\bclean\b"), ("pr-locaux",), _INCLUSION),
)  # fmt: skip

# Most names are passed at one look.
_ANY_NETWORK, _ANY_NAME = (re.compile("|".join(each.name.pattern for each in namings)) for namings in (NETWORKS, NAMES))


LONGEST_NAME = 400
"""What is read of a name, whose words may stand far apart: no supplier has a longer one."""


def networked(name: str, kind: Kind | None, source: str | None) -> tuple[Offer, ...]:
    """The offers of the networks in a name; () for most names."""
    folded = fold(name[:LONGEST_NAME])
    return _offers(NETWORKS, folded, kind, source, "Déduit du réseau") if _ANY_NETWORK.search(folded) else ()


def offers_by_name(name: str, kind: Kind | None, source: str | None) -> tuple[Offer, ...]:
    """The offer of the words by which structures of a kind call themselves; () for most names."""
    folded = fold(name[:LONGEST_NAME])
    return _offers(NAMES, folded, kind, source, "Déduit du nom")[:1] if _ANY_NAME.search(folded) else ()


def _offers(
    namings: tuple[Naming, ...], folded: str, kind: Kind | None, source: str | None, label: str
) -> tuple[Offer, ...]:
    """An offer for each naming that the folded name fits; of those with the same segments, of the first."""
    found: dict[tuple[str, ...], Offer] = {}
    for naming in namings:
        if (naming.kinds is None or kind in naming.kinds) and naming.name.search(folded):
            evidence = Evidence("words", naming.label, source=source)
            found.setdefault(naming.segments, offer_of(naming.segments, f"{label} : {naming.label}", evidence))
    return tuple(found.values())
