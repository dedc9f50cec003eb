"""Direct awards beyond the general amount: what may be bought so, and what is published of them afterwards."""

from functools import lru_cache

from domain.law.citation import bracketed_lots
from domain.law.findings import LegalAdvice, advice, least_sure
from domain.law.lot_facts import LotFacts
from domain.law.need_value import groups, total_of
from domain.law.procedure import level
from domain.law.rule_registry import applies
from domain.law.rules import InForce
from domain.needs.need import Need
from domain.text.bilingual import Text

DIRECT_AWARD = "direct"


def review_direct_awards(need: Need, lots: tuple[LotFacts, ...], view: InForce) -> list[LegalAdvice | None]:
    """The advice on direct awards, for the need as a whole; concessions know none."""
    if need.contract == "concession":
        return []
    return [books(need, lots, view), yearly_list(need, lots, view)]


@applies("books_direct_award", "books_cpv")
def books(need: Need, lots: tuple[LotFacts, ...], view: InForce) -> LegalAdvice | None:
    """Books other than school books may be bought directly up to an amount of their own (BOOKS_DIRECT_AWARD).

    For the own needs of the State, local authorities and the other buyers that the book price act names, or for a
    library open to the public. Lots are such books by their main CPV code; together they are below the amount. Nothing
    is said to utilities, nor where the general amount of direct award is enough.
    """
    codes = view.codes("books_cpv")
    chosen = tuple(lot for lot in lots if lot.cpv and lot.cpv[0] in codes)
    bound = view.cents("books_direct_award")
    if not chosen or bound is None or (need.buyer and need.buyer.kind == "utility"):
        return None
    whole = groups(need, lots)
    value = whole[0].total if len(chosen) == len(lots) else total_of(chosen)
    direct = {lot.lot.id for group in whole if level(need, group, view) == DIRECT_AWARD for lot in group.lots}
    if value is None or value >= bound or direct.issuperset(lot.lot.id for lot in chosen):
        return None
    names = tuple(lot.lot.id for lot in chosen) if len(chosen) < len(lots) else ()
    return _books(names, any(group.doubtful for group in whole), view)


@lru_cache(maxsize=1024)
def _books(names: tuple[str, ...], doubtful: bool, view: InForce) -> LegalAdvice:
    row, about = view["books_direct_award"], bracketed_lots(names)
    amount = view.written(row.id)
    message = Text(
        f"Livres non scolaires pour moins de {amount.fr} HT{about.fr} : achat possible sans publicité ni mise en "
        "concurrence par les acheteurs que vise la loi sur le prix du livre, en tenant compte du maintien d'un réseau "
        "dense de détaillants",
        f"Books other than school books for less than {amount.en} excluding tax{about.en}: award without publicity or "
        "competition is possible for the buyers named by the book price act, minding that a dense network of retailers "
        "is kept",
    )
    sure = "low" if doubtful else least_sure(row, view["books_cpv"])
    return advice("BOOKS_DIRECT_AWARD", "info", row, message, (names,) if names else (), sure)


@applies("yearly_list_minimum", "yearly_list_limit")
def yearly_list(need: Need, lots: tuple[LotFacts, ...], view: InForce) -> LegalAdvice | None:
    """Direct awards from an amount on are published, at least in a list of the year (YEARLY_LIST).

    Each lot is a contract of its own. From the higher amount on, the essential data of any contract are due: not said
    here.
    """
    least, limit = view.cents("yearly_list_minimum"), view.cents("yearly_list_limit")
    if least is None or limit is None:
        return None
    names: list[str] = []
    for group in groups(need, lots):
        if level(need, group, view) == DIRECT_AWARD:
            single = group.total if len(lots) == 1 else None
            values = ((lot.lot.id, lot.cents if single is None else single) for lot in group.lots)
            names += [lot_id for lot_id, value in values if value is not None and least <= value < limit]
    return _yearly_list(tuple(names) if len(lots) > 1 else (), view) if names else None


@lru_cache(maxsize=1024)
def _yearly_list(names: tuple[str, ...], view: InForce) -> LegalAdvice:
    row, about = view["yearly_list_minimum"], bracketed_lots(names)
    amount = view.written(row.id)
    message = Text(
        f"Marché de {amount.fr} HT ou plus sans mise en concurrence{about.fr} : publier ses données essentielles, ou "
        "l'inscrire sur la liste à publier au premier trimestre de l'année suivante",
        f"Contract of {amount.en} excluding tax or more without competition{about.en}: publish its essential data, or "
        "put it on the list to be published in the first quarter of the next year",
    )
    sure = least_sure(row, view["yearly_list_limit"])
    return advice("YEARLY_LIST", "info", row, message, (names,) if names else (), sure)
