"""Amounts, days, numbers and titles as buyers write them."""

from datetime import date

import pytest

from domain.errors import InvalidContent
from domain.spending.payment import PaymentLine
from sources.file_types.workbook import Sheet
from sources.spending import payment_table
from sources.spending.payment_table import (
    PAYMENTS,
    PaymentSums,
    SegmentReader,
    payments_in_tables,
    read_amount,
    read_days,
    read_number,
    read_reserved,
)
from tests import factories

SOUND = "12345678200010"


@pytest.mark.parametrize(
    ("cell", "cents"),
    [
        ("1 234,56 €", 123456),
        ("1\u202f234,50", 123450),
        ("1.234,56", 123456),
        ("1,234.56", 123456),
        ("1.234.567", 123456700),
        ("(123,45)", -12345),
        ("-12,5", -1250),
        ("12-", -1200),
        ("0,005", 1),
        ("1234.5600000001", 123456),
        ("12.345", 1235),
        ("1 234,567", 123457),
        ("0 012.50", 1250),
        ("12,50 €", 1250),
        ("1,234", None),
        ("12 k€", 1_200_000),
        ("1,2 M€ HT", 120_000_000),
        ("1e9", None),
        ("", None),
        ("9" * 30, None),
    ],
)
def test_amounts(cell: str, cents: int | None) -> None:
    assert read_amount(cell) == cents
    assert cents is None or "€" in cell or read_amount(cell, 1_000) == pytest.approx(1_000 * cents, abs=500)


@pytest.mark.parametrize(
    ("cell", "first", "last"),
    [
        ("2025-03-01", date(2025, 3, 1), date(2025, 3, 1)),
        ("2025-03-01T10:00:00", date(2025, 3, 1), date(2025, 3, 1)),
        ("2025-03-01 " + 90 * "x", date(2025, 3, 1), date(2025, 3, 1)),
        ("1/3/25", date(2025, 3, 1), date(2025, 3, 1)),
        ("12/2025", date(2025, 12, 1), date(2025, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2025", date(2025, 1, 1), date(2025, 12, 31)),
        ("T3 2024", date(2024, 7, 1), date(2024, 9, 30)),
        ("2 mars 2025", date(2025, 3, 2), date(2025, 3, 2)),
        ("45700", date(2025, 2, 12), date(2025, 2, 12)),
        ("", None, None),
    ],
)
def test_days(cell: str, first: date | None, last: date | None) -> None:
    assert read_days(cell) == (first, last)


def test_what_is_no_day_or_number() -> None:
    assert read_days("30/02/2025") is read_days("0218-03-01") is read_days("9999") is read_days("hier") is None
    assert read_days("2025/2026") is read_days("01/02/2025 - 28/02/2025") is read_days("T5 2025") is None
    assert read_number("123 456 782 00010") == (SOUND, read_number(SOUND)[1])
    assert read_number("'012345672")[0] == "012345672"
    assert read_number("9,13E+13") == read_number("") == ("", False)
    assert [read_reserved(each) for each in ("Oui", "ESAT", "non", "Aucune", "")] == [True, True, False, False, None]


def columns_read(titles: list[str]) -> dict[str, int]:
    """The place of the column that is read for each field."""
    return {field: places[0] for field, places in PAYMENTS.columns_of(titles).of_field.items()}


def test_titles_name_columns() -> None:
    titles = ["N°", "Date échéance", "Date mandat", "SIRET acheteur", "Siret tiers", "Montant TTC", "Montant HT", "CPV"]
    assert columns_read(titles) == {"siret": 4, "amount": 6, "date": 2, "cpv": 7}
    titles = ["idTitulaire", "montant", "dateNotification", "codeCPV", "objet", "Date de fin"]
    assert columns_read(titles) == {"siret": 0, "amount": 1, "date": 2, "object": 4, "cpv": 3}


@pytest.mark.parametrize(
    ("titles", "read"),
    [
        (  # Helios
            "DATE_EMISSION,NUM_MANDAT,COMPTE_NATURE,OBJET_MANDAT,MONTANT_PAIEMENT,DATE_PAIEMENT,NOM,TYPE_IMMATRICULATION,IMMATRICULATION",
            {"siret": "IMMATRICULATION", "amount": "MONTANT_PAIEMENT", "date": "DATE_PAIEMENT"}
            | {"object": "OBJET_MANDAT"},
        ),
        (  # Chorus
            "N° EJ,Fournisseur payé (DP),,Branche,,Code taxe 1,No TVA 3,Exercice comptable,Date de la DP,Montant payé",
            {"siret": "Code taxe 1", "amount": "Montant payé", "date": "Date de la DP"},
        ),
        (  # essential data of grants
            "nomAttribuant,idAttribuant,dateConvention,nomBeneficiaire,idBeneficiaire,objet,montant,dates_versement,datesPeriodeVersement",
            {"siret": "idBeneficiaire", "amount": "montant", "date": "dateConvention", "object": "objet"},
        ),
        (
            "Identification de l'attributaire,Identification du bénéficiaire*,Montant demandé,Montant total,Le",
            {"siret": "Identification du bénéficiaire*", "amount": "Montant total"},
        ),
    ],
)
def test_tables_that_public_bodies_publish(titles: str, read: dict[str, str]) -> None:
    assert PAYMENTS.columns_of(titles.split(",")).heads_read == read


def test_too_many_lines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payment_table, "MOST_LINES", 2)
    reference = factories.reference()
    segments = SegmentReader(reference.taxonomy, reference.cpv, reference.interpreter)
    table = b"siret;montant\n" + f"{SOUND};1\n".encode() * 3
    with pytest.raises(InvalidContent, match="one year at a time"):
        payments_in_tables([Sheet(table, "", ())], segments, "fr")


def test_the_cpv_code_says_the_segment_else_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more words than are read, those for which most was paid."""
    monkeypatch.setattr(payment_table, "MOST_TEXTS", 1)
    reference = factories.reference()
    segments = SegmentReader(reference.taxonomy, reference.cpv, reference.interpreter)
    lines = (
        PaymentLine(amount=2, cpv="90911200-8", object="Nettoyage"),
        PaymentLine(amount=1, cpv="90911200-8"),
        PaymentLine(amount=3, cpv="99999999", object="Entretien des espaces verts 2025"),
        PaymentLine(amount=4, object="Entretien des espaces verts 2026"),
        PaymentLine(amount=5, object="Nettoyage de locaux"),
        PaymentLine(amount=6),
        PaymentLine(amount=7, cpv="3142500"),  # eggs, whose first zero a spreadsheet took off
    )
    sums = PaymentSums("fr")
    for at, each in enumerate(lines):
        sums.add_line(at, each)
    found = sums.result(segments)
    assert found.by_segment == {"pr-locaux": 300, "ev-entretien": 700, "rs-denrees": 700, "unknown": 1100}
    assert [(each.cents, each.lines) for each in found.payments if each.line == 3] == [(400, 1)]


@pytest.mark.parametrize(
    ("words", "is_sum"),
    [
        *((each, True) for each in ("Totaux", "S/Total", "Sous-total direction X", "Montant total HT", "Cumul")),
        *((each, True) for each in ("TOTAUX GÉNÉRAUX", "À reporter", "Ensemble")),
        *((each, False) for each in ("Total Énergies", "TotalEnergies", "Solde du marché", "Report de congrès")),
    ],
)
def test_rows_that_add_up_others(words: str, is_sum: bool) -> None:
    table = f"Objet;SIRET;Montant HT\nEntretien;{SOUND};100\n{words};;100\n".encode()
    reference = factories.reference()
    segments = SegmentReader(reference.taxonomy, reference.cpv, reference.interpreter)
    read = payments_in_tables([Sheet(table, "", ())], segments, "fr")
    assert (sum(each.cents for each in read.payments), read.rejected.rejected) == ((10000, 1) if is_sum else (20000, 0))
