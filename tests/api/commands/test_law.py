"""Two texts of law beside the rules: what changed in what they cite, and what they do not cite."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from api.commands.law import compare, comparison_lines, newer_uncited, read_text
from domain.law.rules import load, own_files
from tests.api.commands.conftest import Server, Within

ON = date(2026, 11, 30)
OLD = """\
# Titre II

## Article R2122-8

*En vigueur depuis le 2020-01-01.*

L'acheteur peut passer un marché sans publicité au-dessous de 40 000 euros.
Il choisit une offre pertinente.

## Article R2122-9

Les livres.

## Article R2122-4

Sans changement.

## Article R9999-1

D'un autre chapitre.
"""
NEW = """\
##### Article R2122-8

*En vigueur depuis le 2026-04-01.*

L'acheteur peut passer un marché sans publicité au-dessous de 60 000 euros.

##### Article R2122-9

Les  livres.

##### Article R2122-4

Sans changement.

##### Article R2122-99

*En vigueur depuis le 2026-05-28.*

Nouveau.

##### Article R9999-1

D'un autre chapitre, autrement.
"""


def text(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def test_what_changed_between_two_texts(tmp_path: Path) -> None:
    """By the words, not their breaks; of chapters that rules cite; a quote that is gone is told with its rule."""
    (tmp_path / "new").mkdir()
    text(tmp_path / "new", "a.md", NEW)
    old, new = read_text(text(tmp_path, "old.md", OLD)), read_text(tmp_path / "new")
    assert old["R2122-8"].since == date(2020, 1, 1)
    assert old["R2122-8"].words.endswith("40 000 euros. Il choisit une offre pertinente.")
    assert new["R2122-9"].since is None
    found = compare(load(), ON, old, new)
    assert [each.article for each in found.cited] == ["R2122-8"]
    assert "direct_award_works" in found.cited[0].rules
    assert [(each.article, each.before) for each in found.uncited] == [("R2122-99", None)]
    assert found.never_cited == ("R2122-4",)
    assert {"direct_award_works", "books_direct_award"} <= set(found.lost)
    lines = list(comparison_lines(found))
    assert lines[1].startswith("  R2122-8: 2020-01-01 → 2026-04-01  cited by ")
    assert "  R2122-99: not there → 2026-05-28" in lines
    assert lines[-1] == "  R2122: R2122-4"


def test_an_article_that_is_gone_is_told(tmp_path: Path) -> None:
    old = read_text(text(tmp_path, "old.md", OLD))
    new = read_text(text(tmp_path, "new.md", "## Article L1\n\nx"))
    found = compare(load(), ON, old, new)
    assert [(each.article, each.after) for each in found.cited] == [("R2122-8", None), ("R2122-9", None)]


def test_a_text_without_articles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no article of law"):
        read_text(text(tmp_path, "none.md", "Bonjour"))
    with pytest.raises(FileNotFoundError):
        read_text(tmp_path / "absent.md")


def test_new_articles_that_no_rule_cites_are_due_for_a_year() -> None:
    """What the law file cannot know of: its chapters have articles newer than the rules."""
    rules = load()
    cited = {row.article for row in rules.view(ON).rows.values()}
    found = newer_uncited(rules, ON)
    assert found["R2191-11"] == date(2026, 1, 1)
    assert cited.isdisjoint(found)
    assert newer_uncited(rules, date(2028, 1, 1)) == {}


def test_the_law_of_a_frozen_shortlist_is_written_again(server: Server, within: Within, tmp_path: Path) -> None:
    """Its rules and its wording, by its stamp; of an unknown stamp nothing is."""
    key = within("keys", "create", "--name", "Achats", "--organisation", "Dinan", "--scope", "needs").out.split()[-1]
    need = b'{"territory":{"codes":["departement:56"]},"lots":[{"id":"1","keywords":["tonte"]}]}'
    kept = server.ask("POST", "/needs", need, key=key)
    stamp = msgspec.json.decode(kept.body)["shortlist"]["stamp"]["rules"]
    assert within("law", "kept", stamp, str(tmp_path / "law")).status == 0
    assert {file.name: file.read_bytes() for file in (tmp_path / "law").iterdir()} == own_files(load().content)
    assert "no law is kept" in within("law", "kept", "2020-01-01-none", str(tmp_path)).err
