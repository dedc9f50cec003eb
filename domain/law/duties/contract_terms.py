"""Terms that a contract holds or may hold: specifications, small firms' share, advance, retention."""

from functools import lru_cache
from typing import NamedTuple

from domain.law.findings import (
    LegalAdvice,
    advice,
    applies,
    as_one_set,
    bracketed_lots,
    least_sure,
    listed_briefly,
    sentence,
)
from domain.law.procedures.lot_facts import LotFacts, cents_up
from domain.law.procedures.need_value import lot_value
from domain.law.rules import InForce
from domain.needs.need import BuyerKind, ContractKind, Need
from domain.shortlists.shortlist import Confidence, Severity
from domain.text.bilingual import AND, NOTHING, Text, join_texts


class FirmRates(NamedTuple):
    """The rules on a small or medium-sized firm's advance and retention, and the buyers that they bind."""

    advance: str
    retention: str
    buyers: Text


RATES: dict[BuyerKind, FirmRates] = {
    "state": FirmRates(
        "advance_rate_pme_state",
        "retention_rate_pme_state",
        sentence("state_itself"),
    ),
    "local": FirmRates(
        "advance_rate_pme_large",
        "retention_rate_pme_large",
        sentence("large_bodies"),
    ),
}


def review_terms(need: Need, lots: tuple[LotFacts, ...], direct: bool, view: InForce) -> list[LegalAdvice | None]:
    """The advice on the terms of the contract, for the need as a whole. `direct`: all of it is a direct award."""
    return [
        None if direct else sustainable_specifications(view),
        pme_share(need.contract, view),
        financial_terms(need, lots, direct, view),
    ]


@applies("sustainable_specifications")
@lru_cache(maxsize=64)
def sustainable_specifications(view: InForce) -> LegalAdvice | None:
    """Technical specifications take sustainable development into account from 2026-08-22 (SUSTAINABLE_SPECIFICATIONS).

    The duty has no amount. It is not said of direct awards, which are told of the environmental condition alone.
    """
    row = view["sustainable_specifications"]
    if row.status != "in_force":
        return None
    return advice("SUSTAINABLE_SPECIFICATIONS", "warning", row, sentence("sustainable_specifications"))


@applies("pme_share_concession")
@lru_cache(maxsize=64)
def pme_share(contract: ContractKind, view: InForce) -> LegalAdvice | None:
    """A concession may require a part to be given to small firms or third parties, of a minimum share (PME_SHARE)."""
    row = view["pme_share_concession"]
    if contract != "concession" or row.status != "in_force":
        return None
    return advice("PME_SHARE", "info", row, sentence("pme_share", share=view.value_text(row.id)))


@applies(
    "advance_amount",
    "advance_months",
    "advance_rate",
    "advance_rate_pme_state",
    "advance_rate_pme_large",
    "retention_rate",
    "retention_rate_pme_state",
    "retention_rate_pme_large",
    "large_body_expenses",
)
def financial_terms(need: Need, lots: tuple[LotFacts, ...], direct: bool, view: InForce) -> LegalAdvice | None:
    """Lots whose holder is due an advance, its minimum rate, and the most that may be retained (FINANCIAL_TERMS).

    For lots of known value and duration, above both bounds, of a market that is no framework agreement (whose advance
    depends on its minimum or on each order). The amount is that of the first duration. One that covers all, or the
    stated total of the only lot, counts renewals and options: a lot that passes only with them is to be checked. Some
    bodies are not bound (R2191-1); utilities are told nothing, for which of them are bound is not known here. Nor is
    which buyers have operating expenses above the amount: annual purchases are not these.
    """
    kind = need.buyer.kind if need.buyer else None
    if need.contract == "concession" or need.technique is not None or kind == "utility":
        return None
    bound, least = view.cents("advance_amount"), view.number("advance_months")
    if bound is None or least is None:
        return None
    long = {lot.lot.id: _initial_amount(need, lot) for lot in lots if (lot.lot.duration_months or 0) > least}
    above = tuple(lot_id for lot_id, (most, _) in long.items() if most > bound)
    renewed = tuple(lot_id for lot_id, (most, firm) in long.items() if most > bound >= firm)
    if not above:
        return None
    rates = ["advance_rate", "retention_rate"]
    rates += [rule for rule in RATES[kind][:2] if view.number(rule) is not None] if kind in RATES else []
    sure = least_sure(*map(view.__getitem__, ("advance_amount", "advance_months", *rates)), doubtful=renewed == above)
    names = above if len(lots) > 1 else ()
    some = _only_renewed(renewed, sure) if renewed and renewed != above else NOTHING
    message = sentence(
        "financial_terms",
        amount=view.value_text("advance_amount"),
        months=view.value_text("advance_months"),
        about=join_texts((bracketed_lots(names), some), NOTHING),
        advance=view.value_text("advance_rate"),
        retention=view.value_text("retention_rate"),
        article=view["retention_rate"].article,
        of_firms=_firm_rates(kind, view),
    )
    severity: Severity = "info" if direct else "warning"
    return advice("FINANCIAL_TERMS", severity, view["advance_amount"], message, as_one_set(names), sure)


def _initial_amount(need: Need, lot: LotFacts) -> tuple[int, float]:
    """The most and the least that the amount of a lot's first duration may be, in cents: both, where it covers all."""
    asked = lot.lot
    if lot.estimate and asked.value_covers == "firm":
        return lot.estimate.stated, lot.estimate.stated
    value, first = lot_value(need, lot) or 0, asked.duration_months or 0
    without_options = max(0, value - cents_up(asked.options_eur or 0))
    return value, without_options * first / (first + (asked.renewal_months or 0))


def _only_renewed(lots: tuple[str, ...], sure: Confidence) -> Text:
    """The lots among others that are above the amount with renewals or options only, which is to be checked."""
    check = NOTHING if sure == "low" else Text(", à vérifier", ", to be checked")
    names, fr, en = listed_briefly(lots), "les lots" if len(lots) > 1 else "le lot", "lots" if len(lots) > 1 else "lot"
    return sentence("only_with_renewals", lots=Text(fr, en), names=names, check=check)


@lru_cache(maxsize=64)
def _firm_rates(kind: BuyerKind | None, view: InForce) -> Text:
    """The rates of a small or medium-sized firm, and the buyers that they bind; nothing where there were none."""
    if kind is None:
        return sentence("firm_rates_unknown")
    rates = RATES[kind]
    parts = [
        sentence(name, rate=view.value_text(rule))
        for name, rule in (("firm_advance", rates.advance), ("firm_retention", rates.retention))
        if view.number(rule) is not None
    ]
    if not parts:
        return NOTHING
    buyers = rates.buyers.filled(amount=view.value_text("large_body_expenses"))
    return sentence("firm_rates", rates=join_texts(parts, Text(f" {AND.fr} ", f" {AND.en} ")), buyers=buyers)
