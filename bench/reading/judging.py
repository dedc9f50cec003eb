"""Print what nobody has judged of the first five: `python -m bench.reading.judging [DATA]`.

Each lot with its words, place and worth, and under it the suppliers to judge, as a buyer sees them. Verdicts go into
`judgements.csv`, under the rules at its head; a second reading, in another order, does not look at the first.
"""

import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from bench.reading.drawn_lots import RealLot, read_lots
from bench.reading.files import DATA
from bench.reading.precision import Named, answer_of, name_first, pool_without_lots, read_judgements
from bench.reading.real_pool import ListedSupplier
from domain.shortlists.listed_suppliers import Candidate
from matching.reference import Reference, load_reference


def main() -> None:
    """Print the lots that have suppliers to judge, and these."""
    data, reference, judgements = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA, load_reference(), read_judgements()
    lots = read_lots(data, reference)
    pool = pool_without_lots(data, lots, reference)
    shown = {lot.key: lot for lot in lots}
    unjudged = [each for each in name_first(lots, pool, reference) if each.pair not in judgements]
    suppliers = {listed.key: listed for listed in pool.by_id.values()}
    for key, named in groupby(unjudged, key=lambda each: each.pair.lot):
        answer = answer_of(shown[key], pool, reference)
        read = "; ".join(f"{each.label} {each.confidence:.2f}" for each in answer.requested)
        site = f", supposed {answer.supposed_site.label}" if answer.supposed_site else ""
        print(
            f"\n# {','.join(key)}\n{described(shown[key])}\n{answer.territory.label}{site}; read: {read or 'nothing'}"
        )
        for line in dict.fromkeys(supplier_line(each, suppliers[each.pair.supplier], reference) for each in named):
            print(line)


def described(lot: RealLot) -> str:
    """The words, codes and worth of a lot."""
    asked = lot.need.lots[0]
    words = " | ".join(text for text in (lot.need.title, asked.title) if text)
    worth = f"{asked.value_eur:.0f} € in {asked.duration_months} months" if asked.value_eur else "worth unknown"
    return f"{words} [{' '.join(asked.cpv)}] {worth}"


def supplier_line(named: Named, listed: ListedSupplier, reference: Reference) -> str:
    """A supplier as a buyer sees it in a list: name, kinds, place, distance and why its trade is believed."""
    supplier, answer = listed.supplier, named.answer
    why: Iterable[str] = ()
    if isinstance(answer, Candidate):
        why = (
            f"{each.offered} {each.basis} {each.evidence[0].message if each.evidence else ''}"
            for each in answer.segments
        )
    place = reference.territories.commune_name(supplier.commune) or "?"
    away = "?" if answer.distance_km is None else f"{answer.distance_km:.0f} km"
    kinds = "/".join(supplier.kinds) or listed.stored[0].source
    names = supplier.name if not supplier.trade_name else f"{supplier.name} ({supplier.trade_name})"
    return f"{named.list_:10} {named.pair.supplier} {names}, {kinds}, {place} {away}; {'; '.join(why)}"


if __name__ == "__main__":
    main()
