"""The report of an import as a table for the terminal."""

from collections import Counter

from rich import box
from rich.console import Console
from rich.table import Table

from api.commands.console import plain
from domain.suppliers.source import Import

REJECTS_SHOWN = 10
FLAGS = {
    "no_offer": "say nothing of what they do: no need can find them",
    "no_place": "have neither a point nor a commune",
    "placed_at_commune": "are placed somewhere in their commune",
    "point_far_from_commune": "have a point far from their commune",
    "outside_france": "have a point outside France",
    "siret_check_failed": "have a SIRET that fails its check digit",
}


def write_report(report: Import, flags: Counter[str], to: Console) -> None:
    """Print the counts, the flags of the accepted rows, and the first rejected rows."""
    title = f"Import into {report.source}" + (" (dry run: nothing is stored)" if report.dry_run else "")
    to.print(title, style="bold")
    to.print(_counts(report))
    accepted = report.received - report.rejected
    if flags:
        to.print(f"Of the {accepted} accepted rows:")
        for code, count in flags.most_common():
            to.print(f"  {count:>8}  {FLAGS.get(code, code)}")
    if report.errors:
        shown = report.errors[:REJECTS_SHOWN]
        to.print(
            f"\nRejected, the first {len(shown)} of {report.rejected}:"
            if report.rejected > len(shown)
            else "\nRejected:"
        )
        to.print(_rejects(report))


def _counts(report: Import) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    names = ("received", "added", "changed", "unchanged", "removed", "rejected")
    for name in names:
        table.add_column(name, justify="right")
    table.add_row(*(str(getattr(report, name)) for name in names))
    return table


def _rejects(report: Import) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("line", justify="right")
    for heading in ("external_id", "at", "code", "what is wrong"):
        table.add_column(heading, overflow="fold")
    for error in report.errors[:REJECTS_SHOWN]:
        table.add_row(
            str(error.line), plain(error.external_id or ""), plain(error.pointer), error.code, plain(error.detail)
        )
    return table
