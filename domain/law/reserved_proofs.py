"""Advice on a reserved lot: the proofs to announce and to ask for, and what the contract should settle."""

from functools import lru_cache

from domain.law.findings import LegalAdvice, advice, least_sure
from domain.law.rule_registry import applies
from domain.law.rules import InForce
from domain.needs.need import RESERVED_TYPES, ContractKind, Reserved
from domain.shortlists.shortlist import Outcome
from domain.text.bilingual import NOTHING, OR, Text, joined, listed

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
        "proof_ess_company": Text(
            "statuts qui montrent la qualité d'entreprise de l'ESS, ou équivalente, et la mission de service public",
            "the statutes, showing a social economy enterprise, or an equivalent one, and its public-service mission",
        ),
    },
}
"""By reserved type, what proves the quality of who answers, under the rule that says so."""
SHARES: dict[Reserved, str] = {"handicap": "minimum_share_handicap", "iae": "minimum_share_iae"}
ANNOUNCED = Text(
    ", à annoncer dans l'avis ou les documents avec l'article de la réservation",
    ", and to announce in the notice or the documents with the article of the reservation",
)
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
    fr, en = joined((*known.values(), *_equivalent(equivalent, view)))
    of_what = Text("marché", "contract") if contract == "market" else Text("concession", "concession")
    announced = "reservation_announced_ess" if reserved == ("ess",) else "reservation_announced"
    quoted = not direct and view.holds(announced)
    where, article = (NOTHING, "") if direct else (ANNOUNCED, f" ({view[announced].article})" if quoted else "")
    message = Text(
        f"Preuves en vigueur à demander{where.fr}{article} : {fr}. Conseil : prévoir aussi ce qui vaut pour les "
        f"groupements, les sous-traitants et la perte de cette qualité en cours de {of_what.fr}",
        f"Proofs in force to ask for{where.en}{article}: {en}. Counsel: provide also for groups, subcontractors and "
        f"the loss of that quality during the {of_what.en}",
    )
    rules = (*known, *([announced] if quoted else []), *(("equivalent_structures", *equivalent) if equivalent else ()))
    return advice("RESERVED_PROOFS", "info", row, message, (), least_sure(row, *map(view.__getitem__, rules)))


def _equivalent(rules: list[str], view: InForce) -> list[Text]:
    """The shares that an equivalent structure proves instead, by these rules; equal ones are said once."""
    shares: dict[Text, list[Text]] = {}
    for rule in rules:
        shares.setdefault(view.value_text(rule), []).append(WORKERS[rule])
    return [_share_of_workers(share, workers) for share, workers in shares.items()]


def _share_of_workers(share: Text, workers: list[Text]) -> Text:
    fr, en = (listed(names, OR) for names in zip(*workers, strict=True))
    return Text(
        f"pour une structure équivalente, part d'au moins {share.fr} de travailleurs {fr.fr}",
        f"for an equivalent structure, a share of at least {share.en} of {en.en} workers",
    )
