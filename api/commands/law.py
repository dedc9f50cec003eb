"""The commands on the rules of law, for those who keep them up to date.

Two texts of law are set beside each other: what changed in the articles that rules cite, and what no rule cites. A text
is a Markdown file, or a folder of them: a heading per article ("## Article R2122-8"), then the words. The day on which
they took effect stands between ("*En vigueur depuis le 2026-04-01.*"), where it is known.
"""

import argparse
import asyncio
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec

from api.commands.command import CommandFailed, attached_database
from api.settings import Settings
from domain.law.documents import value_in_words
from domain.law.findings import sentences_of
from domain.law.law_files import Unit, read_law_data
from domain.law.own_law import read_own_law
from domain.law.rules import LAW_FILE, RuleRow, Rules, load, own_files
from domain.text.bilingual import PARIS

LONGEST_TOLD = 4
"""The most entries of a list that a line tells."""
UNDER_20 = (
    *("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze", "treize"),
    *("quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf"),
)
TENS = {2: "vingt", 3: "trente", 4: "quarante", 5: "cinquante", 6: "soixante"}
RECENT = timedelta(days=366)
_HEADING = re.compile(r"^#*\s*Article ([LRD]\d[\d-]*)\s*$")
_OTHER_HEADING = re.compile(r"^(#+ |(Livre|Titre|Chapitre|(Sous-)?[Ss]ection|Paragraphe|Partie) )")
_SINCE = re.compile(r"^\*?En vigueur depuis le (\d{4}-\d\d-\d\d)\.?\*?\s*$")
_CHAPTER = re.compile(r"[LRD]\d+")


class DueRule(msgspec.Struct, frozen=True):
    """A period of a rule to be checked by `day`: the period's first day or `check_by`, whichever comes first.

    `before`: the period that it follows, or the period itself where it is in force already.
    """

    day: date
    before: RuleRow
    row: RuleRow


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


def list_due_rules(options: argparse.Namespace, settings: Settings) -> int:
    """List the rules of law that change soon or are to be checked, earliest first; returns 0, even if none is."""
    on: date = options.on or datetime.now(UTC).astimezone(PARIS).date()
    rules = settings.rules or load()
    due = due_rules(rules, on, options.within)
    for each in due:
        sys.stdout.write("\n".join(due_lines(each, on)) + "\n")
    sys.stdout.write(f"{len(due)} rules change or are to be checked within {options.within} days of {on}\n")
    newer = newer_uncited(rules, on)
    for article, since in newer.items():
        sys.stdout.write(f"{since}  {article}: of a chapter that rules cite, and no rule cites it\n")
    sys.stdout.write(f"{len(newer)} articles that took effect within a year before {on} are cited by no rule\n")
    return 0


def check_files(options: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - it asks for no setting
    """Read the files of the law in a folder as the program does; returns 0, and fails with what is wrong where."""
    try:
        rules = read_own_law(options.folder)
    except (OSError, ValueError) as error:
        raise CommandFailed(str(error)) from error
    if doubtful := list(doubtful_rows(rules)):
        raise CommandFailed("\n".join(doubtful))
    sys.stdout.write(f"{len(rules.ids)} rules and {len(sentences_of(rules))} sentences: nothing is wrong\n")
    return 0


def write_kept_files(options: argparse.Namespace, settings: Settings) -> int:
    """Write the files of the law that are kept under a stamp into a folder; returns 0, and fails where none is."""
    from db.core.engine import engine, transaction  # noqa: PLC0415 - the other actions need no database
    from db.needs.shortlists import select_law_file  # noqa: PLC0415

    async def read() -> bytes | None:
        async with transaction(engine(url, pool_size=0)) as connection:
            return await select_law_file(connection, options.version)

    with attached_database(settings) as url:
        content = asyncio.run(read())
    if content is None:
        raise CommandFailed(f"no law is kept of version {options.version}")
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, text in own_files(content).items():
        (options.folder / name).write_bytes(text)
        sys.stdout.write(f"{options.folder / name}\n")
    return 0


def compare_texts(options: argparse.Namespace, settings: Settings) -> int:
    """Tell what changed between two texts of law for the rules; returns 0, also where everything did."""
    try:
        old, new = read_text(options.old), read_text(options.new)
    except (OSError, ValueError) as error:
        raise CommandFailed(str(error)) from error
    on: date = options.on or datetime.now(UTC).astimezone(PARIS).date()
    for line in comparison_lines(compare(settings.rules or load(), on, old, new)):
        sys.stdout.write(line + "\n")
    return 0


def due_rules(rules: Rules, on: date, within: int) -> tuple[DueRule, ...]:
    """Periods of rules that begin, or must be checked (`check_by`), at most `within` days after `on`; earliest first.

    A `check_by` that has passed stays due until its period is over.
    """
    last = on + timedelta(days=min(within, (date.max - on).days))
    found = []
    for rule_id in rules.ids:
        history = rules.history(rule_id)
        for before, row in pairwise((history[0], *history)):
            if row.valid_until is not None and row.valid_until < on:
                continue
            begins = row.valid_from if row.valid_from and row.valid_from > on else None
            days = [day for day in (begins, row.check_by) if day is not None and day <= last]
            if days:
                found.append(DueRule(min(days), before if begins else row, row))
    return tuple(sorted(found, key=lambda due: due.day))


def due_lines(due: DueRule, on: date) -> tuple[str, str]:
    """Two lines of text on a due rule: the day, the rule and its change; then its article, confidence and source."""
    row, now = due.row, _english_value(due.before)
    parts = []
    if row.check_by is not None:
        parts.append(f"check by {row.check_by}" + (" (past)" if row.check_by < on else ""))
    if due.before is row:
        parts.append(f"now {now}")
    else:
        parts.append(f"on {row.valid_from}: {now} → {_english_value(row)}")
    surer = "" if due.before.confidence == row.confidence else f"{due.before.confidence} → "
    about = (row.article, f"confidence {surer}{row.confidence}", row.source)
    return f"{due.day}  {row.id}: {', '.join(parts)}", f"            {'; '.join(filter(None, about))}"


def _english_value(row: RuleRow) -> str:
    """The value of a rule in one period, in English for maintainers; of a long list its length."""
    found = value_in_words(row, LONGEST_TOLD)
    return found.en if found else f"{len(row.value) if isinstance(row.value, tuple) else 0} codes"


def comparison_lines(found: Comparison) -> Iterator[str]:
    """Yield the lines of text that tell maintainers what a comparison found."""
    for title, changes in (
        ("Articles that rules cite and that changed", found.cited),
        ("Articles of the same chapters that changed and that no rule cites", found.uncited),
    ):
        yield f"{title}: {len(changes)}"
        for each in changes:
            cites = f"  cited by {', '.join(each.rules)}" if each.rules else ""
            yield f"  {each.article}: {_day_in_words(each.before)} → {_day_in_words(each.after)}{cites}"
    yield f"Rules whose quote is not in the new text: {len(found.lost)}"
    yield from (f"  {rule_id}" for rule_id in found.lost)
    yield f"Other articles of these chapters that no rule cites: {len(found.never_cited)}"
    chapters: dict[str, list[str]] = {}
    for article in found.never_cited:
        chapters.setdefault(chapter_of(article), []).append(article)
    yield from (f"  {chapter}: {', '.join(articles)}" for chapter, articles in chapters.items())


def _day_in_words(text: ArticleText | None) -> str:
    """The day on which a text took effect, or that it is not known, or that the article is not there."""
    if text is None:
        return "not there"
    return str(text.since) if text.since else "of unknown day"


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
        for article in (row.article, row.concession_article, row.quote_from):
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
    lost = tuple(
        row.id for row in rows if row.quote and not _holds(new.get(row.quote_from or row.article or ""), row.quote)
    )
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


def doubtful_rows(rules: Rules) -> Iterator[str]:
    """Yield what keeps rules from the high confidence that they claim: no quote, a later text, a value not in it."""
    rows = (row for rule_id in rules.ids for row in rules.history(rule_id))
    for row in (row for row in rows if row.confidence == "high" and row.status == "in_force"):
        of_row = f"{LAW_FILE.name}: {row.id}, {row.valid_from}"
        if row.quote is None or row.version is None:
            yield f"{of_row}: high without quote; add the words of the article, or lower it"
            continue
        stood = row.stood_since or row.version
        if row.valid_from is None or stood > row.valid_from:
            yield f"{of_row}: its quote is of {stood}; add stood_since, divide the period, or lower it"
        if not _states_value(row):
            yield f"{of_row}: its quote does not state {row.value}; quote what does, or name its words in value_words"


def _states_value(row: RuleRow) -> bool:
    """Whether the quote of a row has the words that state its value: of a list, some for each entry."""
    quote, value = (row.quote or "").replace("\xa0", " "), row.value
    if isinstance(value, tuple):
        return len(row.value_words) == len(value) and all(words in quote for words in row.value_words)
    if row.value_words:
        return all(words in quote for words in row.value_words)
    if row.unit is None or not isinstance(value, (int, float)):
        return True
    ways = "|".join(map(re.escape, _ways_to_say(row.unit, float(value))))
    return re.search(rf"(?<![\w-])(?<!\d )({ways})(?![\w-]| \d)", quote, re.IGNORECASE) is not None


def _ways_to_say(unit: Unit, number: float) -> Iterator[str]:
    """Yield the ways in which French texts write a value of a rule, in figures and in words."""
    whole = int(number)
    if unit == "percent":
        yield f"{whole} %"
    elif unit == "ratio" and number % 1 == 0.5:
        yield f"{_in_words(whole).replace('un', 'une')} fois et demie"
    elif unit == "ratio":
        yield f"{_in_words(whole)} fois"
    elif unit == "eur":
        yield f"{whole:,}".replace(",", " ")
        if whole % 1_000_000 == 0:
            millions, many = whole // 1_000_000, "s" if whole > 1_000_000 else ""
            yield from (f"{said} million{many}" for said in (str(millions), _in_words(millions)))
    elif unit == "months":
        yield f"{_in_words(whole)} mois"
        yield f"{_in_words(whole // 12)} an{'s' if whole > 12 else ''}"
    else:
        yield _in_words(whole)


def _in_words(number: int) -> str:
    """A whole number below 70 in French words; others in figures."""
    if number < 20:
        return UNDER_20[number]
    if number >= 70:
        return str(number)
    tens, ones = divmod(number, 10)
    joint = {0: "", 1: " et un"}.get(ones) if ones < 2 else f"-{UNDER_20[ones]}"
    return f"{TENS[tens]}{joint}"
