"""The words that rules quote are those of the articles read: `law_quotes.toml` holds these sentences."""

import re
from datetime import date
from pathlib import Path

import msgspec
import pytest

from api.commands.law import doubtful_rows
from domain.law.rules import RuleRow, load
from domain.needs.need import Lot
from tests.domain.law.samples import need, review, rule, rules

READ = Path(__file__).with_name("law_quotes.toml")


def _texts() -> dict[tuple[str, date], str]:
    """The sentences read, by article and version."""
    sentences = msgspec.toml.decode(READ.read_bytes())["sentence"]
    texts = {(each["article"], each["version"]): each["text"] for each in sentences}
    assert len(texts) == len(sentences), "two entries for one version of an article"
    return texts


def _rows() -> list[RuleRow]:
    """The rows of all periods, of contracts and of concessions."""
    law = load()
    of_concessions = [row for day in law.starts for row in law.view(day, "concession").rows.values()]
    return [row for rule_id in law.ids for row in law.history(rule_id)] + of_concessions


def _is_in_order(parts: list[str], text: str) -> bool:
    position = 0
    for part in parts:
        found = text.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return True


def test_a_quote_is_words_of_its_article_in_that_version() -> None:
    """A quote that is not in the file, or of another version, fails here; so does a text that no rule quotes.

    Words that are said to have stood in the article before are in the text of that day too.
    """
    texts, quoted = _texts(), set[tuple[str, date]]()
    for row in _rows():
        if row.quote is None:
            continue
        article = row.quote_from or row.article
        assert article, row.id
        assert row.version, row.id
        parts = [part for each in row.quote.split("…") if (part := each.strip())]
        assert parts, row.id
        for version in filter(None, (row.version, row.stood_since)):
            assert (article, version) in texts, (row.id, article, version)
            assert _is_in_order(parts, texts[article, version]), (row.id, version, row.quote)
            quoted.add((article, version))
    assert set(texts) == quoted


def test_a_rule_is_sure_only_by_words_in_force_in_its_time_that_state_its_value() -> None:
    """For each amount, share and delay its number or its words; for each entry of a list the words that name it."""
    assert list(doubtful_rows(load())) == []
    assert [row.id for row in _rows() if "text of 2026-03-31" in row.source] == []


@pytest.mark.parametrize(
    ("period", "told"),
    [
        ("value=90000", None),
        ("value=9000", "does not state 9000"),
        ("value=90001", "does not state 90001"),
        ("value=90000, valid_from=2019-04-01", "its quote is of 2020-01-01"),
        ("value=90000, valid_from=2019-04-01, stood_since=2019-04-01", None),
        ("value=36, unit='months'", None),
        ("value=24, unit='months'", "does not state 24"),
        ("value=20, unit='percent'", None),
        ("value=2, unit='percent'", "does not state 2"),
        ("value=1.5, unit='ratio'", None),
        ("value=25, unit='count'", None),
        ("value=5, unit='count'", "does not state 5"),
        ("value=['EA'], unit=''", r"does not state \('EA',\)"),
        ("value=['EA'], unit='', value_words=['adaptées']", None),
        ("value=['EA', 'ESAT'], unit='', value_words=['adaptées']", "does not state"),
    ],
)
def test_what_keeps_a_rule_from_being_sure_is_told(period: str, told: str | None) -> None:
    quote = "les entreprises adaptées, 90 000 euros, 20 % pour trois ans, une fois et demie en vingt-cinq jours"
    unit = period.partition("unit='")[2].partition("'")[0] if "unit=" in period else "eur"
    fields = re.sub(r", unit='\w*'", "", period) + ("" if "valid_from" in period else ", valid_from=2020-01-01")
    written = f"{{{fields}, quote='{quote}', article_version=2020-01-01, source='s', confidence='high'}}"
    found = list(doubtful_rows(rules(rule(written, unit=unit or None))))
    assert len(found) == (told is not None)
    assert all(re.search(told or "", each) for each in found)


def test_a_list_of_this_project_is_not_the_law() -> None:
    """What it counts as performed on premises, as drinking water, or as to be judged: works are no list."""
    rows = {row.id: row for row in load().in_force(date(2026, 11, 30))}
    named = {"penitentiary_site_segments", "drinking_water_cpv", "kinds_review_iae"}
    assert {rows[rule_id].confidence for rule_id in named | {"kinds_review_handicap"}} == {"medium"}
    lot = review(need(Lot(id="1", segments=("pr-locaux",), reserved=("penitentiary",)))).lots["1"]
    assert {found.outcome for found in lot.reservation} == {"REVIEW"}
    assert lot.forbidden["penitentiary"]  # it is to be judged where a buyer asks, and not proposed to others


def test_a_quote_is_of_the_law_of_its_time() -> None:
    """The text quoted took effect before the period is over."""
    for row in _rows():
        if row.version and row.valid_until:
            assert row.version <= row.valid_until, row.id


def test_most_rules_in_force_are_sure() -> None:
    rows = load().in_force(load().vintage)
    assert sum(row.confidence == "high" for row in rows) >= 0.85 * len(rows)


def test_an_article_of_a_code_can_be_looked_up() -> None:
    rows = {row.id: row for row in load().in_force(date(2026, 11, 30))}
    assert (rows["reserved_iae"].url or "").endswith("searchField=NUM_ARTICLE&query=L2113-13")
    assert (rows["proof_iae"].url or "").endswith("/codes/article_lc/LEGIARTI000042674183")
    assert rows["counsel_dependence"].url is None


def test_a_concession_is_not_quoted_the_article_of_markets() -> None:
    law, day = load(), date(2026, 11, 30)
    row = law.view(day, "concession")["reservation_announced"]
    assert (row.quote, row.confidence) == ("La décision de réserver est mentionnée dans l'avis de concession.", "high")
    assert (row.url or "").endswith("R3113-1")
    for rule_id, on in (("standstill", day), ("esat_name", date(2022, 1, 1))):
        unread = law.view(on, "concession")[rule_id]
        assert (unread.quote, unread.version) == (None, None)
        assert unread.confidence != "high"
