"""Innovative purchases: whether a lot is within the limits of an award without competition."""

from functools import lru_cache

from domain.law.findings import LegalAdvice, advice, surest
from domain.law.lot_facts import LotFacts
from domain.law.need_value import Group, total_of
from domain.law.rule_registry import applies
from domain.law.rules import InForce
from domain.needs.need import Need
from domain.text.bilingual import Text

# by whether the values are within the limits, null where they are not known
INNOVATION = {
    True: Text(
        "Achat innovant : la valeur est dans les limites, achat possible sans publicité ni mise en concurrence ; le "
        "caractère innovant reste à établir",
        "Innovative purchase: the value is within the limits, award without publicity or competition is possible; that "
        "it is innovative remains to be established",
    ),
    False: Text(
        "Achat innovant : la valeur dépasse les limites (besoin de moins de {limit}, ou petits lots)",
        "Innovative purchase: the value is above the limits (need below {limit}, or small lots)",
    ),
    None: Text(
        "Achat innovant : valeur inconnue, on ne sait pas si elle est dans les limites ; le caractère innovant reste à "
        "établir",
        "Innovative purchase: value unknown: whether it is within the limits is not known; that it is innovative "
        "remains to be established",
    ),
}
SECOND_READING = Text(
    "Achat innovant : la limite est de {limit} (texte sur Légifrance) ; la valeur n'est dans les limites que selon la "
    "seconde lecture",
    "Innovative purchase: the limit is {limit} (text on Légifrance); the value is within the limits by the second "
    "reading only",
)


@applies(
    "innovative_need",
    "innovative_need_simplification",
    "innovative_lot_supplies_services",
    "innovative_lot_works",
    "innovative_lot_share",
)
def innovation(need: Need, lot: LotFacts, group: Group, view: InForce) -> LegalAdvice | None:
    """A lot marked innovative may be bought without publicity or competition within limits (INNOVATION_REVIEW).

    Either the whole need is below the amount of the date; or, where the date has a rule for lots, the lot is below its
    own amount (works apart) and all innovative lots together are within a share of all lots. Since 2026-07-01 the
    amount of a need and of a lot of works has two readings, that of the code and a higher one of loi 2026-403, which
    was not read: both are told, to be checked, unless the value is within both, which is of medium confidence at least.
    Whether the object is innovative is for a person to judge.
    """
    if not lot.lot.innovative or need.contract == "concession":
        return None
    if view["innovative_need"].status != "in_force":
        return _innovation(None, None, group.doubtful, view)
    within = _within_innovation(lot, group, "innovative_need", view)
    perhaps = None
    if view["innovative_need_simplification"].status == "in_force":
        perhaps = _within_innovation(lot, group, "innovative_need_simplification", view)
    return _innovation(within, perhaps, group.doubtful, view)


@lru_cache(maxsize=256)
def _innovation(within: bool | None, perhaps: bool | None, doubtful: bool, view: InForce) -> LegalAdvice:
    """The advice by whether the values are within the limits, and by the second reading where the date has one."""
    row, second = view["innovative_need"], view["innovative_need_simplification"]
    if row.status != "in_force":
        message = Text("Achat innovant : pas de règle connue à cette date", "Innovative purchase: no known rule then")
        return advice("INNOVATION_REVIEW", "info", row, message, (), "low" if doubtful else None)
    text, sure, limit = INNOVATION[within], row.confidence, view.value_text(row.id)
    if second.status == "in_force":
        higher, only_second = view.value_text(second.id), bool(perhaps and not within)
        text, sure = (SECOND_READING if only_second else INNOVATION[perhaps]), second.confidence
        if within:
            sure = surest("medium", row.confidence, second.confidence)
        limit = Text(
            f"{limit.fr}, ou de {higher.fr} d'après des sources indirectes sur la loi 2026-403",
            f"{limit.en}, or {higher.en} according to indirect sources on loi 2026-403",
        )
    message = text.filled(limit=limit)
    return advice("INNOVATION_REVIEW", "info", row, message, (), "low" if doubtful else sure)


def _within_innovation(lot: LotFacts, group: Group, need_rule: str, view: InForce) -> bool | None:
    """Whether the values are within the limits, `need_rule` bounding the need; None where they are not known.

    The second reading has one amount for a need and for a lot of works.
    """
    need_bound = view.cents(need_rule)
    if group.total is not None and need_bound is not None and group.total < need_bound:
        return True
    of_works = "innovative_lot_works" if need_rule == "innovative_need" else need_rule
    bound = view.cents(of_works if group.works else "innovative_lot_supplies_services")
    share = view.number("innovative_lot_share")
    if bound is None or share is None:
        return None if group.total is None else False
    if lot.cents is not None and lot.cents >= bound:
        return False
    together = total_of(tuple(other for other in group.lots if other.lot.innovative))
    if group.total is None or together is None:
        return None
    return together * 100 <= group.total * share
