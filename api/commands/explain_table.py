"""Tables that show on a terminal how a match came about."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from api.commands.console import plain
from matching.inspection.trace import LotTrail, Value


def write_trail(lots: Sequence[LotTrail], to: Console) -> None:
    """Per lot: what was read and from where, whom each gate refused, then the candidates by criterion."""
    for lot in lots:
        to.rule(plain(f"Lot {lot.id} · {lot.territory}"), align="left")
        to.print("Read as:")
        for wanted in lot.wanted:
            sources = ", ".join(wanted.sources)
            to.print(plain(f"  {wanted.segment} ({wanted.role}, confidence {wanted.confidence:.2f}) from {sources}"))
        for code in lot.unmapped:
            to.print(f"  nothing, from cpv:{code}: no segment covers it")
        for words in lot.unknown:
            to.print(plain(f"  nothing, from keyword:{words}: not recognised"))
        to.print(f"\n{lot.considered} suppliers considered: they offer what is asked, or something near it.")
        to.print(_gates(lot))
        to.print(f"{lot.passed} candidates; of the first {len(lot.candidates)}, by each criterion in turn:")
        for number, criterion in enumerate(lot.order, 1):
            to.print(f"  {number}. {criterion.name}: {criterion.rule}")
        to.print("  then a draw, the same each time for the same need.")
        to.print(_candidates(lot))


def _gates(lot: LotTrail) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), expand=True)
    table.add_column("gate")
    table.add_column("refused", justify="right")
    table.add_column("who passes", ratio=1)
    table.add_column("the nearest refused", ratio=1)
    for gate in lot.gates:
        more = [f"and {gate.count - len(gate.nearest)} more"] if gate.count > len(gate.nearest) else []
        table.add_row(gate.gate, str(gate.count), gate.rule, plain("; ".join((*gate.nearest, *more))))
    return table


def _candidates(lot: LotTrail) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), expand=True)
    table.add_column("n°", justify="right")
    table.add_column("supplier", overflow="fold", ratio=1)
    for criterion in lot.order:
        table.add_column(criterion.name.replace("_", " "), max_width=11)
    for placed in lot.candidates:
        table.add_row(str(placed.rank), plain(placed.name), *map(_shown, placed.values))
    return table


def _shown(value: Value) -> str:
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
