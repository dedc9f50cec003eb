"""The law beside a proposal: the procedure is that of the sum, the duty to divide into lots, small lots."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import msgspec

from domain.law.findings import LegalAdvice, advice
from domain.law.law_changes import LAW_CHANGES, ON_PROCEDURE
from domain.law.lot_facts import estimated_cents
from domain.law.review import review_need
from domain.law.rules import InForce, Rules
from domain.needs.need import Need
from domain.text.bilingual import Text

SUM = Text(
    "La procédure est celle de la valeur de tous les lots ensemble : diviser ou réunir des lots n'y change rien",
    "The procedure is that of the value of all lots together: dividing or joining lots changes nothing of it",
)
DUTY = Text(
    "Diviser en lots est la règle dès que des prestations distinctes peuvent être identifiées ; ne pas le faire se "
    "motive",
    "Dividing into lots is the rule where distinct services can be identified; justify the choice not to",
)
SMALL_LOTS = Text(
    "Petits lots (au-dessous de {amount}, travaux {works}) : procédure adaptée possible dans une procédure formalisée, "
    "ensemble jusqu'à {share} de la valeur de tous les lots ; ceux qui sont au-dessous du seuil d'achat direct, aussi "
    "sans publicité ni mise en concurrence, jusqu'à {direct} ({article}) ; donner la valeur de chaque lot pour savoir "
    "lesquels",
    "Small lots (below {amount}, works {works}): an adapted procedure is possible in a formal one, together up to "
    "{share} of the value of all lots; those below the amount of direct award, also without publicity or competition, "
    "up to {direct} ({article}); give the value of each lot to know which",
)

Objects = Mapping[str, tuple[str, ...]]
"""By the id of a lot, the segments understood as its object."""


def advice_beside(
    given: tuple[LegalAdvice, ...], proposed: Need, objects: Objects, on: date, rules: Rules
) -> Iterator[LegalAdvice]:
    """The advice on a proposal by the law of the day `on`.

    `given`: that on the need as it is given, of which the one on procedure holds, and on a law that differs by day.

    That the values of the lots make small lots is told only where all are known, and leave the procedure as it is.
    """
    view = rules.at(on, proposed.contract)
    is_market = proposed.contract == "market"
    yield advice("PROCEDURE_OF_SUM", "info", view["value_of_all_lots" if is_market else "concession_value"], SUM)
    procedure = [each for each in given if each.code in ON_PROCEDURE]
    differing = [each for each in given if each.code == LAW_CHANGES]
    yield from (msgspec.structs.replace(each, lots=()) for each in (*procedure, *differing))
    if not is_market:
        return
    own: dict[str, LegalAdvice] = {}
    if all(estimated_cents(lot) is not None for lot in proposed.lots) or len(proposed.lots) == 1:
        own = {each.code: each for each in review_need(proposed, on, rules, objects).advice}
        if not _rules_of(own.values()) <= _rules_of(procedure):
            own = {}
    yield own.get("ALLOTMENT") or advice("DUTY_TO_ALLOT", "info", view["allotment"], DUTY)
    if len(proposed.lots) > 1:
        yield own.get("SMALL_LOT_SETS") or _small_lots(view)


def _rules_of(advised: Iterable[LegalAdvice]) -> set[tuple[str, str]]:
    """The advice on procedure by code and rule."""
    return {(each.code, each.rule) for each in advised if each.code in ON_PROCEDURE}


def _small_lots(view: InForce) -> LegalAdvice:
    """SMALL_LOT_RULES: the rules on small lots, where the values of the lots are not all known."""
    names = ("small_lot_supplies_services", "small_lot_works", "small_lot_share", "direct_award_lot_share")
    amount, works, share, direct = (view.value_text(name) for name in names)
    article = view["direct_award_lot_share"].article or ""
    message = SMALL_LOTS.filled(amount=amount, works=works, share=share, direct=direct, article=Text(article, article))
    return advice("SMALL_LOT_RULES", "info", view["small_lot_share"], message)
