"""Proposals of lots on a terminal: in French, their figures beside those of the lots as given, then lot by lot."""

from collections.abc import Callable, Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.commands.console import plain
from api.commands.shortlist_table import TENSION_STYLES, advice_text, bullets, count, evaluated_on
from domain.allotment.allotment import Allotment, Proposal, ProposedLot, Summary
from domain.needs.need import Need
from domain.text import typography
from domain.text.bilingual import OR, listed
from domain.text.labels import RESERVED

FIGURES: tuple[tuple[str, Callable[[Summary], int]], ...] = (
    ("Lots sans candidat", lambda found: found.without_supply),
    ("Lots avec concurrence", lambda found: found.with_competition),
    ("Fournisseurs qui répondent seuls à un lot", lambda found: found.suppliers_alone),
    ("Lots réservés", lambda found: found.reserved),
    ("Lots", lambda found: found.lots),
    ("Fournisseurs candidats", lambda found: found.suppliers_reached),
)
"""The criteria of the order, in that order; then whom the lots reach."""


class AllotmentReport:
    """Writes the proposals for one need."""

    def __init__(self, need: Need, to: Console) -> None:
        self._need, self._to = need, to

    def write(self, found: Allotment) -> None:
        """Write the figures side by side, then each proposal with its lots and the law on it."""
        self._to.print(plain(f"Besoin : {self._need.title or 'sans titre'}"), style="bold")
        self._to.print(plain(evaluated_on(found.stamp)))
        self._to.print(_figures(found))
        for proposal in found.proposals:
            self._proposal(proposal)
        self._to.print()
        looked_at = "Toutes les divisions et réunions permises ont été examinées."
        self._to.print(plain(looked_at if found.left_out is None else found.left_out))

    def _proposal(self, proposal: Proposal) -> None:
        self._to.print()
        title = f"Proposition {proposal.rank} : {count(len(proposal.lots), 'lot')}"
        self._to.rule(Text(plain(title), "bold"), align="left")
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), expand=True)
        table.add_column("Lot", overflow="fold")
        table.add_column("Objet", ratio=30)
        table.add_column("Territoire", ratio=18)
        table.add_column("Réservé", ratio=14, min_width=9)
        for name in ("Candidats", "Éligibles", "Locaux"):
            table.add_column(name, justify="right", no_wrap=True)
        for lot in proposal.lots:
            table.add_row(*_row(lot))
        self._to.print(table)
        self._to.print(bullets(map(advice_text, proposal.advice)))


def _figures(found: Allotment) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column("Tel que demandé", justify="right")
    for proposal in found.proposals:
        table.add_column(f"n° {proposal.rank}", justify="right")
    for name, figure in FIGURES:
        summaries = found.as_given, *(proposal.summary for proposal in found.proposals)
        table.add_row(name, *(plain(typography.count(figure(each), "fr")) for each in summaries))
    return table


def _row(lot: ProposedLot) -> Iterator[str | Text]:
    value = "" if lot.value_eur is None else f", {typography.euros(lot.value_eur, 'fr')}"
    yield plain(lot.id)
    yield plain(f"{lot.title}{value}")
    yield plain(lot.territory.label)
    yield plain(listed([RESERVED[kind].name.fr for kind in lot.reserved], OR).fr)
    yield Text(str(lot.total), TENSION_STYLES[lot.tension.level])
    yield str(lot.eligible)
    yield str(lot.local)
