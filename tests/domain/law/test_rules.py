"""The dated rules: nothing overlaps, nothing is silently missing, and a day picks exactly one period."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from domain.errors import NotFound
from domain.law.law_files import BrokenLaw
from domain.law.rules import LAW_FILE, load
from tests.domain.law.samples import rule, rules


def test_ids_and_versions() -> None:
    """An id names one rule, for ever; the same content gives the same version, which shortlists are stamped with."""
    law = load()
    assert law.version.startswith("2026-")
    assert len(law.ids) == len(set(law.ids))
    with pytest.raises(BrokenLaw, match="two rules"):
        rules(rule("{value=1, source='s', confidence='high'}") * 2)
    one, same, other = (rules(rule(f"{{value={v}, source='s', confidence='high'}}")).version for v in (1, 1, 2))
    assert one == same
    assert one != other
    with pytest.raises(NotFound):
        load().history("nothing")


def test_messages_end_with_the_article_and_own_their_doubt() -> None:
    """A weakly sourced rule says so in both languages."""
    for row in (row for rule_id in load().ids for row in load().history(rule_id)):
        if row.article is not None:
            assert row.message.fr.endswith(f"({row.article})")
            assert row.message.en.endswith(f"({row.article})")
            assert ("à vérifier" in row.message.fr) == (row.confidence == "low")
            assert ("to be checked" in row.message.en) == (row.confidence == "low")


def test_a_change_takes_effect_on_its_day() -> None:
    """Both bounds of a period are inside it."""
    law = rules(
        rule(
            "{valid_from=2020-01-01, valid_until=2020-12-31, value=40000, source='s', confidence='high'}",
            "{valid_from=2021-01-01, value=60000.5, source='s', confidence='low'}",
        )
    )
    assert law.view(date(2019, 12, 31))["ceiling"].cents is None
    assert law.view(date(2020, 1, 1))["ceiling"].cents == 4_000_000
    assert law.view(date(2020, 12, 31))["ceiling"].cents == 4_000_000
    assert law.view(date(2021, 1, 1))["ceiling"].cents == 6_000_050
    assert law.in_force(date(2019, 12, 31)) == ()
    assert law.in_force(date(2021, 1, 1))[0].message.fr == "Plafond de 60 000,50 € ; à vérifier (R1)"
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
        rules(rule(*periods))


def bounds() -> Iterator[tuple[str, re.Match[str]]]:
    """Every date where two periods of the file meet, in the text of its rule."""
    for block in LAW_FILE.read_text(encoding="utf-8").split("[[rule]]\n")[1:]:
        start, dates = block.index("periods = ["), re.compile(r"valid_(from|until) = (\d{4}-\d\d-\d\d)")
        for place, found in enumerate(dates.finditer(block, start)):
            if place or found[1] == "until":
                yield block, found


@pytest.mark.parametrize("days", [-1, 1])
def test_a_date_moved_by_a_day_breaks_an_interval(days: int) -> None:
    """And the message names the days."""
    meeting = list(bounds())
    assert len(meeting) > 100
    for block in {block for block, _ in meeting}:
        rules(f"[[rule]]\n{block}")
    for block, found in meeting:
        moved = date.fromisoformat(found[2]) + timedelta(days=days)
        edited = block[: found.start(2)] + moved.isoformat() + block[found.end(2) :]
        with pytest.raises(BrokenLaw, match=r"\d{4}-\d\d-\d\d"):
            rules(f"[[rule]]\n{edited}")


def test_a_value_that_its_unit_does_not_allow_is_refused_with_its_rule() -> None:
    """Read as something else, it would silently change what buyers are told."""
    broken = [("eur", value) for value in ("true", "-1", "inf", "nan", "['1']")]
    broken += [("percent", "101"), ("ratio", "true")]
    broken += [(unit, value) for unit in ("percent", "months", "count") for value in ("12.5", "-1", "true")]
    for unit, value in broken:
        with pytest.raises(BrokenLaw, match=rf"ceiling: .* is not .*{unit}"):
            rules(rule(f"{{value={value}, source='s', confidence='high'}}", unit=unit))
    for value in ["'60 000'", "'SEP'", "[1]", "2020-01-01", "{a=1}"]:
        with pytest.raises(BrokenLaw, match=r"ceiling: .*value"):
            rules(rule(f"{{value={value}, source='s', confidence='high'}}"))
    for earlier, later in [("true", "'required'"), ("['1']", "true"), ("1", "2")]:
        first = f"{{value={earlier}, source='s', confidence='high', valid_until=2020-01-01}}"
        with pytest.raises(BrokenLaw, match="ceiling: without unit"):
            rules(rule(first, f"{{value={later}, source='s', confidence='high', valid_from=2020-01-02}}", unit=None))


DAYS = (date(2024, 9, 1), date(2025, 6, 1), date(2026, 1, 1), date(2026, 6, 1), date(2026, 11, 26), date(2027, 1, 1))


def test_values_on_their_days() -> None:
    """As a jurist read those that changed from September 2024 to January 2027, on their first day and not before."""
    for rule_id, values in [
        ("defence_innovative_need", (100_000, *(300_000,) * 5)),
        ("buyer_profile_documents", (40_000, 40_000, 40_000, 60_000, 60_000, 60_000)),
        ("turnover_cap", (2, 2, 1.5, 1.5, 1.5, 1.5)),
        ("social_consideration", (*("recommended",) * 4, "required", "required")),
        ("environmental_consideration", (*("recommended",) * 4, "required", "required")),
        ("environmental_criterion", (None, None, None, None, True, True)),
        ("simplification_law", (None, None, None, True, True, True)),
    ]:
        assert tuple(load().view(on)[rule_id].value for on in DAYS) == values
    for rule_id, first, before, value in [
        ("concession_reserved_penitentiary", date(2022, 10, 21), None, True),
        ("allotment_exception_utility", date(2023, 10, 25), None, True),
        ("defence_innovative_need", date(2025, 1, 1), 100_000, 300_000),
        ("simplification_law", date(2026, 5, 28), None, True),
        ("social_exceptions", date(2026, 8, 22), None, True),
        ("defence_considerations", date(2026, 8, 22), None, True),
        ("eiti_experiment", date(2026, 12, 23), True, None),
    ]:
        law = load()
        assert law.view(first - timedelta(days=1))[rule_id].value == before
        assert law.view(first)[rule_id].value == value
    for rule_id, market, concession in [
        ("ess_notice", "L2113-15", None),
        ("reservation_announced", "R2113-7", "R3113-1"),
        ("reservation_announced_ess", "R2113-8", None),
        ("minimum_share_handicap", "R2113-7", "R3113-1"),
        ("minimum_share_iae", "R2113-7", "R3113-1"),
        ("minimum_share_penitentiary", "R2113-7", "R3113-1"),
        ("reservation_defence", "L2313-6", None),
        ("value_of_all_lots", "R2121-1", None),
        ("concession_value", "R3121-1", None),
        ("environmental_criterion", "R2152-7", None),
        ("concession_environmental_criterion", "R3124-4", None),
    ]:
        row = load().view(date(2026, 11, 26))[rule_id]
        assert (row.article, row.concession_article) == (market, concession)
    law = load()
    today, next_year = law.view(date(2026, 11, 26)), law.view(date(2027, 1, 1))
    assert next_year["direct_award_works"].confidence == "medium"
    assert next_year["direct_award_lot_works"].confidence == "medium"
    assert today["direct_award_lot_share"].confidence == "high"
    for rule_id in ("innovative_need", "innovative_lot_works", "innovative_need_simplification"):
        told = today[rule_id].message.fr.replace("\u202f", " ").replace("\xa0", " ")
        # the second reading, which is not in the article, is told by its own rule alone
        assert ("140 000" in told) == ("Légifrance" in told) == (today[rule_id].confidence == "low")
        assert law.view(date(2026, 5, 27))[rule_id].confidence != "low"
