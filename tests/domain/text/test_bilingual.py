"""Text for people in two languages and as it is printed, codes in words, and spellings made alike."""

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.equal_treatment.gaps import GapCode
from domain.equal_treatment.matrix import ContactCode
from domain.exchanges.exchange import Barrier, Channel, DeliveryState, Stance, Way
from domain.law.law_files import Theme
from domain.law.review import OPTIONS
from domain.meetings.meeting import Format, MeetingStatus, Role
from domain.needs.need import ContractKind, Nature, PlannedNeed, Procedure, Reserved, Technique
from domain.needs.status import Status, StepCode
from domain.networks import NetworkKind
from domain.reference.territory import TerritoryKind
from domain.report.lots import Position, Standing
from domain.report.model import Variant
from domain.shortlists.diff import AbsenceCode
from domain.shortlists.listed_suppliers import Confidence, Gate, Outcome
from domain.shortlists.shortlist import Severity, SupposedSiteSource, TensionLevel
from domain.shortlists.version import DecisionCode
from domain.suppliers.known_trades import AskedLast
from domain.suppliers.supplier import Basis, EvidenceKind, Kind, LegalForm
from domain.text import labels
from domain.text.bilingual import (
    OR,
    Text,
    WebAddress,
    day,
    euros,
    is_one_line,
    kilometres,
    listed,
    long_date,
    on_one_line,
    place_after_de,
    printed_count,
    printed_euros,
    printed_kilometres,
    time_of_day,
    typeset,
)
from domain.text.normalise import _without_accents, fold, stem


def test_days_amounts_distances_and_lists() -> None:
    """Cents where there are some; a distance keeps its decimal unless it may be rough."""
    assert long_date(date(2027, 3, 1)) == Text("1er mars 2027", "1 March 2027")
    assert long_date(date(2026, 12, 31)) == Text("31 décembre 2026", "31 December 2026")
    assert euros(21_600_000) == Text("216 000 €", "€216,000")
    assert euros(123_405) == Text("1 234,05 €", "€1,234.05")
    assert (euros(-420), euros(-100_000)) == (Text("-4,20 €", "-€4.20"), Text("-1 000 €", "-€1,000"))
    assert kilometres(41.23) == Text("41,2 km", "41.2 km")
    assert kilometres(41.23, rough=True) == Text("41 km", "41 km")
    assert kilometres(0.03, rough=True) == Text("30 m", "30 m")
    assert kilometres(9404.8) == Text("9 404,8 km", "9,404.8 km")
    assert listed([]) == Text("", "")
    assert listed(["1"]) == Text("1", "1")
    assert listed(["1", "3", "4"], OR) == Text("1, 3 ou 4", "1, 3 or 4")


@pytest.mark.parametrize(
    ("codes", "table"),
    [
        (AskedLast, labels.ASKED_LAST),
        (Barrier, labels.BARRIERS),
        (Barrier, labels.OWN_BARRIERS),
        (Basis, labels.OWN_BASES),
        (Channel, labels.CHANNELS),
        (Confidence, labels.CONFIDENCES),
        (ContractKind, labels.CONTRACTS),
        (EvidenceKind, labels.EVIDENCE),
        (Format, labels.FORMATS),
        (Gate, labels.GATES),
        (Gate, labels.REFUSED_BY),
        (Kind, labels.KINDS),
        (LegalForm, labels.LEGAL_FORMS),
        (MeetingStatus, labels.MEETING_STATUSES),
        (Nature, labels.NATURES),
        (NetworkKind, labels.NETWORK_KINDS),
        (Outcome, labels.OUTCOMES),
        (Position, labels.POSITIONS),
        (Procedure, labels.PROCEDURES),
        (Role, labels.ROLES),
        (Severity, labels.SEVERITIES),
        (Standing, labels.STANDINGS),
        (Stance, labels.OWN_STANCES),
        (Status, labels.STATUSES),
        (SupposedSiteSource, labels.SUPPOSED_FROM),
        (Technique, labels.TECHNIQUES),
        (TensionLevel, labels.TENSIONS),
        (TerritoryKind, labels.KINDS_OF_PLACE),
        (Theme, labels.THEMES),
        (Variant, labels.VARIANTS),
        (DecisionCode, labels.DECISIONS),
        (ContactCode, labels.CONTACTS),
        (GapCode, labels.GAPS),
    ],
)
def test_every_code_has_its_words(codes: Any, table: dict[str, Any]) -> None:
    assert table.keys() == set(get_args(codes))


def test_every_other_code_has_its_words() -> None:
    """An absence by refusal is told by its gate."""
    assert labels.ABSENCES.keys() == {*get_args(AbsenceCode)} - {"refused"}
    assert set(get_args(StepCode)) <= labels.NEXT_STEPS.keys()
    assert labels.DELIVERIES.keys() == set(get_args(Way))
    assert {state for states in labels.DELIVERIES.values() for state in states} == set(get_args(DeliveryState))
    assert {*get_args(Reserved), "handicap_iae"} == labels.RESERVED.keys()
    assert set(OPTIONS) - {"none"} <= labels.RESERVED.keys()
    assert labels.NEED_FIELDS.keys() == set(PlannedNeed.__struct_fields__)


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("L'Île-d'Yeu", "l ile d yeu"),
        ("  Œuvres d’art ; ŒUVRE ", "oeuvres d art oeuvre"),
        ("Ḿélange", "melange"),
        ("quatrième gamme (4e)", "quatrieme gamme 4e"),
        ("papier_peint", "papier peint"),
        ("½ journée, m²", "1 2 journee m2"),
        ("…—!?", ""),
        ("", ""),
    ],
)
def test_accents_case_and_punctuation_do_not_count(written: str, folded: str) -> None:
    assert fold(written) == folded


@given(st.text() | st.text(alphabet=st.characters(max_codepoint=0x2040)))
def test_the_quick_way_folds_as_the_slow_one_and_folding_twice_changes_nothing(text: str) -> None:
    once = fold(text)
    assert once == " ".join(re.findall(r"[^\W_]+", _without_accents(text)))
    assert fold(once) == once


@given(st.text(alphabet="aàâäcçeéèêëiîïoôöuùûüyÿœæ-' "))
def test_a_decomposed_text_folds_like_a_composed_one(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


def test_singular_and_plural_have_one_stem() -> None:
    """Works are not work."""
    for singular, plural in [
        ("haie", "haies"),
        ("bureau", "bureaux"),
        ("local", "locaux"),
        ("materiau", "materiaux"),
        ("vitrail", "vitraux"),
        ("bijou", "bijoux"),
        ("feu", "feux"),
        ("dangereux", "dangereux"),
        ("repas", "repas"),
        ("gaz", "gaz"),
        ("bus", "bus"),
    ]:
        assert stem(singular) == stem(plural)
    assert stem("travaux") != stem("travail")


@pytest.mark.parametrize(
    ("text", "french"),
    [
        ("Concurrence : bonne ; vraiment ?", "Concurrence\xa0: bonne\u202f; vraiment\u202f?"),
        ("« Tonte » à 20 %", "«\xa0Tonte\xa0» à 20\xa0%"),
        ("dès 216 000 € HT", "dès 216\u202f000\xa0€\xa0HT"),
        ("l'agrément", "l’agrément"),
        ("Liste n° 3 du casino de Vannes", "Liste n°\xa03 du casino de Vannes"),
        ("en 2026 1234567 lots", "en 2026 1234567 lots"),
    ],
)
def test_french_sentences(text: str, french: str) -> None:
    assert typeset(text, "fr") == french


def test_as_it_is_printed() -> None:
    """Of a moment, the day and hour in France; a decimal below ten kilometres."""
    assert typeset("To ask for: the “proof”; now", "en") == "To ask for: the “proof”; now"
    assert printed_euros(240000, "fr") == "240\u202f000\xa0€\xa0HT"
    assert printed_euros(1234.5, "fr") == "1\u202f234,50\xa0€\xa0HT"
    assert printed_euros(240000, "en") == "€240,000 excl. tax"
    assert (printed_count(1200, "fr"), printed_count(1200, "en")) == ("1\u202f200", "1,200")
    night = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert day(night, "fr") == "25\xa0novembre 2026"
    assert day(date(2026, 3, 1), "en") == "1\xa0March 2026"
    assert time_of_day(night, "fr") == "0\xa0h\xa030"
    assert time_of_day(night, "en") == "00:30"
    assert [printed_kilometres(far, "fr") for far in (0, 2.94, 41.2)] == ["0\xa0km", "2,9\xa0km", "41\xa0km"]
    assert printed_kilometres(2.94, "en") == "2.9\xa0km"
    places = {"Redon": "de Redon", "Le Mans": "du Mans", "Étel": "d'Étel", "Les Fougerêts": "des Fougerêts"}
    assert {name: place_after_de(name) for name in places} == places


BREAKS = ["\n", "\r", "\r\n", "\0", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("broken", BREAKS)
def test_what_would_end_a_line(broken: str) -> None:
    for text in (f"{broken}b", f"a{broken}b", f"a{broken}"):
        assert not is_one_line(text)
        assert is_one_line(on_one_line(text))
    assert all(map(is_one_line, ("Réunion", "à\tb", "", "e\u0301 \u00a0 👩\u200d🌾")))
    assert on_one_line(" a\r\n\r\n b\u00a0c ") == "a b c"


@pytest.mark.parametrize("broken", [*BREAKS, " ", "\t"])
def test_what_is_no_address(broken: str) -> None:
    for address in (f"https://a.example/{broken}b", f"https://{broken}b", f"https://{broken}"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(address, WebAddress)
    for address in ("http://a", "https://visio.exemple.fr/salle-é?x=1#y"):
        assert msgspec.convert(address, WebAddress) == address
