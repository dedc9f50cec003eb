"""Counts of suppliers with a known trade in a pool: by kind, by evidence, and by the file that tells the trade.

The files are read as an import reads them, and joined as an import joins them: those of one SIRET are one supplier, and
what only adds does so by SIRET or SIREN. Records without SIRET are each a supplier here; an import may find two alike.
Their rows are kept as read where they can be (`sources.file_reader`): the import need not read them again.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

import msgspec

from domain.suppliers.known_trades import (
    TRADE_EVIDENCE,
    TradeCounts,
    TradeEvidence,
    count_trades,
    is_trade,
    trade_evidence,
)
from domain.suppliers.source import Batch, CheckedRecord, SourceMapping
from domain.suppliers.supplier import SIRET_DIGITS, Kind
from matching.reference import Reference, load_reference
from sources.file_reader import ADDING, CSV, NDJSON, ReadOptions, batches, cache_key_of, reader_versions, write_through
from sources.pool.manifest import MadeFile

STEP = "trades"
_NICS = 100_000
"""Of one SIREN, the number of possible SIRETs."""


class FileTrades(msgspec.Struct, frozen=True):
    """The numbers that one file of a pool adds; `offers`: its offers with a trade, once per supplier they go to.

    `suppliers`: those whose trade it tells; `alone`: those whose trade no other file does. `rejected`: rows that an
    import will reject; `waiting`: rows that add to no supplier of the pool.
    """

    file: str
    offers: int
    suppliers: int
    alone: int
    rejected: int
    waiting: int


class PoolTrades(TradeCounts, frozen=True):
    """The numbers of the pool's suppliers with a trade, and of the trades that each file tells."""

    by_file: tuple[FileTrades, ...]


def count_trades_in(
    folder: Path, files: Sequence[MadeFile], on: date, observe: Callable[[str, float | None], None]
) -> PoolTrades:
    """Count suppliers with a trade in a pool's files, on the day `on`, and cache the rows. `observe`: see `build`.

    Memory grows by some hundred bytes with each supplier, and with each row of the file that is read. Raises OSError
    where the folder cannot be written.
    """
    reference = load_reference()
    # who makes suppliers comes before who adds to them
    ordered = sorted(files, key=lambda file: file.format in ADDING)
    sizes = [(folder / file.name).stat().st_size for file in ordered]
    counts = _Counts()
    for number, file in enumerate(ordered):

        def report_progress(bytes_read: int, before: int = sum(sizes[:number])) -> None:
            observe(STEP, (before + bytes_read) / max(1, sum(sizes)))

        counts.add(file.name, _read_batches(folder / file.name, file, reference, on, report_progress))
    observe(STEP, 1.0)
    return counts.totals()


def _read_batches(
    path: Path, file: MadeFile, reference: Reference, on: date, report_progress: Callable[[int], None]
) -> Iterator[Batch]:
    """Yield the batches of a file as an import reads them into the source named like its format, and cache them."""
    media_type = NDJSON if path.suffix == ".ndjson" else CSV
    origin = cache_key_of(file.format, file.sha256, reader_versions(reference.taxonomy), on)
    reading = ReadOptions(file.format, media_type, SourceMapping(), "en", source=file.format, today=on)
    with path.open("rb") as stream:
        read = batches(reading, stream, reference)
        for batch in write_through(path, origin, read) if origin else read:
            report_progress(stream.tell())
            yield batch


_Known = tuple[frozenset[Kind], TradeEvidence | None, frozenset[str]]
"""The kinds of a supplier, its strongest evidence of a trade, and the files that tell one."""
_NOTHING: _Known = (frozenset(), None, frozenset())


class _Counts:
    """Suppliers by SIRET, with the kinds, the evidence and the files of each; equal values share one object."""

    def __init__(self) -> None:
        self._positions: dict[int, int] = {}
        self._known: list[_Known] = []
        self._held: dict[_Known, _Known] = {}
        self._in_order: list[int] = []
        self._figures: dict[str, Counter[str]] = {}

    def add(self, name: str, read: Iterable[Batch]) -> None:
        """Count the rows of a file; of rows with the same external id only the first, as an import does."""
        figures = self._figures[name] = Counter[str]()
        seen: set[int] = set()
        for batch in read:
            figures["rejected"] += len(batch.rejects)
            for row in batch.records:
                if (key := hash(row.external_id)) in seen:
                    figures["rejected"] += 1
                    continue
                seen.add(key)
                positions, evidence = self._suppliers_of(row), trade_evidence(row.record.offers)
                figures["waiting"] += not positions
                figures["offers"] += sum(map(is_trade, row.record.offers)) * len(positions)
                for position in positions:
                    kinds, known, files = self._known[position]
                    kinds = kinds.union(approval.kind for approval in row.record.approvals or ())
                    strongest = next((each for each in TRADE_EVIDENCE if each in (known, evidence)), None)
                    found = kinds, strongest, files if evidence is None else files | {name}
                    self._known[position] = self._held.setdefault(found, found)
        self._in_order = []

    def totals(self) -> PoolTrades:
        """The trades of all suppliers of the files added so far, in all and by file."""
        alike = Counter(self._known)
        trades = count_trades((tuple(kinds), evidence, number) for (kinds, evidence, _), number in alike.items())
        by_file = (
            FileTrades(
                name,
                figures["offers"],
                suppliers=sum(number for (*_, files), number in alike.items() if name in files),
                alone=sum(number for (*_, files), number in alike.items() if files == {name}),
                rejected=figures["rejected"],
                waiting=figures["waiting"],
            )
            for name, figures in self._figures.items()
        )
        return PoolTrades(**msgspec.structs.asdict(trades), by_file=tuple(by_file))

    def _suppliers_of(self, row: CheckedRecord) -> Sequence[int]:
        """The positions in `_known` of the suppliers that a row makes or adds to."""
        if row.joins is None:
            position = len(self._known)
            if row.record.siret is not None:
                position = self._positions.setdefault(int(row.record.siret), position)
            if position == len(self._known):
                self._known.append(_NOTHING)
            return (position,)
        number = int(row.joins)
        if len(row.joins) == SIRET_DIGITS:
            found = self._positions.get(number)
            return () if found is None else (found,)
        self._in_order = self._in_order or sorted(self._positions)
        first, last = (bisect_left(self._in_order, siren * _NICS) for siren in (number, number + 1))
        return [self._positions[siret] for siret in self._in_order[first:last]]
