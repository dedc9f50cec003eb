"""A year of purchases counted: euros and shares by kind of supplier, year and segment, with the indicators of the law.

Everything is added up in whole cents, by figures that each payment counts in; a supplier counts once in each.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Annotated, Literal

import msgspec

from domain.law.rules import Rules
from domain.spending.payment import KIND, NOTHING_KNOWN, Payee, Payment, Standing, Standings
from domain.suppliers.source import RowError
from domain.text.bilingual import Language

MOST_LISTED = 1_000
Unit = Literal["eur", "lines"]
IndicatorCode = Literal[
    "spaser_ess", "spaser_esus", "spaser_disadvantaged", "spaser_reserved", "pnad_social", "pnad_environmental"
]
NOT_KNOWN, NO_KIND = "unknown", "none"
"""Stand for a kind, a year or a segment where it is not known, and for no kind."""
SPASER, TARGETS = "spaser_indicator_years", "spaser_targets"
RULES: dict[IndicatorCode, tuple[str, str, Unit]] = {
    "spaser_ess": (SPASER, "ess", "eur"),
    "spaser_esus": (TARGETS, "esus", "eur"),
    "spaser_disadvantaged": (TARGETS, "disadvantaged", "eur"),
    "spaser_reserved": (SPASER, "reserved", "eur"),
    "pnad_social": ("pnad_social", "reserved", "lines"),
    "pnad_environmental": ("pnad_environmental", "", "lines"),
}
"""Of each indicator its rule in `law.toml`, the figure that it tells, none where nothing here says it, and its unit."""
Money = Annotated[float, msgspec.Meta(description="Euros excluding tax, to the cent")]
EurosByName = dict[str, float]


class Indicator(msgspec.Struct, frozen=True):
    """An indicator that the law asks for, or that a national plan sets a target for."""

    code: IndicatorCode
    """Stable; of a SPASER (L2111-3) or of the PNAD"""
    rule: str
    """Id of its rule, as in `GET /rules`"""
    article: str | None
    """Of that rule"""
    value: float | None
    """Euros excluding tax, or lines, by `unit`; null: nothing here says it"""
    share: float | None
    """Of all euros, or of the lines that say whether they are reserved, from 0 to 1; null: of nothing"""
    target: float | None
    """The least share by the rule on the last day that is counted, from 0 to 1; null: none, or it is not known"""
    unit: Unit
    """Of `value`"""
    message: str
    """The rule in words, in the language of the request"""


class SupplierCounts(msgspec.Struct, frozen=True):
    """Numbers of suppliers, each counted once by its legal unit (SIREN), however many lines it has."""

    total: int
    """All that have a SIRET"""
    ess: int
    """Of the social economy"""
    iae: int
    """Inclusion companies"""
    handicap: int
    """Of the sheltered and adapted sector"""
    unknown: int
    """Those of which nothing is known"""


class SpendingFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of some payments."""

    total_eur: Money
    by_kind: EurosByName
    """Euros by kind of approval at the time of each line; several kinds count in each; `none`, `unknown`: no kind"""
    ess_eur: Money
    iae_eur: Money
    handicap_eur: Money
    unknown_eur: Money
    not_ess_eur: Money
    ess_unknown_eur: Money
    by_siren_eur: Money
    undated_eur: Money
    lapsed_eur: Money
    suppliers: SupplierCounts
    """How many there are, each once"""
    indicators: tuple[Indicator, ...]
    """Those of a SPASER and of the PNAD; a share is the least it can be, as what is unknown is in the whole"""
    lines: int
    """Payments that are counted"""
    lines_unknown: int
    """Those of them of whose payee nothing is known"""


class YearSpending(SpendingFigures, frozen=True, kw_only=True):
    """The figures of one year."""

    year: str
    """As 2026, or `unknown`"""
    spaser_required: bool | None
    """Whether the sum is above the threshold of a SPASER (L2111-3) in that year; null where that is not known"""


class UnknownLine(msgspec.Struct, frozen=True):
    """A line whose SIRET is none."""

    line: int
    """In the table, from 1; of JSON, the number of the item"""
    siret: str
    """As it stands there; empty: none does"""
    amount_eur: float
    """Euros excluding tax"""
    sheet: str | None = None
    """Of a workbook in which several were read"""


class UnknownPayee(msgspec.Struct, frozen=True):
    """A SIRET of which nothing is known, with what it was paid."""

    siret: str
    """14 digits, or 9 of a SIREN"""
    amount_eur: float
    """Euros excluding tax"""
    lines: int
    """The number of its lines"""


class ReadColumn(msgspec.Struct, frozen=True):
    """A column of the table that is read."""

    column: str
    """`siret`, `amount`, `date`, `object`, `cpv` or `reserved`"""
    title: str
    """As it stands in the table"""


class Spending(SpendingFigures, frozen=True, kw_only=True):
    """Payments or contracts counted by what their suppliers are at the time of each."""

    by_year: EurosByName
    """Euros by year; `unknown`: a line without a date"""
    by_segment: EurosByName
    """Euros by segment of the CPV code, else of the words; `unknown`: neither names one"""
    years: tuple[YearSpending, ...]
    """The same figures year by year"""
    not_sirets: tuple[UnknownLine, ...]
    """Lines whose SIRET is none, the first 1,000; they count as unknown"""
    unknown_payees: tuple[UnknownPayee, ...]
    """SIRETs of which nothing is known, those paid most first, at most 1,000"""
    errors: tuple[RowError, ...]
    """Lines that are not counted, the first 1,000: no amount, a date that is none, a row that adds up others.

    `external_id`: their sheet, of a workbook in which several were read"""
    rejected: int
    """The number of lines that are not counted"""
    columns: tuple[ReadColumn, ...]
    """Columns of the table that were read; empty for JSON"""
    columns_left: tuple[str, ...]
    """Titles of those that were not"""
    sheets_left: tuple[str, ...]
    """Sheets that were not read: they have no payments, or other columns than the first that has some"""
    awards: int
    """Awards of the organisation that are counted in"""
    awards_eur: Money
    """Their euros, in the total too: each the amount of its whole contract, on the day of the award"""
    awards_in_table: int
    """Those that are not, for the table may have them"""
    awards_apart: tuple[RowError, ...]
    """Those that are not, and why: `in_table`, `no_siret`, `other_years`, `no_amount`. `external_id`: of the award"""


class Rejected(msgspec.Struct, frozen=True):
    """The lines of a table that are not counted, its columns, and the awards counted beside it."""

    errors: tuple[RowError, ...] = ()
    rejected: int = 0
    columns: tuple[ReadColumn, ...] = ()
    columns_left: tuple[str, ...] = ()
    sheets_left: tuple[str, ...] = ()
    awards: int = 0
    awards_eur: float = 0.0
    awards_in_table: int = 0
    awards_apart: tuple[RowError, ...] = ()


class _Tally:
    """Adds up payments: of each figure the cents, the lines, and the suppliers that count in it."""

    def __init__(self) -> None:
        self.cents: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()
        self.suppliers: defaultdict[str, set[str]] = defaultdict(set)
        self.latest = date.min

    def add(self, payment: Payment, figures: Iterable[str], payee: str) -> None:
        for figure in figures:
            self.cents[figure] += payment.cents
            self.lines[figure] += payment.lines
            if payee:
                self.suppliers[figure].add(payee)
        if payment.last is not None:
            self.latest = max(self.latest, payment.last)

    def figures(self, rules: Rules, today: date, language: Language) -> dict[str, object]:
        """The fields of a `SpendingFigures`."""
        names = "total", "ess", "iae", "handicap", "unknown", "not_ess", "ess_unknown", "by_siren", "undated", "lapsed"
        kinds = {name.removeprefix(KIND): cents / 100 for name, cents in self.cents.items() if name.startswith(KIND)}
        on = today if self.latest in (date.min, date.max) else self.latest
        return {
            **{f"{name}_eur": self.cents[name] / 100 for name in names},
            "by_kind": _largest_first(kinds),
            "suppliers": SupplierCounts(*(len(self.suppliers[name]) for name in SupplierCounts.__struct_fields__)),
            "indicators": tuple(self._indicators(rules, on, language)),
            "lines": self.lines["total"],
            "lines_unknown": self.lines["unknown"],
        }

    def _indicators(self, rules: Rules, on: date, language: Language) -> Iterator[Indicator]:
        view, told = rules.view(on), self.lines["reserved"] + self.lines["not_reserved"]
        for code, (rule, figure, unit) in RULES.items():
            row = view[rule]
            percent = row.value if row.unit == "percent" and row.status == "in_force" else None
            target = percent / 100 if isinstance(percent, int) else None
            if unit == "eur":
                part, whole = self.cents[figure], self.cents["total"]
                value = part / 100 if told or figure != "reserved" else None
            else:
                part, whole = self.lines[figure], told
                value = part if figure and whole else None
            share = part / whole if value is not None and whole > 0 else None
            message = row.message.to(language)
            yield Indicator(code, rule, row.article, value, share, target, unit, message)


def count_spending(
    payments: Iterable[Payment],
    by_segment: Mapping[str, int],
    payees: Iterable[Payee],
    rejected: Rejected,
    rules: Rules,
    today: date,
    language: Language,
) -> Spending:
    """The spending that payments make, by what the directory knows of their payees; see `Spending`.

    `by_segment`: their cents by segment.
    `payees`: the suppliers of the directory with a SIRET of these legal units. `today`: the day of the law for payments
    whose time is not known.
    """
    standings = Standings(payees, rules, today)
    of_years, whole = defaultdict[str, _Tally](_Tally), _Tally()  # adding each payment to both takes twice as long
    unnumbered, unknown = list[UnknownLine](), dict[str, tuple[int, int]]()
    for payment in payments:
        # an award that was recorded here (line 0) names a supplier of the directory, whatever its number
        is_siret = bool(payment.siren) or (payment.line == 0 and standings.knows(payment.number))
        standing = standings.standing(payment) if is_siret else NOTHING_KNOWN
        payee = (payment.siren or payment.number) if is_siret else ""
        of_years[payment.year or NOT_KNOWN].add(payment, figures_of(payment.reserved, standing), payee)
        if not is_siret and payment.line is not None and len(unnumbered) < MOST_LISTED:
            unnumbered.append(UnknownLine(payment.line, payment.written, payment.cents / 100, payment.sheet))
        elif is_siret and standing.is_unknown:
            cents, lines = unknown.get(payment.number, (0, 0))
            unknown[payment.number] = cents + payment.cents, lines + payment.lines
    for tally in of_years.values():
        whole.cents.update(tally.cents)
        whole.lines.update(tally.lines)
        whole.latest = max(whole.latest, tally.latest)
        for figure, names in tally.suppliers.items():
            whole.suppliers[figure] |= names
    paid_most = sorted(unknown.items(), key=lambda each: (-each[1][0], each[0]))[:MOST_LISTED]
    return Spending(
        **whole.figures(rules, today, language),  # type: ignore[arg-type]
        by_year={year: of_years[year].cents["total"] / 100 for year in sorted(of_years)},
        by_segment=_largest_first({segment: cents / 100 for segment, cents in by_segment.items()}),
        years=tuple(_year_spending(year, of_years[year], rules, today, language) for year in sorted(of_years)),
        not_sirets=tuple(unnumbered),
        unknown_payees=tuple(UnknownPayee(siret, cents / 100, lines) for siret, (cents, lines) in paid_most),
        **msgspec.structs.asdict(rejected),
    )


@lru_cache(maxsize=1024)  # few are different
def figures_of(reserved: bool | None, standing: Standing) -> frozenset[str]:
    """The names of the figures that a payment counts in, by whether it was reserved and to whom it was made."""
    figures = {"total", {True: "ess", False: "not_ess", None: "ess_unknown"}[standing.ess], *standing.figures}
    if standing.is_unknown:
        figures |= {"unknown", KIND + NOT_KNOWN}
    elif not any(name.startswith(KIND) for name in standing.figures):
        figures.add(KIND + NO_KIND)
    if not standing.figures.isdisjoint(("iae", "handicap")):
        figures.add("disadvantaged")
    if reserved is not None:
        figures.add("reserved" if reserved else "not_reserved")
    figures |= {name for name in ("by_siren", "undated", "lapsed") if getattr(standing, name)}
    return frozenset(figures)


def _year_spending(year: str, tally: _Tally, rules: Rules, today: date, language: Language) -> YearSpending:
    """The figures of a year, and whether they are above the threshold of a SPASER then."""
    threshold = rules.view(date(int(year), 12, 31))["spaser"].cents if year != NOT_KNOWN else None
    required = None if threshold is None else tally.cents["total"] > threshold
    figures = tally.figures(rules, today, language)
    return YearSpending(year=year, spaser_required=required, **figures)  # type: ignore[arg-type]


def _largest_first(euros: EurosByName) -> EurosByName:
    return dict(sorted(euros.items(), key=lambda each: (-each[1], each[0])))
