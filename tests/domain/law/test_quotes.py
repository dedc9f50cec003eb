"""The words that rules quote are those of the articles read: `law_quotes.toml` holds these sentences."""

from datetime import date
from pathlib import Path

import msgspec

from domain.law.rules import RuleRow, load

READ = Path(__file__).with_name("law_quotes.toml")


def _texts() -> dict[tuple[str, date], str]:
    """The sentences read, by article and version."""
    sentences = msgspec.toml.decode(READ.read_bytes())["sentence"]
    texts = {(each["article"], each["version"]): each["text"] for each in sentences}
    assert len(texts) == len(sentences), "two entries for one version of an article"
    return texts


def _rows() -> list[RuleRow]:
    """The rows of all periods, of contracts and of concessions."""
    rules = load()
    of_concessions = [row for day in rules.starts for row in rules.view(day, "concession").rows.values()]
    return [row for rule_id in rules.ids for row in rules.history(rule_id)] + of_concessions


def _is_in_order(parts: list[str], text: str) -> bool:
    position = 0
    for part in parts:
        found = text.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return True


def test_a_quote_is_words_of_its_article_in_that_version() -> None:
    """A quote that is not in the file, or of another version, fails here; so does a text that no rule quotes."""
    texts, quoted = _texts(), set[tuple[str, date]]()
    for row in _rows():
        if row.quote is None:
            continue
        assert row.article, row.id
        assert row.version, row.id
        key = (row.article, row.version)
        assert key in texts, (row.id, key)
        parts = [part for each in row.quote.split("…") if (part := each.strip())]
        assert parts, row.id
        assert _is_in_order(parts, texts[key]), (row.id, row.quote)
        quoted.add(key)
    assert set(texts) == quoted


def test_a_rule_is_sure_only_by_words_that_were_read() -> None:
    sure = [row for row in _rows() if row.confidence == "high" and row.status == "in_force"]
    assert [row.id for row in sure if row.quote is None] == []
    assert [row.id for row in _rows() if "text of 2026-03-31" in row.source] == []


def test_a_quote_is_of_the_law_of_its_time() -> None:
    """The text quoted took effect before the period is over."""
    for row in _rows():
        if row.version and row.valid_until:
            assert row.version <= row.valid_until, row.id


def test_most_rules_in_force_are_sure() -> None:
    rules = load()
    rows = rules.in_force(rules.vintage)
    assert sum(row.confidence == "high" for row in rows) >= 0.85 * len(rows)


def test_an_article_of_a_code_can_be_looked_up() -> None:
    rows = {row.id: row for row in load().in_force(date(2026, 11, 30))}
    assert (rows["reserved_iae"].url or "").endswith("searchField=NUM_ARTICLE&query=L2113-13")
    assert (rows["proof_iae"].url or "").endswith("/codes/article_lc/LEGIARTI000042674183")
    assert rows["counsel_dependence"].url is None


def test_a_concession_is_not_quoted_the_article_of_markets() -> None:
    rules, day = load(), date(2026, 11, 30)
    row = rules.view(day, "concession")["reservation_announced"]
    assert (row.quote, row.confidence) == ("La décision de réserver est mentionnée dans l'avis de concession.", "high")
    assert (row.url or "").endswith("R3113-1")
    for rule, on in (("standstill", day), ("esat_name", date(2022, 1, 1))):
        unread = rules.view(on, "concession")[rule]
        assert (unread.quote, unread.version) == (None, None)
        assert unread.confidence != "high"
