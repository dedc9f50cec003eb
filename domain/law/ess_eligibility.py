"""Eligibility for the ESS reservation, by legal form, declared quality or agreement."""

from datetime import date
from functools import lru_cache

from domain.law.findings import Verdict, verdict
from domain.law.rule_registry import applies
from domain.law.rules import InForce
from domain.law.supplier_facts import LegalFacts, lapsed_verdict, right_kinds, until
from domain.suppliers.supplier import LegalForm
from domain.text.bilingual import Text

MISSION = Text(
    "les statuts ou un document montrant une mission de service public liée aux services achetés",
    "the statutes, or a document showing a public-service mission linked to the services bought",
)
QUALITY = Text(
    "la preuve de la qualité d'entreprise de l'ESS (statuts, extrait du registre)",
    "proof of being an enterprise of the social economy (statutes, register extract)",
)


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
        "ess_evidence_kinds": Text(
            f"Agrément ESUS en vigueur{until(end).fr}, indice de la qualité ESS",
            f"ESUS agreement in force{until(end).en}, evidence of ESS quality",
        ),
        "ess_mission": Text("Déclarée entreprise de l'ESS", "Declared to be a social economy enterprise"),
    }[because]
    message = Text(
        f"{found.fr} ; la mission de service public liée aux services reste à prouver",
        f"{found.en}; the public-service mission linked to the services remains to be proven",
    )
    missing = (MISSION,) if because == "ess_legal_forms" else (QUALITY, MISSION)
    row = view["ess_mission"]
    sure = "low" if view[because].confidence == "low" else row.confidence
    return verdict(row, "ess", "ELIGIBLE_IF", "PROOF_MISSING", message, missing, sure)
