"""The pages written from the rules: their table, and the guide for buyers."""

from datetime import date

import msgspec
import pytest

from domain.errors import NotFound
from domain.law.rules import load
from scripts import render_law
from scripts.render_law import MARKS, BuyerGuide, guide_page, rules_page
from tests.conftest import ROOT
from tests.domain.law.samples import rule, rules

PAGE, GUIDE = ROOT / "docs" / "law.md", ROOT / "docs" / "achat.md"


def test_pages_are_current() -> None:
    """They are generated: `python -m scripts.render_law` writes them again. No line ends inside an amount."""
    assert PAGE.read_text(encoding="utf-8") == rules_page(load())
    guide = GUIDE.read_text(encoding="utf-8")
    assert guide == guide_page(load())
    assert not [line for line in guide.splitlines() if line.endswith(" 60")]
    assert "60\N{NO-BREAK SPACE}000\N{NO-BREAK SPACE}€" in guide


def test_long_lists_stand_below_their_table() -> None:
    """A cell of 115 codes cannot be read."""
    lines = rules_page(load()).splitlines()
    assert max(len(line) for line in lines if line.startswith("|")) < 900
    (codes,) = (line for line in lines if line.startswith("`ess_listed_cpv`, 115 valeurs : 75121000, "))
    assert codes.endswith("98133110.")


def shown() -> list[str]:
    """The ids of the rules in the guide."""
    guide = msgspec.toml.decode((ROOT / "domain" / "data" / "buyer_guide.toml").read_bytes(), type=BuyerGuide)
    return [rule_id for step in guide.step for _, ids in step.paragraphs for rule_id in ids.split()]


def test_every_rule_on_the_steps_of_a_purchase_is_shown_once() -> None:
    """With its article and its mark: what is weakly sourced says so in words too. Other themes may be left out."""
    of_the_steps = {rule_id for rule_id in load().ids if load().history(rule_id)[0].theme == "procedure"}
    assert of_the_steps <= set(shown())
    assert len(shown()) == len(set(shown()))
    text = " ".join(guide_page(load()).split()).replace("\N{NO-BREAK SPACE}", " ")
    for row in (load().view(load().vintage)[rule_id] for rule_id in shown()):
        if row.status == "in_force":
            assert f"{' '.join(row.message.fr.split())} {MARKS[row.confidence]}." in text, row.id


def statements(*periods: str, on: date) -> list[str]:
    said = render_law._sentences_around_day(rules(rule(*periods)).history("ceiling"), on)
    return [text.replace("\N{NO-BREAK SPACE}", " ") for text in said]


@pytest.mark.parametrize(("on", "announced"), [(date(2025, 12, 30), False), (date(2025, 12, 31), True)])
def test_a_known_change_is_announced_a_year_before(on: date, announced: bool) -> None:
    said = statements(
        "{valid_from=2020-01-01, valid_until=2026-12-31, value=40, source='s', confidence='high'}",
        "{valid_from=2027-01-01, value=60, source='s', confidence='low'}",
        on=on,
    )
    assert said[0] == "Plafond de 40 € (R1) ●."
    assert said[1:] == ["À partir du 01/01/2027 : Plafond de 60 € ; à vérifier (R1) ○."] * announced


def test_statements_that_cannot_be_made() -> None:
    """Neither before the rule's first day nor where the law was silent; an unknown rule is refused."""
    period = "{valid_from=2020-01-01, value=40, source='s', confidence='high'}"
    assert statements(period, on=date(2018, 6, 1)) == []
    silent = (
        "{valid_until=2026-12-31, status='absent', source='s', confidence='high'}",
        "{valid_from=2027-01-01, status='unknown', source='s', confidence='low'}",
    )
    assert statements(*silent, on=date(2026, 11, 24)) == []
    with pytest.raises(NotFound):
        guide_page(rules(rule(period)))
