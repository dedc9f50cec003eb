"""Advice on what a purchase is of: lawyers, canteens, staff to take over, innovation, transport, defence."""

from domain.law.findings import LegalAdvice, LegalFinding, advice, finding, sentence
from domain.law.procedures.lot_facts import LotFacts, LotObject, stated_total
from domain.law.procedures.need_value import total_of
from domain.law.procedures.procedure import is_defence
from domain.law.rules import InForce
from domain.needs.need import Need, Reserved
from domain.text.bilingual import Text, euros
from domain.text.labels import RESERVED


def advise_lawyers(bought: LotObject, view: InForce) -> LegalAdvice | None:
    """Legal services by a lawyer in or for proceedings are outside the rules of procedure (LAWYER_SERVICES)."""
    return advice(view, "lawyer_services") if bought.legal and view.holds("lawyer_services") else None


def advise_staff_transfer(bought: LotObject, view: InForce) -> LegalAdvice | None:
    """Cleaning, security or collective catering: the outgoing contractor's staff may have to be taken over."""
    concerned = view.holds("staff_transfer") and view.codes("staff_transfer_segments").intersection(bought.segments)
    return advice(view, "staff_transfer") if concerned else None


def advise_egalim(bought: LotObject, view: InForce) -> LegalAdvice | None:
    """Collective catering: its shares of quality, organic, and meat and fish products, of the year (EGALIM)."""
    shares = ("egalim_organic", "egalim_meat_fish")
    known = all(view.holds(rule) for rule in ("egalim_sustainable", *shares))
    if not known or not view.codes("egalim_segments").intersection(bought.segments):
        return None
    return advice(view, "egalim")


def advise_young_innovative(need: Need, lots: tuple[LotFacts, ...], view: InForce) -> LegalAdvice | None:
    """Lots of an innovative purchase may be reserved to young innovative companies (YOUNG_INNOVATIVE_COMPANIES)."""
    share, bound = view.number("reserved_young_innovative"), view["eu_state"].cents
    total = total_of(lots) if need.estimated_total_eur is None else stated_total(need)
    innovative = tuple(lot.lot.id for lot in lots if lot.lot.innovative)
    if need.contract == "concession" or len(lots) < 2 or not innovative or share is None:
        return None
    if total is None or bound is None or total >= bound:
        return None
    lots_named = () if len(innovative) == len(lots) else (innovative,)
    rests_on = ("eu_state",)
    return advice(view, "young_innovative", lots_named, rests_on=rests_on, most=euros(total * share // 100))


def _review_transport(bought: LotObject, reserved: frozenset[Reserved], view: InForce) -> LegalFinding | None:
    """Concessions of public passenger transport have no reservation (NOT_IN_TRANSPORT_CONCESSION)."""
    if not (reserved and bought.transport and view.holds("concession_transport_terms")):
        return None
    sure = view["concession_public_transport" if bought.public_transport else "concession_transport"].confidence
    return finding(view, "not_in_transport_concession", sure=sure)


def reservation_bars(
    need: Need, bought: LotObject, reserved: frozenset[Reserved], view: InForce
) -> tuple[LegalFinding, ...]:
    """The findings on reserving that are of the kind of contract: concessions of transport, contracts of defence."""
    transport = _review_transport(bought, reserved, view) if need.contract == "concession" else None
    return (*((transport,) if transport else ()), *_review_defence(need, reserved, view))


def advise_transport(lots: tuple[LotFacts, ...], view: InForce) -> LegalAdvice | None:
    """The advice that a concession of passenger transport lacks some duties (TRANSPORT_CONCESSION); None for others."""
    if not all(lot.object.transport for lot in lots) or not view.holds("concession_transport_terms"):
        return None
    public = all(lot.object.public_transport for lot in lots)
    rests_on = ("concession_public_transport" if public else "concession_transport",)
    return advice(view, "transport_concession", rests_on=rests_on)


def _review_defence(need: Need, reserved: frozenset[Reserved], view: InForce) -> tuple[LegalFinding, ...]:
    """A contract of defence or security may be reserved to handicap alone (NOT_IN_DEFENCE)."""
    if not is_defence(need) or not view.holds("reservation_defence"):
        return ()
    refused = [kind for kind in reserved if kind != "handicap"]
    return tuple(finding(view, "not_in_defence", name=RESERVED[kind].name) for kind in sorted(refused))


def advise_defence(need: Need, view: InForce) -> LegalAdvice | None:
    """Which rules on contracts of defence or security are judged here, and which are not (DEFENCE)."""
    if not is_defence(need):
        return None
    free = view.holds("defence_considerations")
    duties = sentence(view, "defence_without_duties") if free else Text("", "")
    innovative = any(lot.innovative for lot in need.lots) and view.holds("defence_innovative_need")
    below = sentence(view, "defence_innovation") if innovative else Text("", "")
    return advice(view, "defence", duties=duties, innovative=below)
