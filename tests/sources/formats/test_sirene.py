"""Establishments of the business register, with the columns of their legal unit beside; INSEE's categories of those."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from domain.suppliers.rows import Row, RowError
from domain.suppliers.supplier import Address, Point
from sources.formats.registry import CSV
from sources.formats.sirene import legal_form_of
from sources.rows import UnreadableFile
from tests.sources.formats.conftest import Read

UNIT = {
    "denominationUniteLegale": "LES JARDINS DU BLAVET",
    "categorieJuridiqueUniteLegale": "9220",
    "economieSocialeSolidaireUniteLegale": "O",
    "etatAdministratifUniteLegale": "A",
    "statutDiffusionUniteLegale": "O",
    "activitePrincipaleUniteLegale": "94.99Z",
    "societeMissionUniteLegale": "",
}
ESTABLISHMENT = {
    "siret": "80746931700018",
    "statutDiffusionEtablissement": "O",
    "etatAdministratifEtablissement": "A",
    "enseigne1Etablissement": "LA RESSOURCERIE",
    "numeroVoieEtablissement": "6",
    "typeVoieEtablissement": "RUE",
    "libelleVoieEtablissement": "DU PONT",
    "codePostalEtablissement": "35000",
    "libelleCommuneEtablissement": "RENNES",
    "codeCommuneEtablissement": "35238",
    "activitePrincipaleEtablissement": "88.99B",
    "activitePrincipaleNAF25Etablissement": "",
    "coordonneeLambertAbscisseEtablissement": "351000.5",
    "coordonneeLambertOrdonneeEtablissement": "6789000",
}


def table(*rows: dict[str, str]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def one(read: Read, **cells: str) -> Row | RowError:
    (row,) = read(table(UNIT | ESTABLISHMENT | cells), CSV, "sirene")
    return row


def made(read: Read, **cells: str) -> Row:
    row = one(read, **cells)
    assert isinstance(row, Row), row
    return row


def test_an_establishment_is_a_record_with_what_its_legal_unit_is(read: Read) -> None:
    row = made(read)
    record = row.record
    assert (row.external_id, row.joins, record.siret) == ("80746931700018", None, "80746931700018")
    assert (record.name, record.trade_name) == ("LES JARDINS DU BLAVET", "LA RESSOURCERIE")
    assert (record.legal_form, record.ess, record.active) == ("association", True, True)
    assert record.address == Address("6 RUE DU PONT", "35000", "RENNES", "35238")
    assert record.location is not None
    assert (round(record.location.lat, 2), round(record.location.lon, 2)) == (48.11, -1.69)
    assert [offer.segments for offer in record.offers] == [("re-ressourcerie",)]


@pytest.mark.parametrize(
    ("cells", "naf"),
    [
        ({"activitePrincipaleEtablissement": "81.21Z"}, "81.21Z"),
        ({"activitePrincipaleNAF25Etablissement": "81.21Y"}, "81.21Y"),
        ({"activitePrincipaleEtablissement": "", "activitePrincipaleUniteLegale": "81.21Z"}, "81.21Z"),
    ],
)
def test_either_vintage_tells_the_trade_and_the_legal_unit_where_the_establishment_has_no_code(
    read: Read, cells: dict[str, str], naf: str
) -> None:
    offer = made(read, enseigne1Etablissement="", **cells).record.offers[0]
    assert (offer.segments, offer.evidence[0].reference) == (("pr-locaux",), naf)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"statutDiffusionEtablissement": "P"}, "withheld"),
        ({"statutDiffusionUniteLegale": "P"}, "withheld"),
        ({"denominationUniteLegale": "[ND]"}, "withheld"),
        ({"categorieJuridiqueUniteLegale": "1000"}, "natural_person"),
        ({"denominationUniteLegale": "", "enseigne1Etablissement": ""}, "wrong_length"),
    ],
)
def test_persons_and_what_is_withheld_are_rejected_without_their_names(
    read: Read, cells: dict[str, str], code: str
) -> None:
    row = one(read, **cells)
    assert isinstance(row, RowError)
    assert row.code == code
    assert "BLAVET" not in row.detail


def test_what_is_closed_is_not_active_and_no_flag_is_unknown(read: Read) -> None:
    assert made(read, etatAdministratifEtablissement="F").record.active is False
    assert made(read, etatAdministratifUniteLegale="C").record.active is False
    assert made(read, economieSocialeSolidaireUniteLegale="").record.ess is None
    assert made(read, economieSocialeSolidaireUniteLegale="N").record.ess is False
    assert made(read, societeMissionUniteLegale="O").record.labels == ("Société à mission",)


def test_withheld_cells_are_unknown_and_degrees_go_before_metres(read: Read) -> None:
    bare = made(
        read, libelleVoieEtablissement="[ND]", coordonneeLambertAbscisseEtablissement="[ND]", enseigne1Etablissement=""
    ).record
    assert (bare.location, bare.trade_name) == (None, None)
    assert made(read, y_latitude="48.1", x_longitude="-1.7").record.location == Point(48.1, -1.7)
    overseas = made(
        read,
        codeCommuneEtablissement="97411",
        coordonneeLambertAbscisseEtablissement="338000",
        coordonneeLambertOrdonneeEtablissement="7692000",
    ).record.location
    assert overseas is not None
    assert round(overseas.lat, 1) == -20.9


def test_a_file_without_the_legal_unit_is_unreadable(read: Read) -> None:
    with pytest.raises(UnreadableFile) as raised:
        read(table(ESTABLISHMENT), CSV, "sirene")
    assert {problem.pointer for problem in raised.value.problems} == {
        "/categorieJuridiqueUniteLegale",
        "/denominationUniteLegale",
    }


def test_the_real_stock_comes_in(read: Read, shared_data: Path) -> None:
    """With the words and codes of the taxonomy a quarter of the ESS has a trade, at the least."""
    folder = shared_data / "sirene"
    units = {row["siren"]: row for row in _rows(folder / "StockUniteLegale_transcoded.csv.gz")}
    both = [units[row["siren"]] | row for row in _rows(folder / "StockEtablissement_transcoded.csv.gz")]
    rows = [row for row in read(table(*both), CSV, "sirene") if isinstance(row, Row)]
    assert (len(rows), sum(row.record.active for row in rows)) == (1765, 1415)
    assert sum(bool(row.record.offers) for row in rows) >= 450


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("category", "form"),
    [
        ("9220", "association"),
        ("9222", "association"),
        ("9240", "other"),
        ("9150", "other"),
        ("9300", "foundation"),
        ("5458", "cooperative"),
        ("5560", "cooperative"),
        ("6317", "cooperative"),
        ("5499", "commercial_company"),
        ("5710", "commercial_company"),
        ("8210", "mutual"),
        ("7361", "public_body"),
        ("4140", "public_body"),
        ("1000", "other"),
        ("6540", "other"),
    ],
)
def test_a_category_stands_for_a_form(category: str, form: str) -> None:
    assert legal_form_of(category) == form


@pytest.mark.parametrize("category", ["", "92", "92200", "92A0", "²²²²"])
def test_what_is_no_category_stands_for_none(category: str) -> None:
    assert legal_form_of(category) is None


def test_titles_agree_with_the_forms(shared_data: Path) -> None:
    """Every category of the official list has a form; those that call themselves cooperative are."""
    listed = json.loads((shared_data / "peers" / "recherche-entreprises" / "natures-juridiques.json").read_bytes())
    assert [category for category in listed if legal_form_of(category) is None] == []
    cooperative = {category for category, title in listed.items() if "coopérativ" in title.lower()}
    assert {legal_form_of(category) for category in cooperative} == {"cooperative"}
    assert {legal_form_of(category) for category, title in listed.items() if title.startswith("Association déc")} == {
        "association"
    }
