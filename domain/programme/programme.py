"""A programme of purchases: its lines as they were read, what supply and law say of each, and what is proposed.

The proposal: reserve a line, divide it into lots, ask suppliers first, or leave it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from domain.decoding.stored import WHOLE
from domain.law.findings import LotReview
from domain.law.reservations.supply_advice import OptionCount
from domain.law.review import OPTIONS
from domain.law.rules import InForce
from domain.needs.need import RESERVED_TYPES, Buyer, Nature, Reserved, TerritoryRequest, ValueCovers
from domain.shortlists.shortlist import RequestedSegment, Stamp, SuggestedSegment, Tension
from domain.text.bilingual import Language, Text, said_by
from domain.text.labels import RESERVED

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
    """By field, the head of the column that was read first; empty: no table of purchases is seen, or it is hidden"""
    others: tuple[str, ...]
    """Heads of the other columns: not read, or only where the first of their field is empty"""
    rows_left: tuple[int, ...] = ()
    """Rows that are no purchase: names of groups, totals, notes"""


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


_SAID = said_by(__name__)

MANY_UNKNOWN = 3
ORDER = ("handicap_iae", "handicap", "iae", "penitentiary", "ess")
"""The reservations in the order in which they are proposed: the one that shuts neither handicap nor insertion out."""


class LineSupply(NamedTuple):
    """The supply of a line: its candidates, for the scarcest trade those that are not too small and those that are.

    `options`, `unknown_options`: by reservation, the candidates and those of unknown trade; `trades`: their number.
    """

    total: int
    eligible: int
    unknown: int
    capable: int
    beyond: int
    options: Mapping[str, OptionCount]
    unknown_options: Mapping[str, int]
    trades: int
    tension: Tension


def propose_action(  # noqa: PLR0911 - one for each proposal
    supply: LineSupply, reserved: Sequence[Reserved], review: LotReview, view: InForce, language: Language
) -> Action:
    """The proposal for a line: never a reservation that the law forbids or leaves open, or that leaves too few.

    `reserved`: as the line says already.
    """
    enough = int(view.number("counsel_reservation_minimum") or 3)
    if not supply.trades:
        return _action("leave", _SAID["no_trade"], language)
    is_mixed = supply.trades > 1 and supply.tension.level != "good"  # candidates are those of any of its trades
    if reserved and (not is_mixed or review.outcome == "INELIGIBLE"):
        return _of_reserved_line(supply, reserved, review, enough, language)
    if supply.capable < enough <= supply.total and supply.beyond and not is_mixed:
        message = _SAID["too_large"].filled(beyond=str(supply.beyond), total=str(supply.total))
        return _action("divide", message, language)
    option = next((each for each in ORDER if _is_open(each, supply, review, enough)), None)
    if option is not None and not is_mixed:
        count, ask = supply.options[option].certain, supply.unknown_options.get(option, 0)
        named = RESERVED[option].to
        message = _SAID["to_reserve"].filled(
            option=named, count=str(count), besides=_SAID["to_ask"].filled(ask=str(ask)) if ask else ""
        )
        kinds = tuple(kind for kind in RESERVED_TYPES if kind in OPTIONS[option])
        return _action("reserve", message, language, kinds)
    if is_mixed and supply.total >= enough and supply.tension.level != "unknown":
        return _action("divide", _SAID["several_trades"].filled(trades=str(supply.trades)), language)
    if supply.unknown >= MANY_UNKNOWN and supply.capable < enough:
        known = _SAID["known"].filled(total=str(supply.total)) if supply.total else _SAID["nobody_known"]
        return _action("ask_first", _SAID["ask"].filled(unknown=str(supply.unknown), known=known), language)
    if not supply.total:
        return _action("leave", _SAID["nobody"], language)
    return _action(
        "leave", _SAID["few"].filled(total=str(supply.total)) if supply.total < enough else _SAID["open"], language
    )


def _is_open(option: str, supply: LineSupply, review: LotReview, enough: int) -> bool:
    """Whether a reservation is surely lawful for the lot and surely leaves enough candidates."""
    if review.forbidden.get(option) is not None or option in review.doubtful:
        return False
    return option in supply.options and supply.options[option].certain >= enough


def _of_reserved_line(
    supply: LineSupply, reserved: Sequence[Reserved], review: LotReview, enough: int, language: Language
) -> Action:
    """The proposal for a line that is reserved already: kept, put to the test, or given up."""
    if review.outcome == "INELIGIBLE":
        why = next(each.message for each in review.reservation if each.outcome == "INELIGIBLE")
        return _action("leave", _SAID["forbidden"].filled(why=why), language)
    if supply.eligible >= enough:
        return _action("reserve", _SAID["kept"].filled(count=str(supply.eligible)), language, tuple(reserved))
    if supply.unknown >= MANY_UNKNOWN:
        known = _SAID["known"].filled(total=str(supply.total)) if supply.total else _SAID["nobody_known"]
        return _action("ask_first", _SAID["ask"].filled(unknown=str(supply.unknown), known=known), language)
    return _action("leave", _SAID["too_few_kept"].filled(count=str(supply.eligible)), language)


def _action(code: str, message: Text, language: Language, reserved: tuple[Reserved, ...] = ()) -> Action:
    return Action(code, message.to(language), reserved)  # type: ignore[arg-type]
