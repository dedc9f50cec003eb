"""Tables of payments and contracts as buyers keep them: title rows above, French amounts and days, any columns.

Columns are found by the words of `payment_titles.toml`. A row with a fault is told with its line and stops no other.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from importlib.resources import files
from itertools import chain, islice
from typing import BinaryIO, NamedTuple

import msgspec

from domain.errors import InvalidContent, Problem, pointer
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.spending.payment import LARGEST_EUR, Payment, PaymentLine, is_number
from domain.spending.spending import MOST_LISTED, ReadColumn, Rejected
from domain.suppliers.source import RowError, reject
from domain.text.bilingual import Language, Text, said_by
from domain.text.normalise import fold
from matching.words.keywords import Interpreter
from sources.file_types.csv_cells import FALSE, unmarked_text
from sources.file_types.csv_table import FaultyRow, RowAsWritten, rows_as_written
from sources.rows import unreadable
from sources.validation import siret_passes_check

_SAID = said_by(__name__)

MOST_LINES = 100_000
MOST_TEXTS, LONGEST_WORDS = 4_000, 400
"""Objects of different words that are read as segments, 0.6 ms each: of others the CPV code alone says one."""
_DIGITS = re.compile(r"\d+")
_INNER_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
ROWS_ABOVE, LONGEST_KEPT = 40, 40
SHOWN_COLUMNS, LONGEST_SHOWN = 30, 60
_SIREN_KEY_DIGITS = 9


class _Title(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words of a column's titles: of `entries` the first that fits decides; none of `without` may stand there."""

    entries: tuple[str, ...]
    without: tuple[str, ...] = ()


_TITLES = msgspec.toml.decode((files("sources.spending") / "payment_titles.toml").read_bytes(), type=dict[str, _Title])
REQUIRED = ("siret", "amount")

TOO_MANY = _SAID["too_many"].filled(most_lines=MOST_LINES)
_NAMES = {"siret": Text("un SIRET", "a SIRET"), "amount": Text("un montant", "an amount")}


def cents_of(euros: float) -> int:
    """An amount in whole cents, as it is written in decimals, halves away from zero."""
    return int((Decimal(repr(euros)) * 100).to_integral_value(ROUND_HALF_UP))


_AMOUNT = re.compile(r"\d+(\.\d+)?")
_WITH_CENTS = re.compile(r"([0-9]{1,12})[,.]([0-9]{2})")
"""The way most amounts are written, once their blanks are gone."""
_THOUSANDS_OR_NOT = re.compile(r"[1-9]\d{0,2},\d{3}")
"""May be 1234 written in English or 1.234 written in French: a thousand times as much."""
_CURRENCY = re.compile(r"(€|eur(os?)?|ht|ttc)\.?", re.IGNORECASE)


def read_amount(cell: str) -> int | None:
    """The cents of an amount as a French or English table writes it; None for anything else.

    A credit has a minus sign before or behind, or stands in brackets. Commas or dots that stand several times
    part thousands ("1.234.567"); a lone one is a decimal sign, but that "1,234" may be either, and is refused.
    """
    bare = "".join(unmarked_text(cell).split())
    if plain := _WITH_CENTS.fullmatch(bare):
        return int(plain[1] + plain[2])
    bare = _CURRENCY.sub("", bare.replace("\u202f", "").replace("'", ""))
    is_credit = bare.startswith(("-", "\u2212", "(")) or bare.endswith("-")
    bare = bare.strip("()+-\u2212")
    if "," in bare and "." in bare:
        decimal_sign, other = (",", ".") if bare.rfind(",") > bare.rfind(".") else (".", ",")
        bare = bare.replace(other, "").replace(decimal_sign, ".")
    elif max(bare.count(","), bare.count(".")) > 1:
        bare = bare.replace(",", "").replace(".", "")
    elif _THOUSANDS_OR_NOT.fullmatch(bare) and not any(map(str.isspace, cell.strip(" €"))):
        return None
    bare = bare.replace(",", ".")
    if not _AMOUNT.fullmatch(bare) or len(bare) > 40 or Decimal(bare) > Decimal(LARGEST_EUR):
        return None
    cents = int((Decimal(bare) * 100).to_integral_value(ROUND_HALF_UP))
    return -cents if is_credit else cents


Days = tuple[date | None, date | None]
_DAYS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})(?:[T ].*)?"), "ymd"),
    (re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})(?: .*)?"), "dmy"),
    (re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{2})"), "dmy"),
    (re.compile(r"(\d{4})[-/](\d{1,2})"), "ym"),
    (re.compile(r"(\d{1,2})[/](\d{4})"), "my"),
    (re.compile(r"(\d{4})"), "y"),
)


def read_days(cell: str) -> Days | None:
    """The first and last day of the day, month or year in a cell; both None of an empty one; None where it is none."""
    bare = unmarked_text(cell).strip()
    if not bare:
        return None, None
    return _days_of(bare) if len(bare) <= LONGEST_KEPT else _days_of.__wrapped__(bare)


@lru_cache(maxsize=4096)  # of a year a day stands in many lines
def _days_of(bare: str) -> Days | None:
    for pattern, order in _DAYS:
        if found := pattern.fullmatch(bare):
            parts = dict(zip(order, map(int, found.groups()), strict=True))
            year = parts["y"] + 2000 if parts["y"] < 100 else parts["y"]
            try:
                first = date(year, parts.get("m", 1), parts.get("d", 1))
                if "d" in parts:
                    return first, first
                following = date(year + 1, 1, 1) if parts.get("m", 12) == 12 else date(year, parts["m"] + 1, 1)
            except ValueError:
                return None
            return first, following - timedelta(days=1)
    return None


def read_number(cell: str) -> tuple[str, bool]:
    """The digits of a SIRET or SIREN in a cell, "" where none stands there, and whether its check digits agree."""
    return _number_of(cell) if len(cell) <= LONGEST_KEPT else _number_of.__wrapped__(cell)


@lru_cache(maxsize=16_384)  # a supplier stands in many lines
def _number_of(cell: str) -> tuple[str, bool]:
    digits = "".join(unmarked_text(cell).split()).replace(".", "").replace("-", "")
    if len(digits) in (13, 8) and digits.isdigit():  # a spreadsheet dropped the zero before it
        digits = "0" + digits
    if not is_number(digits):
        return "", False
    if len(digits) == _SIREN_KEY_DIGITS:
        # with the seat's rank and a key of its own, it is a SIRET whose check tells of the SIREN alone
        return digits, _luhn(digits)
    return digits, siret_passes_check(digits)


def _luhn(digits: str) -> bool:
    total = sum(sum(divmod(int(each) * (1 + place % 2), 10)) for place, each in enumerate(reversed(digits)))
    return total % 10 == 0


def read_reserved(cell: str) -> bool | None:
    """Whether a cell says that a contract was reserved: yes, or to whom; None of an empty cell."""
    said = fold(cell)
    if not said:
        return None
    return said not in (*FALSE, "n", "no", "aucun", "aucune", "sans", "sans objet", "neant", "none")


class Draft(NamedTuple):
    """A payment whose segment is still to be read, by its CPV code and its words; see `_words_key`."""

    payment: Payment
    code: str
    words: str


class SegmentReader:
    """Reads the one segment that each payment is of, by its CPV code and its words; the same words once."""

    def __init__(self, taxonomy: Taxonomy, cpv: Cpv, interpreter: Interpreter) -> None:
        self._taxonomy, self._cpv, self._interpreter = taxonomy, cpv, interpreter

    def payments(self, drafts: Sequence[Draft]) -> list[Payment]:
        """The payments with their segments: that of a sure CPV code, else the one that the words mean.

        Of more than MOST_TEXTS different words, those for which most was paid are read.
        """
        listed = list(map(self._segments_of_code, (each.code for each in drafts)))
        paid = Counter[str]()
        for each, (segments, is_sure) in zip(drafts, listed, strict=True):
            if each.words and not (is_sure and len(segments) == 1):
                paid[each.words] += abs(each.payment.cents) + 1
        meant = {key: [each.segment for each in self._interpreter.read(key)] for key, _ in paid.most_common(MOST_TEXTS)}
        found = []
        for each, (segments, is_sure) in zip(drafts, listed, strict=True):
            of_words = meant.get(each.words, ())
            shared = [segment for segment in of_words if segment in segments]
            in_order = (*segments, *of_words) if is_sure else (*of_words, *segments)
            segment = next(iter((*shared, *in_order)), None)
            found.append(each.payment if segment is None else msgspec.structs.replace(each.payment, segment=segment))
        return found

    def _segments_of_code(self, code: str) -> tuple[tuple[str, ...], bool]:
        """The segments of a CPV code, and whether it is precise enough to go before words."""
        if not code or not self._cpv.exists(code):
            return (), False
        code8 = self._cpv.normalise(code)
        return self._taxonomy.of_cpv(code8), not self._taxonomy.is_general_cpv(code8)


def _words_key(words: str) -> str:
    """The words without numbers, by which objects that differ in the number of an invoice alone are one."""
    return " ".join(_DIGITS.sub(" ", words).split())[:LONGEST_WORDS]


class ReadPayments(NamedTuple):
    """The payments that were read, and what of the table was not."""

    payments: list[Payment]
    rejected: Rejected


def payments_in_table(stream: BinaryIO, segments: SegmentReader, language: Language) -> ReadPayments:
    """The payments in a table as CSV. Raises UnreadableFile where no column is one of amounts, or of SIRETs."""
    rows = rows_as_written(stream, as_published=True, is_header=is_header)
    titles, columns, after = _find_header(rows)
    drafts, errors = list[Draft](), list[RowError]()
    number = 0
    for row in after:
        if isinstance(row, FaultyRow):
            made: Draft | tuple[Problem, ...] = (row.problem,)
            line = row.line
        else:
            line, cells = row
            found = {name: cells[at].strip() if at < len(cells) else "" for name, at in columns.items()}
            if not any(found.values()):
                continue
            made = _payment_of_cells(line, found, cells, titles, columns)
        if isinstance(made, Draft):
            drafts.append(made)
            if len(drafts) > MOST_LINES:
                raise unreadable("too_many_lines", TOO_MANY)
        else:
            number += 1
            if len(errors) < MOST_LISTED:
                errors.append(reject(line, None, made, language))
    read = tuple(ReadColumn(name, titles[at]) for name, at in columns.items())
    left = tuple(title for at, title in enumerate(titles) if title and at not in columns.values())
    return ReadPayments(segments.payments(drafts), Rejected(tuple(errors), number, read, left))


def _payment_of_cells(
    line: int,
    found: dict[str, str],
    cells: Sequence[str],
    titles: Sequence[str],
    columns: dict[str, int],
) -> Draft | tuple[Problem, ...]:
    """The payment in a row, or what is wrong with it."""

    def place(name: str) -> str:
        return pointer(titles[columns[name]])

    number, is_sound = read_number(found["siret"])
    if not number and any(fold(each).startswith(("total", "sous total", "grand total")) for each in cells):
        return (Problem("", "sum_of_others", _SAID["a_sum"]),)
    cents = read_amount(found["amount"])
    days = read_days(found.get("date", ""))
    problems = list[Problem]()
    if cents is None:
        missing = not found["amount"]
        detail, code = (_SAID["no_amount"], "missing_field") if missing else (_SAID["not_an_amount"], "wrong_format")
        problems.append(Problem(place("amount"), code, detail))
    if days is None:
        problems.append(Problem(place("date"), "wrong_format", _SAID["not_a_day"]))
    if cents is None or days is None:
        return tuple(problems)
    reserved = read_reserved(found.get("reserved", ""))
    payment = Payment(line, number, is_sound, cents, *days, None, reserved, found["siret"][:100])
    return Draft(payment, found.get("cpv", ""), _words_key(found.get("object", "")))


def draft_of_line(line: int, read: PaymentLine, at: tuple[str | int, ...] = ()) -> Draft:
    """The payment in a line of JSON. Raises InvalidContent where it says no amount; `at`: the way to the line."""
    amount = read.amount_eur if read.amount is None else read.amount
    if amount is None:
        raise InvalidContent((Problem(pointer(*at, "amount"), "missing_field", _SAID["no_amount"]),))
    number, is_sound = read_number(read.siret or "")
    reserved = None if read.reserved is None else bool(read.reserved)
    day, written = read.date, read.siret or ""
    payment = Payment(line, number, is_sound, cents_of(amount), day, day, None, reserved, written)
    return Draft(payment, read.cpv or "", _words_key(read.object or ""))


_Row = RowAsWritten | FaultyRow


def _find_header(rows: Iterator[_Row]) -> tuple[list[str], dict[str, int], Iterator[_Row]]:
    """The titles of a table, the places of the columns that are read, and the rows after them.

    Raises UnreadableFile where none of the first rows has a title for an amount and one for a SIRET.
    """
    first = list(islice(rows, ROWS_ABOVE))
    best: tuple[int, int, list[str], dict[str, int]] = (-1, -1, [], {})
    for at, row in enumerate(first):
        if isinstance(row, FaultyRow):
            continue
        titles = [" ".join(cell.split()) for cell in row[1]]
        columns = find_columns(titles)
        if columns.keys() >= set(REQUIRED):
            return titles, columns, chain(first[at + 1 :], rows)
        seen = len(columns), sum(map(bool, titles))
        if seen > best[:2]:
            best = (*seen, titles, columns)
    raise _missing_columns(best[2], best[3])


def is_header(cells: Sequence[str]) -> bool:
    """Whether a row has a title for an amount and one for a SIRET."""
    return find_columns(cells).keys() >= set(REQUIRED)


def find_columns(titles: Sequence[str]) -> dict[str, int]:
    """The place of the column for each thing that is read and that a title names; of several, the best by its words."""
    words = [fold(_INNER_CAPITAL.sub(" ", title)).split() for title in titles]
    taken: dict[str, int] = {}
    for name, known in _TITLES.items():
        fits = _first_fit(words, known, lambda at: at not in taken.values())
        if fits is not None:
            taken[name] = fits
    return taken


def _first_fit(words: Sequence[Sequence[str]], known: _Title, is_free: Callable[[int], bool]) -> int | None:
    for entry in known.entries:
        wanted = set(entry.split())
        for at, title in enumerate(words):
            if is_free(at) and wanted.issubset(title) and not set(known.without).intersection(title):
                return at
    return None


def _missing_columns(titles: Sequence[str], columns: dict[str, int]) -> Exception:
    """The error for a table without a column of amounts or of SIRETs; it says which columns were seen."""
    lacking = [_NAMES[name] for name in REQUIRED if name not in columns]
    shown = [title[:LONGEST_SHOWN] for title in titles if title][:SHOWN_COLUMNS]
    seen_fr, seen_en = ", ".join(f"« {each} »" for each in shown), ", ".join(f"“{each}”" for each in shown)
    fr, en = " ni ".join(each.fr for each in lacking), " or ".join(each.en for each in lacking)
    detail = Text(
        f"Aucune colonne ne donne {fr} ; colonnes vues : {seen_fr or 'aucune'}",
        f"No column gives {en}; columns seen: {seen_en or 'none'}",
    )
    return unreadable("missing_column", detail)
