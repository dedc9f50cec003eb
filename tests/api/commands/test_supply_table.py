"""The supply of a territory as it is read: bars, counts and words, within the width."""

from io import StringIO

from rich.console import Console

from api.commands.supply_table import write_supply
from domain.suppliers.supplier import Supplier
from matching.inspection.supply import SupplySearch
from tests.factories import LYON, ON, RENNES, codes, live, offer, offerless, reference, supplier


def written(*pool: Supplier, width: int = 100) -> str:
    """The supply of Ille-et-Vilaine, of two segments."""
    page, known = StringIO(), reference()
    to = Console(file=page, width=width, markup=False, emoji=False, highlight=False)
    territory = known.geography.territory(codes("departement:35"))
    found = SupplySearch(live(*pool), territory, ON, known.rules).supply(("pr-locaux", "de-bio"), known.taxonomy, "fr")
    write_supply(found, known.taxonomy, to)
    return page.getvalue()


def test_who_is_there_and_who_comes_from_elsewhere_share_a_bar() -> None:
    there = [supplier(str(number), at=RENNES, legal_form="association", kinds=("ESAT",)) for number in range(3)]
    page = written(
        *there, supplier("lyonnais", offer(national=True), at=LYON), offerless("muet", at=RENNES, employees=12)
    )
    (row,) = (line for line in page.splitlines() if "█" * 12 + "░" * 4 in line)
    assert row.split()[0] == reference().taxonomy.label("pr-locaux").split()[0]
    assert row.split("░ ")[1].split()[:2] == ["4", "3"]
    assert "Faible" in row
    for words in (
        "Sur le territoire : 4 fournisseurs",
        "associations 3, forme inconnue 1",
        "ESAT 3, sans genre connu 1",
        "12 salariés chez le seul dont l'effectif est connu",
        "Activité inconnue, sur le territoire ou à 50 km : 1 fournisseur",
        "Sigles : ESAT",
    ):
        assert words in page
    assert max(map(len, page.splitlines())) <= 100


def test_nobody_is_told_too() -> None:
    page = written()
    assert "Sur le territoire : 0 fournisseur" in page
    assert "Aucune offre attendue" in page
