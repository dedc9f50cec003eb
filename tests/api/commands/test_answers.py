"""Answers as they are read: the facts are there, in words, within the width, whatever the suppliers are called."""

from collections.abc import Iterable
from datetime import date
from io import StringIO

import pytest
from rich.console import Console

from api.cli import main
from api.commands.answers import count_with_noun, joined_sentences, shortlist_parts, supply_parts
from api.commands.console import Part, write_parts
from domain.needs.need import Need, Place
from domain.suppliers.supplier import Contact, PlacesSize, Supplier, SupplierSize
from matching.engine import match
from matching.inspection.supply import SupplySearch
from tests.factories import LYON, ON, RENNES, approved, codes, live, lot, need, offer, offerless, reference, supplier


def written(asked: Need, *pool: Supplier, width: int = 100, shown: int | None = None) -> str:
    """The report on a need, in a pool of these suppliers."""
    shortlist = match(asked, live(*pool), reference(), ON, "fr")
    return on_paper(shortlist_parts(asked, shortlist, reference(), shown), width)


def on_paper(parts: Iterable[Part], width: int = 100) -> str:
    """The parts of an answer as they are written."""
    page = StringIO()
    write_parts(parts, Console(file=page, width=width, markup=False, emoji=False, highlight=False))
    return page.getvalue()


def test_who_may_answer_a_reserved_lot_is_said_in_words() -> None:
    """The best verdict counts, under the types it holds for, with the proofs to ask for."""
    page = written(
        need(lot(reserved=("handicap", "iae"))),
        supplier("Adaptée", approvals=approved("EA"), kinds=("EA",)),
        supplier("Échue", approvals=approved("ACI", until=date(2026, 1, 1))),
        supplier("Inconnue"),
        supplier("Jugée", approvals=approved("GEIQ")),
    )
    assert "Réservé      aux EA et ESAT ou aux SIAE" in page
    for words in ("Adaptée, EA", "Oui, handicap", "Sur preuve", "À vérifier", "À examiner"):
        assert words in page


def test_of_prison_workshops_no_number_is_told_before_they_are_asked() -> None:
    page = " ".join(written(need(lot()), supplier("Inconnue")).split())
    assert "au travail pénitentiaire inconnu (1 à interroger)" in page
    assert "aux entreprises de l'ESS 1" in page


def test_groupings_are_told_with_what_each_answers() -> None:
    pool = supplier("Bio", offer("de-bio")), supplier("Tri", offer("de-5flux"))
    page = " ".join(written(need(lot("de-bio", "de-5flux"), groupings=2), *pool).split())
    assert "Groupements possibles pour tout le lot :" in page
    assert f"Bio ({reference().taxonomy.label('de-bio')}, 0 km)" in page
    assert "À plusieurs" not in written(need(lot("de-bio", "de-5flux")), *pool)


def test_how_a_lot_compares_to_who_would_answer_it_is_told() -> None:
    small = SupplierSize(places=PlacesSize(20, source="esat"))
    pool = supplier("Atelier", size=small, kinds=("ESAT",)), supplier("Sans taille")
    page = " ".join(written(need(lot(value_eur=500_000.0)), *pool, width=400).split())
    assert (
        "trop grand pour lui seul : ce lot vaut au plus 500 000 € par an, son chiffre d'affaires est estimé à 340 000 €"
        in page
    )
    assert "2 fournisseurs repérés, dont 2 sur le territoire, 1 trop petit pour ce lot" in page
    assert "On ignore la taille d'un fournisseur" in page


def test_the_day_of_the_law_is_said_where_it_is_another() -> None:
    page = " ".join(written(need(planned_publication_on=date(2027, 1, 15)), supplier()).split())
    assert "évalué au 24 novembre 2026 · règles applicables au 15 janvier 2027, date prévue de publication" in page
    assert "règles applicables" not in written(need(), supplier())


def test_what_was_asked_is_told_as_it_was_read() -> None:
    """Segments with where they were read, place, conditions."""
    asked = need(
        lot(
            cpv=("90919200",),
            keywords=("nettoyage de bureaux",),
            site=Place(commune="35238"),
            max_distance_km=30,
            value_eur=1_200_000,
            duration_months=36,
            renewal_months=12,
        ),
        title="Ménage",
    )
    page = written(asked, supplier())
    assert "Nettoyage de locaux et bureaux (lu dans : CPV 90919200 et « nettoyage de bureaux »)" in page
    assert "Ille-et-Vilaine ; lieu d'exécution : Rennes ; à 30 km au plus" in page
    supposed = written(need(lot(title="Ménage à Redon", max_distance_km=30)), supplier())
    assert "Ille-et-Vilaine ; lieu supposé : Redon, d'après l'intitulé ; à 30 km au plus" in supposed
    total = "1 200 000 € (36 mois) + 400 000 € (12 mois de reconduction) = 1 600 000 € HT, 36 mois"
    assert total in " ".join(page.replace("\u00a0", " ").split())
    endless = written(need(lot(value_eur=20_000, renewal_months=12)), supplier())
    assert "20 000 € HT, reconductible 12 mois" in endless.replace("\u00a0", " ")


def test_what_the_words_may_mean_too_is_asked() -> None:
    page = written(need(lot(segments=(), title="Collecte de biodéchets des restaurants scolaires")), supplier())
    assert "Aussi ?      Restauration collective (" in page
    assert "segment rs-collective)" in page


def test_a_lot_without_candidates_says_who_came_near() -> None:
    """And why they were left out."""
    page = written(need(lot(max_distance_km=50)), supplier("lointain", offer(national=True), at=LYON))
    assert "Aucun fournisseur repéré" in page
    assert "Hors de vos critères, les plus proches :" in page
    assert "lointain, commune inconnue : À " in page


def test_who_may_be_asked_what_they_do_is_named() -> None:
    """With how to reach them, whether they may answer the reserved lot, and what is known of others of their kind."""
    contact = Contact(email="accueil@esat.example")
    pool = [offerless(f"Esat {n}", approvals=approved("ESAT"), kinds=("ESAT",), contact=contact) for n in range(3)]
    page = written(need(lot(reserved=("handicap",))), *pool, width=200)
    assert "3 fournisseurs proches à contacter : leur activité n'est pas renseignée, et 3 peuvent répondre" in page
    assert "Esat 1, ESAT, commune inconnue, 0 km, accueil@esat.example ; peut répondre : oui, handicap" in page
    assert "au besoin sur preuve (ESAT 3) :" in page
    assert "– Aucune structure connue de ce genre (ESAT) ne propose : Nettoyage de locaux et bureaux" in page
    assert "Rien ne permet de conclure" in page
    assert "ESAT établissement" in page


def test_only_so_many_are_shown() -> None:
    """The total stays the total; of an open lot no column and no count says what was not asked."""
    page = written(need(lot()), *(supplier(f"atelier {number}") for number in range(4)), shown=2)
    assert "4 fournisseurs repérés ; les 2 premiers :" in page
    page = written(need(lot()), supplier())
    assert "1 fournisseur repéré :" in page
    assert "Peut répondre" not in page
    assert "sur preuve" not in page


@pytest.mark.parametrize("width", [60, 100])
def test_every_line_fits(width: int) -> None:
    """Also with long names; and a name cannot steer the terminal or be taken for markup."""
    page = written(need(lot(reserved=("iae",))), supplier("[bold]Entreprise\x1b[2J" + "-très" * 30), width=width)
    assert max(map(len, page.splitlines())) <= width
    assert "\x1b" not in page
    assert "[bold]" in page


def test_counts_and_sentences_are_put_together() -> None:
    counts = [count_with_noun(1, "candidat"), count_with_noun(0, "candidat"), count_with_noun(1_240, "candidat")]
    assert counts == ["1 candidat", "0 candidat", "1\u202f240 candidats"]
    assert joined_sentences(["Ici", "À confirmer"]) == "Ici ; à confirmer"


def test_who_is_there_and_who_comes_from_elsewhere_share_a_bar() -> None:
    """Nobody is told too."""
    known = reference()
    territory = known.geography.territory(codes("departement:35"))

    def supply_written(*pool: Supplier) -> str:
        search = SupplySearch(live(*pool), territory, ON, known.rules)
        return on_paper(supply_parts(search.supply(("pr-locaux", "de-bio"), known.taxonomy, "fr"), known.taxonomy))

    there = [supplier(str(number), at=RENNES, legal_form="association", kinds=("ESAT",)) for number in range(3)]
    page = supply_written(
        *there, supplier("lyonnais", offer(national=True), at=LYON), offerless("muet", at=RENNES, employees=12)
    )
    (row,) = (line for line in page.splitlines() if "█" * 12 + "░" * 4 in line)
    assert row.split()[0] == known.taxonomy.label("pr-locaux").split()[0]
    assert row.split("░ ")[1].split()[:2] == ["4", "3"]
    assert "Limitée" in row
    for words in (
        "Sur le territoire : 4 fournisseurs",
        "associations 3, forme inconnue 1",
        "ESAT 3, sans genre connu 1",
        "12 salariés chez le seul dont l'effectif est connu",
        "Activité non renseignée, sur le territoire ou à 50 km : 1 fournisseur",
        "Sigles : ESAT",
    ):
        assert words in page
    assert max(map(len, page.splitlines())) <= 100
    page = supply_written()
    assert "Sur le territoire : 0 fournisseur" in page
    assert "Aucune offre repérée" in page


@pytest.mark.parametrize(
    ("title", "status", "shown"),
    [
        (
            ("Lot 2 : tonte des pelouses à Redon", "--need", "Entretien du patrimoine"),
            0,
            (
                "Objet tonte pelouses",
                "Laissé de côté Lot 2, redon",
                "« tonte pelouses » : Entretien d'espaces verts",
                "retenu",
            ),
        ),
        (("Prestations d'élagage",), 0, ("Objet prestations élagage",)),
        (("Fourniture de gaz naturel",), 1, ("« fourniture gaz » : un autre métier", "Aucun segment retenu")),
    ],
)
def test_a_title_is_explained(
    title: tuple[str, ...], status: int, shown: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """In French, in the words as they were written; a title of another trade ends with 1."""
    assert main(["words", *title]) == status
    page = " ".join(capsys.readouterr().out.split())
    assert all(words in page for words in shown)
