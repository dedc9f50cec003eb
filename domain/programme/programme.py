"""A programme of purchases: its lines as they were read, what supply and law say of each, and what is proposed."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Any, Literal

import msgspec

from domain.decoding.stored import WHOLE
from domain.needs.need import Buyer, Nature, Reserved, TerritoryRequest, ValueCovers
from domain.shortlists.shortlist import RequestedSegment, Stamp, SuggestedSegment, Tension

MOST_LINES = 2_000
ActionCode = Literal["reserve", "divide", "ask_first", "leave"]
ACTIONS: tuple[ActionCode, ...] = ("reserve", "divide", "ask_first", "leave")
"""The proposals, in the order of what is worth doing."""
PlaceSource = Literal["place", "department", "title", "heading", "buyer", "request"]


class ProgrammeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A programme of purchases as JSON."""

    lines: Annotated[
        tuple[Any, ...],
        msgspec.Meta(min_length=1, max_length=MOST_LINES, extra=WHOLE, extra_json_schema={"items": {"type": "object"}}),
    ]
    """Objects whose fields are named as the columns of a table are: `title`, `amount`, `date`, `duration`, `place`…"""
    buyer: Buyer | None = None
    """Null: not said, and verdicts that depend on it stay open"""
    on: date | None = None
    """The day of evaluation; null: today in France"""
    territory: TerritoryRequest | None = None
    """Of the lines that name no place"""


class ReadValues(msgspec.Struct, frozen=True, kw_only=True):
    """The values read in a line; null: not said, or not known."""

    value_eur: float | None = None
    """Euros excluding tax"""
    value_covers: ValueCovers = "firm"
    """`all`: the amount holds renewals, as its column says"""
    duration_months: int | None = None
    """Months, without renewals"""
    renewal_months: int | None = None
    """Months that renewals can add"""
    planned_publication_on: date | None = None
    """The first day of what is planned, whose law applies"""
    period: str | None = None
    """The date as it is written, such as `T2 2027`"""
    nature: Nature | None = None
    """Works, supplies or services"""
    cpv: tuple[str, ...] = ()
    """CPV codes"""
    reserved: tuple[Reserved, ...] = ()
    """To whom the line says that it is reserved; empty: to nobody"""
    notes: tuple[str, ...] = ()
    """Cells that were read on a supposition, or that say nothing known"""


class PlannedLine(ReadValues, frozen=True, kw_only=True):
    """A planned purchase as it was read. `codes`: of its territory; `cells`: the row as it stood, by column."""

    line: int
    sheet: str | None
    title: str
    codes: tuple[str, ...]
    territory_from: PlaceSource
    cells: dict[str, str] = {}


class ReadTerritory(msgspec.Struct, frozen=True, rename={"source": "from"}):
    """The territory of a line."""

    codes: tuple[str, ...]
    """As `POST /match` takes them"""
    label: str
    """To read, such as `Morbihan`"""
    source: PlaceSource
    """The part that names it: a column, the title, the rows above the table, the buyer, or the request"""


class ReadLine(ReadValues, frozen=True, kw_only=True):
    """The values of a line, and its territory."""

    territory: ReadTerritory
    """Where suppliers are looked for"""


class LineReach(msgspec.Struct, frozen=True):
    """The candidates of the scarcest trade by whether the line's yearly value is within their reach."""

    within: int
    """It is"""
    stretch: int
    """It is at the limit"""
    beyond: int
    """It is too much for them"""
    unknown: int
    """Their size, or the value, is not known"""


class Action(msgspec.Struct, frozen=True):
    """The proposal for a line, for the buyer to judge."""

    code: ActionCode
    """`reserve`, `divide` into lots, `ask_first` those of unknown trade, or `leave` as it is"""
    message: str
    """The reason, in the language of the request"""
    reserved: tuple[Reserved, ...] = ()
    """To whom, where it is to be reserved"""


class LineFindings(msgspec.Struct, frozen=True, kw_only=True):
    """The supply and the law of a line, as `POST /match` finds them for a need of this one lot."""

    requested: tuple[RequestedSegment, ...]
    """Trades that the line asks for; empty: none was recognised"""
    suggested: tuple[SuggestedSegment, ...]
    """Other trades that it may mean"""
    total: int
    """Suppliers that pass every gate"""
    eligible: int
    """Of these, those that are ELIGIBLE or ELIGIBLE_IF; all of them where the line is not reserved"""
    unknown: int
    """Eligible suppliers nearby whose trade is not known: to be asked before anything is concluded"""
    reach: LineReach
    """Whether they are large enough"""
    tension: Tension
    """The competition to expect"""
    reserved: dict[str, int]
    """The total by reservation, as `alternatives.reserved` of a match; `none`: not reserved"""
    procedure: str | None
    """The code of the advice on procedure, such as `MAPA`; null: none can be given"""
    action: Action
    """The proposal"""


class ProgrammeItem(LineFindings, frozen=True, kw_only=True):
    """A line of the programme, with who could answer it and what is proposed."""

    line: int
    """The row of the table, its header counted; of JSON its position, from 1"""
    sheet: str | None
    """The sheet of a workbook of several; else null"""
    title: str
    """The object"""
    read: ReadLine
    """The values as they were understood"""


class ProgrammeError(msgspec.Struct, frozen=True):
    """A line that could not be read or matched; the others are."""

    line: int
    """The row of the table, its header counted; of JSON its position, from 1"""
    sheet: str | None
    """The sheet of a workbook of several; else null"""
    pointer: str
    """The column or field at fault, as a JSON pointer"""
    code: str
    """Stable in every language"""
    detail: str
    """A sentence in the language of the request"""


class SheetRead(msgspec.Struct, frozen=True):
    """A table that was read, or a sheet that holds none."""

    sheet: str | None
    """Its name; null: the only table"""
    columns: dict[str, str]
    """By field, the head of the column that was read first; empty: no table of purchases was recognised"""
    others: tuple[str, ...]
    """Heads of columns that were not read"""


class ProgrammeSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of the whole programme."""

    lines: int
    """All lines, faulty ones too"""
    matched: int
    """Lines with an answer"""
    errors: int
    """Lines with a fault"""
    by_action: dict[str, int]
    """Lines by proposal"""
    value_eur: float
    """Euros excluding tax of the lines whose amount is known"""
    value_by_action: dict[str, float]
    """Of these, by proposal"""
    value_unknown: int
    """Lines whose amount is not known"""
    without_supply: int
    """Lines that nobody known answers, and where few are to ask"""
    trade_unknown: int
    """Lines in which no trade was recognised"""
    sheets: tuple[SheetRead, ...]
    """The tables, and the columns that were read; empty for JSON"""
    stamp: Stamp
    """The versions of data and rules behind the answer"""


class Programme(msgspec.Struct, frozen=True):
    """The answer to a programme."""

    items: tuple[ProgrammeItem, ...]
    """In the order of what is worth doing: the proposal, then the amount"""
    errors: tuple[ProgrammeError, ...]
    """Lines without an answer, in the order of the table"""
    summary: ProgrammeSummary
    """The figures of the whole"""


def item_of(planned: PlannedLine, label: str, found: LineFindings) -> ProgrammeItem:
    """The line as it is answered; `label`: its territory in words."""
    values = {name: getattr(planned, name) for name in ReadValues.__struct_fields__}
    territory = ReadTerritory(planned.codes, label, planned.territory_from)
    return ProgrammeItem(
        line=planned.line,
        sheet=planned.sheet,
        title=planned.title,
        read=ReadLine(territory=territory, **values),
        **{name: getattr(found, name) for name in LineFindings.__struct_fields__},
    )


def worth(item: ProgrammeItem) -> tuple[int, float, int]:
    """The sort key of a line: its proposal, the larger amount first, those of unknown amount last."""
    value = -1.0 if item.read.value_eur is None else item.read.value_eur
    return ACTIONS.index(item.action.code), -value, item.line


def sheet_order(sheets: Sequence[SheetRead]) -> Callable[[ProgrammeItem | ProgrammeError], tuple[int, int]]:
    """The sort key of lines and errors by their place in the file: the sheet, then the row."""
    places = {each.sheet: place for place, each in enumerate(sheets)}
    return lambda each: (places.get(each.sheet, 0), each.line)


def summary_of(
    items: tuple[ProgrammeItem, ...], errors: tuple[ProgrammeError, ...], sheets: tuple[SheetRead, ...], stamp: Stamp
) -> ProgrammeSummary:
    """The figures of a programme."""
    values = dict.fromkeys(map(str, ACTIONS), 0.0)
    counts = dict.fromkeys(map(str, ACTIONS), 0)
    for item in items:
        counts[item.action.code] += 1
        values[item.action.code] += item.read.value_eur or 0.0
    return ProgrammeSummary(
        lines=len(items) + len({(each.sheet, each.line) for each in errors}),
        matched=len(items),
        errors=len({(each.sheet, each.line) for each in errors}),
        by_action=counts,
        value_eur=round(sum(values.values()), 2),
        value_by_action={code: round(value, 2) for code, value in values.items()},
        value_unknown=sum(item.read.value_eur is None for item in items),
        without_supply=sum(bool(item.requested) and item.tension.level == "none" for item in items),
        trade_unknown=sum(not item.requested for item in items),
        sheets=sheets,
        stamp=stamp,
    )
