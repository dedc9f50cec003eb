"""The guide for buyers: every step's rules are there, as the data give them."""

from datetime import date

import pytest

from domain.errors import NotFound
from domain.law.documents import buyer_guide
from domain.law.rules import Rules, load, parse
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "achat.md"


def test_page_is_current() -> None:
    """docs/achat.md is generated: `python -m scripts.render_law` writes it again."""
    assert PAGE.read_text(encoding="utf-8") == buyer_guide.page(load())


def shown() -> list[str]:
    return [rule_id for step in buyer_guide.load().step for _, ids in step.paragraphs for rule_id in ids.split()]


def test_every_rule_on_the_steps_of_a_purchase_is_shown_once() -> None:
    """Rules of other themes may be left out; none stands twice."""
    of_the_steps = {rule_id for rule_id in load().ids if load().history(rule_id)[0].theme == "procedure"}
    assert of_the_steps <= set(shown())
    assert len(shown()) == len(set(shown()))


def test_each_statement_has_its_article_and_its_mark() -> None:
    """What is weakly sourced is marked, and says so in words too."""
    text = " ".join(buyer_guide.page(load()).split())
    for rule_id in shown():
        row = load().at(load().vintage)[rule_id]
        if row.status == "in_force":
            mark = buyer_guide.MARKS[row.confidence]
            assert f"{' '.join(row.message.fr.split())} {mark}." in text.replace("\N{NO-BREAK SPACE}", " "), rule_id


def test_no_line_ends_inside_an_amount() -> None:
    assert not [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.endswith(" 60")]
    assert "60\N{NO-BREAK SPACE}000\N{NO-BREAK SPACE}€" in PAGE.read_text(encoding="utf-8")


LAW = """
vintage = 2026-11-24
[[rule]]
id = "ceiling"
theme = "procedure"
article = "R1"
unit = "eur"
message.fr = "Plafond de {value}"
message.en = "Ceiling of {value}"
"""


def statements(*periods: str, on: date) -> list[str]:
    law: Rules = parse((LAW + "periods = [" + ",".join(periods) + "]").encode())
    return list(buyer_guide._statements(law.history("ceiling"), on))


@pytest.mark.parametrize(("on", "announced"), [(date(2025, 12, 30), False), (date(2025, 12, 31), True)])
def test_a_known_change_is_announced_a_year_before(on: date, announced: bool) -> None:
    said = statements(
        "{valid_from=2020-01-01, valid_until=2026-12-31, value=40, source='s', confidence='high'}",
        "{valid_from=2027-01-01, value=60, source='s', confidence='low'}",
        on=on,
    )
    assert said[0].replace("\N{NO-BREAK SPACE}", " ") == "Plafond de 40 € (R1) ●."
    assert [text.replace("\N{NO-BREAK SPACE}", " ") for text in said[1:]] == [
        "À partir du 01/01/2027 : Plafond de 60 € ; à vérifier (R1) ○."
    ] * announced


def test_what_is_not_known_is_not_stated() -> None:
    """Neither before the rule's first day nor where the law was silent."""
    period = "{valid_from=2020-01-01, value=40, source='s', confidence='high'}"
    assert statements(period, on=date(2018, 6, 1)) == []
    silent = (
        "{valid_until=2026-12-31, status='absent', source='s', confidence='high'}",
        "{valid_from=2027-01-01, status='unknown', source='s', confidence='low'}",
    )
    assert statements(*silent, on=date(2026, 11, 24)) == []


def test_an_unknown_rule_is_refused() -> None:
    law = parse((LAW + "periods = [{value=40, source='s', confidence='high'}]").encode())
    with pytest.raises(NotFound):
        buyer_guide.page(law)
