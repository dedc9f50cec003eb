"""The legal review of a need: its advice, and per lot the findings on each reservation it might have.

The reviews of two days are compared: what the day of its publication changes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from itertools import zip_longest
from typing import NamedTuple

import msgspec

from domain.computations import short_cache
from domain.law import duties
from domain.law.buyers import BuyerClass, class_of
from domain.law.findings import (
    ON_PROCEDURE,
    LegalAdvice,
    LegalFinding,
    LotReview,
    NeedReview,
    advice,
    advise_if_held,
    bracketed_lots,
    sentence,
    short_date,
    weakest,
    worst_outcome,
)
from domain.law.procedures import steps
from domain.law.procedures.lot_facts import KEPT, LONGEST_KEPT, LotFacts, LotObject, Understood, read_lot
from domain.law.procedures.need_value import advise_estimated_value, advise_total_below_lots
from domain.law.procedures.procedure import (
    Procedure,
    Procedures,
    advise_mixed_object,
    advise_on_procedure,
    determine_procedures,
    is_defence,
)
from domain.law.procedures.small_lots import advise_sets
from domain.law.reservations.reservation import (
    advise_proofs_of_type,
    review_ess_object,
    review_ess_terms,
    review_kind_of_contract,
    review_prison,
    review_types,
    type_rule,
)
from domain.law.rules import InForce, Rules
from domain.needs.need import Buyer, ContractKind, Lot, Need, Place, Reserved
from domain.reference import taxonomy
from domain.shortlists.listed_suppliers import Confidence
from domain.text.bilingual import NOTHING, Text, join_texts

TOGETHER: tuple[tuple[Reserved, ...], ...] = (("handicap",), ("iae",), ("handicap", "iae"), ("penitentiary",), ("ess",))
OPTIONS = {"_".join(types): frozenset(types) for types in TOGETHER}
"""The reservations a buyer may think of, by their key in `alternatives.reserved`."""

NOBODY = Buyer()
"""A buyer of whom nothing is known."""
SOMEWHERE = Place()
"""The site of a lot that has one, wherever it is."""
WORDED = "…"
"""The title of a lot that has words, whatever they are."""


def need_for_review(need: Need) -> Need:
    """The need with only the fields that rules read: needs that have these in common are reviewed alike."""
    return Need(
        lots=tuple(map(_lot_for_review, need.lots)),
        buyer=need.buyer and msgspec.structs.replace(need.buyer, name=None, siret=None),
        contract=need.contract,
        technique=need.technique,
        estimated_total_eur=need.estimated_total_eur,
    )


def _lot_for_review(lot: Lot) -> Lot:
    """A lot with only the fields that rules read, and with words where these alone may say whether it is works."""
    in_words = (lot.title or lot.keywords) and lot.nature is None and not lot.cpv
    title = WORDED if in_words and any(map(taxonomy.load().is_works, lot.segments)) else None
    site = SOMEWHERE if lot.site else None
    return msgspec.structs.replace(lot, title=title, site=site, keywords=(), territory=None, max_distance_km=None)


def review_need(need: Need, on: date, rules: Rules, objects: Mapping[str, Understood] | None = None) -> NeedReview:
    """The findings on every lot's reservation, the advice per lot and on the whole need, at `on`.

    `objects`: per lot id, what is understood as its object (from codes, CPV and words); without it the lots' own
    `segments` are used. CPV codes are taken as valid.
    """
    return review_reduced(need_for_review(need), on, rules, objects or {})


def review_reduced(need: Need, on: date, rules: Rules, objects: Mapping[str, Understood]) -> NeedReview:
    """The legal review of a need reduced by `need_for_review`, the same as `review_need` gives of the whole need."""
    view = rules.view(on, need.contract)
    lots = tuple(read_lot(lot, objects.get(lot.id) or Understood(lot.segments), view) for lot in need.lots)
    decided = determine_procedures(need, lots, view)
    defence, market = is_defence(need), need.contract == "market"
    sets, small = (None, {}) if defence else advise_sets(need, decided, view)
    whole = [advise_estimated_value(need, lots, view), advise_total_below_lots(need, lots, view)]
    for part in decided.parts:
        whole += advise_on_procedure(need, part, view)
        whole.append(None if defence and market else duties.advise_social_condition(need, part, view))
    whole += _advise_duties(need, lots, decided, sets, view)
    whole += [duties.advise_spaser(need.buyer, view), duties.advise_payment(need.buyer, view) if market else None]
    part_of = {lot.lot.id: part for part in decided.parts for lot in part.group.lots}
    reviews = {lot.lot.id: _review_lot(need, lot, part_of[lot.lot.id], small.get(lot.lot.id), on, view) for lot in lots}
    return NeedReview(reviews, tuple(filter(None, whole)))


def _advise_duties(
    need: Need, lots: tuple[LotFacts, ...], decided: Procedures, sets: LegalAdvice | None, view: InForce
) -> list[LegalAdvice | None]:
    """The advice on a whole need beside its procedure, in order; None in the place of what need not be said."""
    market, direct = need.contract == "market", decided.is_direct_award
    energy = (duties.advise_energy_sobriety(need, part, view) for part in decided.parts)
    if is_defence(need):
        return [duties.advise_defence(need, view), duties.advise_young_innovative(need, lots, view), *energy]
    transport = None if market else duties.advise_transport(lots, view)
    return [
        duties.advise_if_defence(need, lots, decided, view),
        *steps.advise_next_steps(need, decided, view),
        advise_mixed_object(decided, view),
        sets,
        transport,
        duties.advise_young_innovative(need, lots, view),
        *energy,
        None if transport else duties.advise_environmental_duties(need.contract, direct, view),
        duties.advise_allotment(need, direct, view),
        duties.advise_framework_duration(need, view) if market else None,
        None if transport or market else duties.advise_concession_duration(need, view),
        steps.advise_books(need, lots, decided, view) if market else None,
        steps.advise_yearly_list(need, decided, view) if market else None,
        steps.advise_essential_data(need, decided, view) if market else None,
        None if direct else advise_if_held("sustainable_specifications", view),
        None if transport or market else advise_if_held("pme_share", view),
        duties.advise_financial_terms(need, lots, direct, view),
    ]


def _review_lot(
    need: Need, lot: LotFacts, part: Procedure, small: LegalAdvice | None, on: date, view: InForce
) -> LotReview:
    """The findings and advice on one lot; `part`: its group's procedure; `small`: the advice on small lots, if any."""
    asked, contract, buyer = lot.lot, need.contract, need.buyer or NOBODY
    prison, of_object, on_object = _review_object(
        lot.object, asked.site is not None, contract, class_of(buyer, view), view
    )
    listed = lot.object.ess_listing == "listed"
    authority = class_of(buyer, view).authority if buyer.contracting_authority is None else buyer.contracting_authority
    terms = asked.duration_months, asked.renewal_months, authority
    ess = of_object + review_ess_terms(*terms, listed, view)
    kind = (None, is_defence(need)) if contract == "market" else (lot.object.transport, False)
    found = _review_reserving(asked.reserved or (), contract, (prison, ess), kind, on, view)
    findings, forbidden, doubtful = found
    outcome = worst_outcome(findings)
    proofs = advise_proofs_of_type(asked.reserved or (), outcome, contract, part.level == "direct", view)
    innovation = None if is_defence(need) else steps.advise_innovation(need, lot, part.group, view)
    on_lot = on_object + tuple(filter(None, (proofs, innovation, small)))
    return LotReview(findings, on_lot, forbidden, doubtful, outcome)


@short_cache(KEPT, LONGEST_KEPT, lambda bought, *_: bought.length)
def _review_object(
    bought: LotObject, has_site: bool, contract: ContractKind, buyer: BuyerClass, view: InForce
) -> tuple[tuple[LegalFinding, ...], tuple[LegalFinding, ...], tuple[LegalAdvice, ...]]:
    """The findings on reserving the object to prison work, those on reserving it to ESS, and other advice on it.

    All of these hold whatever the lot's value and duration are.
    """
    on_object = (
        # the supporting activity is only the means; it decides the procedure of markets alone
        advice(view, "object_is_insertion", sure=bought.nature_sure)
        if bought.insertion and contract == "market"
        else None,
        duties.advise_waste_permits(bought, view),
        duties.advise_reuse_quota(bought, buyer, view),
        *duties.advise_on_object(bought, contract, view),
    )
    return review_prison(bought, has_site, view), review_ess_object(bought, view), tuple(filter(None, on_object))


@lru_cache(maxsize=4096)
def _review_reserving(
    reserved: tuple[Reserved, ...],
    contract: ContractKind,
    own: tuple[tuple[LegalFinding, ...], tuple[LegalFinding, ...]],
    kind_of_contract: tuple[str | None, bool],
    on: date,
    view: InForce,
) -> tuple[tuple[LegalFinding, ...], dict[str, LegalFinding | None], frozenset[str]]:
    """The findings on a lot's reservation, then its `forbidden` and `doubtful` reservations, as in `LotReview`.

    `own`: the findings on the lot itself that the types penitentiary and ess meet, told for types that exist;
    `kind_of_contract`: as `review_kind_of_contract` takes it.
    """
    findings = review_types(frozenset(reserved), contract, on, view)
    missing = {found.rule for found in findings if found.code == "TYPE_NOT_IN_FORCE"}
    of_type: dict[str, tuple[LegalFinding, ...]] = {"penitentiary": own[0], "ess": own[1]}
    for kind in ("ess", "penitentiary"):
        if kind in reserved and type_rule(kind, contract) not in missing:
            findings += of_type[kind]
    findings += review_kind_of_contract(frozenset(reserved), *kind_of_contract, view)
    forbidden: dict[str, LegalFinding | None] = {}
    doubtful = []
    for option, types in OPTIONS.items():
        met = review_types(types, contract, on, view) + of_type.get(option, ())
        met += review_kind_of_contract(types, *kind_of_contract, view)
        forbidden[option] = next((each for each in met if each.bars), None)
        if forbidden[option] is None and any(found.outcome in {"UNKNOWN", "REVIEW"} for found in met):
            doubtful.append(option)
    return findings, forbidden, frozenset(doubtful)


LAW_CHANGES = "LAW_CHANGES"
ROOM, LONGEST, LEAD = 558, 102, 40
"""The characters of all changes that are quoted, of one quote, and of a quote before the first word that differs."""


class _Change(NamedTuple):
    """A statement that comes, leaves or changes between two days: `was` on the first, `now` on the second.

    A statement of one day alone has it in `now`. `confidence`: that of the second day, where it has the statement.
    `minor`: it is neither of procedure nor more than information, as (not of procedure, information): the sort key.
    """

    subject: str
    was: Text | None
    now: Text | None
    confidence: Confidence
    minor: tuple[bool, bool]


def advise_law_changes(
    before: NeedReview, after: NeedReview, on: date, planned: date, view: InForce
) -> LegalAdvice | None:
    """The law of the planned day of publication differs from that of the day of evaluation (LAW_CHANGES)."""
    said_of_need = _statements(before.advice), _statements(after.advice)
    lots_of: dict[_Change, list[str]] = {change: [] for change in _differences(*said_of_need, on, planned)}
    for lot_id, review in after.lots.items():
        was, now = before.lots[lot_id], review
        for change in _differences(_statements(was.advice, was), _statements(now.advice, now), on, planned):
            lots_of.setdefault(change, []).append(lot_id)
    if not lots_of:
        return None
    changes = sorted(lots_of, key=lambda change: change.minor)
    # of advice that the planned day does not have: its procedure needs it no more, or is not known
    is_open = any(each.code == "THRESHOLD_UNKNOWN" for each in after.advice)
    gone = sentence(view, "still_to_be_established" if is_open else "no_longer_to_be_noted")
    told: list[Text] = []
    for change in changes:
        about = bracketed_lots(() if len(lots := lots_of[change]) == len(after.lots) else tuple(lots))
        old, new = change.was or NOTHING, change.now or NOTHING
        name = "statement_comes" if not change.was else "statement_changes" if change.now else "statement_leaves"
        quotes = {"before": Text(*map(_quote_difference, old, new)), "after": Text(*map(_quote_difference, new, old))}
        said = sentence(view, name, where=about, gone=gone, **quotes)
        if told and max(map(len, join_texts((*told, said)))) > ROOM:
            break
        told.append(said)
    if more := len(changes) - len(told):
        told.append(sentence(view, "other_changes", left=more, many="s" if more > 1 else ""))
    sure = weakest(view["value_moment"].confidence, *(each.confidence for each in changes))
    name = "minor_law_changes" if all(changes[0].minor) else "law_changes"
    return advice(view, name, sure=sure, day=short_date(planned), today=short_date(on), listed=join_texts(told))


def _statements(given: Iterable[LegalAdvice], lot: LotReview | None = None) -> list[_Change]:
    """The advice of one day as statements to compare with another day's; all advice on procedure has one subject.

    Those on a lot have the findings on its actual and possible reservations besides.
    """
    found = []
    for each in given:
        subject = "procedure" if each.code in ON_PROCEDURE else each.code
        minor = subject == each.code, each.severity == "info"
        found.append(_Change(subject, None, each.message, each.confidence, minor))
    findings = dict.fromkeys((*lot.reservation, *filter(None, lot.forbidden.values()))) if lot else ()
    return found + [
        _Change(f"{each.code} {each.rule}", None, each.message, each.confidence, (True, False)) for each in findings
    ]


def _differences(before: Sequence[_Change], after: Sequence[_Change], on: date, planned: date) -> Iterator[_Change]:
    """The statements that differ between two days, paired by subject; a date alone is no difference."""
    if before == after:
        return
    said = {each.now for each in before} | {_with_other_day(each.now, on, planned) for each in before}
    says = {each.now for each in after}
    was = [each for each in before if says.isdisjoint((each.now, _with_other_day(each.now, on, planned)))]
    now = [each for each in after if each.now not in said]
    for subject in dict.fromkeys(each.subject for each in (*now, *was)):
        sides = ([each for each in side if each.subject == subject] for side in (was, now))
        for one, other in zip_longest(*sides):
            known = [side for side in (other, one) if side]
            minor = min(side.minor for side in known)
            yield _Change(subject, one and one.now, other and other.now, known[0].confidence, minor)


def _with_other_day(message: Text | None, on: date, planned: date) -> Text:
    """A message with the day `on` replaced by the day `planned`."""
    message = message or NOTHING
    before, after = short_date(on), short_date(planned)
    return Text(message.fr.replace(before.fr, after.fr), message.en.replace(before.en, after.en))


def _quote_difference(words: str, others: str) -> str:
    """A quote of `words` from shortly before their first difference from `others`, cut where long."""
    same = next((place for place, (one, other) in enumerate(zip(words, others, strict=False)) if one != other), 0)
    start = words.rfind(" ", 0, max(same - LEAD, 0)) + 1
    part = ("…" if start else "") + words[start:]
    return part if len(part) <= LONGEST else part[: part.rfind(" ", 0, LONGEST)].rstrip(" ,;:(«") + "…"
