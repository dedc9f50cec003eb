"""The proofs to ask for on a reserved lot."""

from datetime import date

import pytest

from domain.law.findings import LegalAdvice
from domain.law.rules import Rules
from domain.needs.need import ContractKind, Lot, Reserved
from tests.domain.law.samples import TODAY, law, need, review


def proofs(
    *reserved: Reserved,
    on: date = TODAY,
    contract: ContractKind = "market",
    rules: Rules | None = None,
    **more: object,
) -> LegalAdvice | None:
    fields = {"cpv": ("85312510",), "duration_months": 12} | more
    asked = need(Lot(id="1", reserved=reserved, **fields), contract=contract)  # type: ignore[arg-type]
    found = [item for item in review(asked, on, rules).lots["1"].advice if item.code == "RESERVED_PROOFS"]
    return found[0] if found else None


def said(*reserved: Reserved, on: date = TODAY) -> str:
    found = proofs(*reserved, on=on)
    return found.message.fr if found else ""


@pytest.mark.parametrize(
    ("reserved", "asked"),
    [
        (("handicap",), ("agrément (EA)", "autorisation (ESAT)", "au moins 50 % de travailleurs handicapés")),
        (("iae",), ("convention avec l'État (EI, ETTI, AI, ACI)", "au moins 50 % de travailleurs défavorisés")),
        (("handicap", "iae"), ("agrément (EA)", "convention", "50 % de travailleurs handicapés ou défavorisés")),
        (("ess",), ("statuts", "mission de service public")),
    ],
)
def test_each_type_has_its_proofs(reserved: tuple[Reserved, ...], asked: tuple[str, ...]) -> None:
    message = said(*reserved)
    assert [words for words in asked if words not in message] == []
    assert ". Conseil : prévoir aussi ce qui vaut pour les groupements, les sous-traitants" in message
    assert message.endswith("en cours de marché (R2142-1)")
    assert "le code n'a pas" not in message
    assert message.count(". ") == 1


def test_what_an_equivalent_structure_proves_rests_on_its_rules() -> None:
    """Where the rule on such structures is weakly sourced, so is the advice; where there is none, none is said."""
    weak = law(("equivalent_structures", 'confidence = "medium"', 'confidence = "low"'))
    assert proofs("iae", rules=weak).confidence == "low"  # type: ignore[union-attr]
    assert proofs("ess", rules=weak).confidence == "medium"  # type: ignore[union-attr]
    silent = law(("equivalent_structures", "value = true", "value = false"))
    assert "équivalente" not in proofs("iae", rules=silent).message.fr  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("reserved", "value", "words"),
    [
        (("iae",), 59_999.99, "à demander : "),
        (("iae",), 60_000, "à demander, à annoncer dans l'avis ou les documents avec l'article"),
        (("iae",), 60_000, "(R2113-7) : "),
        (("ess",), 60_000, "(R2113-8) : "),
    ],
)
def test_a_direct_award_announces_nothing(reserved: tuple[Reserved, ...], value: float, words: str) -> None:
    """Elsewhere the notice or the documents announce the reservation and the proofs."""
    found = proofs(*reserved, value_eur=value)
    assert found is not None
    assert words in found.message.fr
    assert ("annoncer" in found.message.fr) == (value >= 60_000)


def test_a_prison_has_no_equivalent() -> None:
    found = proofs("penitentiary", cpv=("79920000",))
    assert found is not None
    assert "contrat d'implantation en prison" in found.message.fr
    assert "structure équivalente" not in found.message.fr


def test_no_proofs_without_reservation_or_where_the_law_forbids_it() -> None:
    """Two reservations that may not be combined, and a type that the contract does not know."""
    assert said() == ""
    assert said("ess", "iae") == ""
    assert proofs("ess", contract="concession") is None


@pytest.mark.parametrize(("on", "known"), [(date(2024, 2, 11), False), (date(2024, 2, 12), True)])
def test_temporary_work_has_an_approval_of_its_own_since_2024(on: date, known: bool) -> None:
    assert ("(EATT)" in said("handicap", on=on)) == known


def test_a_concession_quotes_its_own_articles() -> None:
    found = proofs("iae", contract="concession")
    assert found is not None
    assert found.article == "R3123-5"
    assert "en cours de concession" in found.message.fr
    assert "(R3113-1) : " in found.message.fr


@pytest.mark.parametrize(("on", "known"), [(date(2019, 3, 31), False), (date(2019, 4, 1), True)])
def test_nothing_is_said_of_the_time_before_the_code(on: date, known: bool) -> None:
    assert bool(said("iae", on=on)) == known
