"""Reserving a lot: types and combinations by date, the object and terms that ESS and prison want, proofs to ask for."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from domain.law.findings import LegalAdvice, LegalFinding, advice, finding, sentence, short_date
from domain.law.procedures.lot_facts import LotObject
from domain.law.reservations.eligibility import reserved_types
from domain.law.rules import InForce
from domain.needs.need import RESERVED_TYPES, ContractKind, Reserved
from domain.reference import taxonomy
from domain.reference.cpv import listing
from domain.shortlists.listed_suppliers import Outcome
from domain.text.bilingual import NOTHING, OR, Text, join_texts, listed
from domain.text.labels import RESERVED

CONTRACTS: tuple[ContractKind, ...] = ("market", "concession")


def type_rule(kind: Reserved, contract: ContractKind) -> str:
    """The id of the rule by which a kind of contract may be reserved to this type."""
    return f"reserved_{kind}" if contract == "market" else f"concession_reserved_{kind}"


@lru_cache(maxsize=1024)
def review_types(
    reserved: frozenset[Reserved], contract: ContractKind, on: date, view: InForce
) -> tuple[LegalFinding, ...]:
    """The findings on reserving any lot to these types at `on`, whatever the lot buys."""
    wanted = [kind for kind in RESERVED_TYPES if kind in reserved]
    findings = [finding for kind in wanted if (finding := _check_type_in_force(kind, contract, on, view))]
    return (*findings, *(_check_combination(reserved, contract, view) if len(wanted) > 1 else ()))


def _check_type_in_force(kind: Reserved, contract: ContractKind, on: date, view: InForce) -> LegalFinding | None:
    """A type may be used only while the law provides it, for this kind of contract (TYPE_NOT_IN_FORCE)."""
    rule = type_rule(kind, contract)
    status, name, day = view[rule].status, RESERVED[kind].name, short_date(on)
    if status == "in_force":
        return None
    if status == "unknown":
        return finding(view, "type_not_established", rule=rule, name=name, day=day)
    return finding(view, "type_not_in_force", rule=rule, name=name, what=sentence(view, f"a_{contract}"), day=day)


def _check_combination(reserved: frozenset[Reserved], contract: ContractKind, view: InForce) -> Iterator[LegalFinding]:
    """Yield the findings on reserving to several types together (COMBINATION_FORBIDDEN): a concession never is.

    A market is to handicap with insertion since 2020-12-09, and never to work in prison, nor to ESS, with another type.
    """
    if contract == "concession":
        yield finding(view, "concession_combination_forbidden")
        return
    if "penitentiary" in reserved and view["combination_penitentiary"].status == "in_force":
        yield finding(view, "penitentiary_combination")
    if "ess" in reserved and not reserved <= {"ess", "penitentiary"}:
        yield finding(view, "ess_combination")
    both = view["combination_handicap_iae"]
    if reserved >= {"handicap", "iae"} and both.status == "in_force" and not both.value:
        yield finding(view, "handicap_iae_combination")


def review_prison(bought: LotObject, has_site: bool, view: InForce) -> tuple[LegalFinding, ...]:
    """The findings on reserving a lot to work in prison; `has_site`: whether it names a place of performance."""
    found = []
    # the type was usable before its minimum share was fixed by decree: between both dates a person must judge
    if view["minimum_share_penitentiary"].status != "in_force" and view.holds("reserved_penitentiary"):
        found.append(finding(view, "share_not_fixed"))
    on_site = view.codes("penitentiary_site_segments").intersection(bought.segments)
    all_on_site = on_site and on_site.issuperset(bought.segments) and not bought.supplies
    # works are performed on the buyer's site, hence outside; a declared site must be the prison's own address
    if bought.works:
        found.append(finding(view, "works_outside_prison", sure=bought.nature_sure))
    elif has_site and not all_on_site:
        found.append(finding(view, "place_of_performance_given"))
    # nor are services on the buyer's or user's premises, wherever these are
    if all_on_site:
        name = "services_at_the_place_given" if has_site else "services_on_premises"
        found.append(finding(view, name, sure=bought.sure))
    elif on_site or not view.codes("penitentiary_doubtful_segments").isdisjoint(bought.segments):
        found.append(finding(view, "services_partly_on_premises", sure=bought.sure))
    return tuple(found)


def review_kind_of_contract(
    reserved: frozenset[Reserved], transport: str | None, defence: bool, view: InForce
) -> tuple[LegalFinding, ...]:
    """The findings on reserving that are of the kind of contract: concessions of transport, contracts of defence.

    `transport`: the rule that names the object of a concession as passenger transport.
    """
    found = []
    if transport and reserved and view.holds("concession_transport_terms"):
        found.append(finding(view, "not_in_transport_concession", sure=view[transport].confidence))
    if defence and view.holds("reservation_defence"):
        refused = sorted(reserved - {"handicap"})
        found += [finding(view, "not_in_defence", name=RESERVED[kind].name) for kind in refused]
    return tuple(found)


def review_ess_object(bought: LotObject, view: InForce) -> tuple[LegalFinding, ...]:
    """The findings on reserving to ESS that depend on what the lot buys."""
    return tuple(filter(None, (_check_ess_listing(bought, view), _check_exclusive_object(bought, view))))


@lru_cache(maxsize=4096)
def review_ess_terms(
    months: int | None, renewal: int | None, authority: bool | None, is_listed: bool, view: InForce
) -> tuple[LegalFinding, ...]:
    """The findings on reserving to ESS that depend on the duration and the buyer, and the mission to be shown.

    `authority`: the buyer is a contracting authority; `is_listed`: the main CPV is on the list. Suppliers must aim
    at a public-service mission linked to the services; doubtful where these are not listed.
    """
    limit, known = view.number("ess_max_months"), (months or 0) + (renewal or 0)
    found = []
    if limit is not None and known > limit:
        found.append(finding(view, "ess_too_long", known=known))
    elif limit is not None and months is None:
        found.append(finding(view, "ess_duration_unknown"))
    if not authority:
        found.append(finding(view, "ess_authority_unknown" if authority is None else "ess_no_authority"))
    return (*found, finding(view, "ess_mission_wanted", outcome="ELIGIBLE_IF" if is_listed else "REVIEW"))


def _check_ess_listing(bought: LotObject, view: InForce) -> LegalFinding | None:
    """The main CPV of the lot (the first one given) must be on the list of 115 codes, exactly."""
    if bought.ess_listing == "listed":
        return None
    codes = view.codes("ess_listed_cpv")
    if bought.ess_listing == "descendant":
        return finding(view, "ess_descendant", code=bought.cpv[0])
    if bought.cpv:
        near = ", ".join(_nearest_listed(bought.cpv[0], codes))
        nearest = sentence(view, "ess_nearest", near=near) if near else NOTHING
        return finding(view, "ess_not_listed", code=bought.cpv[0], nearest=nearest)
    if bought.segments and all(_is_unlisted(segment, codes) for segment in bought.segments):
        return finding(view, "ess_activity_not_listed", sure="low")
    return finding(view, "ess_cpv_missing")


@lru_cache(maxsize=512)
def _is_unlisted(segment: str, listed: frozenset[str]) -> bool:
    """Whether no listed code begins with a CPV prefix of a segment or family; False where that has no prefix."""
    prefixes = taxonomy.load().cpv_prefixes(segment)
    return bool(prefixes) and not any(code.startswith(prefixes) for code in listed)


@lru_cache(maxsize=4096)
def _nearest_listed(code: str, listed: frozenset[str]) -> tuple[str, ...]:
    """At most four listed codes that share the most leading digits with `code`; () where none shares the first two."""
    codes = sorted(listed)
    for kept in range(len(code) - 1, 1, -1):
        first = bisect_left(codes, code[:kept])
        if near := tuple(other for other in codes[first : first + 4] if other.startswith(code[:kept])):
            return near
    return ()


def _check_exclusive_object(bought: LotObject, view: InForce) -> LegalFinding | None:
    """A lot reserved to ESS bears exclusively on listed services (NOT_EXCLUSIVE)."""
    if bought.ess_listing is None:
        return None
    codes = view.codes("ess_listed_cpv")
    others = {code: where for code in bought.cpv[1:] if (where := listing(code, codes)) != "listed"}
    # the main activity is that of the main CPV if asked for, else the first one; of work integration, all are accessory
    asked, of_cpv = bought.asked, set(taxonomy.load().of_cpv(bought.cpv[0]))
    main = of_cpv if bought.insertion else of_cpv.intersection(asked) or set(asked[:1])
    accessory = sorted({*asked, *bought.support} - main)
    outside = [segment for segment in accessory if _is_unlisted(segment, codes)]
    if not others and not outside:
        return None
    labels = [taxonomy.load().label(segment) for segment in outside]
    fr = ", ".join((*others, *(f"« {label} »" for label in labels)))
    en = ", ".join((*others, *(f"“{label}”" for label in labels)))
    refused = "unlisted" in others.values() and not bought.support
    return finding(view, "ess_not_exclusive", outcome="INELIGIBLE" if refused else "REVIEW", others=Text(fr, en))


@lru_cache(maxsize=256)
def advise_proofs_of_type(
    reserved: tuple[Reserved, ...], outcome: Outcome, contract: ContractKind, is_direct_award: bool, view: InForce
) -> LegalAdvice | None:
    """The proofs to ask of whoever answers a reserved lot, by type, as they are known at the date (RESERVED_PROOFS)."""
    if not reserved:
        return None
    types = {kind: each for kind, each in reserved_types(view).items() if kind in reserved}
    known = [rule for kind in RESERVED_TYPES if kind in types for rule in types[kind].proofs if view.holds(rule)]
    if not known or view["proofs_announced"].status != "in_force" or outcome == "INELIGIBLE":
        return None
    shares = {kind: each.share or "" for kind, each in types.items() if each.equivalent}
    known_shares = {kind: rule for kind, rule in shares.items() if view.holds(rule)}
    equivalent = known_shares if view.holds("equivalent_structures") else {}
    # what structures without approval prove: types that ask for the same share of workers are told together
    workers: dict[Text, list[Text]] = {}
    for kind, rule in equivalent.items():
        workers.setdefault(view[rule].value_text, []).append(sentence(view, f"disadvantage_{kind}"))
    proofs = [sentence(view, rule) for rule in known]
    for share, names in workers.items():
        fr, en = (listed(side, OR) for side in zip(*names, strict=True))
        proofs.append(sentence(view, "share_of_workers", workers=Text(fr.fr, en.en), share=share))
    announced = "reservation_announced_ess" if reserved == ("ess",) else "reservation_announced"
    where = "to_be_announced_to_ess" if reserved == ("ess",) else "to_be_announced"
    where = where if contract == "market" else "to_be_announced_in_concession"
    quoted, structures = not is_direct_award and view.holds(announced), ["equivalent_structures", *equivalent.values()]
    return advice(
        view,
        "reserved_proofs",
        rests_on=(*known, *([announced] if quoted else []), *(structures if equivalent else [])),
        proofs=join_texts(proofs),
        where=NOTHING if is_direct_award else sentence(view, where),
        article=f" ({view[announced].article})" if quoted else "",
        of_what=sentence(view, f"of_{contract}"),
    )
