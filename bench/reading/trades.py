"""Share of suppliers with a trade beyond lending staff, by file of real records, kind and evidence.

Suppliers are counted as the rows of a file; what contracts show of their winners is added by SIRET or SIREN, as an
import of format `decp` does. `trades` of `GET /sources` counts the same of what was imported.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from bench.reading import files
from domain.suppliers.known_trades import TradeCounts, count_trades, is_trade, trade_evidence
from domain.suppliers.source import Row
from domain.suppliers.supplier import Kind, Offer
from sources.rows import Context

FILES: Mapping[str, Callable[[Path, Context], Iterator[Row]]] = {
    "siae": files.siae,
    "esat": files.esat,
    "sirene 2017": files.sirene_of_2017,
    "sirene 2017, with staff": partial(files.sirene_of_2017, with_staff=True),
    "sirene 2026": files.sirene_of_2026,
    "sirene 2026, with staff": partial(files.sirene_of_2026, with_staff=True),
    "geiq": files.geiq,
    "gogocarto": files.gogocarto,
    "le-marche": files.le_marche,
}
"""The files that make suppliers; `sirene 2026` was chosen by its trades, so its share forecasts nothing."""
SIREN_DIGITS = 9


def measure_trades(data: Path) -> None:
    """Print the share of suppliers with a trade, by file, kind and evidence."""
    context = files.load_context()
    won = _offers_by_number(files.decp(data, context))
    print("file                     suppliers  with a trade          with their contracts too")
    counted = {name: _print_file(name, list(read(data, context)), won) for name, read in FILES.items()}
    print(f"siae, by kind: {_by_kind(counted['siae'])}")
    print("by evidence, strongest of each supplier:")
    for name, counts in counted.items():
        if counts.with_trade:
            print(f"  {name:23}  " + ", ".join(f"{each.evidence} {each.suppliers}" for each in counts.by_evidence))
    purposes = _offers_by_number(files.rna(data, context))
    for name, offers in (("decp", won), ("rna", purposes)):
        traded = sum(any(map(is_trade, some)) for some in offers.values())
        print(f"{name}: about {len(offers)} SIRET or SIREN, a trade for {traded} of them")


def _print_file(name: str, rows: Sequence[Row], won: Mapping[str, list[Offer]]) -> TradeCounts:
    """Print a file's share, also with the offers by contracts `won` (by SIRET or SIREN); returns the counts without."""
    alone, both = _counts(rows, {}), _counts(rows, won)
    print(f"{name:23}  {alone.suppliers:9}  {_share(alone):20}  {_share(both)}")
    return alone


def _counts(rows: Sequence[Row], won: Mapping[str, list[Offer]]) -> TradeCounts:
    groups = Counter((_kinds(row), trade_evidence((*row.record.offers, *_joined_offers(row, won)))) for row in rows)
    return count_trades((kinds, evidence, number) for (kinds, evidence), number in groups.items())


def _offers_by_number(rows: Iterator[Row]) -> dict[str, list[Offer]]:
    """The offers of records that add to suppliers of other files, by the SIRET or SIREN of the supplier."""
    found: dict[str, list[Offer]] = defaultdict(list)
    for row in rows:
        if row.joins is not None:
            found[row.joins] += row.record.offers
    return found


def _joined_offers(row: Row, won: Mapping[str, list[Offer]]) -> Iterator[Offer]:
    if siret := row.record.siret:
        for number in (siret, siret[:SIREN_DIGITS]):
            yield from won.get(number, ())


def _kinds(row: Row) -> tuple[Kind, ...]:
    return tuple(dict.fromkeys(approval.kind for approval in row.record.approvals or ()))


def _share(counts: TradeCounts) -> str:
    return "-" if counts.share is None else f"{counts.with_trade:5} ({counts.share:.1%})"


def _by_kind(counts: TradeCounts) -> str:
    return ", ".join(
        f"{each.kind} {each.with_trade} of {each.suppliers} ({each.with_trade / each.suppliers:.0%})"
        for each in counts.by_kind
    )
