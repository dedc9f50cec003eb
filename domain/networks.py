"""Networks and facilitators: whom a buyer may call about a territory and a reservation."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

import msgspec

from domain.errors import Problem, pointer
from domain.needs.need import Code, Reserved, ShortText
from domain.reference.territory import Area, Territories, UnknownTerritory
from domain.text.bilingual import WebAddress

NetworkKind = Literal["cress", "reso", "iae", "gesat", "unea", "handiace", "facilitator", "other"]
MOST_NETWORKS = 2_000


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A network of suppliers, or a facilitator of social clauses, with the contact of the organisation."""

    name: ShortText
    """Of the organisation; never of a person"""
    kind: NetworkKind = "other"
    """`cress`, `reso`, `iae`, `gesat`, `unea`, `handiace`, `facilitator` or `other`"""
    territories: Annotated[tuple[Code, ...], msgspec.Meta(min_length=1, max_length=200)] = ("country:FR",)
    """Codes such as `departement:56`; `country:FR`: all of France"""
    reserved: tuple[Reserved, ...] = ()
    """The reservations that it knows about; empty: all"""
    email: Annotated[str, msgspec.Meta(max_length=320)] | None = None
    """Of the organisation; null: not known"""
    phone: Annotated[str, msgspec.Meta(max_length=50)] | None = None
    """Of the organisation; null: not known"""
    url: WebAddress | None = None
    """A page about it; null: none"""


class NetworkTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All networks that the operator keeps."""

    items: Annotated[tuple[Network, ...], msgspec.Meta(max_length=MOST_NETWORKS)]
    """Those of the smallest territory first, then by name"""


def problems_of_networks(networks: Iterable[Network], territories: Territories) -> Iterator[Problem]:
    """A problem for each code among the networks' territories that names no territory."""
    for position, network in enumerate(networks):
        for place, code in enumerate(network.territories):
            try:
                territories.area(code)
            except UnknownTerritory as unknown:
                yield Problem(pointer("items", position, "territories", place), unknown.code, unknown.detail)


def networks_to_call(
    networks: Iterable[Network], areas: Sequence[Area], reserved: Sequence[Reserved], territories: Territories
) -> tuple[Network, ...]:
    """The networks that cover a part of the areas and know one of the reservations; the smallest territory first.

    Without areas, those of any territory; without reservations, those of all.
    """
    wanted = {commune for area in areas for commune in area.communes}
    covered_by: dict[tuple[str, ...], set[int]] = {}
    found: list[tuple[int, str, Network]] = []
    for network in networks:
        codes = network.territories
        if codes not in covered_by:
            covered_by[codes] = {commune for code in codes for commune in territories.area(code).communes}
        covered = covered_by[codes]
        is_there = not areas or not covered.isdisjoint(wanted)
        if is_there and (not reserved or not network.reserved or not set(network.reserved).isdisjoint(reserved)):
            found.append((len(covered), network.name, network))
    return tuple(network for *_, network in sorted(found, key=lambda each: each[:2]))
