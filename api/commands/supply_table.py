"""The supply of a territory on a terminal: in French, a bar per segment, by family."""

from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.commands.console import plain
from api.commands.shortlist_table import TENSION_STYLES, count
from domain.reference.taxonomy import Taxonomy
from domain.supply import SegmentSupply, Supply
from domain.text.bilingual import long_date
from domain.text.labels import KINDS, LEGAL_FORMS, TENSIONS

BAR = 16
HERE, ELSEWHERE = "█", "░"
NOT_KNOWN = {"none": "sans genre connu", "unknown": "forme inconnue"}


def write_supply(supply: Supply, taxonomy: Taxonomy, to: Console) -> None:
    """Write the territory, its segments and its totals."""
    to.print(plain(f"Offre : {supply.territory.label}"), style="bold")
    to.print(plain(f"au {long_date(supply.on).fr}"))
    to.print()
    to.print(_table(supply, taxonomy))
    to.print(f"{HERE} sur le territoire, {ELSEWHERE} d'ailleurs, qui y interviennent ; Hand., Insert., ESS : réservé à")
    totals, unknown = supply.totals, supply.unknown_trade
    to.print(f"\nSur le territoire : {count(totals.suppliers, 'fournisseur')}", style="bold")
    if totals.by_family:
        to.print(plain(f"  {_listed(totals.by_family, {code: words.fr for code, words in LEGAL_FORMS.items()})}"))
        to.print(plain(f"  {_listed(totals.by_kind, {})}"))
    if totals.employees_known:
        whose = "le seul" if totals.employees_known == 1 else f"les {totals.employees_known}"
        to.print(f"  {count(totals.employees, 'salarié')} chez {whose} dont l'effectif est connu")
    to.print(f"Activité inconnue, sur le territoire ou à 50 km : {count(unknown.total, 'fournisseur')}")
    seen = (*totals.by_kind, *unknown.by_kind)
    if used := [f"{kind} {meaning.fr}" for kind, meaning in KINDS.items() if kind in seen]:
        to.print(f"\nSigles : {' ; '.join(used)}.")


def _table(supply: Supply, taxonomy: Taxonomy) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), expand=True)
    table.add_column("Activité", ratio=1)
    table.add_column("", no_wrap=True, width=BAR)
    for heading in ("Tous", "Ici", "Hand.", "Insert.", "ESS"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Concurrence", no_wrap=True)
    most = max((item.suppliers for item in supply.items), default=0)
    for item in supply.items:
        reserved = (item.reserved.handicap, item.reserved.iae, item.reserved.ess)
        numbers = map(str, (item.suppliers, item.local, *reserved))
        tension = Text(TENSIONS[item.tension].fr, TENSION_STYLES[item.tension])
        table.add_row(plain(taxonomy.label(item.segment)), _bar(item, most), *numbers, tension)
    return table


def _bar(item: SegmentSupply, most: int) -> str:
    """As long as the suppliers are many, the longest of BAR signs; who is there has at least one sign."""
    if not item.suppliers:
        return ""
    whole = max(1, round(BAR * item.suppliers / most))
    here = min(whole, max(1, round(whole * item.local / item.suppliers))) if item.local else 0
    return HERE * here + ELSEWHERE * (whole - here)


def _listed(counts: Mapping[str, int], words: Mapping[str, str]) -> str:
    named = {**NOT_KNOWN, **words}
    return ", ".join(f"{named.get(code, code)} {number}" for code, number in counts.items())
