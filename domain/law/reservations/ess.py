"""The ESS reservation: listed services, three years at most, a contracting authority, a mission.

Suppliers are eligible for it by legal form, declared quality or agreement.
"""

from bisect import bisect_left
from datetime import date
from functools import lru_cache

from domain.law.findings import LegalFinding, Verdict, applies, finding, least_sure, sentence, verdict
from domain.law.procedures.lot_facts import LotObject, segment_is_outside
from domain.law.reservations.supplier_facts import LegalFacts, lapsed_verdict, right_kinds, until_day
from domain.law.rules import InForce
from domain.needs.need import BuyerKind
from domain.reference import taxonomy
from domain.reference.cpv import listing
from domain.shortlists.shortlist import Outcome
from domain.suppliers.supplier import LegalForm
from domain.text.bilingual import Text


def review_ess_object(bought: LotObject, view: InForce) -> tuple[LegalFinding, ...]:
    """The findings on reserving to ESS that depend on what the lot buys."""
    return tuple(filter(None, (_listed(bought, view), _exclusive(bought, view))))


@lru_cache(maxsize=4096)
def review_ess_terms(
    months: int | None,
    renewal: int | None,
    authority: bool | None,
    buyer: BuyerKind | None,
    listed: bool,
    view: InForce,
) -> tuple[LegalFinding, ...]:
    """The findings on reserving to ESS that depend on the duration and the buyer, and the mission to be shown.

    `authority`: the buyer is a contracting authority; `listed`: the main CPV is on the list.
    """
    found = _duration(months, renewal, view), _authority(authority, buyer, view), _mission(listed, view)
    return tuple(filter(None, found))


@applies("ess_listed_cpv")
def _listed(bought: LotObject, view: InForce) -> LegalFinding | None:
    """The main CPV of the lot (the first one given) must be on the list of 115 codes, exactly.

    A narrower code than a listed one is to be judged (LISTED_DESCENDANT); any other is NOT_LISTED: the listed codes
    nearest to it are named, which fit only if they say what is really bought. Without CPV, a lot whose activities have
    no listed code at all is NOT_LISTED with doubt; otherwise the main CPV is asked for.
    """
    if bought.ess_listing == "listed":
        return None
    if not bought.cpv:
        return _no_cpv(bought.segments, view)
    return _off_the_list(bought.cpv[0], bought.ess_listing == "descendant", view)


@lru_cache(maxsize=4096)
def _off_the_list(code: str, descendant: bool, view: InForce) -> LegalFinding:
    row = view["ess_listed_cpv"]
    if descendant:
        message = sentence("ess_descendant", code=code)
        return finding("LISTED_DESCENDANT", "REVIEW", row, message)
    near = ", ".join(_nearest_listed(code, view.codes("ess_listed_cpv")))
    fr, en = f" (les plus proches : {near})" if near else "", f" (the nearest: {near})" if near else ""
    message = sentence("ess_not_listed", nearest=Text(fr, en), code=code)
    return finding("NOT_LISTED", "INELIGIBLE", row, message)


def _nearest_listed(code: str, listed: frozenset[str]) -> tuple[str, ...]:
    """The listed codes that share the most leading digits with `code`, at least its division; at most four."""
    codes = _in_order(listed)
    for kept in range(len(code) - 1, 1, -1):
        first = bisect_left(codes, code[:kept])
        if near := tuple(other for other in codes[first : first + 4] if other.startswith(code[:kept])):
            return near
    return ()


@lru_cache(maxsize=64)
def _in_order(listed: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(listed))


def _no_cpv(segments: tuple[str, ...], view: InForce) -> LegalFinding:
    row = view["ess_listed_cpv"]
    if segments and all(segment_is_outside(segment, view.codes("ess_listed_cpv")) for segment in segments):
        message = sentence("ess_activity_not_listed")
        return finding("NOT_LISTED", "INELIGIBLE", row, message, "low")
    message = sentence("ess_cpv_missing")
    return finding("CPV_MISSING", "UNKNOWN", row, message)


@applies("ess_exclusive")
def _exclusive(bought: LotObject, view: InForce) -> LegalFinding | None:
    """A lot reserved to ESS bears exclusively on listed services (NOT_EXCLUSIVE).

    An additional CPV that is not listed excludes the reservation, unless the lot names supporting activities, the
    code is narrower than a listed one, or only an activity beside the main CPV's is off the list: a person then judges
    whether it is accessory. Without CPV nothing is said.
    """
    if bought.ess_listing is None:
        return None
    listed = view.codes("ess_listed_cpv")
    others = {code: where for code in bought.cpv[1:] if (where := listing(code, listed)) != "listed"}
    outside = tuple(segment for segment in sorted(_accessory_segments(bought)) if segment_is_outside(segment, listed))
    if not others and not outside:
        return None
    refused = "unlisted" in others.values() and not bought.support
    labels = [taxonomy.load().label(segment) for segment in outside]
    fr = ", ".join((*others, *(f"« {label} »" for label in labels)))
    en = ", ".join((*others, *(f"“{label}”" for label in labels)))
    message = sentence("ess_not_exclusive", others=Text(fr, en))
    row = view["ess_exclusive"]
    sure = least_sure(row, view["ess_listed_cpv"])
    return finding("NOT_EXCLUSIVE", "INELIGIBLE" if refused else "REVIEW", row, message, sure)


def _accessory_segments(bought: LotObject) -> set[str]:
    """The activities asked for other than the main one: that of the main CPV if asked for, else the first one.

    Where the object is work integration itself, every other activity is accessory.
    """
    asked, of_cpv = bought.asked, set(taxonomy.load().of_cpv(bought.cpv[0]))
    main = of_cpv if bought.insertion else of_cpv.intersection(asked) or set(asked[:1])
    return {*asked, *bought.support} - main


@applies("ess_max_months")
def _duration(months: int | None, renewal: int | None, view: InForce) -> LegalFinding | None:
    """A contract reserved to ESS has a longest duration, renewals included (ESS_MAX_3Y); a month more is refused."""
    row, limit = view["ess_max_months"], view.number("ess_max_months")
    known = (months or 0) + (renewal or 0)
    if limit is None:
        return None
    if known > limit:
        message = sentence("ess_too_long", known=known, limit=limit)
        return finding("ESS_MAX_3Y", "INELIGIBLE", row, message)
    if months is None:
        message = sentence("ess_duration_unknown", limit=limit)
        return finding("DURATION_UNKNOWN", "UNKNOWN", row, message)
    return None


@applies("ess_contracting_authority")
def _authority(status: bool | None, kind: BuyerKind | None, view: InForce) -> LegalFinding | None:
    """Only a contracting authority (pouvoir adjudicateur) may reserve to ESS (BUYER_NOT_POUVOIR_ADJUDICATEUR).

    The State and local authorities are; a utility may not be, and must say so; an undescribed buyer is not known.
    """
    row = view["ess_contracting_authority"]
    if status is False:
        message = sentence("ess_no_authority")
        return finding("BUYER_NOT_POUVOIR_ADJUDICATEUR", "INELIGIBLE", row, message)
    if status or kind in {"state", "local"}:
        return None
    message = sentence("ess_authority_unknown")
    return finding("BUYER_STATUS_UNKNOWN", "UNKNOWN", row, message)


def _mission(listed: bool, view: InForce) -> LegalFinding:
    """Suppliers must aim at a public-service mission linked to the services; doubtful where they are not listed."""
    message = sentence("ess_mission")
    outcome: Outcome = "ELIGIBLE_IF" if listed else "REVIEW"
    return finding("ESS_PUBLIC_SERVICE_MISSION", outcome, view["ess_mission"], message)


MISSION = sentence("ess_mission_proof")
QUALITY = sentence("ess_quality_proof")


def ess(facts: LegalFacts, on: date, view: InForce) -> Verdict:
    """The supplier's verdict for the ESS reservation: by legal form, else by ESS flag, else by an ESUS agreement."""
    return _by_form(facts.legal_form, view) or _by_quality(facts, on, view)


@applies("ess_legal_forms", "not_ess_legal_forms")
def _by_form(legal_form: LegalForm | None, view: InForce) -> Verdict | None:
    """Associations, cooperatives, mutuals and foundations are ESS by form; public bodies never are.

    Neither depends on the ESS flag. Other forms, and an unknown one, decide nothing: the quality must be known
    otherwise.
    """
    if legal_form in view.codes("ess_legal_forms"):
        return _if_mission(view, "ess_legal_forms")
    if legal_form in view.codes("not_ess_legal_forms"):
        message = Text("Organisme public : l'ESS est de droit privé", "Public body: the social economy is private")
        return verdict(view["not_ess_legal_forms"], "ess", "INELIGIBLE", "NOT_ESS", message)
    return None


@applies("ess_evidence_kinds")
def _by_quality(facts: LegalFacts, on: date, view: InForce) -> Verdict:
    """A declared ESS quality counts, and an ESUS agreement in force is evidence of it, also against the flag.

    Declared not to be ESS, without that evidence: INELIGIBLE. Not declared: a lapsed ESUS agreement gives ELIGIBLE_IF,
    nothing gives UNKNOWN.
    """
    current, lapsed = right_kinds(facts.approvals, view.codes("ess_evidence_kinds"), on)
    if facts.ess:
        return _if_mission(view, "ess_mission")
    if current is not None:
        return _if_mission(view, "ess_evidence_kinds", current.valid_until)
    if facts.ess is False:
        message = Text("N'est pas une entreprise de l'ESS", "Not a social economy enterprise")
        return verdict(view["ess_legal_forms"], "ess", "INELIGIBLE", "NOT_ESS", message)
    if lapsed is not None:
        return lapsed_verdict(view, "ess", "ess_evidence_kinds", lapsed, on)
    message = Text("Qualité d'entreprise de l'ESS non connue", "Whether it is a social economy enterprise is not known")
    return verdict(view["ess_legal_forms"], "ess", "UNKNOWN", "DATA_MISSING", message, (QUALITY, MISSION))


@applies("ess_mission")
@lru_cache(maxsize=1024)
def _if_mission(view: InForce, because: str, end: date | None = None) -> Verdict:
    """An ESS enterprise may answer if its aim is a public-service mission linked to the services of the lot.

    No directory says so: the verdict is ELIGIBLE_IF, with the statutes to ask for, and the ESS quality itself to be
    proven where it is not given by the legal form.
    """
    found = {
        "ess_legal_forms": Text("Entreprise de l'ESS par sa forme juridique", "Social economy enterprise by its form"),
        "ess_evidence_kinds": sentence("esus_in_force", until=until_day(end)),
        "ess_mission": Text("Déclarée entreprise de l'ESS", "Declared to be a social economy enterprise"),
    }[because]
    message = sentence("ess_mission_to_prove", found=found)
    missing = (MISSION,) if because == "ess_legal_forms" else (QUALITY, MISSION)
    row = view["ess_mission"]
    sure = "low" if view[because].confidence == "low" else row.confidence
    return verdict(row, "ess", "ELIGIBLE_IF", "PROOF_MISSING", message, missing, sure)
