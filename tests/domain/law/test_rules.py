"""The dated rules: nothing overlaps, nothing is silently missing, and a day picks exactly one period."""

from datetime import date
from itertools import pairwise

import pytest

from domain.errors import NotFound
from domain.law.rules import BrokenLaw, RuleRow, Rules, load, parse

RULE = """
vintage = 2026-11-24
[[rule]]
id = "ceiling"
theme = "thresholds"
article = "R1"
unit = "eur"
message.fr = "Plafond de {value}"
message.en = "Ceiling of {value}"
"""


def rules(*periods: str) -> Rules:
    return parse((RULE + "periods = [" + ",".join(periods) + "]").encode())


def test_committed_law_is_consistent_and_versioned() -> None:
    """`load` itself refuses overlaps and gaps, so loading the committed file is the test of every interval."""
    law = load()
    assert law.version.startswith("2026-")
    assert len(law.ids) == len(set(law.ids))


@pytest.mark.parametrize("rule_id", load().ids)
def test_every_day_has_one_period(rule_id: str) -> None:
    """Histories run from the beginning of time to its end without overlap or gap."""
    rows = load().history(rule_id)
    assert rows[0].valid_from is None
    assert rows[-1].valid_until is None
    for earlier, later in pairwise(rows):
        assert earlier.valid_until is not None
        assert later.valid_from is not None
        assert (later.valid_from - earlier.valid_until).days == 1


@pytest.mark.parametrize("rule_id", load().ids)
def test_messages_end_with_the_article_and_own_their_doubt(rule_id: str) -> None:
    """A weakly sourced rule says so in both languages."""
    for row in load().history(rule_id):
        if row.article is not None:
            assert row.message.fr.endswith(f"({row.article})")
            assert row.message.en.endswith(f"({row.article})")
            assert ("à vérifier" in row.message.fr) == (row.confidence == "low")
            assert ("to be checked" in row.message.en) == (row.confidence == "low")


def in_force(law: Rules, on: date) -> list[RuleRow]:
    return list(law.in_force(on))


def test_a_change_takes_effect_on_its_day() -> None:
    """Both bounds of a period are inside it."""
    law = rules(
        "{valid_from=2020-01-01, valid_until=2020-12-31, value=40000, source='s', confidence='high'}",
        "{valid_from=2021-01-01, value=60000.5, source='s', confidence='low'}",
    )
    assert law.at(date(2019, 12, 31)).cents("ceiling") is None
    assert law.at(date(2020, 1, 1)).cents("ceiling") == 4_000_000
    assert law.at(date(2020, 12, 31)).cents("ceiling") == 4_000_000
    assert law.at(date(2021, 1, 1)).cents("ceiling") == 6_000_050
    assert in_force(law, date(2019, 12, 31)) == []
    assert in_force(law, date(2021, 1, 1))[0].message.fr == "Plafond de 60 000,50 € ; à vérifier (R1)"
    assert law.history("ceiling")[1].message.en == "Ceiling of €40,000 (R1)"


@pytest.mark.parametrize(
    ("periods", "complaint"),
    [
        ((), "no period"),
        (("{value=1, source='s', confidence='high', valid_until=2020-01-01}",), "what holds after 2020-01-01"),
        (
            (
                "{value=1, source='s', confidence='high', valid_until=2020-01-01}",
                "{value=2, source='s', confidence='high', valid_from=2020-01-03}",
            ),
            "2020-01-01 is not the day before 2020-01-03",
        ),
        (
            (
                "{value=1, source='s', confidence='high', valid_until=2020-01-01}",
                "{value=2, source='s', confidence='high', valid_from=2020-01-01}",
            ),
            "2020-01-01 is not the day before 2020-01-01",
        ),
        (("{value=1, source='s', confidence='high'}", "{value=2, source='s', confidence='high'}"), "only the first"),
        (("{source='s', confidence='high'}",), "exactly when it is in force"),
        (("{value=1, source='s', confidence='high', status='unknown'}",), "exactly when it is in force"),
        (
            (
                "{value=1, source='s', confidence='high', valid_from=2020-01-02, valid_until=2020-01-01}",
                "{value=2, source='s', confidence='high', valid_from=2020-01-02}",
            ),
            "is before",
        ),
    ],
)
def test_a_broken_interval_is_refused_with_its_rule(periods: tuple[str, ...], complaint: str) -> None:
    """Whoever edits the file learns which rule and which day broke."""
    with pytest.raises(BrokenLaw, match=rf"ceiling.*{complaint}"):
        rules(*periods)


@pytest.mark.parametrize(
    ("unit", "value"),
    [("eur", "true"), ("eur", "-1"), ("eur", "inf"), ("eur", "nan"), ("eur", "['1']")]
    + [(unit, value) for unit in ("percent", "months", "count") for value in ("12.5", "-1", "true")]
    + [("percent", "101"), ("ratio", "true")],
)
def test_a_value_that_its_unit_does_not_allow_is_refused_with_its_rule(unit: str, value: str) -> None:
    """Read as something else, it would silently change what buyers are told."""
    block = (
        RULE.replace('unit = "eur"', f'unit = "{unit}"') + f"periods=[{{value={value}, source='s', confidence='high'}}]"
    )
    with pytest.raises(BrokenLaw, match=rf"ceiling: .* is not .*{unit}"):
        parse(block.encode())


@pytest.mark.parametrize("value", ["'60 000'", "'SEP'", "[1]", "2020-01-01", "{a=1}"])
def test_a_value_that_is_no_value_is_refused_with_its_rule(value: str) -> None:
    """A list needs its brackets, a duty is one of two words."""
    with pytest.raises(BrokenLaw, match=r"ceiling: .*value"):
        rules(f"{{value={value}, source='s', confidence='high'}}")


@pytest.mark.parametrize("values", [("true", "'required'"), ("['1']", "true"), ("1", "2")])
def test_values_without_unit_are_of_one_kind(values: tuple[str, str]) -> None:
    """A number needs its unit; yes, a word and a list do not follow each other."""
    earlier, later = values
    block = RULE.replace('unit = "eur"\n', "") + (
        f"periods=[{{value={earlier}, source='s', confidence='high', valid_until=2020-01-01}},"
        f" {{value={later}, source='s', confidence='high', valid_from=2020-01-02}}]"
    )
    with pytest.raises(BrokenLaw, match="ceiling: without unit"):
        parse(block.encode())


def test_two_rules_with_one_id_are_refused() -> None:
    """An id names one rule: clients keep it."""
    block = RULE + "periods=[{value=1, source='s', confidence='high'}]"
    with pytest.raises(BrokenLaw, match="two rules"):
        parse((block + block.replace("vintage = 2026-11-24", "")).encode())


def test_an_edit_changes_the_version() -> None:
    """A shortlist is stamped with the version: the same content gives the same one."""
    one, same, other = (rules(f"{{value={v}, source='s', confidence='high'}}").version for v in (1, 1, 2))
    assert one == same
    assert one != other


def test_unknown_rule() -> None:
    """`GET /rules/{id}` answers 404 from this."""
    with pytest.raises(NotFound):
        load().history("nothing")
