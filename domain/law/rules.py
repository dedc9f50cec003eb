"""The dated rules: `domain/data/law.toml` read, checked and put in order of time.

A message ends with the article of its rule; calendar months are added to a date as rules count them.
"""

import re
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from domain.errors import NotFound
from domain.law.law_files import (
    LAW_DATA,
    BrokenLaw,
    LawFile,
    Period,
    Rule,
    Status,
    Theme,
    Unit,
    Value,
    Wording,
    decode_law,
    faults_of,
    read_law_files,
)
from domain.needs.need import ContractKind
from domain.shortlists.listed_suppliers import Confidence
from domain.text.bilingual import Text, euros

SEARCH_BY_NUMBER = "https://www.legifrance.gouv.fr/search/code?tab_selection=code&searchField=NUM_ARTICLE&query="
_CODE_ARTICLE = re.compile(r"[LRD]\d[\d-]*(?= code |$)")
LAW_FILE = LAW_DATA / "law.toml"

_Content = TypeVar("_Content")
NO_RULE: dict[Status, Wording] = {
    "unknown": Wording("Règle non établie pour cette période", "Rule not established for this period"),
    "absent": Wording("Règle inexistante pendant cette période", "No such rule during this period"),
}
"""The words on a period without rule that has none of its own."""


class DatedRule(msgspec.Struct, frozen=True):
    """A rule during one period, without its words."""

    id: str
    """Stable, the same through time"""
    theme: Theme
    """The part of the law that the rule belongs to"""
    article: str | None
    """Of the Code de la commande publique unless it says otherwise; null: counsel of this project, not law"""
    concession_article: str | None
    """Quoted instead of `article` where the contract is a concession; null where it is the same"""
    value: Value | None
    """Amount, share, number, yes or no, or list of codes; null where there is none or it is not established"""
    unit: Unit | None
    """Of `value`; null where it is no number"""
    valid_from: date | None
    """The first day of the period; null: unbounded"""
    valid_until: date | None
    """The last day of the period, included; null: unbounded"""
    status: Status
    """`absent`: the law had no such rule; `unknown`: that was not established; `value` is then null"""
    source: str
    """The address or document in which it was read"""
    confidence: Confidence
    """Certainty of the reading of that source; high only where the article itself was read"""
    quote: str | None
    """Words of the article as they stand, "…" where some are left out; null where it was not read"""
    quote_from: str | None
    """The article that the words are of, where it is another than `article`; else null"""
    stood_since: date | None
    """The day from which the article has said these words, where that is before `version`; else null"""
    version: date | None
    """The day on which that text of the article took effect; null without `quote`"""
    url: str | None
    """Where people find the article: at Légifrance, or a search there by its number; null where there is no sure one"""


class RuleRow(DatedRule, frozen=True):
    """A rule during one period, with its words. `check_by`: the day by which a maintainer should look again.

    `value_text`: the value as people read it, with its unit; `cents`: an amount in euro cents, null for no known one;
    `value_words`: as in `Period`.
    """

    message: Text
    check_by: date | None
    value_text: Text
    cents: int | None
    value_words: tuple[str, ...] = ()


class InForce:
    """The rules at one date. Every known id has a row, also where the law was silent (its `status` says so).

    `law`: all the rules, and the other files of the law beside them.
    """

    def __init__(self, histories: Mapping[str, tuple[RuleRow, ...]], on: date, law: "Rules") -> None:
        self.law = law
        self.rows: dict[str, RuleRow] = {}
        self._eventual: dict[str, Any] = {}
        self._last: dict[str, int] = {}
        for rule_id, history in histories.items():
            row, *later = (row for row in history if row.valid_until is None or on <= row.valid_until)
            self.rows[rule_id] = row
            known = [each.cents for each in history[: len(history) - len(later)] if each.cents is not None]
            if known:
                self._last[rule_id] = known[-1]
            eventual = next((each.value for each in (row, *later) if each.value is not None), None)
            if eventual is not None:
                self._eventual[rule_id] = frozenset(eventual) if isinstance(eventual, tuple) else eventual

    def __getitem__(self, rule_id: str) -> RuleRow:
        return self.rows[rule_id]

    def holds(self, rule_id: str) -> bool:
        """Whether the rule is in force at this date; of a rule of yes or no, whether its value is yes."""
        row = self.rows[rule_id]
        return row.status == "in_force" and row.value is not False

    def number(self, rule_id: str) -> int | None:
        """The rule's count, percentage or number of months; None where unknown or absent at this date."""
        value = self.rows[rule_id].value
        return value if isinstance(value, int) else None

    def last_known_cents(self, rule_id: str) -> int | None:
        """The rule's amount in cents at this date or, where it is not established, the last one before; None: none."""
        return self._last.get(rule_id)

    def present_or_later(self, rule_id: str) -> Any:
        """The rule's number or set of codes at this date, else the first fixed later; raises KeyError without any."""
        return self._eventual[rule_id]

    def codes(self, rule_id: str) -> frozenset[str]:
        """The rule's list of codes; empty where the law had none at this date.

        Where it was not established, the first one known later stands in for it: its row says how doubtful that is.
        """
        return frozenset() if self.rows[rule_id].status == "absent" else self._eventual.get(rule_id, frozenset())


class Rules:
    """All rules with their histories. `version` changes with any edit of `files`; `vintage`: their last review.

    `starts`: the days on which a rule begins to hold, in order; between two of them none changes. `files`: LAW_FILES.
    """

    def __init__(self, files: Mapping[str, bytes], version: str | None = None) -> None:
        law = decode_law(files[LAW_FILE.name], LawFile, LAW_FILE.name)
        self.files, self.vintage, rules = files, law.vintage, law.rule
        self.version = version or f"{law.vintage.isoformat()}-{sha256(self.content).hexdigest()[:12]}"
        self._tables: dict[str, Any] = {}
        self._histories: dict[str, tuple[RuleRow, ...]] = {}
        self._of_concessions: dict[str, tuple[RuleRow, ...]] = {}
        for rule in rules:
            if rule.id in self._histories:
                raise BrokenLaw(f"{rule.id}: two rules with this id")
            rows, of_concession = _rows_of_rule(rule), _rule_for_concessions(rule)
            self._histories[rule.id] = rows
            self._of_concessions[rule.id] = rows if of_concession is rule else _rows_of_rule(of_concession)
        self.starts = tuple(
            sorted({row.valid_from for rows in self._histories.values() for row in rows if row.valid_from})
        )
        self.ids = tuple(self._histories)
        self._views: dict[tuple[int, ContractKind], InForce] = {}

    @property
    def content(self) -> bytes:
        """The files as one document, which `parse` reads again."""
        return msgspec.json.encode({name: content.decode() for name, content in self.files.items()})

    def table(self, name: str, kind: type[_Content]) -> _Content:
        """The content of one of the files, read once; raises BrokenLaw where it is wrong."""
        if name not in self._tables:
            self._tables[name] = decode_law(self.files[name], kind, name)
        return self._tables[name]  # type: ignore[no-any-return]

    def view(self, on: date, contract: ContractKind = "market") -> InForce:
        """The rules in force on a day, with the articles for this kind of contract; cached per interval of the law."""
        interval = bisect_right(self.starts, on), contract
        view = self._views.get(interval)
        if view is None:
            histories = self._of_concessions if contract == "concession" else self._histories
            view = self._views[interval] = InForce(histories, on, self)
        return view

    def in_force(self, on: date) -> tuple[RuleRow, ...]:
        """The rules that exist and are known at `on`, in the file's order, as `GET /rules?on=` lists them."""
        return tuple(row for row in self.view(on).rows.values() if row.status == "in_force")

    def history(self, rule_id: str) -> tuple[RuleRow, ...]:
        """All periods of one rule, oldest first; raises NotFound."""
        if rule_id not in self._histories:
            raise NotFound(Text(f"Règle inconnue : {rule_id}", f"Unknown rule: {rule_id}"))
        return self._histories[rule_id]


def cents(amount_eur: float) -> int:
    """An amount of euros in whole cents, rounded to the nearest."""
    return round(amount_eur * 100)


@cache
def load() -> Rules:
    """The rules and the other files of the law as they are delivered; raises BrokenLaw."""
    return Rules(read_law_files())


def parse(content: bytes, version: str | None = None) -> Rules:
    """Rules from the `content` of others, or from a `law.toml` alone; raises BrokenLaw where it is wrong.

    Files that are not in it are those delivered. `version`: the one under which it was kept.
    """
    return Rules(read_law_files() | own_files(content), version)


def own_files(content: bytes) -> dict[str, bytes]:
    """The files in the `content` of rules, by name; the `law.toml` alone where it is one, as older programs kept it."""
    if not content.startswith(b"{"):
        return {LAW_FILE.name: content}
    return {name: text.encode() for name, text in msgspec.json.decode(content, type=dict[str, str]).items()}


def _rows_of_rule(rule: Rule) -> tuple[RuleRow, ...]:
    """The rule's periods as rows, preceded by an `unknown` one where the first period starts at a date."""
    if fault := next(faults_of(rule), None):
        raise BrokenLaw(f"{rule.id}: {fault}")
    rows = tuple(_rule_row(rule, period) for period in rule.periods)
    first = rule.periods[0].valid_from
    if first is None:
        return rows
    source, until = "not documented before this rule's first date", first - timedelta(days=1)
    before = Period(source=source, confidence="low", valid_until=until, status="unknown")
    return (_rule_row(rule, before), *rows)


def _rule_for_concessions(rule: Rule) -> Rule:
    """The rule for a concession, by its own article: high only with its words, low where it has but that of markets.

    The second part of the code (articles L2… and R2…) is of markets only.
    """
    article, own = rule.concession_article, rule.concession_quote
    if article is None and not (rule.article or "").startswith(("L2", "R2")):
        return rule
    periods = []
    for period in rule.periods:
        changes: dict[str, Any] = {"confidence": "low"}
        if article:  # what is quoted is of the other article
            held = period.status == "in_force"
            words = own if held and own and own.version <= (period.valid_until or date.max) else None
            sure = "medium" if held and not words and period.confidence == "high" else period.confidence
            changes = {"confidence": sure, "url": None, "quote": words and words.words}
            changes |= {"quote_from": None, "stood_since": words and words.stood_since, "value_words": ()}
            changes["article_version"] = words and words.version
        periods.append(msgspec.structs.replace(period, **changes))
    return msgspec.structs.replace(rule, article=article or rule.article, periods=tuple(periods))


def _address_of(article: str | None) -> str | None:
    """A search at Légifrance by the number of an article of a code, such as R2122-8; None for other texts."""
    number = _CODE_ARTICLE.match(article or "")
    return SEARCH_BY_NUMBER + number[0] if number else None


def _rule_row(rule: Rule, period: Period) -> RuleRow:
    article, told = period.article or rule.article, value_text(period.value, rule.unit)
    wording = period.message or (rule.message if period.status == "in_force" else NO_RULE[period.status])
    message = Text(wording.fr.replace("{value}", told.fr), wording.en.replace("{value}", told.en))
    fields = msgspec.structs.asdict(period)
    version, address = fields.pop("article_version"), fields.pop("url") or _address_of(article)
    fields |= {
        "version": version,
        "url": address,
        "article": article,
        "message": cite(message, article, period.confidence),
        "value_text": told,
        "cents": cents(period.value) if rule.unit == "eur" and isinstance(period.value, (int, float)) else None,
    }
    return RuleRow(id=rule.id, theme=rule.theme, unit=rule.unit, concession_article=rule.concession_article, **fields)


def value_text(value: Value | None, unit: Unit | None) -> Text:
    """A rule's value as people read it, with its unit."""
    if unit == "eur" and isinstance(value, (int, float)):
        return euros(cents(value))
    if unit == "percent":
        return Text(f"{value} %", f"{value}%")
    if unit == "months":
        return Text(f"{value} mois", f"{value} months")
    if unit == "ratio" and isinstance(value, (int, float)):
        number = f"{value:g}"
        return Text(number.replace(".", ","), number)
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return Text(text, text)


def cite(sentence: Text, article: str | None, confidence: Confidence) -> Text:
    """`sentence` followed by its article, and marked "à vérifier" where the confidence is low."""
    if not article:
        return sentence
    if confidence == "low":
        return Text(f"{sentence.fr} ; à vérifier ({article})", f"{sentence.en}; to be checked ({article})")
    return Text(f"{sentence.fr} ({article})", f"{sentence.en} ({article})")


def months_later(day: date, months: int) -> date:
    """The same day of the month `months` later (negative: earlier), or the month's last day where it has no such day.

    Never after `date.max`, nor before `date.min`.
    """
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    if year > date.max.year:
        return date.max
    if year < date.min.year:
        return date.min
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
