"""Offers that one organisation noted of suppliers, laid over the index that all organisations share.

Notes are few, and their suppliers keep their ordinals: an organisation's notes are small tables of their own beside
those of the index. Whoever has no notes matches against the shared index itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec
import numpy as np

from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.suppliers.note import NotedSupplier
from domain.suppliers.supplier import Offer
from matching.index.offers import WantedOffers, codes_answered_by, offered_segments, read_offers, wanted_offers
from matching.index.service_areas import ServiceAreas
from matching.index.supplier_columns import IndexedSupplier
from matching.index.trade_groups import KindBits, TradeGroups


class NotedOffers:
    """The noted offers of suppliers of an index, as tables by the segment or family that they name.

    `notes`: as they were given; `areas`: of the index; `ordinals`: of those suppliers that it has; `lacking`: the ids
    of those that it has not, or no longer under the id that was noted; `of_supplier`: the offers in force, by ordinal;
    `were_offerless`: those of whom no other offer is known, in order; `kinds`: by segment or family that they answer,
    the kinds of these suppliers.
    """

    def __init__(
        self,
        notes: tuple[NotedSupplier, ...],
        known: Mapping[int, tuple[IndexedSupplier, tuple[Offer, ...]]],
        lacking: tuple[UUID, ...],
        areas: ServiceAreas,
        groups: TradeGroups,
        taxonomy: Taxonomy,
        cpv: Cpv,
    ) -> None:
        """`known`: by ordinal, a supplier of the index and what was noted of it."""
        self.notes, self.lacking, self.areas, self._taxonomy = notes, lacking, areas, taxonomy
        self.ordinals = np.array(sorted(known), dtype=np.int32)
        in_force = {
            ordinal: offers
            for ordinal, (supplier, noted) in sorted(known.items())
            if (offers := offers_in_force(noted, supplier.offers, taxonomy, cpv))
        }
        self.of_supplier: Mapping[int, tuple[Offer, ...]] = in_force
        self.were_offerless = np.array([each for each in in_force if not known[each][0].offers], dtype=np.int32)
        noting = [
            (each, msgspec.structs.replace(known[each][0], offers=offers, no_offer_until=None))
            for each, offers in in_force.items()
        ]
        self.offers = read_offers(noting, areas, taxonomy, cpv)
        bits = dict(zip(in_force, groups.kind_bits(np.array(list(in_force), dtype=np.int32)).tolist(), strict=True))
        kinds = defaultdict[str, KindBits](int)
        for code, table in self.offers.items():
            for answered in codes_answered_by(code, taxonomy):
                for ordinal in table.supplier.tolist():
                    kinds[answered] |= bits[ordinal]
        self.kinds: Mapping[str, KindBits] = dict(kinds)
        self._wanted: dict[str, WantedOffers] = {}

    def answering_offers(self, code: str) -> WantedOffers:
        """The noted offers that answer a segment or family."""
        found = self._wanted.get(code)
        if found is None:
            found = self._wanted[code] = wanted_offers(code, self.offers, self._taxonomy)
        return found


def offers_in_force(noted: Iterable[Offer], known: Iterable[Offer], taxonomy: Taxonomy, cpv: Cpv) -> tuple[Offer, ...]:
    """The `noted` offers of a supplier without the segments that its `known` offers declare.

    What the supplier itself or a directory says goes before what a buyer noted of it.
    """
    declared = {code for offer in known if offer.basis == "declared" for code in offered_segments(offer, taxonomy, cpv)}
    found = []
    for offer in noted:
        named = offered_segments(offer, taxonomy, cpv)
        left = tuple(code for code in named if code not in declared)
        if left == named:
            found.append(offer)
        elif left:
            found.append(msgspec.structs.replace(offer, segments=left, cpv=()))
    return tuple(found)
