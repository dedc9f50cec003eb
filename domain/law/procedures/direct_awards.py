"""Direct awards beyond the general amount: what may be bought so, and what is published of them afterwards.

Innovative purchases: whether a lot is within the limits of an award without competition.
"""

from domain.law.findings import SURENESS, LegalAdvice, advice, applies, bracketed_lots, sentence
from domain.law.procedures.lot_facts import LotFacts
from domain.law.procedures.need_value import Group, lot_value, total_of
from domain.law.procedures.procedure import Decisions
from domain.law.rules import InForce
from domain.needs.need import Need
from domain.text.bilingual import join_texts


@applies("books_direct_award", "books_cpv")
def books(need: Need, lots: tuple[LotFacts, ...], decided: Decisions, view: InForce) -> LegalAdvice | None:
    """Books other than school books may be bought directly up to an amount of their own (BOOKS_DIRECT_AWARD).

    For the own needs of the State, local authorities and the other buyers that the book price act names, or for a
    library open to the public. Lots are such books by their main CPV code; together they are below the amount. Nothing
    is said to utilities, nor where the general amount of direct award is enough.
    """
    codes = view.codes("books_cpv")
    chosen = tuple([lot for lot in lots if lot.object.cpv and lot.object.cpv[0] in codes])
    bound = view["books_direct_award"].cents
    if not chosen or bound is None or (need.buyer and need.buyer.kind == "utility"):
        return None
    ids = tuple(lot.lot.id for lot in chosen)
    value = decided.parts[0].group.total if len(chosen) == len(lots) else total_of(chosen)
    direct = {lot_id for part in decided.parts if part.level == "direct" for lot_id in part.group.ids}
    if value is None or value >= bound or direct.issuperset(ids):
        return None
    names = ids if len(chosen) < len(lots) else ()
    doubtful = any(part.group.doubtful for part in decided.parts)
    return advice(view, "books_direct_award", (names,) if names else (), doubtful=doubtful, about=bracketed_lots(names))


@applies("yearly_list_minimum", "yearly_list_limit", "award_data")
def yearly_list(need: Need, decided: Decisions, view: InForce) -> LegalAdvice | None:
    """Direct awards from an amount on are published, at least in a list of the year (YEARLY_LIST).

    Each lot is a contract of its own. From the higher amount on, the list is not enough: the essential data of any
    contract are due.
    """
    least, limit = view["yearly_list_minimum"].cents, view["yearly_list_limit"].cents
    data = view["award_data"].cents
    if least is None or limit is None or data is None:
        return None
    direct = [lot for part in decided.parts if part.level == "direct" for lot in part.group.lots]
    values = [(lot.lot.id, lot_value(need, lot) or 0) for lot in direct]
    listed = tuple([lot_id for lot_id, value in values if least <= value < limit])
    published = tuple([lot_id for lot_id, value in values if value >= data])
    if not listed and not published:
        return None
    uses = {"yearly_list": listed, "essential_data": published}
    several = len(need.lots) > 1
    parts = [sentence(view, name, about=bracketed_lots(lots if several else ())) for name, lots in uses.items() if lots]
    first = "yearly_list" if listed else "essential_data"
    rests_on = ("award_data",) if published else ()
    names = ((*listed, *published),) if several else ()
    return advice(view, first, names, rests_on=rests_on, message=join_texts(parts).capitalised())


# by whether the values are within the limits, null where they are not known
INNOVATION = {True: "innovation_within", False: "innovation_beyond", None: "innovation_of_unknown_value"}


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
    row, second = view["innovative_need"], view["innovative_need_simplification"]
    if row.status != "in_force":
        return advice(view, "innovation_unknown", doubtful=group.doubtful)
    within = _within_innovation(lot, group, row.id, view)
    name, sure, limit = INNOVATION[within], row.confidence, row.value_text
    if second.status == "in_force":
        perhaps = _within_innovation(lot, group, second.id, view)
        name, sure = ("innovation_second_reading" if perhaps and not within else INNOVATION[perhaps]), second.confidence
        if within:
            sure = max("medium", row.confidence, second.confidence, key=SURENESS.index)
        limit = sentence(view, "innovation_limits")
    return advice(view, name, sure=sure, doubtful=group.doubtful, limit=limit)


def _within_innovation(lot: LotFacts, group: Group, need_rule: str, view: InForce) -> bool | None:
    """Whether lot and need are within the limits of innovative purchases (`need_rule`: the need's); None: not known.

    The second reading has one amount for a need and for a lot of works.
    """
    need_bound = view[need_rule].cents
    if group.total is not None and need_bound is not None and group.total < need_bound:
        return True
    of_works = "innovative_lot_works" if need_rule == "innovative_need" else need_rule
    bound = view[of_works if group.works else "innovative_lot_supplies_services"].cents
    share = view.number("innovative_lot_share")
    if bound is None or share is None:
        return None if group.total is None else False
    if lot.cents is not None and lot.cents >= bound:
        return False
    together = total_of(tuple(other for other in group.lots if other.lot.innovative))
    if group.total is None or together is None:
        return None
    return together * 100 <= group.total * share
