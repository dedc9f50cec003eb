"""LAW_CHANGES says what the planned day of publication changes for a need, and nothing where it changes nothing."""

from datetime import date, timedelta

import msgspec

from domain.law.findings import LegalAdvice
from domain.law.review import advise_law_changes
from domain.law.rules import load
from domain.needs.need import Lot, Need
from tests.domain.law.samples import TODAY, need, review, services, works

DAY = timedelta(days=1)
FIRST_DUTIES, FIRST_PRISON = date(2026, 8, 22), date(2022, 10, 21)


def changes(asked: Need, on: date, planned: date) -> LegalAdvice | None:
    view = load().view(planned, asked.contract)
    return advise_law_changes(review(asked, on), review(asked, planned), on, planned, view)


def in_french(asked: Need, on: date, planned: date) -> str:
    found = changes(asked, on, planned)
    assert found is not None
    return found.message.fr


def test_the_procedure_comes_first_with_both_verdicts_and_their_confidence() -> None:
    """Nothing is said where nothing differs."""
    for planned in [TODAY, TODAY + DAY, date(2026, 12, 31)]:
        assert changes(works(120_000), TODAY, planned) is None
    found = changes(works(120_000), TODAY, date(2027, 1, 1))
    assert found is not None
    assert (found.code, found.severity, found.rule, found.confidence) == (
        "LAW_CHANGES",
        "warning",
        "value_moment",
        "medium",
    )
    assert found.message.fr.startswith(
        "Les règles du 01/01/2027, date prévue de publication, diffèrent de celles du 24/11/2026 : "
        "« 120 000 € HT de travaux : procédure adaptée"
    )
    assert "» devient « 120 000 € HT de travaux : achat possible" in found.message.fr
    assert "moins de 140 000 €" in found.message.fr
    assert found.message.fr.endswith("(R2121-3)")
    assert "becomes “€120,000 excluding tax of works: award without" in found.message.en


def test_duties_that_begin_or_are_not_told() -> None:
    """From their first day; backwards too; a direct award is only not told of specifications that are still due."""
    asked = services(240_000)
    before = changes(asked, FIRST_DUTIES - 7 * DAY, FIRST_DUTIES - 2 * DAY)
    assert before is None
    message = in_french(asked, FIRST_DUTIES - 7 * DAY, FIRST_DUTIES)
    assert "devient « Prévoir une condition d'exécution environnementale" in message
    assert "s'ajoute : « Définir le besoin par des spécifications techniques" in message
    forwards, backwards = (
        in_french(services(240_000), *days)
        for days in ((date(2026, 8, 1), date(2026, 9, 15)), (date(2026, 9, 15), date(2026, 8, 1)))
    )
    assert "s'ajoute : « Définir le besoin" in forwards
    assert "n'est plus à signaler : « Définir le besoin" in backwards
    message = in_french(works(120_000), TODAY, date(2027, 1, 1))
    assert "n'est plus à signaler : « Définir le besoin par des spécifications techniques" in message
    assert "ne s'applique plus" not in message
    message = in_french(services(240_000), TODAY, date(2029, 6, 1))
    assert "devient « 240 000 € HT : les seuils applicables à cette date ne sont pas connus" in message
    assert "reste à établir, faute de seuils connus : « À partir des seuils européens, prévoir une condition" in message
    assert "n'est plus" not in message


def test_reservations_that_become_possible_name_their_lots() -> None:
    """That a message names another day is no difference; many lots that change alike are told once."""
    lots = (
        Lot("1", cpv=("90919200",), nature="services", value_eur=50_000, reserved=("penitentiary",)),
        Lot("2", cpv=("39000000",), nature="supplies", value_eur=50_000),
    )
    message = in_french(need(*lots), FIRST_PRISON - 20 * DAY, FIRST_PRISON)
    assert (
        "n'est plus à signaler : « La réservation pénitentiaire n'est pas prévue pour un marché au 01/10/20" in message
    )
    assert "s'ajoute (lot 1) : « À cette date, la part minimale" in message
    asked = need(Lot("1", cpv=("90919200",), value_eur=50_000, reserved=("penitentiary",)))
    assert "01/10/2022" in review(asked, date(2022, 10, 1)).lots["1"].reservation[0].message.fr
    assert changes(asked, date(2022, 10, 1), date(2022, 10, 20)) is None
    many = (msgspec.structs.replace(asked.lots[0], id=str(n)) for n in range(1, 201))
    asked = need(*many, Lot("last", cpv=("45000000",), value_eur=50_000))
    message = in_french(asked, date(2022, 10, 1), date(2022, 11, 1))
    assert "s'ajoute (lots 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 et 188 autres)" in message


def test_it_stays_short_whatever_changes() -> None:
    """Many changes, and long names of lots."""
    of_works = (msgspec.structs.replace(lot, id=f"t{lot.id}") for lot in works(9e6).lots)
    prison = [Lot(str(n) * 100, cpv=("90919200",), value_eur=50_000, reserved=("penitentiary",)) for n in range(1, 10)]
    for lots, on, planned, words in (
        ((*services(240_000, 240_000).lots, *of_works), date(2019, 6, 1), TODAY, "autres changements"),
        ((*prison, Lot("last", cpv=("45000000",))), date(2022, 10, 1), date(2022, 11, 1), "et 7 autres"),
    ):
        found = changes(need(*lots), on, planned)
        assert found is not None
        assert words in found.message.fr
        assert max(map(len, found.message)) <= 700
