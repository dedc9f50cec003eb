"""The value of a need: all lots added up, works apart from supplies and services, in cents."""

import msgspec

from domain.law.citation import euros, listed
from domain.law.findings import LegalAdvice, advice
from domain.law.lots import LotFacts
from domain.law.registry import applies
from domain.law.rules import InForce, cents
from domain.need import Need
from domain.wording import Text


class Group(msgspec.Struct, frozen=True):
    """Lots whose values are added before a threshold is looked at. `total` null: not known.

    `alone`: the group is the whole need. `assumed`: the nature of some lot is not known, and the lower thresholds of
    supplies and services are applied. `social`: the lots that are a listed social or other specific service.
    """

    works: bool
    lots: tuple[LotFacts, ...]
    total: int | None
    alone: bool
    assumed: bool
    social: tuple[LotFacts, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(lot.lot.id for lot in self.lots)


def groups(need: Need, lots: tuple[LotFacts, ...]) -> tuple[Group, ...]:
    """The lots of a need, in one group, or in two where some are works and others not.

    `estimated_total_eur` is the total where it is given. With two groups it can only be divided by the lots' values:
    what it has beyond them (renewals…) is added to both, so that no threshold is lowered; where a lot has no value,
    everything is one group under the lower thresholds.
    """
    sides = {bool(lot.works) for lot in lots}
    stated = None if need.estimated_total_eur is None else cents(need.estimated_total_eur)
    summed = total_of(lots)
    if len(sides) == 1 or (summed is None and stated is not None):
        return (_group(sides == {True}, lots, summed if stated is None else stated, True),)
    works = tuple(lot for lot in lots if lot.works)
    others = tuple(lot for lot in lots if not lot.works)
    beyond = max(0, stated - summed) if stated is not None and summed is not None else 0
    return tuple(
        _group(side, members, None if (part := total_of(members)) is None else part + beyond, False)
        for side, members in ((False, others), (True, works))
    )


def _group(works: bool, lots: tuple[LotFacts, ...], total: int | None, alone: bool) -> Group:
    social = () if works else tuple(lot for lot in lots if lot.insertion or lot.listed == "listed")
    return Group(works, lots, total, alone, any(lot.works is None for lot in lots), social)


def total_of(lots: tuple[LotFacts, ...]) -> int | None:
    """The sum of the lots' values in cents; None where one of them is not known."""
    total = 0
    for lot in lots:
        if lot.cents is None:
            return None
        total += lot.cents
    return total


@applies("value_over_lifetime")
def value_unknown(need: Need, group: Group, view: InForce) -> LegalAdvice | None:
    """No verdict on procedure where a value is unknown (VALUE_UNKNOWN); `estimated_total_eur` is enough.

    For a framework agreement or a dynamic purchasing system it is the maximum of all contracts over the whole life.
    """
    if group.total is not None:
        return None
    lacking = tuple(lot.lot.id for lot in group.lots if lot.cents is None)
    missing, many = listed(lacking), "s" if len(lacking) > 1 else ""
    life = need.technique is not None
    row = view["value_over_lifetime" if life else "value_of_all_lots"]
    end = Text(
        " ; indiquer le maximum estimé de tous les marchés sur toute sa durée"
        if life
        else " ; indiquer l'estimation totale",
        "; give the estimated maximum of all contracts over its whole life" if life else "; give the estimated total",
    )
    message = Text(
        f"Valeur inconnue (lot{many} {missing.fr}) : pas d'avis sur la procédure{end.fr}",
        f"Value unknown (lot{many} {missing.en}): no advice on the procedure{end.en}",
    )
    return advice("VALUE_UNKNOWN", "info", row, message, () if group.alone else (group.ids,))


@applies("value_of_all_lots")
def total_below_lots(need: Need, lots: tuple[LotFacts, ...], view: InForce) -> LegalAdvice | None:
    """The stated total counts all lots, renewals included: it cannot be less than the lots' own values.

    All lots are added before a threshold is looked at, so splitting a need never lowers a threshold.
    """
    if need.estimated_total_eur is None:
        return None
    known = sum(lot.cents or 0 for lot in lots)
    if cents(need.estimated_total_eur) >= known:
        return None
    stated, summed = euros(cents(need.estimated_total_eur)), euros(known)
    message = Text(
        f"Le total estimé ({stated.fr}) est inférieur à la somme des lots ({summed.fr}) : à corriger, "
        "car la valeur d'un besoin compte tous ses lots",
        f"The estimated total ({stated.en}) is less than the sum of the lots ({summed.en}): to be corrected, "
        "for the value of a need counts all its lots",
    )
    return advice("TOTAL_BELOW_LOTS", "warning", view["value_of_all_lots"], message)
