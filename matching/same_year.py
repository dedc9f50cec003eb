"""Advice on a need from the other needs of its year, each read as a match reads it."""

from collections.abc import Iterable
from datetime import date

import msgspec

from domain.law.findings import LegalAdvice
from domain.law.splitting import no_split
from domain.needs.need import Need
from domain.needs.same_year import OtherNeed, SameYear
from matching.lot_query import LotQuery, NeedReader
from matching.reference import Reference


def split_advice(
    need: Need, queries: Iterable[LotQuery], same_year: SameYear, reference: Reference, on: date
) -> list[LegalAdvice]:
    """Advice where the need, whose lots were read as `queries`, passes a threshold with the others of its family."""
    objects = {query.lot.id: tuple(wanted.segment for wanted in query.objects) for query in queries}
    others = tuple(_understood(other, reference.reader) for other in same_year.others)
    return no_split(need, SameYear(same_year.year, others), reference.rules.at(on, need.contract), objects)


def _understood(other: OtherNeed, reader: NeedReader) -> OtherNeed:
    """The need with its lots' segments as their codes and words are understood."""
    lots = tuple(msgspec.structs.replace(lot, segments=reader.objects(lot)) for lot in other.need.lots)
    return OtherNeed(other.id, msgspec.structs.replace(other.need, lots=lots))
