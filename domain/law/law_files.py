"""The files of the law in `domain/data`, read with the place of what is wrong in them (docs/law-data.md)."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import msgspec

from domain.reference.cpv import broken_ranges
from domain.shortlists.listed_suppliers import Confidence, Outcome

LONGEST_QUOTE = 300
LAW_DATA = Path(__file__).parent.parent / "data"
LAW_FILES = (
    "law.toml",
    "law_sentences.toml",
    "law_explanations.toml",
    "reserved_types.toml",
    "time_limits.toml",
    "buyer_classes.toml",
)
"""The files by which needs are judged, stamped and kept together."""
Theme = Literal["reservation", "suppliers", "thresholds", "considerations", "sourcing", "procedure", "counsel"]
Unit = Literal["eur", "percent", "months", "count", "ratio"]
Status = Literal["in_force", "absent", "unknown"]
Duty = Literal["required", "recommended"]
CHOICES = {"theme": Theme, "unit": Unit, "status": Status, "confidence": Confidence, "outcome": Outcome}
"""The words that a place of a file of the law may hold, by its name."""
_Content = TypeVar("_Content")


Value = bool | int | float | Duty | tuple[str, ...]

UNITS: dict[Unit, tuple[str, bool]] = {
    "eur": ("an amount in euros", False),
    "percent": ("a whole percentage", True),
    "months": ("a whole number of months", True),
    "count": ("a whole number", True),
    "ratio": ("a number", False),
}
"""The values that each unit takes, in words, and whether they are whole."""


class Wording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sentence in French and English, without article or final stop; `{value}` stands for the period's value."""

    fr: str
    en: str


class Period(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One interval of a rule, both days included. `absent`: the law had no such rule; `unknown`: not established.

    `check_by`: the day by which a maintainer should look again whether it is right; `source` says where.
    `quote`: words of the article as they stand, "…" for those left out; `article_version`: the day they took effect.
    `quote_from`: the article that they are of, where it is another; `stood_since`: an earlier day from which they have
    stood in it. `value_words`: the words of the quote that state the value, where it is a list or not its number.
    """

    source: str
    confidence: Confidence
    valid_from: date | None = None
    valid_until: date | None = None
    value: Value | None = None
    status: Status = "in_force"
    article: str | None = None
    message: Wording | None = None
    check_by: date | None = None
    quote: str | None = None
    article_version: date | None = None
    quote_from: str | None = None
    stood_since: date | None = None
    value_words: tuple[str, ...] = ()
    url: str | None = None


class ConcessionQuote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Words of the article of concessions as they stand, and the day on which they took effect; as in `Period`."""

    version: date
    words: str
    stood_since: date | None = None


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule and its successive periods. `informative`: served to readers, no function applies it.

    `concession_article`: what is quoted instead where the contract is a concession, with its own `concession_quote`.
    """

    id: str
    theme: Theme
    message: Wording
    periods: tuple[Period, ...]
    article: str | None = None
    unit: Unit | None = None
    informative: bool = False
    concession_article: str | None = None
    concession_quote: ConcessionQuote | None = None


class LawFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of `law.toml`; `vintage` is the day the law was last read through."""

    vintage: date
    rule: tuple[Rule, ...]


class BrokenLaw(ValueError):
    """A file of the law is wrong; the message names the file, the place and what would be right."""


def read_law_files(place: Path | None = None) -> dict[str, bytes]:
    """The content of each of LAW_FILES: of `place`, a folder or a file of one of these names, else as delivered.

    A file of another name is a `law.toml`. Raises OSError, and BrokenLaw where a folder has none of them.
    """
    own: dict[str, Path] = {}
    if place is not None and not place.is_dir():
        own = {place.name if place.name in LAW_FILES else LAW_FILES[0]: place}
    elif place is not None:
        own = {name: place / name for name in LAW_FILES if (place / name).exists()}
        if not own:
            raise BrokenLaw(f"{place}: none of {', '.join(LAW_FILES)}")
    return {name: own.get(name, LAW_DATA / name).read_bytes() for name in LAW_FILES}


def read_law_data(name: str, kind: type[_Content]) -> _Content:
    """The content of a file of `domain/data`; raises what `decode_law` raises."""
    return decode_law((LAW_DATA / name).read_bytes(), kind, name)


def decode_law(content: bytes, kind: type[_Content], name: str) -> _Content:
    """The content of a file of the law; raises BrokenLaw, which says where it is wrong and what would be right."""
    try:
        return msgspec.toml.decode(content, type=kind)
    except msgspec.ValidationError as error:
        complaint, _, path = str(error).partition(" - at `$")
        raise BrokenLaw(f"{name}: {_place_in_words(content, kind, path.rstrip('`'))}{complaint}") from error
    except msgspec.DecodeError as error:
        raise BrokenLaw(f"{name}: {error}") from error


def _place_in_words(content: bytes, kind: Any, path: str) -> str:
    """The place of what is wrong in a file, by name where it has one, and the words that may stand there."""
    tables = msgspec.toml.decode(content)
    if path.startswith("[...]"):  # the first entry that is wrong, whose name the decoder does not tell
        path = f".{next(key for key in tables if not _fits({key: tables[key]}, kind))}{path[5:]}"
    place, allowed = path.lstrip("."), get_args(CHOICES.get(path.rpartition(".")[2]))
    if found := re.match(r"(\w+)\[(\d+)\]\.?(.*)", place):
        entry = tables[found[1]][int(found[2])]
        named = entry.get("id") if isinstance(entry, dict) else None
        place = ": ".join(filter(None, (named or f"{found[1]}[{found[2]}]", found[3])))
    right = f"one of {', '.join(allowed)} is expected" if allowed else ""
    return "".join(f"{part}: " for part in (place, right) if part)


def _fits(content: object, kind: Any) -> bool:
    try:
        msgspec.convert(content, kind)
    except msgspec.ValidationError:
        return False
    return True


def faults_of(rule: Rule) -> Iterator[str]:
    """Yield what is wrong in a rule: its periods, their values, the words that they quote."""
    if not rule.periods:
        yield "no period"
    for earlier, later in pairwise(rule.periods):
        if earlier.valid_until is None or later.valid_from is None:
            yield "only the first period may lack valid_from, only the last valid_until"
        elif later.valid_from != earlier.valid_until + timedelta(days=1):
            yield f"{earlier.valid_until} is not the day before {later.valid_from}"
    if rule.periods[-1].valid_until is not None:
        yield f"say what holds after {rule.periods[-1].valid_until} (status absent or unknown)"
    for period in rule.periods:
        yield from _faults_of_period(period)
    yield from _faults_of_values(rule.unit, [period.value for period in rule.periods if period.value is not None])


def _faults_of_period(period: Period) -> Iterator[str]:
    """Yield what is wrong in a period by itself."""
    if period.valid_from and period.valid_until and period.valid_until < period.valid_from:
        yield f"{period.valid_until} is before {period.valid_from}"
    if (period.value is None) != (period.status != "in_force"):
        yield f"a period has a value exactly when it is in force ({period.valid_from})"
    if (period.quote is None) != (period.article_version is None):
        yield f"quote and article_version go together ({period.valid_from})"
    if period.quote is None and (period.quote_from or period.stood_since or period.value_words):
        yield f"quote_from, stood_since and value_words are of a quote ({period.valid_from})"
    if period.stood_since and period.article_version and period.stood_since >= period.article_version:
        yield f"stood_since is before article_version ({period.valid_from})"
    if period.quote is not None and not 0 < len(period.quote) <= LONGEST_QUOTE:
        yield f"a quote has at most {LONGEST_QUOTE} characters ({period.valid_from})"


def _faults_of_values(unit: Unit | None, values: list[Value]) -> Iterator[str]:
    """Yield the values that do not fit the unit or, without one, are not all yes or no, all words, or all lists."""
    kinds = {type(value) for value in values}
    if unit is None and (len(kinds) > 1 or kinds & {int, float}):
        yield f"without unit, values are all true or false, all text or all lists: {values}"
    elif unit is None:
        if broken := [entry for value in values if isinstance(value, tuple) for entry in broken_ranges(value)]:
            yield f"a range is two CPV codes of 8 digits in order, unlike {broken}"
        return
    expected, is_whole = UNITS[unit or "ratio"]
    for value in values:
        is_number = isinstance(value, int if is_whole else (int, float)) and not isinstance(value, bool)
        if not is_number or not 0 <= value < (101 if unit == "percent" else inf):  # type: ignore[operator]
            yield f"{value!r} is not {expected}, as unit {unit!r} wants it"
