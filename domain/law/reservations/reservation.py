"""Rules on reserving a lot: types and combinations by date, for markets and concessions.

Advice on a reserved lot: the proofs to announce and to ask for, and what the contract should settle.
"""

from datetime import date
from functools import lru_cache

from domain.law.findings import LegalAdvice, LegalFinding, advice, applies, days, finding, least_sure, sentence
from domain.law.rules import InForce
from domain.needs.need import RESERVED_TYPES, ContractKind, Reserved
from domain.shortlists.shortlist import Outcome
from domain.text.bilingual import NOTHING, OR, Text, join_texts, listed
from domain.text.labels import RESERVED

CONTRACTS: tuple[ContractKind, ...] = ("market", "concession")


def type_rule(kind: Reserved, contract: ContractKind) -> str:
    """The rule that provides a type for a kind of contract."""
    return f"reserved_{kind}" if contract == "market" else f"concession_reserved_{kind}"


@lru_cache(maxsize=1024)
def review_types(
    reserved: frozenset[Reserved], contract: ContractKind, on: date, view: InForce
) -> tuple[LegalFinding, ...]:
    """The findings that depend on the types and the date only, whatever the lot."""
    wanted = [kind for kind in RESERVED_TYPES if kind in reserved]
    findings = [finding for kind in wanted if (finding := _type_not_in_force(kind, contract, on, view))]
    if len(wanted) > 1 and contract == "concession":
        findings.append(_concession_combination(view))
    elif len(wanted) > 1:
        rules = (_penitentiary_combination, _ess_combination, _handicap_iae_combination)
        findings += [found for rule in rules if (found := rule(reserved, view))]
    return tuple(findings)


@applies(*(type_rule(kind, contract) for contract in CONTRACTS for kind in RESERVED_TYPES))
def _type_not_in_force(kind: Reserved, contract: ContractKind, on: date, view: InForce) -> LegalFinding | None:
    """A type may be used only while the law provides it, for this kind of contract (TYPE_NOT_IN_FORCE).

    The penitentiary type exists from 2022-10-21; concessions have no ESS reservation. Dates before the law was read
    through here give a finding to review, not a refusal.
    """
    row = view[type_rule(kind, contract)]
    if row.status == "in_force":
        return None
    name = RESERVED[kind].name
    if row.status == "unknown":
        message = sentence("type_not_established", name=name, day=days(on))
        return finding("TYPE_NOT_ESTABLISHED", "REVIEW", row, message)
    what = Text("un marché", "a market") if contract == "market" else Text("une concession", "a concession")
    message = sentence("type_not_in_force", name=name, what=what, day=days(on))
    return finding("TYPE_NOT_IN_FORCE", "INELIGIBLE", row, message)


@applies("concession_combination")
def _concession_combination(view: InForce) -> LegalFinding:
    """A concession may be reserved to one type only: its article forbids every combination (COMBINATION_FORBIDDEN).

    Handicap with insertion always; the penitentiary type since it exists, with operators that do not work in a prison.
    """
    message = sentence("concession_combination")
    return finding("COMBINATION_FORBIDDEN", "INELIGIBLE", view["concession_combination"], message)


@applies("combination_penitentiary")
def _penitentiary_combination(reserved: frozenset[Reserved], view: InForce) -> LegalFinding | None:
    """Penitentiary may not be combined with another type on one lot, since it exists (COMBINATION_FORBIDDEN).

    An adapted enterprise or insertion structure that works inside a prison may still answer the penitentiary lot.
    """
    row = view["combination_penitentiary"]
    if "penitentiary" not in reserved or row.status != "in_force":
        return None
    return finding("COMBINATION_FORBIDDEN", "INELIGIBLE", row, sentence("penitentiary_combination"))


@applies("combination_ess")
def _ess_combination(reserved: frozenset[Reserved], view: InForce) -> LegalFinding | None:
    """The article on combinations names handicap, insertion and prison alone, and not ESS (COMBINATION_FORBIDDEN)."""
    if "ess" not in reserved or reserved <= {"ess", "penitentiary"}:
        return None
    return finding("COMBINATION_FORBIDDEN", "INELIGIBLE", view["combination_ess"], sentence("ess_combination"))


@applies("combination_handicap_iae")
def _handicap_iae_combination(reserved: frozenset[Reserved], view: InForce) -> LegalFinding | None:
    """Handicap and insertion may be combined on one lot of a market since 2020-12-09 (loi ASAP); forbidden before."""
    row = view["combination_handicap_iae"]
    if not reserved >= {"handicap", "iae"} or row.status != "in_force" or row.value:
        return None
    return finding("COMBINATION_FORBIDDEN", "INELIGIBLE", row, sentence("handicap_iae_combination"))


PROOFS: dict[Reserved, dict[str, Text]] = {
    "handicap": {
        "proof_ea": Text("contrat valant agrément (EA)", "State contract (EA)"),
        "proof_eatt": Text("contrat valant agrément (EATT)", "State contract (EATT)"),
        "proof_esat": Text("autorisation (ESAT)", "the authorisation (ESAT)"),
    },
    "iae": {
        "proof_iae": Text("convention avec l'État (EI, ETTI, AI, ACI)", "the State agreement (EI, ETTI, AI, ACI)"),
    },
    "penitentiary": {
        "proof_penitentiary": Text("contrat d'implantation en prison", "the contract of implantation in a prison"),
    },
    "ess": {
        "proof_ess_company": sentence("ess_proof"),
    },
}
"""By reserved type, what proves the quality of who answers, under the rule that says so."""
SHARES: dict[Reserved, str] = {"handicap": "minimum_share_handicap", "iae": "minimum_share_iae"}
ANNOUNCED = sentence("to_be_announced")
WORKERS = {
    "minimum_share_handicap": Text("handicapés", "disabled"),
    "minimum_share_iae": Text("défavorisés", "disadvantaged"),
}


@applies(
    "proofs_announced",
    "reservation_announced",
    "reservation_announced_ess",
    *(rule for proofs in PROOFS.values() for rule in proofs),
    "equivalent_structures",
)
@lru_cache(maxsize=256)
def reserved_proofs(
    reserved: tuple[Reserved, ...], outcome: Outcome, contract: ContractKind, direct: bool, view: InForce
) -> LegalAdvice | None:
    """The proofs to ask of whoever answers a reserved lot, by type, as they are known at the date (RESERVED_PROOFS).

    Nothing is said of a reservation that the law forbids. An equivalent structure proves the minimum share of workers
    by other means; there is none for prisons. Where there is competition, the reservation and the proofs are announced
    in the notice or, without one, in the documents, which quote the article of the reservation. That groups,
    subcontractors and the end of an approval should be settled is counsel.
    """
    row = view["proofs_announced"]
    proofs = {rule: text for kind in RESERVED_TYPES if kind in reserved for rule, text in PROOFS[kind].items()}
    known = {rule: text for rule, text in proofs.items() if view.holds(rule)}
    if not known or row.status != "in_force" or outcome == "INELIGIBLE":
        return None
    shares = [rule for kind, rule in SHARES.items() if kind in reserved and view.holds(rule)]
    equivalent = shares if view.holds("equivalent_structures") else []
    fr, en = join_texts((*known.values(), *_equivalent(equivalent, view)))
    of_what = Text("marché", "contract") if contract == "market" else Text("concession", "concession")
    announced = "reservation_announced_ess" if reserved == ("ess",) else "reservation_announced"
    quoted = not direct and view.holds(announced)
    where, article = (NOTHING, "") if direct else (ANNOUNCED, f" ({view[announced].article})" if quoted else "")
    message = sentence("reserved_proofs", proofs=Text(fr, en), where=where, article=article, of_what=of_what)
    rules = (*known, *([announced] if quoted else []), *(("equivalent_structures", *equivalent) if equivalent else ()))
    return advice("RESERVED_PROOFS", "info", row, message, (), least_sure(row, *map(view.__getitem__, rules)))


def _equivalent(rules: list[str], view: InForce) -> list[Text]:
    """The shares that an equivalent structure proves instead, by these rules; equal ones are said once."""
    shares: dict[Text, list[Text]] = {}
    for rule in rules:
        shares.setdefault(view.value_text(rule), []).append(WORKERS[rule])
    found = []
    for share, workers in shares.items():
        fr, en = (listed(names, OR) for names in zip(*workers, strict=True))
        found.append(sentence("share_of_workers", workers=Text(fr.fr, en.en), share=share))
    return found
