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
from domain.text.bilingual import Language, Text
from domain.text.labels import RESERVED

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
        return _action("leave", NO_TRADE, language)
    if reserved:
        return _of_reserved_line(supply, reserved, review, enough, language)
    if supply.capable < enough <= supply.total and supply.beyond:
        message = TOO_LARGE.filled(beyond=str(supply.beyond), total=str(supply.total))
        return _action("divide", message, language)
    option = next((each for each in ORDER if _is_open(each, supply, review, enough)), None)
    if option is not None:
        count, ask = supply.options[option].certain, supply.unknown_options.get(option, 0)
        named = RESERVED[option].to
        message = TO_RESERVE.filled(option=named, count=str(count), besides=TO_ASK.filled(ask=str(ask)) if ask else "")
        kinds = tuple(kind for kind in RESERVED_TYPES if kind in OPTIONS[option])
        return _action("reserve", message, language, kinds)
    if supply.trades > 1 and supply.total and supply.least_of_a_trade >= enough and supply.tension.level == "low":
        return _action("divide", SEVERAL_TRADES.filled(trades=str(supply.trades)), language)
    if supply.unknown >= MANY_UNKNOWN and supply.capable < enough:
        known = KNOWN.filled(total=str(supply.total)) if supply.total else NOBODY_KNOWN
        return _action("ask_first", ASK.filled(unknown=str(supply.unknown), known=known), language)
    if not supply.total:
        return _action("leave", NOBODY, language)
    return _action("leave", FEW.filled(total=str(supply.total)) if supply.total < enough else OPEN, language)


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
        return _action("leave", FORBIDDEN.filled(why=why), language)
    if supply.eligible >= enough:
        return _action("reserve", KEPT.filled(count=str(supply.eligible)), language, tuple(reserved))
    if supply.unknown >= MANY_UNKNOWN:
        known = KNOWN.filled(total=str(supply.total)) if supply.total else NOBODY_KNOWN
        return _action("ask_first", ASK.filled(unknown=str(supply.unknown), known=known), language)
    return _action("leave", TOO_FEW_KEPT.filled(count=str(supply.eligible)), language)


def _action(code: str, message: Text, language: Language, reserved: tuple[Reserved, ...] = ()) -> Action:
    return Action(code, message.to(language), reserved)  # type: ignore[arg-type]


NO_TRADE = Text(
    "Aucun métier reconnu dans l'objet : précisez-le pour savoir qui pourrait répondre",
    "No trade was recognised in the object: specify it to learn who could answer",
)
TOO_LARGE = Text(
    "Le montant est trop élevé pour {beyond} des {total} candidats : des lots plus petits leur seraient ouverts",
    "The amount is too large for {beyond} of the {total} candidates: smaller lots would be open to them",
)
TO_RESERVE = Text(
    "Réservation possible : {option}, {count} candidats éligibles{besides}",
    "Can be reserved: {option}, {count} eligible candidates{besides}",
)
TO_ASK = Text(", {ask} autres à interroger", ", {ask} others to ask")
SEVERAL_TRADES = Text(
    "{trades} métiers que personne ne réunit : un lot par métier trouverait des candidats",
    "{trades} trades that nobody joins: a lot for each would find candidates",
)
ASK = Text(
    "{known} : interrogez {unknown} fournisseurs proches dont l'activité n'est pas connue",
    "{known}: ask {unknown} suppliers nearby whose trade is not known",
)
KNOWN = Text("Peu de candidats assez grands ({total} en tout)", "Few candidates that are large enough ({total} in all)")
NOBODY_KNOWN = Text("Aucun candidat connu", "No known candidate")
NOBODY = Text("Aucun candidat connu à proximité", "No candidate known nearby")
FEW = Text(
    "Candidats connus : {total}, trop peu pour réserver ; l'achat leur reste ouvert",
    "Known candidates: {total}, too few to reserve; the purchase stays open to them",
)
OPEN = Text(
    "Des candidats existent, aucune réservation n'en laisse assez de sûrs : l'achat leur reste ouvert",
    "There are candidates, but no reservation surely leaves enough: the purchase stays open to them",
)
FORBIDDEN = Text("La réservation prévue n'est pas permise : {why}", "The planned reservation is not lawful: {why}")
KEPT = Text(
    "La réservation prévue tient : {count} candidats éligibles",
    "The planned reservation holds: {count} eligible candidates",
)
TOO_FEW_KEPT = Text(
    "La réservation prévue laisse {count} candidat(s) éligible(s) : à revoir",
    "The planned reservation leaves {count} eligible candidate(s): to be reconsidered",
)
