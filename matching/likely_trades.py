"""The trades that a supplier most likely does, offered as ticks on its own page; nothing is concluded from them."""

from collections.abc import Iterable, Iterator
from itertools import islice

from domain.suppliers.supplier import Supplier
from matching.index.live_index import LiveIndex
from matching.index.trade_groups import EVERY_KIND, KindBits, KindsOffering, group_of_supplier
from matching.lot_query import SURE
from matching.reference import Reference

MOST_BY_NAME = 3


def likely_trades(
    supplier: Supplier, wanted: Iterable[str], live: LiveIndex, reference: Reference, most: int = 10
) -> tuple[str, ...]:
    """The segments that a supplier most likely offers, the likeliest first; known offers of its own are not looked at.

    `wanted`: segments or families of the need that led to the question, which come first. Then those that its name
    surely says, then those that most suppliers of its kinds offer, where the trade is known.
    """
    bits = group_of_supplier(supplier).kind_bits or EVERY_KIND
    found = dict.fromkeys(_segments_of(wanted, reference))
    found |= dict.fromkeys(_segments_of_name(supplier, reference))
    found |= dict.fromkeys(_most_frequent(live.kinds_offering, bits, reference))
    return tuple(islice(found, most))


def _segments_of(codes: Iterable[str], reference: Reference) -> Iterator[str]:
    """The segments among the codes, and those of the families among them; other codes are left out."""
    for code in codes:
        family = reference.taxonomy.family(code)
        if family is not None:
            yield from (segment.id for segment in family.segments)
        elif code in reference.taxonomy.segments:
            yield code


def _segments_of_name(supplier: Supplier, reference: Reference) -> list[str]:
    """The segments that the names of a supplier surely mean, the surest first."""
    names = filter(None, (supplier.trade_name, supplier.name))
    readings = [each for name in names for each in reference.interpreter.read(name) if each.confidence >= SURE]
    readings.sort(key=lambda each: -each.confidence)
    return list(dict.fromkeys(each.segment for each in readings))[:MOST_BY_NAME]


def _most_frequent(offering: KindsOffering, bits: KindBits, reference: Reference) -> list[str]:
    """The segments in the order of how many suppliers of these kinds offer them, then of how many offer them at all.

    Of those that nobody offers, the first of each family, then the second.
    """
    ranks = {
        segment.id: (-offering.number(segment.id, bits), -offering.number(segment.id, EVERY_KIND), place)
        for family in reference.taxonomy.families
        for place, segment in enumerate(family.segments)
    }
    return sorted(ranks, key=ranks.__getitem__)
