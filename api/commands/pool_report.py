"""The report of `vivier pool build`: what was read and made, and how many suppliers have a trade by what."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from rich import box
from rich.console import Console
from rich.table import Column, Table

from sources.pool.manifest import GivenFile
from sources.pool.published_files import FileReport, published_files
from sources.pool.trade_counts import PoolTrades

CREDITS = "Credit where these data are shown: "


class PoolReport(msgspec.Struct, frozen=True):
    """A pool that was built: its files, the trades of its suppliers, and the published files with their dates."""

    files: Sequence[FileReport]
    trades: PoolTrades
    sources: Sequence[GivenFile]


def write_report(report: PoolReport, out: Path, to: Console) -> None:
    """Print the report, the command that imports the pool, and whom to credit."""
    to.print(_table(("file", "made"), ("read", "unreadable", "kept", "legal units"), map(_file_cells, report.files)))
    trades = report.trades
    named = ("made", "offers with a trade", "suppliers", "by it alone", "rejected", "waiting")
    to.print(_table(named[:1], named[1:], ((t.file, *msgspec.structs.astuple(t)[1:]) for t in trades.by_file)))
    share = _share(trades.with_trade, trades.suppliers)
    to.print(f"With a trade (more than staff lent): {trades.with_trade:,} of {trades.suppliers:,} suppliers, {share}")
    kinds = (
        (each.kind, each.suppliers, each.with_trade, _share(each.with_trade, each.suppliers)) for each in trades.by_kind
    )
    to.print(_table(("kind",), ("suppliers", "with a trade", "share"), kinds))
    rests = ((each.evidence, each.suppliers, _share(each.suppliers, trades.suppliers)) for each in trades.by_evidence)
    to.print(_table(("strongest evidence",), ("suppliers", "share of all"), rests))
    to.print(f"Import all that was made with: vivier pool update {out}", soft_wrap=True)
    to.print(CREDITS + "; ".join(_credits(report.sources)) + ".")


def _file_cells(report: FileReport) -> tuple[str | int | None, ...]:
    return report.id, report.made or "–", report.read, report.unreadable, report.kept, report.suppliers


def _table(names: Sequence[str], figures: Sequence[str], rows: Iterable[Sequence[str | int | None]]) -> Table:
    columns = (*(Column(name, overflow="fold") for name in names), *(Column(name, justify="right") for name in figures))
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*("–" if cell is None else f"{cell:,}" if isinstance(cell, int) else cell for cell in row))
    return table


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def _credits(sources: Sequence[GivenFile]) -> list[str]:
    """The publishers to credit, each once, with the day of its newest file."""
    days: dict[str, str] = {}
    for file in published_files():
        for source in sources:
            if source.id == file.id:
                days[file.credit] = max(days.get(file.credit, ""), source.date.isoformat())
    return [f"{credit} ({day})" for credit, day in days.items()]
