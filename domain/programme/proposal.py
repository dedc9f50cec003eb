"""The plain proposal for a planned purchase: reserve it, divide it into lots, ask suppliers first, or leave it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.law.findings import LotReview
from domain.law.reservations.supply_advice import OptionCount
from domain.law.review import OPTIONS
from domain.law.rules import InForce
from domain.needs.need import RESERVED_TYPES, Reserved
from domain.programme.programme import Action
from domain.shortlists.shortlist import Tension
from domain.text.bilingual import Language, Text, said_by
from domain.text.labels import RESERVED

_SAID = said_by(__name__)

MANY_UNKNOWN = 3
ORDER = ("handicap_iae", "handicap", "iae", "penitentiary", "ess")
"""The reservations in the order in which they are proposed: the one that shuts neither handicap nor insertion out."""


class LineSupply(NamedTuple):
    """The supply of a line: its candidates, for the scarcest trade those that are not too small and those that are.

    `options`, `unknown_options`: by reservation, the candidates and those of unknown trade; `trades`: how many it asks
    for; `answers_whole`: whether a candidate or a grouping answers all of them, as far as is known.
    """

    total: int
    eligible: int
    unknown: int
    capable: int
    beyond: int
    options: Mapping[str, OptionCount]
    unknown_options: Mapping[str, int]
    trades: int
    least_of_a_trade: int
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
    if reserved:
        return _of_reserved_line(supply, reserved, review, enough, language)
    if supply.capable < enough <= supply.total and supply.beyond:
        message = _SAID["too_large"].filled(beyond=str(supply.beyond), total=str(supply.total))
        return _action("divide", message, language)
    option = next((each for each in ORDER if _is_open(each, supply, review, enough)), None)
    if option is not None:
        count, ask = supply.options[option].certain, supply.unknown_options.get(option, 0)
        named = RESERVED[option].to
        message = _SAID["to_reserve"].filled(
            option=named, count=str(count), besides=_SAID["to_ask"].filled(ask=str(ask)) if ask else ""
        )
        kinds = tuple(kind for kind in RESERVED_TYPES if kind in OPTIONS[option])
        return _action("reserve", message, language, kinds)
    if supply.trades > 1 and supply.total and supply.least_of_a_trade >= enough and supply.tension.level == "low":
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
