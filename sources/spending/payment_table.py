"""Tables of payments and contracts as buyers keep them: title rows above, French amounts and days, any columns.

Columns are found by the words of `payment_columns.toml`. A row with a fault is told with its line and stops no other.
Payments are added up as they are read: what is kept grows with what counts differently, not with the lines.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from itertools import chain, islice
from typing import NamedTuple

from msgspec.structs import replace

from domain.errors import InvalidContent, Problem, pointer
from domain.programme.planned_values import FaultyCell, read_period, scale_of
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.spending.payment import LARGEST_EUR, Days, Payment, PaymentLine, is_number
from domain.spending.spending import MOST_LISTED, NOT_KNOWN, ReadColumn, Rejected
from domain.suppliers.source import RowError, reject
from domain.text.bilingual import Language, Text, said_by
from domain.text.normalise import fold
from matching.words.keywords import Interpreter
from sources.file_types.columns import NO_COLUMNS, ROWS_ABOVE, ColumnFinder, Columns, is_sum
from sources.file_types.csv_cells import FALSE, unmarked_text
from sources.file_types.csv_table import FaultyRow, RowAsWritten, rows_as_written
from sources.file_types.workbook import Sheet, unread_sheets
from sources.postal_addresses import with_first_zero
from sources.rows import unreadable
from sources.validation import luhn_remainder, siret_passes_check

_SAID = said_by(__name__)

MOST_LINES = 100_000
MOST_TEXTS, LONGEST_WORDS = 4_000, 400
"""Objects of different words that are read as segments, 0.6 ms each: of others the CPV code alone says one."""
_DIGITS = re.compile(r"\d+")
LONGEST_KEPT = 40
_HOURS = re.compile(r"[T ]\d{1,2}[:h].*")
_NUMBERS_OF_A_DAY, _DIGITS_OF_A_YEAR = 3, 4
_SIREN_KEY_DIGITS = 9
PAYMENTS = ColumnFinder(
    files("sources.spending") / "payment_columns.toml",
    {"siret": Text("un SIRET", "a SIRET"), "amount": Text("un montant", "an amount")},
)
TOO_MANY = _SAID["too_many"].filled(most_lines=MOST_LINES)


def cents_of(euros: float) -> int:
    """An amount in whole cents, as it is written in decimals, halves away from zero."""
    return int((Decimal(repr(euros)) * 100).to_integral_value(ROUND_HALF_UP))


_AMOUNT = re.compile(r"\d+(\.\d+)?")
_WITH_CENTS = re.compile(r"([0-9]{1,12})[,.]([0-9]{2})")
"""The way most amounts are written, once their blanks are gone."""
_THOUSANDS_OR_NOT = re.compile(r"[1-9]\d{0,2},\d{3}")
"""May be 1234 written in English or 1.234 written in French: a thousand times as much."""
_CURRENCY = re.compile(r"(d?[km]?(€|eur(os?)?)|millions?|milliers?|ht|ttc)\.?", re.IGNORECASE)


def read_amount(cell: str, scale: float = 1) -> int | None:
    """The cents of an amount as a French or English table writes it; None for anything else.

    A credit has a minus sign before or behind, or stands in brackets. Commas or dots that stand several times
    part thousands ("1.234.567"); a lone one is a decimal sign, but that "1,234" may be either, and is refused.
    `scale`: the euros that its head counts in, where the cell says none itself ("45 k€", "1,2 M€").
    """
    bare = "".join(unmarked_text(cell).split())
    if scale == 1 and (plain := _WITH_CENTS.fullmatch(bare)):
        return int(plain[1] + plain[2])
    said = scale_of(bare)
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
    if not _AMOUNT.fullmatch(bare) or len(bare) > 40:
        return None
    euros = Decimal(bare) * int(scale if said == 1 else said)
    if euros > Decimal(LARGEST_EUR):
        return None
    cents = int((euros * 100).to_integral_value(ROUND_HALF_UP))
    return -cents if is_credit else cents


def read_days(cell: str) -> Days | None:
    """The first and last day of the day or part of a year in a cell; both None of an empty one, None of another."""
    bare = unmarked_text(cell).strip()
    if not bare:
        return None, None
    return _days_of(bare) if len(bare) <= LONGEST_KEPT else _days_of.__wrapped__(bare)


@lru_cache(maxsize=4096)  # of a year a day stands in many lines
def _days_of(bare: str) -> Days | None:
    numbers = _DIGITS.findall(_HOURS.sub("", bare))
    if len(numbers) > _NUMBERS_OF_A_DAY or sum(len(each) == _DIGITS_OF_A_YEAR for each in numbers) > 1:
        return None  # of two days or years, either might be meant
    try:
        return read_period(bare)
    except FaultyCell:
        return None


def read_number(cell: str) -> tuple[str, bool]:
    """The digits of a SIRET or SIREN in a cell, "" where none stands there, and whether its check digits agree."""
    return _number_of(cell) if len(cell) <= LONGEST_KEPT else _number_of.__wrapped__(cell)


@lru_cache(maxsize=16_384)  # a supplier stands in many lines
def _number_of(cell: str) -> tuple[str, bool]:
    digits = "".join(unmarked_text(cell).split()).replace(".", "").replace("-", "")
    digits = with_first_zero(with_first_zero(digits, 14), _SIREN_KEY_DIGITS)
    if not is_number(digits):
        return "", False
    if len(digits) == _SIREN_KEY_DIGITS:
        # with the seat's rank and a key of its own, it is a SIRET whose check tells of the SIREN alone
        return digits, luhn_remainder(digits.encode()) == 0
    return digits, siret_passes_check(digits)


def read_reserved(cell: str) -> bool | None:
    """Whether a cell says that a contract was reserved: yes, or to whom; None of an empty cell."""
    said = fold(cell)
    if not said:
        return None
    return said not in (*FALSE, "n", "no", "aucun", "aucune", "sans", "sans objet", "neant", "none")


class SegmentReader:
    """Reads the one segment that payments are of, by their CPV code and their words; the same words once."""

    def __init__(self, taxonomy: Taxonomy, cpv: Cpv, interpreter: Interpreter) -> None:
        self._taxonomy, self._cpv, self._interpreter = taxonomy, cpv, interpreter

    def cents_by_segment(self, cents: Mapping[tuple[str, str], int], weights: Mapping[str, int]) -> dict[str, int]:
        """The cents of each segment, of those by code and words: that of a sure CPV code, else what the words mean.

        Of more than MOST_TEXTS different words, those of the largest weights are read.
        """
        codes = {code: self._segments_of_code(code) for code, _ in cents}
        sure = {code for code, (segments, is_sure) in codes.items() if is_sure and len(segments) == 1}
        unsure = {words: weights[words] for code, words in cents if words and code not in sure}
        read = Counter(unsure).most_common(MOST_TEXTS)
        meant = {words: [each.segment for each in self._interpreter.read(words)] for words, _ in read}
        found = Counter[str]()
        for (code, words), value in cents.items():
            (segments, is_sure), of_words = codes[code], meant.get(words, ())
            shared = [segment for segment in of_words if segment in segments]
            in_order = (*segments, *of_words) if is_sure else (*of_words, *segments)
            found[next(iter((*shared, *in_order)), NOT_KNOWN)] += value
        return found

    def _segments_of_code(self, code: str) -> tuple[tuple[str, ...], bool]:
        """The segments of a CPV code, and whether it is precise enough to go before words."""
        if not code or not self._cpv.exists(code := with_first_zero(code, 8)):
            return (), False
        code8 = self._cpv.normalise(code)
        return self._taxonomy.of_cpv(code8), not self._taxonomy.is_general_cpv(code8)


class ReadPayments(NamedTuple):
    """The payments that were read, their cents by segment, and what of the table was not."""

    payments: list[Payment]
    by_segment: dict[str, int]
    rejected: Rejected


class PaymentSums:
    """Adds up payments as they are read, those that count alike as one, and lists lines that cannot be counted.

    `sheet`: the one that is read, of several; null: there is one.
    """

    sheet: str | None = None

    def __init__(self, language: Language) -> None:
        self._language, self._lines, self._unsound, self._rejected = language, 0, 0, 0
        self._cents, self._of_words, self._weights = Counter[Payment](), Counter[tuple[str, str]](), Counter[str]()
        self._counts, self._errors = Counter[Payment](), list[RowError]()

    def add(self, line: int, written: str, cents: int, days: Days, reserved: bool | None, code: str, said: str) -> None:
        """Add a payment to the number that is written, with its CPV code and its words.

        Raises UnreadableFile for a line too many.
        """
        self._lines += 1
        if self._lines > MOST_LINES:
            raise unreadable("too_many_lines", TOO_MANY)
        number, is_sound = read_number(written)
        self._unsound += not is_sound
        is_listed = not is_sound and self._unsound <= MOST_LISTED
        place, sheet, shown = (line, self.sheet, written[:100]) if is_listed else (None, None, "")
        key = Payment(place, sheet, shown, number, is_sound, *days, reserved, cents=0, lines=0)
        self._cents[key] += cents
        self._counts[key] += 1
        # objects that differ in the number of an invoice alone are one
        words = " ".join(_DIGITS.sub(" ", said).split())[:LONGEST_WORDS]
        self._of_words[code, words] += cents
        self._weights[words] += abs(cents) + 1

    def add_line(self, line: int, read: PaymentLine, at: tuple[str | int, ...] = ()) -> None:
        """Add a line of JSON. Raises InvalidContent where it says no amount; `at`: the way to the line."""
        amount = read.amount_eur if read.amount is None else read.amount
        if amount is None:
            raise InvalidContent((Problem(pointer(*at, "amount"), "missing_field", _SAID["no_amount"]),))
        reserved = None if read.reserved is None else bool(read.reserved)
        days = read.date, read.date
        self.add(line, read.siret or "", cents_of(amount), days, reserved, read.cpv or "", read.object or "")

    def reject(self, line: int, problems: tuple[Problem, ...]) -> None:
        """List a line that is not counted, and what is wrong with it."""
        self._rejected += 1
        if len(self._errors) < MOST_LISTED:
            self._errors.append(reject(line, self.sheet, problems, self._language))

    def result(
        self, segments: SegmentReader, columns: Columns = NO_COLUMNS, sheets_left: tuple[str, ...] = ()
    ) -> ReadPayments:
        """The sums, with the columns of the table, and the sheets that were left."""
        payments = [replace(key, cents=cents, lines=self._counts[key]) for key, cents in self._cents.items()]
        by_segment = segments.cents_by_segment(self._of_words, self._weights)
        read = tuple(ReadColumn(name, head) for name, head in columns.heads_read.items())
        rejected = Rejected(tuple(self._errors), self._rejected, read, columns.others, sheets_left)
        return ReadPayments(payments, by_segment, rejected)


def payments_in_tables(sheets: Sequence[Sheet], segments: SegmentReader, language: Language) -> ReadPayments:
    """The payments in a table as CSV, or in the sheets of a workbook: the first with payments, and those alike.

    A sheet with other columns may add up the same payments: it is told, and left. Raises UnreadableFile where none has
    a column of amounts and one of SIRETs.
    """
    sums, read, seen, left, headless = PaymentSums(language), NO_COLUMNS, list[Columns](), list[str](), set[int]()
    for name, content in ((each.name, each.content) for each in sheets):
        rows = rows_as_written(BytesIO(content), is_header=PAYMENTS.is_header)
        first = list(islice(rows, ROWS_ABOVE))
        columns, header = PAYMENTS.header_in(first)
        seen.append(columns)
        if not PAYMENTS.is_whole(columns) or (read.heads and columns.heads_read != read.heads_read):
            left.append(name)
            continue
        sums.sheet = name if len(sheets) > 1 else None
        headless |= _add_rows(sums, columns, chain((row for row in first if row[0] > header), rows))
        read = columns
    if not read.heads:
        raise unreadable("missing_column", PAYMENTS.missing(seen))
    left += unread_sheets(sheets)
    return sums.result(segments, read.with_headless(headless, language), tuple(left))


def _add_rows(sums: PaymentSums, columns: Columns, rows: Iterable[RowAsWritten | FaultyRow]) -> set[int]:
    """Add the payments in the rows of a table; returns the places of columns that have no head and some cell."""
    places, heads = {name: of_field[0] for name, of_field in columns.of_field.items()}, columns.heads_read
    headless, scale = set[int](), scale_of(heads["amount"])
    for row in rows:
        if isinstance(row, FaultyRow):
            sums.reject(row.line, (row.problem,))
            continue
        line, cells = row
        found = {name: cells[at].strip() if at < len(cells) else "" for name, at in places.items()}
        headless.update(columns.headless_in(cells))
        if any(found.values()) and (problems := _add_cells(sums, line, found, cells, heads, scale)):
            sums.reject(line, problems)
    return headless


def _add_cells(
    sums: PaymentSums, line: int, found: Mapping[str, str], cells: Sequence[str], heads: Mapping[str, str], scale: float
) -> tuple[Problem, ...]:
    """Add the payment in a row; what is wrong with it, else nothing."""
    if not read_number(found["siret"])[0] and any(map(is_sum, cells)):
        return (Problem("", "sum_of_others", _SAID["a_sum"]),)
    cents, days = read_amount(found["amount"], scale), read_days(found.get("date", ""))
    problems = list[Problem]()
    if cents is None:
        missing = not found["amount"]
        detail, code = (_SAID["no_amount"], "missing_field") if missing else (_SAID["not_an_amount"], "wrong_format")
        problems.append(Problem(pointer(heads["amount"]), code, detail))
    if days is None:
        problems.append(Problem(pointer(heads["date"]), "wrong_format", _SAID["not_a_day"]))
    if cents is not None and days is not None:
        reserved = read_reserved(found.get("reserved", ""))
        sums.add(line, found["siret"], cents, days, reserved, found.get("cpv", ""), found.get("object", ""))
    return tuple(problems)
