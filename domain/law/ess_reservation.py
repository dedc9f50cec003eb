"""Findings on reserving a lot to ESS: listed services, three years at most, a contracting authority, a mission."""

from bisect import bisect_left
from functools import lru_cache

from domain.law.cpv_list import listing
from domain.law.findings import LegalFinding, finding, least_sure
from domain.law.lot_facts import LotObject, segment_is_outside
from domain.law.rule_registry import applies
from domain.law.rules import InForce
from domain.needs.need import BuyerKind
from domain.reference import taxonomy
from domain.shortlists.shortlist import Outcome
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
        message = Text(
            f"Le CPV {code} précise un code de la liste sans y figurer ; à apprécier selon le contenu réel",
            f"CPV {code} is narrower than a listed code without being listed; to be judged by the real content",
        )
        return finding("LISTED_DESCENDANT", "REVIEW", row, message)
    near = ", ".join(_nearest_listed(code, view.codes("ess_listed_cpv")))
    fr, en = f" (les plus proches : {near})" if near else "", f" (the nearest: {near})" if near else ""
    message = Text(
        f"Le CPV {code} n'est pas dans la liste de l'article 77 de la directive 2014/24, à comparer à l'avis annexé au "
        f"code ; choisir un autre type, à moins que le contenu réel ne soit celui d'un code de la liste{fr}",
        f"CPV {code} is not on the list of article 77 of directive 2014/24, to be compared with the notice annexed to "
        f"the code; choose another type, unless the real content is that of a listed code{en}",
    )
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
        message = Text(
            "Aucun code CPV de cette activité n'est dans la liste des services réservables à l'ESS ; "
            "indiquer le CPV principal",
            "No CPV code of this activity is on the list of services that may be reserved to the social economy; "
            "give the main CPV",
        )
        return finding("NOT_LISTED", "INELIGIBLE", row, message, "low")
    message = Text(
        "Sans CPV principal, on ne sait pas si le lot est dans la liste des services réservables à l'ESS ; l'indiquer",
        "Without a main CPV it is not known whether the lot is on the list of services that may be reserved; give it",
    )
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
    message = Text(
        f"Le lot comprend aussi {fr}, hors de la liste : la réservation ESS ne vaut que pour des services listés ; "
        "en faire un lot distinct, ou s'assurer que ce n'est qu'un accessoire",
        f"The lot also includes {en}, off the list: the social economy reservation covers listed services only; "
        "make it a separate lot, or make sure that it is only accessory",
    )
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
        message = Text(
            f"{known} mois, reconductions comprises : un marché réservé à l'ESS dure au plus {limit} mois",
            f"{known} months, renewals included: a contract reserved to the social economy lasts at most {limit}",
        )
        return finding("ESS_MAX_3Y", "INELIGIBLE", row, message)
    if months is None:
        message = Text(
            f"Durée non indiquée : un marché réservé à l'ESS dure au plus {limit} mois, reconductions comprises",
            f"Duration not given: a contract reserved to the social economy lasts at most {limit} months in all",
        )
        return finding("DURATION_UNKNOWN", "UNKNOWN", row, message)
    return None


@applies("ess_contracting_authority")
def _authority(status: bool | None, kind: BuyerKind | None, view: InForce) -> LegalFinding | None:
    """Only a contracting authority (pouvoir adjudicateur) may reserve to ESS (BUYER_NOT_POUVOIR_ADJUDICATEUR).

    The State and local authorities are; a utility may not be, and must say so; an undescribed buyer is not known.
    """
    row = view["ess_contracting_authority"]
    if status is False:
        message = Text(
            "L'acheteur n'est pas un pouvoir adjudicateur : lui seul, y compris lorsqu'il agit en tant qu'entité "
            "adjudicatrice, peut réserver à l'ESS ; choisir un autre type",
            "The buyer is not a contracting authority: only such a buyer, also where it acts as a utility, may reserve "
            "to the social economy; choose another type",
        )
        return finding("BUYER_NOT_POUVOIR_ADJUDICATEUR", "INELIGIBLE", row, message)
    if status or kind in {"state", "local"}:
        return None
    message = Text(
        "Préciser si l'acheteur est un pouvoir adjudicateur : lui seul, y compris lorsqu'il agit en tant qu'entité "
        "adjudicatrice, peut réserver à l'ESS",
        "Say whether the buyer is a contracting authority: only such a buyer, also where it acts as a utility, may "
        "reserve to the social economy",
    )
    return finding("BUYER_STATUS_UNKNOWN", "UNKNOWN", row, message)


def _mission(listed: bool, view: InForce) -> LegalFinding:
    """Suppliers must aim at a public-service mission linked to the services; doubtful where they are not listed."""
    message = Text(
        "Les services doivent relever d'une mission de service public, que les entreprises candidates ont pour but ; "
        "s'en assurer et demander leurs statuts",
        "The services must belong to a public-service mission, which the candidates must aim at; make sure of it "
        "and ask for their statutes",
    )
    outcome: Outcome = "ELIGIBLE_IF" if listed else "REVIEW"
    return finding("ESS_PUBLIC_SERVICE_MISSION", outcome, view["ess_mission"], message)
