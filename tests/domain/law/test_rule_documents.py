"""The rules as readers browse them."""

import re
from datetime import date
from pathlib import Path

import msgspec
import pytest

from domain.errors import NotFound
from domain.law import rule_documents
from domain.law.rule_registry import applies, explained
from domain.law.rules import LAW_FILE, LawFile, load
from tests.domain.law.samples import TODAY

PAGE = Path(__file__).parents[3] / "docs" / "law.md"


def test_page_is_current() -> None:
    """docs/law.md is generated: `python -m scripts.render_law` writes it again."""
    assert PAGE.read_text(encoding="utf-8") == rule_documents.page(load())


def test_long_lists_stand_below_their_table() -> None:
    """A cell of 115 codes cannot be read."""
    lines = rule_documents.page(load()).splitlines()
    assert max(len(line) for line in lines if line.startswith("|")) < 700
    (codes,) = (line for line in lines if line.startswith("`ess_listed_cpv`, 115 valeurs : 75121000, "))
    assert codes.endswith("98133110.")


def test_every_rule_is_applied_by_a_function_or_said_to_be_informative() -> None:
    """No number sits in the file without effect, and no function applies a rule that is not there."""
    informative = {
        rule.id for rule in msgspec.toml.decode(LAW_FILE.read_bytes(), type=LawFile).rule if rule.informative
    }
    applied = set(explained())
    assert applied | informative == set(load().ids)
    assert not applied & informative


def test_what_is_in_force_at_a_date() -> None:
    """The penitentiary reservation is served from its first day; what is unknown is not served as a rule."""
    before = {rule.id for rule in rule_documents.in_force(load(), date(2022, 10, 20), "fr")}
    after = {rule.id: rule for rule in rule_documents.in_force(load(), date(2022, 10, 21), "fr")}
    assert "reserved_penitentiary" not in before
    assert after["reserved_penitentiary"].article == "L2113-13-1"
    assert all(rule.value is not None for rule in after.values())


def test_no_article_of_the_code_is_served_as_law_before_the_code() -> None:
    """The Code de la commande publique is in force from 2019-04-01; before, articles are those of older texts."""
    of_the_code = re.compile(r"[LR](3|\d{4}-\d+(-\d+)?)")
    law = load()
    for row in (row for rule_id in law.ids for row in law.history(rule_id)):
        if row.status == "in_force" and row.article and of_the_code.fullmatch(row.article):
            assert row.valid_from is not None, row.id
            assert row.valid_from >= date(2019, 4, 1), row.id


def test_history_shows_every_period_and_its_explanation() -> None:
    """What held, from when to when, by which source."""
    rows = rule_documents.history(load(), "direct_award_supplies_services", "en")
    assert [row.value for row in rows] == [None, 25_000, 25_000, 25_000, 40_000, 60_000]
    assert [str(row.valid_from) for row in rows[-2:]] == ["2020-01-01", "2026-04-01"]
    assert (
        rows[-1].message == "Supplies and services: no publicity or competition below €60,000 excluding tax (R2122-8)"
    )
    assert "Below the amount of the date" in (rows[-1].explanation or "")


def test_unknown_rule_has_no_history() -> None:
    """`GET /rules/{id}` answers 404 from this."""
    with pytest.raises(NotFound):
        rule_documents.history(load(), "nothing", "fr")


def test_counsel_has_no_article_unless_it_counts_for_a_law() -> None:
    """Counsel says that it is counsel."""
    for rule in rule_documents.in_force(load(), TODAY, "fr"):
        assert (rule.article is None) <= (rule.theme == "counsel")
        assert (rule.theme == "counsel") == rule.message.startswith("Conseil")


def test_a_function_that_applies_a_rule_is_documented() -> None:
    """Its docstring is what readers are given."""
    with pytest.raises(ValueError, match="docstring"):

        @applies("some_rule")
        def undocumented() -> None: ...


def test_a_rule_has_one_function() -> None:
    """Two explanations of one rule would contradict each other one day."""
    with pytest.raises(ValueError, match="two functions"):

        @applies("spaser")
        def again() -> None:
            """Once more."""
