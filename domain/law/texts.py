"""Texts of law to set beside each other: what changed in the articles that rules cite, and what no rule cites.

A text is a Markdown file, or a folder of them: a heading per article ("## Article R2122-8"), then the words. The day on
which they took effect stands between ("*En vigueur depuis le 2026-04-01.*"), where it is known.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

import msgspec

from domain.law.law_files import read_law_data
from domain.law.rules import RuleRow, Rules

RECENT = timedelta(days=366)
_HEADING = re.compile(r"^#*\s*Article ([LRD]\d[\d-]*)\s*$")
_OTHER_HEADING = re.compile(r"^(#+ |(Livre|Titre|Chapitre|(Sous-)?[Ss]ection|Paragraphe|Partie) )")
_SINCE = re.compile(r"^\*?En vigueur depuis le (\d{4}-\d\d-\d\d)\.?\*?\s*$")
_CHAPTER = re.compile(r"[LRD]\d+")


class ArticleText(msgspec.Struct, frozen=True):
    """The words of an article, spaces evened out, and the day they took effect; None where the text does not say."""

    words: str
    since: date | None


class TextChange(msgspec.Struct, frozen=True):
    """An article that differs between two texts; None: it is not in that one. `rules`: ids of those that cite it."""

    article: str
    before: ArticleText | None
    after: ArticleText | None
    rules: tuple[str, ...]


class Comparison(msgspec.Struct, frozen=True):
    """Two texts of law beside the rules of a day.

    `cited`: articles that rules cite and that changed; `uncited`: articles of the same chapters that changed and that
    no rule cites; `never_cited`: those that no rule cites and that did not change; `lost`: ids of rules whose quote is
    not in the new text.
    """

    cited: tuple[TextChange, ...]
    uncited: tuple[TextChange, ...]
    never_cited: tuple[str, ...]
    lost: tuple[str, ...]


class _ReadArticles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of `law_articles.toml`: the day whose text was read, and the day since which articles stand."""

    read: date
    since: dict[str, date]


def read_text(place: Path) -> dict[str, ArticleText]:
    """The articles of a file, or of the Markdown files of a folder; of two versions in it the later one.

    Raises OSError where there is none; ValueError where no article is in it.
    """
    paths = sorted(place.rglob("*.md")) if place.is_dir() else [place]
    found: dict[str, ArticleText] = {}
    for path in paths:
        for name, text in _articles_of(path.read_text(encoding="utf-8").splitlines()):
            known = found.get(name)
            if known is None or (known.since or date.min) <= (text.since or date.max):
                found[name] = text
    if not found:
        raise ValueError(f"{place}: no article of law (a heading such as “## Article R2122-8”)")
    return found


def _articles_of(lines: Iterable[str]) -> Iterator[tuple[str, ArticleText]]:
    """Yield the name and the text of each article in the lines of a file."""
    name, since, words = None, None, list[str]()
    for line in (*lines, "# "):
        heading = _HEADING.match(line)
        if heading or _OTHER_HEADING.match(line):
            if name is not None:
                yield name, ArticleText(" ".join(" ".join(words).split()), since)
            name, since, words = (heading[1] if heading else None), None, []
        elif name is not None and (day := _SINCE.match(line)) and not words:
            since = date.fromisoformat(day[1])
        else:
            words += [line] if line.strip() else []


def chapter_of(article: str) -> str:
    """The chapter of an article by its number: L2113 of L2113-12."""
    found = _CHAPTER.match(article)
    return found[0] if found else article


def cited_articles(rows: Iterable[RuleRow]) -> dict[str, tuple[str, ...]]:
    """The articles of the Code de la commande publique that rules cite, each with the ids of these rules."""
    cited: dict[str, list[str]] = {}
    for row in rows:
        for article in (row.article, row.concession_article):
            if article and re.fullmatch(r"[LRD]\d[\d-]*", article):
                cited.setdefault(article, []).append(row.id)
    return {article: tuple(ids) for article, ids in cited.items()}


def compare(rules: Rules, on: date, old: Mapping[str, ArticleText], new: Mapping[str, ArticleText]) -> Comparison:
    """Two texts of law beside the rules of a day, in the order of the articles."""
    rows = tuple(rules.view(on).rows.values())
    cited = cited_articles(rows)
    chapters = {chapter_of(article) for article in cited}
    names = [name for name in sorted({*old, *new}, key=_order) if name in cited or chapter_of(name) in chapters]
    changed = {
        name: TextChange(name, old.get(name), new.get(name), cited.get(name, ()))
        for name in names
        if not _is_same(old.get(name), new.get(name))
    }
    alike = tuple(name for name in names if name in new and name not in cited and name not in changed)
    lost = tuple(row.id for row in rows if row.quote and not _holds(new.get(row.article or ""), row.quote))
    of_rules = tuple(each for each in changed.values() if each.rules)
    return Comparison(of_rules, tuple(each for each in changed.values() if not each.rules), alike, lost)


def _is_same(before: ArticleText | None, after: ArticleText | None) -> bool:
    """Whether an article has the same words, whatever its breaks, and the same day in two texts, if both say it."""
    if before is None or after is None:
        return before is after
    other_day = before.since and after.since and before.since != after.since
    return not other_day and _bare(before.words) == _bare(after.words)


def _bare(words: str) -> str:
    """Words without spaces, signs of breaks and kinds of apostrophe, in which copies of one text differ."""
    return re.sub(r"[\s*_’'-]+", "", words)


def _holds(text: ArticleText | None, quote: str) -> bool:
    """Whether the parts of a quote stand in a text, in their order; so they are where the article is not there."""
    if text is None:
        return True
    position, words = 0, _bare(text.words)
    for part in filter(None, (_bare(part) for part in quote.split("…"))):
        found = words.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return True


def _order(article: str) -> tuple[str, list[int]]:
    return article[0], [int(number) for number in re.findall(r"\d+", article)]


def newer_uncited(rules: Rules, on: date) -> dict[str, date]:
    """The articles of chapters that rules cite, in the text last read, that are newer than a year and uncited."""
    read = read_law_data("law_articles.toml", _ReadArticles)
    cited = cited_articles(rules.view(on).rows.values())
    chapters = {chapter_of(article) for article in cited}
    recent = {article: since for article, since in read.since.items() if on - RECENT <= since <= on}
    uncited = [article for article in recent if article not in cited and chapter_of(article) in chapters]
    return {article: recent[article] for article in sorted(uncited, key=_order)}
