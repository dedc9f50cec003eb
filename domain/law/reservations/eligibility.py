"""A supplier's verdict for a reserved type at a date: by its approvals, the share of its workers, or its legal form.

Handicap and insertion are decided by an approval (EA, ESAT, EI, ACI…) and a share, work in prison by SEP and a share,
the social economy by legal form, declared quality or agreement.
"""

from datetime import date
from functools import lru_cache
from math import floor
from typing import Any, Literal

import msgspec

from domain.law.findings import Verdict, sentence, short_date, statements_of, verdict
from domain.law.rules import InForce, Rules
from domain.needs.need import RESERVED_TYPES, ContractKind, Reserved
from domain.shortlists.listed_suppliers import Outcome
from domain.suppliers.supplier import Approval, Kind, LegalForm, Shares
from domain.text.bilingual import NOTHING, Text, decimal

UNKNOWN_SHARES = Shares()


class ReservedType(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reserved type in `reserved_types.toml`, which says what each field means."""

    approvals: tuple[str, ...]
    proofs: tuple[str, ...]
    review: str | None = None
    share: str | None = None
    counted: Literal["disabled", "disadvantaged", "detained"] | None = None
    equivalent: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """The rules that name approvals which may decide, those to be judged case by case among them."""
        return (*self.approvals, self.review) if self.review else self.approvals


def reserved_types(view: InForce) -> dict[Reserved, ReservedType]:
    """The reserved types as the law of this view has them."""
    return view.law.table("reserved_types.toml", dict[Reserved, ReservedType])


def _with_share(view: InForce) -> dict[Reserved, str]:
    """The rule on the share of its workers that a supplier must reach, by the types that have one."""
    return {reserved: each.share for reserved, each in reserved_types(view).items() if each.share}


class LegalFacts(msgspec.Struct, frozen=True, cache_hash=True):
    """The facts of a supplier that decide its eligibility. `approvals`: null where unknown, empty where it has none."""

    approvals: tuple[Approval, ...] | None = None
    shares: Shares = Shares()
    in_prison: bool | None = None
    legal_form: LegalForm | None = None
    ess: bool | None = None


def current_and_lapsed(
    approvals: tuple[Approval, ...] | None, kinds: frozenset[str], on: date
) -> tuple[Approval | None, Approval | None]:
    """The approval of these kinds in force at `on` that ends last, and one that is not in force; None: no such one."""
    current: Approval | None = None
    lapsed: Approval | None = None
    for approval in approvals or ():
        if approval.kind not in kinds:
            continue
        if not is_in_force(approval, on):
            lapsed = approval
        elif current is None or (approval.valid_until or date.max) > (current.valid_until or date.max):
            current = approval
    return current, lapsed


def is_in_force(approval: Approval, on: date) -> bool:
    """Whether the approval is valid at `on`; bounds are inclusive, a null bound is open."""
    return (approval.valid_from or date.min) <= on <= (approval.valid_until or date.max)


def _judge(view: InForce, name: str, reserved: Reserved, /, **said: Any) -> Verdict:
    """The verdict of the statement `name`, with the proofs that it names."""
    missing = statements_of(view.law)[name].missing
    proofs = tuple(sentence(view, proof, **_share_in_words(reserved, view)) for proof in missing)
    return verdict(view, name, reserved, proofs, **said)


@lru_cache(maxsize=256)
def _share_in_words(reserved: Reserved, view: InForce) -> dict[str, Text | int]:
    """The share of its workers that a type wants, and whom it counts, to fill sentences in; empty where it has none."""
    rule = _with_share(view).get(reserved)
    if rule is None:
        return {}
    return {"minimum": view.present_or_later(rule), "workers": sentence(view, f"workers_{reserved}")}


def _judge_by_workers(reserved: Reserved, facts: LegalFacts, on: date, view: InForce) -> Verdict:
    """The verdict by the share of workers, then by the best approval: in force, else lapsed, under review or none."""
    of_type, approvals = reserved_types(view)[reserved], facts.approvals
    share = getattr(facts.shares, of_type.counted or "")
    if share is not None and share * 100 < _share_in_words(reserved, view)["minimum"]:
        return _judge_low_share(view, reserved, share)
    current, lapsed = current_and_lapsed(approvals, kinds_of(of_type.approvals, view), on)
    if current is not None:
        return _judge_current_approval(view, reserved, current.kind, _approval_in_words(view, current, on), share)
    if lapsed is not None:
        return _judge_lapsed_approval(view, reserved, lapsed, on)
    if reserved == "penitentiary":
        return _judge_without_sep(view, facts.in_prison, share)
    if approvals is None:
        return _judge(view, "approvals_unknown", reserved, rule=of_type.approvals[0])
    return _judge_other_approvals(reserved, share, approvals, on, view)


def _judge_other_approvals(
    reserved: Reserved, share: float | None, approvals: tuple[Approval, ...], on: date, view: InForce
) -> Verdict:
    """The verdict on a supplier with none of the approvals that the law names: perhaps an equivalent structure."""
    of_type = reserved_types(view)[reserved]
    doubtful = next(filter(None, current_and_lapsed(approvals, view.codes(of_type.review or ""), on)), None)
    if doubtful is not None:
        text, experiment = _approval_in_words(view, doubtful, on), view["eiti_experiment"]
        if doubtful.kind == "EITI" and experiment.status != "in_force" and experiment.valid_from is not None:
            text = sentence(view, "experiment_is_over", known=text)
        return _judge(view, "kind_review", reserved, rule=of_type.review, known=text)
    elsewhere, rule = deciding_kinds(tuple(_with_share(view)), view), of_type.approvals[0]
    kinds = ", ".join(sorted(kinds_of(of_type.approvals, view)))
    if share is not None:
        words = {"stated": _percent(share), "workers": _share_in_words(reserved, view)["workers"]}
        return _judge(view, "share_without_approval", reserved, rule=rule, kinds=kinds, **words)
    if any(held.kind not in elsewhere for held in approvals):
        held = ", ".join(dict.fromkeys(each.kind for each in approvals))
        return _judge(view, "other_approval", reserved, rule=rule, held=held)
    return _judge(view, "no_such_approval", reserved, rule=rule, kinds=kinds)


@lru_cache(maxsize=256)
def kinds_of(rules: tuple[str, ...], view: InForce) -> frozenset[str]:
    """The kinds of approval that these rules name, at this date or else the first named later."""
    return frozenset().union(*map(view.present_or_later, rules))


def _rule_naming_kind(kind: Kind, reserved: Reserved, view: InForce) -> str:
    """The id of the rule that names this kind of approval, else of the last rule of the reserved type."""
    rules = reserved_types(view)[reserved].approvals
    return next((rule for rule in rules if kind in view.codes(rule)), rules[-1])


@lru_cache(maxsize=16_384)
def _judge_current_approval(view: InForce, reserved: Reserved, kind: Kind, text: Text, share: float | None) -> Verdict:
    """An approval of the right kind in force, and SEP for prisons, is presumed to meet a share that is not known."""
    if kind in view.codes("kinds_staff_supply"):
        text = sentence(view, "staff_supply", known=text)
    rule, words = _rule_naming_kind(kind, reserved, view), _share_in_words(reserved, view)
    if share is not None:
        stated = _percent(share)
        return _judge(view, "share_stated", reserved, rule=rule, known=text, stated=stated, workers=words["workers"])
    sure = "low" if view[rule].confidence == "low" else view["share_presumption"].confidence
    proof = sentence(view, "share_proof", minimum=words["minimum"], workers=words["workers"])
    presumed = _judge(view, "share_presumed", reserved, rule=rule, sure=sure, known=text, proof=proof)
    return msgspec.structs.replace(presumed, rule="share_presumption")


@lru_cache(maxsize=4096)
def _judge_low_share(view: InForce, reserved: Reserved, share: float) -> Verdict:
    """A known share of the workers concerned below the minimum excludes the supplier, whatever its approvals."""
    # rounded down, so as not to look sufficient
    known, words = _percent(floor(share * 1000) / 1000), _share_in_words(reserved, view)
    return _judge(view, "share_too_low", reserved, rule=_with_share(view)[reserved], known=known, **words)


def _percent(share: float) -> Text:
    """A share (0 to 1) as a percentage without its sign, to one decimal where it has one."""
    digits = 0 if round(share * 1000) % 10 == 0 else 1
    return Text(decimal(share * 100, "fr", digits), decimal(share * 100, "en", digits))


def _until_day(view: InForce, end: date | None) -> Text:
    """The words for the end of an approval, " jusqu'au 22/12/2026"; empty where it has none."""
    return NOTHING if end is None else sentence(view, "until_day", day=short_date(end))


@lru_cache(maxsize=16_384)
def _approval_in_words(view: InForce, approval: Approval, on: date) -> Text:
    """The words for an approval: in force until a day, lapsed since a day, or in force from a day."""
    if is_in_force(approval, on):
        name = "implanted_in_prison" if approval.kind == "SEP" else "approval_in_force"
        return sentence(view, name, kind=approval.kind, until=_until_day(view, approval.valid_until))
    if approval.valid_until is not None and approval.valid_until < on:
        return sentence(view, "lapsed_since", kind=approval.kind, day=short_date(approval.valid_until))
    return sentence(view, "valid_from", kind=approval.kind, day=short_date(approval.valid_from or on))


def _judge_lapsed_approval(view: InForce, reserved: Reserved, approval: Approval, on: date) -> Verdict:
    """The verdict ELIGIBLE_IF for an approval that is not in force at `on`: a current one is to be shown."""
    rule, known = _rule_naming_kind(approval.kind, reserved, view), _approval_in_words(view, approval, on)
    return _judge(view, "approval_lapsed", reserved, rule=rule, known=known)


@lru_cache(maxsize=1024)
def _judge_without_sep(view: InForce, in_prison: bool | None, share: float | None) -> Verdict:
    """Without SEP, any operator (an EA, an EI…) that works inside a prison may answer if most workers are detainees."""
    if in_prison and share is not None:
        return _judge(view, "works_in_prison", "penitentiary", known=_percent(share))
    names = {None: "prison_unknown", False: "not_in_prison", True: "works_in_prison_share_to_prove"}
    return _judge(view, names[in_prison], "penitentiary")


def _judge_ess(facts: LegalFacts, on: date, view: InForce) -> Verdict:
    """The verdict for the ESS reservation: by legal form, else by declared quality, else by an ESUS agreement."""
    if facts.legal_form in view.codes("ess_legal_forms"):
        return _judge_ess_mission(view, "ess_legal_forms")
    if facts.legal_form in view.codes("not_ess_legal_forms"):
        return _judge(view, "public_body", "ess")
    current, lapsed = current_and_lapsed(facts.approvals, view.codes("ess_evidence_kinds"), on)
    if facts.ess:
        return _judge_ess_mission(view, "ess_mission")
    if current is not None:
        return _judge_ess_mission(view, "ess_evidence_kinds", current.valid_until)
    if lapsed is not None and facts.ess is None:
        return _judge_lapsed_approval(view, "ess", lapsed, on)
    return _judge(view, "ess_quality_unknown" if facts.ess is None else "not_ess", "ess")


@lru_cache(maxsize=1024)
def _judge_ess_mission(view: InForce, quality_rule: str, end: date | None = None) -> Verdict:
    """An ESS enterprise may answer if its aim is a public-service mission linked to the services of the lot."""
    found = sentence(view, f"because_{quality_rule}", until=_until_day(view, end))
    name = "ess_mission_to_prove" if quality_rule == "ess_legal_forms" else "ess_quality_and_mission_to_prove"
    sure = "low" if view[quality_rule].confidence == "low" else view["ess_mission"].confidence
    return _judge(view, name, "ess", sure=sure, found=found)


def eligibility(
    facts: LegalFacts, reserved: Reserved, on: date, rules: Rules, contract: ContractKind = "market"
) -> Verdict:
    """The supplier's verdict for one reserved type at `on`. Missing data is UNKNOWN, never INELIGIBLE.

    `contract` decides which articles are quoted, not the outcome. A lot's own findings do not change it.
    """
    return verdict_for_type(facts, reserved, on, rules.view(on, contract))


def verdict_for_type(facts: LegalFacts, reserved: Reserved, on: date, view: InForce) -> Verdict:
    """The supplier's verdict for one reserved type at `on`, by the rules of `view`."""
    return _judge_ess(facts, on, view) if reserved == "ess" else _judge_by_workers(reserved, facts, on, view)


def outcomes(facts: LegalFacts, on: date, rules: Rules) -> tuple[Outcome, ...]:
    """The outcome of the supplier's verdict at `on` for each of RESERVED_TYPES; cheaper than verdicts with words."""
    view = rules.view(on)
    alike = with_shares_as_0_or_100(facts, view)
    return tuple([verdict_for_type(alike, reserved, on, view).outcome for reserved in RESERVED_TYPES])


def with_shares_as_0_or_100(facts: LegalFacts, view: InForce) -> LegalFacts:
    """The facts with each known share of workers set to 100 % where it reaches the minimum, else to 0.

    The verdict's outcome stays the same, and far fewer distinct facts are judged; its words quote the true shares.
    """
    shares = facts.shares
    if shares == UNKNOWN_SHARES:
        return facts
    known = zip((shares.disabled, shares.disadvantaged, shares.detained), minimum_shares(view), strict=True)
    enough = Shares(*(share if share is None else float(share * 100 >= least) for share, least in known))
    return LegalFacts(facts.approvals, enough, facts.in_prison, facts.legal_form, facts.ess)


@lru_cache(maxsize=256)
def minimum_shares(view: InForce) -> tuple[int, int, int]:
    """The percentages of disabled, disadvantaged and detained workers that a supplier must reach."""
    disabled, disadvantaged, detained = map(view.present_or_later, _with_share(view).values())
    return disabled, disadvantaged, detained


@lru_cache(maxsize=256)
def deciding_kinds(reserved: frozenset[Reserved] | tuple[Reserved, ...], view: InForce) -> frozenset[str]:
    """The kinds of approval that may decide a verdict for one of these types."""
    return kinds_of(tuple(rule for kind in reserved for rule in reserved_types(view)[kind].kinds), view)
