"""Suppliers with a trade in a pool that was built: how many, by kind, by evidence, and by the file that tells it.

The files are read as an import reads them, and joined as an import joins them: those of one SIRET are one supplier, and
what only adds does so by SIRET or SIREN. Records without SIRET are each a supplier here; an import may find two alike.
Their rows are kept as read where they can be (`sources.file_reader`): the import need not read them again.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

import msgspec

from domain.suppliers.assembly import TRADE_EVIDENCE, TradeCounts, count_trades, is_trade, trade_evidence
from domain.suppliers.source import Batch, CheckedRecord, SourceMapping
from domain.suppliers.supplier import SIRET_DIGITS, Kind
from matching.reference import Reference, load_reference
from sources.file_reader import Reading, batches, origin_of, reader_versions, write_through
from sources.file_types.csv_cells import KINDS
from sources.formats.registry import ADDING, CSV, NDJSON
from sources.pool.manifest import MadeFile

_KINDS: tuple[Kind, ...] = tuple(KINDS.values())
STEP = "trades"
_NICS = 100_000
"""Of one SIREN, the number of possible SIRETs."""


class FileTrades(msgspec.Struct, frozen=True):
    """The trades that a file tells of. `offers`: those with a trade that it adds to suppliers of the pool.

    `suppliers`: those that it tells a trade of; `alone`: those of which no other file tells one. `rejected`: rows that
    an import will reject; `waiting`: those that add to no supplier of the pool.
    """

    file: str
    offers: int
    suppliers: int
    alone: int
    rejected: int
    waiting: int


class PoolTrades(TradeCounts, frozen=True):
    """Suppliers of the pool with a trade, and what each file tells of it."""

    by_file: tuple[FileTrades, ...]


def count_trades_in(
    folder: Path, files: Sequence[MadeFile], on: date, observe: Callable[[str, float | None], None]
) -> PoolTrades:
    """Count in the files of the folder, on the day `on`, and keep their rows. `observe`: see `build`.

    Memory grows by some hundred bytes with each supplier, and with each row of the file that is read. Raises OSError
    where the folder cannot be written.
    """
    reference = load_reference()
    # who makes suppliers comes before who adds to them
    ordered = sorted(files, key=lambda file: file.format in ADDING)
    sizes = [(folder / file.name).stat().st_size for file in ordered]
    counts = _Counts()
    for number, file in enumerate(ordered):

        def progress(place: int, before: int = sum(sizes[:number])) -> None:
            observe(STEP, (before + place) / max(1, sum(sizes)))

        counts.add(file.name, _read(folder / file.name, file, reference, on, progress))
    observe(STEP, 1.0)
    return counts.counted()


def _read(
    path: Path, file: MadeFile, reference: Reference, on: date, progress: Callable[[int], None]
) -> Iterator[Batch]:
    """The batches of a file, as an import into the source of its format's name reads them."""
    media_type = NDJSON if path.suffix == ".ndjson" else CSV
    origin = origin_of(file.format, file.sha256, reader_versions(reference.taxonomy), on)
    reading = Reading(file.format, media_type, SourceMapping(), "en", source=file.format, today=on)
    with path.open("rb") as stream:
        read = batches(reading, stream, reference)
        for batch in write_through(path, origin, read) if origin else read:
            progress(stream.tell())
            yield batch


class _Counts:
    """Suppliers by SIRET with what is known of each as bits: kinds, evidence of a trade, files that tell one."""

    def __init__(self) -> None:
        self._positions: dict[int, int] = {}
        self._kinds, self._evidence, self._files = array("H"), array("H"), array("H")
        self._in_order: list[int] = []
        self._figures: dict[str, Counter[str]] = {}

    def add(self, name: str, read: Iterable[Batch]) -> None:
        """Count the rows of a file; of rows with one identifier only the first, as an import does."""
        bit, figures = 1 << len(self._figures), Counter[str]()
        self._figures[name] = figures
        seen: set[int] = set()
        for batch in read:
            figures["rejected"] += len(batch.rejects)
            for row in batch.records:
                if (key := hash(row.external_id)) in seen:
                    figures["rejected"] += 1
                else:
                    seen.add(key)
                    self._add_row(row, bit, figures)
        self._in_order = []

    def _add_row(self, row: CheckedRecord, bit: int, figures: Counter[str]) -> None:
        positions = self._suppliers_of(row)
        figures["waiting"] += not positions
        figures["offers"] += sum(map(is_trade, row.record.offers)) * len(positions)
        strongest = trade_evidence(row.record.offers)
        kinds = sum({1 << _KINDS.index(approval.kind) for approval in row.record.approvals or ()})
        for position in positions:
            self._kinds[position] |= kinds
            if strongest is not None:
                self._evidence[position] |= 1 << TRADE_EVIDENCE.index(strongest)
                self._files[position] |= bit

    def counted(self) -> PoolTrades:
        """The figures of all files added so far."""
        alike = Counter(zip(self._kinds, self._evidence, strict=True))
        of = count_trades(
            (
                tuple(kind for place, kind in enumerate(_KINDS) if kinds >> place & 1),
                TRADE_EVIDENCE[(bits & -bits).bit_length() - 1] if bits else None,  # that of the lowest bit
                suppliers,
            )
            for (kinds, bits), suppliers in alike.items()
        )
        telling = Counter(self._files)
        by_file = (
            FileTrades(
                name,
                figures["offers"],
                suppliers=sum(n for bits, n in telling.items() if bits >> place & 1),
                alone=telling[1 << place],
                rejected=figures["rejected"],
                waiting=figures["waiting"],
            )
            for place, (name, figures) in enumerate(self._figures.items())
        )
        return PoolTrades(**msgspec.structs.asdict(of), by_file=tuple(by_file))

    def _suppliers_of(self, row: CheckedRecord) -> Sequence[int]:
        """The positions of the suppliers that the row makes or adds to."""
        if row.joins is None:
            position = len(self._kinds)
            if row.record.siret is not None:
                position = self._positions.setdefault(int(row.record.siret), position)
            if position == len(self._kinds):
                for bits in (self._kinds, self._evidence, self._files):
                    bits.append(0)
            return (position,)
        number = int(row.joins)
        if len(row.joins) == SIRET_DIGITS:
            found = self._positions.get(number)
            return () if found is None else (found,)
        self._in_order = self._in_order or sorted(self._positions)
        first, last = (bisect_left(self._in_order, siren * _NICS) for siren in (number, number + 1))
        return [self._positions[siret] for siret in self._in_order[first:last]]
