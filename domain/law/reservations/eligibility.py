"""A supplier's verdict for a reserved type at a date: by its approvals, the share of its workers, or its legal form.

Handicap and insertion are decided by an approval (EA, ESAT, EI, ACI…) and a share, work in prison by SEP and a share,
the social economy by legal form, declared quality or agreement.
"""

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from math import floor

import msgspec

from domain.law.findings import Verdict, applies, sentence, short_date, verdict
from domain.law.rules import InForce, Rules
from domain.needs.need import RESERVED_TYPES, ContractKind, Reserved
from domain.shortlists.listed_suppliers import Outcome
from domain.suppliers.supplier import Approval, Kind, LegalForm, Shares
from domain.text.bilingual import NOTHING, Text, decimal

KINDS: dict[Reserved, tuple[str, ...]] = {
    "handicap": ("kinds_handicap", "kinds_handicap_temporary_work"),
    "iae": ("kinds_iae",),
    "penitentiary": ("kinds_penitentiary",),
    "ess": ("ess_evidence_kinds",),
}
"""The rules that name the approvals by which the suppliers of a reserved type are known."""
UNDER_REVIEW: dict[Reserved, str] = {"handicap": "kinds_review_handicap", "iae": "kinds_review_iae"}
MINIMUM_SHARES: dict[Reserved, str] = {
    "handicap": "minimum_share_handicap",
    "iae": "minimum_share_iae",
    "penitentiary": "minimum_share_penitentiary",
}
"""The rules on the share of its workers that a supplier must reach; the sentences `workers_…` say whom it counts."""
UNKNOWN_SHARES = Shares()


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
    return (approval.valid_from is None or approval.valid_from <= on) and (
        approval.valid_until is None or on <= approval.valid_until
    )


@applies("kinds_handicap", "kinds_handicap_temporary_work")
def judge_handicap(facts: LegalFacts, on: date, view: InForce) -> Verdict:
    """Handicap: an EA, EATT or ESAT approval in force at the date, and at least the minimum share of disabled workers.

    Unknown approvals give UNKNOWN; a lapsed one ELIGIBLE_IF; none at all, or those of another circle alone, INELIGIBLE.
    Others say nothing of its workers, and a share that is enough may make it a "structure équivalente": REVIEW.
    """
    return _judge_by_approval("handicap", facts.shares.disabled, facts.approvals, on, view)


@applies("kinds_iae")
def judge_insertion(facts: LegalFacts, on: date, view: InForce) -> Verdict:
    """Insertion: an EI, ETTI, AI or ACI convention in force at the date, and enough disadvantaged workers.

    Unknown approvals give UNKNOWN; a lapsed one ELIGIBLE_IF; none at all, or those of another circle alone, INELIGIBLE.
    Others give REVIEW: an equivalent structure may prove its share of workers.
    """
    return _judge_by_approval("iae", facts.shares.disadvantaged, facts.approvals, on, view)


def _judge_by_approval(
    reserved: Reserved, share: float | None, approvals: tuple[Approval, ...] | None, on: date, view: InForce
) -> Verdict:
    """The verdict by the share of workers, then by the best approval: in force, else lapsed, under review or none."""
    if refused := refuse_low_share(reserved, share, view):
        return refused
    if approvals is None:
        return verdict(view, "approvals_unknown", reserved, _proofs(view, "current_approval"), rule=KINDS[reserved][0])
    current, lapsed = current_and_lapsed(approvals, _named_kinds(reserved, view), on)
    if current is not None:
        return _judge_current_approval(view, reserved, current.kind, _approval_in_words(view, current, on), share)
    if lapsed is not None:
        return _judge_lapsed_approval(view, reserved, lapsed, on)
    return _judge_other_approvals(reserved, share, approvals, on, view)


def _judge_other_approvals(
    reserved: Reserved, share: float | None, approvals: tuple[Approval, ...], on: date, view: InForce
) -> Verdict:
    """The verdict on a supplier that has none of the approvals that the law names for a type, by those that it has."""
    current, lapsed = current_and_lapsed(approvals, view.codes(UNDER_REVIEW[reserved]), on)
    if doubtful := current or lapsed:
        return _judge_kind_under_review(view, reserved, doubtful.kind, _approval_in_words(view, doubtful, on))
    elsewhere = deciding_kinds(tuple(MINIMUM_SHARES), view)
    if approvals and (share is not None or any(held.kind not in elsewhere for held in approvals)):
        proof, held = (_proof_of_share(reserved, view),), ", ".join(dict.fromkeys(each.kind for each in approvals))
        return verdict(view, "other_approval", reserved, proof, held=held)
    kinds = ", ".join(sorted(_named_kinds(reserved, view)))
    return verdict(view, "no_such_approval", reserved, rule=KINDS[reserved][0], kinds=kinds)


@lru_cache(maxsize=1024)
def _proofs(view: InForce, *names: str) -> tuple[Text, ...]:
    """The sentences with these names, each a proof to ask for."""
    return tuple(sentence(view, name) for name in names)


@lru_cache(maxsize=256)
def _named_kinds(reserved: Reserved, view: InForce) -> frozenset[str]:
    """The kinds of approval that the rules of `view` name for a reserved type, without those under review."""
    return frozenset().union(*map(view.codes, KINDS[reserved]))


def _rule_naming_kind(kind: Kind, reserved: Reserved, view: InForce) -> str:
    """The id of the rule that names this kind of approval, else of the last rule of the reserved type."""
    return next((rule for rule in KINDS[reserved] if kind in view.codes(rule)), KINDS[reserved][-1])


@applies("share_presumption", "kinds_staff_supply")
@lru_cache(maxsize=16_384)
def _judge_current_approval(view: InForce, reserved: Reserved, kind: Kind, text: Text, share: float | None) -> Verdict:
    """An approval of the right kind in force, and SEP for prisons, is presumed to meet a share that is not known.

    The verdict is ELIGIBLE either way (code PRESUMED_SHARE where presumed), and the end of the approval is announced.
    AI, ETTI and EATT supply staff: the message says so, because the object of the lot must suit.
    """
    if kind in view.codes("kinds_staff_supply"):
        text = sentence(view, "staff_supply", known=text)
    rule, workers = _rule_naming_kind(kind, reserved, view), sentence(view, f"workers_{reserved}")
    if share is not None:
        return verdict(view, "share_stated", reserved, rule=rule, known=text, stated=_percent(share), workers=workers)
    sure = "low" if view[rule].confidence == "low" else view["share_presumption"].confidence
    presumed = verdict(
        view, "share_presumed", reserved, rule=rule, sure=sure, known=text, proof=_proof_of_share(reserved, view)
    )
    return msgspec.structs.replace(presumed, rule="share_presumption")


@applies("kinds_review_handicap", "kinds_review_iae", "eiti_experiment")
@lru_cache(maxsize=4096)
def _judge_kind_under_review(view: InForce, reserved: Reserved, kind: Kind, text: Text) -> Verdict:
    """TIH (handicap), EITI and GEIQ (insertion) are not named by the article: a person must judge, lapsed or not.

    They may be "structures équivalentes" if they prove the minimum share. EITI is an experiment with a planned end. The
    end of the approval is announced.
    """
    experiment = view["eiti_experiment"]
    if kind == "EITI" and experiment.status != "in_force" and experiment.valid_from is not None:
        text = sentence(view, "experiment_is_over", known=text)
    proof = _proof_of_share(reserved, view)
    return verdict(view, "kind_review", reserved, (proof,), rule=UNDER_REVIEW[reserved], known=text)


@applies("minimum_share_handicap", "minimum_share_iae", "minimum_share_penitentiary")
def refuse_low_share(reserved: Reserved, share: float | None, view: InForce) -> Verdict | None:
    """A known share of the workers concerned below the minimum excludes the supplier, whatever its approvals.

    Exactly the minimum is enough. Only the category that counts is read: disabled workers for handicap, disadvantaged
    ones for insertion, detainees for penitentiary. The share for penitentiary was fixed some weeks after the type
    was created; suppliers are judged by it at any date, because what a date forbids is told on the lot.
    """
    if share is None or share * 100 >= view.present_or_later(MINIMUM_SHARES[reserved]):
        return None
    rule = MINIMUM_SHARES[reserved]
    minimum = view.present_or_later(rule)
    # rounded down, so as not to look sufficient
    known, workers = _percent(floor(share * 1000) / 1000), sentence(view, f"workers_{reserved}")
    return verdict(view, "share_too_low", reserved, rule=rule, known=known, workers=workers, minimum=minimum)


def _proof_of_share(reserved: Reserved, view: InForce) -> Text:
    """The sentence that asks a supplier to prove its share of the workers that a reserved type counts."""
    minimum, workers = view.present_or_later(MINIMUM_SHARES[reserved]), sentence(view, f"workers_{reserved}")
    return sentence(view, "share_proof", minimum=minimum, workers=workers)


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
        return sentence(view, "approval_in_force", kind=approval.kind, until=_until_day(view, approval.valid_until))
    if approval.valid_until is not None and approval.valid_until < on:
        return sentence(view, "lapsed_since", kind=approval.kind, day=short_date(approval.valid_until))
    return sentence(view, "valid_from", kind=approval.kind, day=short_date(approval.valid_from or on))


def _judge_lapsed_approval(view: InForce, reserved: Reserved, approval: Approval, on: date) -> Verdict:
    """The verdict ELIGIBLE_IF for an approval that is not in force at `on`: a current one is to be shown."""
    missing, rule = _proofs(view, "current_approval"), _rule_naming_kind(approval.kind, reserved, view)
    return verdict(view, "approval_lapsed", reserved, missing, rule=rule, known=_approval_in_words(view, approval, on))


@applies("kinds_penitentiary")
def judge_prison_work(facts: LegalFacts, on: date, view: InForce) -> Verdict:
    """Penitentiary: work executed inside a prison, with at least the minimum share of detainees among the workers.

    SEP in force proves the implantation, and the share is presumed where it is not known. SEP lapsed gives ELIGIBLE_IF,
    also beside `in_prison`: the dated evidence is followed. Suppliers are judged so at any date: that the type did not
    exist yet is told on the lot.
    """
    share = facts.shares.detained
    if refused := refuse_low_share("penitentiary", share, view):
        return refused
    current, lapsed = current_and_lapsed(facts.approvals, view.present_or_later("kinds_penitentiary"), on)
    if current is not None:
        known = sentence(view, "implanted_in_prison", until=_until_day(view, current.valid_until))
        return _judge_current_approval(view, "penitentiary", current.kind, known, share)
    if lapsed is not None:
        return _judge_lapsed_approval(view, "penitentiary", lapsed, on)
    return _judge_without_sep(view, facts.in_prison, share)


@applies("penitentiary_execution")
@lru_cache(maxsize=1024)
def _judge_without_sep(view: InForce, in_prison: bool | None, share: float | None) -> Verdict:
    """Without SEP, any operator (an EA, an EI…) that works inside a prison may answer if most workers are detainees.

    With a known sufficient share it is ELIGIBLE, with an unknown one ELIGIBLE_IF. Known not to work in a prison:
    INELIGIBLE, even with a high share, because day release outside does not count. Not known whether it does: UNKNOWN,
    also where its approvals are known and hold no SEP, for an approval of another kind says nothing of a workshop in a
    prison.
    """
    implantation = sentence(view, "implantation_proof")
    if in_prison is None:
        return verdict(view, "prison_unknown", "penitentiary", (implantation,))
    if not in_prison:
        return verdict(view, "not_in_prison", "penitentiary")
    if share is not None:
        return verdict(view, "works_in_prison", "penitentiary", known=_percent(share))
    missing = (implantation, _proof_of_share("penitentiary", view))
    return verdict(view, "works_in_prison_share_to_prove", "penitentiary", missing)


def judge_ess(facts: LegalFacts, on: date, view: InForce) -> Verdict:
    """The supplier's verdict for the ESS reservation: by legal form, else by ESS flag, else by an ESUS agreement."""
    return _judge_by_legal_form(facts.legal_form, view) or _judge_by_ess_quality(facts, on, view)


@applies("ess_legal_forms", "not_ess_legal_forms")
def _judge_by_legal_form(legal_form: LegalForm | None, view: InForce) -> Verdict | None:
    """Associations, cooperatives, mutuals and foundations are ESS by form; public bodies never are.

    Neither depends on the ESS flag. Other forms, and an unknown one, decide nothing: the quality must be known
    otherwise.
    """
    if legal_form in view.codes("ess_legal_forms"):
        return _verdict_if_mission(view, "ess_legal_forms")
    return verdict(view, "public_body", "ess") if legal_form in view.codes("not_ess_legal_forms") else None


@applies("ess_evidence_kinds")
def _judge_by_ess_quality(facts: LegalFacts, on: date, view: InForce) -> Verdict:
    """A declared ESS quality counts, and an ESUS agreement in force is evidence of it, also against the flag.

    Declared not to be ESS, without that evidence: INELIGIBLE. Not declared: a lapsed ESUS agreement gives ELIGIBLE_IF,
    nothing gives UNKNOWN.
    """
    current, lapsed = current_and_lapsed(facts.approvals, view.codes("ess_evidence_kinds"), on)
    if facts.ess:
        return _verdict_if_mission(view, "ess_mission")
    if current is not None:
        return _verdict_if_mission(view, "ess_evidence_kinds", current.valid_until)
    if facts.ess is False:
        return verdict(view, "not_ess", "ess")
    if lapsed is not None:
        return _judge_lapsed_approval(view, "ess", lapsed, on)
    missing = _proofs(view, "ess_quality_proof", "ess_mission_proof")
    return verdict(view, "ess_quality_unknown", "ess", missing)


@applies("ess_mission")
@lru_cache(maxsize=1024)
def _verdict_if_mission(view: InForce, quality_rule: str, end: date | None = None) -> Verdict:
    """An ESS enterprise may answer if its aim is a public-service mission linked to the services of the lot.

    No directory says so: the verdict is ELIGIBLE_IF, with the statutes to ask for, and the ESS quality itself to be
    proven where it is not given by the legal form.
    """
    found = sentence(view, f"because_{quality_rule}", until=_until_day(view, end))
    proofs = ("ess_mission_proof",) if quality_rule == "ess_legal_forms" else ("ess_quality_proof", "ess_mission_proof")
    sure = "low" if view[quality_rule].confidence == "low" else view["ess_mission"].confidence
    return verdict(view, "ess_mission_to_prove", "ess", _proofs(view, *proofs), sure=sure, found=found)


_VERDICTS: dict[Reserved, Callable[[LegalFacts, date, InForce], Verdict]] = {
    "handicap": judge_handicap,
    "iae": judge_insertion,
    "penitentiary": judge_prison_work,
    "ess": judge_ess,
}


def eligibility(
    facts: LegalFacts, reserved: Reserved, on: date, rules: Rules, contract: ContractKind = "market"
) -> Verdict:
    """The supplier's verdict for one reserved type at `on`. Missing data is UNKNOWN, never INELIGIBLE.

    `contract` decides which articles are quoted, not the outcome.
    A lot's own findings (a type not in force, a forbidden combination) do not change it. For a lot reserved to several
    types see `findings.best_verdict`.
    """
    return verdict_for_type(facts, reserved, on, rules.view(on, contract))


def verdict_for_type(facts: LegalFacts, reserved: Reserved, on: date, view: InForce) -> Verdict:
    """The supplier's verdict for one reserved type at `on`, by the rules of `view`."""
    return _VERDICTS[reserved](facts, on, view)


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
    disabled, disadvantaged, detained = map(view.present_or_later, MINIMUM_SHARES.values())
    return disabled, disadvantaged, detained


@lru_cache(maxsize=256)
def deciding_kinds(reserved: frozenset[Reserved] | tuple[Reserved, ...], view: InForce) -> frozenset[str]:
    """The kinds of approval that may decide a verdict for one of these types."""
    rules = [rule for kind in reserved for rule in (*KINDS[kind], UNDER_REVIEW.get(kind, KINDS[kind][0]))]
    return frozenset().union(*map(view.present_or_later, rules))
