"""The words of a sourcing report for what elsewhere is a code."""

from domain.exchanges.exchange import Barrier, Channel
from domain.law.rules import Theme
from domain.meetings.meeting import Format, MeetingStatus, Role
from domain.needs.need import ContractKind, Nature, Procedure, Reserved, Technique
from domain.needs.status import Status
from domain.report.blocks import ParagraphStyle
from domain.report.model import Position, Standing
from domain.shortlists.frozen import Verdict
from domain.shortlists.shortlist import Confidence, Gate, Outcome, Severity, TensionLevel
from domain.suppliers.supplier import Kind
from domain.text.bilingual import Text

KINDS: dict[Kind, Text] = {
    "EI": Text("entreprise d'insertion", "work integration enterprise"),
    "ACI": Text("atelier et chantier d'insertion", "work integration workshop"),
    "AI": Text("association intermédiaire", "intermediary association"),
    "ETTI": Text("entreprise de travail temporaire d'insertion", "temporary work integration enterprise"),
    "EITI": Text("entreprise d'insertion par le travail indépendant", "integration enterprise for self-employed work"),
    "GEIQ": Text(
        "groupement d'employeurs pour l'insertion et la qualification",
        "employers' group for integration and qualification",
    ),
    "EA": Text("entreprise adaptée", "adapted enterprise"),
    "EATT": Text("entreprise adaptée de travail temporaire", "adapted enterprise for temporary work"),
    "ESAT": Text("établissement et service d'accompagnement par le travail", "sheltered work establishment"),
    "TIH": Text("travailleur indépendant en situation de handicap", "self-employed person with a disability"),
    "SEP": Text("structure d'emploi pénitentiaire", "prison work structure"),
    "ESUS": Text("entreprise solidaire d'utilité sociale", "solidarity enterprise of social utility"),
}
ABBREVIATIONS: dict[str, Text] = {
    **dict(KINDS.items()),
    "AGEC": Text("loi anti-gaspillage pour une économie circulaire", "law against waste and for a circular economy"),
    "CPV": Text("vocabulaire commun pour les marchés publics", "Common Procurement Vocabulary"),
    "DASRI": Text("déchets d'activités de soins à risques infectieux", "infectious health-care waste"),
    "DEEE": Text("déchets d'équipements électriques et électroniques", "waste electrical and electronic equipment"),
    "ESS": Text("économie sociale et solidaire", "social and solidarity economy"),
    "HT": Text("hors taxes", "excluding tax"),
    "IAE": Text("insertion par l'activité économique", "work integration"),
    "SPASER": Text(
        "schéma de promotion des achats socialement et écologiquement responsables",
        "scheme for socially and ecologically responsible purchasing",
    ),
}
RESERVED: dict[Reserved, Text] = {
    "handicap": Text("travail adapté et protégé (handicap)", "sheltered work (disability)"),
    "iae": Text("insertion par l'activité économique", "work integration"),
    "penitentiary": Text("travail pénitentiaire", "prison work"),
    "ess": Text("économie sociale et solidaire", "social and solidarity economy"),
}
SHORTLY: dict[Reserved, Text] = {
    "handicap": Text("Handicap", "Disability"),
    "iae": Text("Insertion", "Integration"),
    "penitentiary": Text("Pénitentiaire", "Prison"),
    "ess": Text("ESS", "ESS"),
}
OPTIONS: dict[str, Text] = {
    "none": Text("Sans", "None"),
    "handicap": Text("Handicap", "Disability"),
    "iae": Text("Insertion", "Integration"),
    "handicap_iae": Text("Handicap ou insertion", "Disability or integration"),
    "penitentiary": Text("Pénitentiaire", "Prison"),
    "ess": Text("ESS", "ESS"),
}
STATUSES: dict[Status, Text] = {
    "draft": Text("Brouillon", "Draft"),
    "sourcing": Text("Sourcing en cours", "Sourcing under way"),
    "published": Text("Avis publié", "Notice published"),
    "closed": Text("Clos", "Closed"),
    "abandoned": Text("Abandonné", "Abandoned"),
}
PROCEDURES: dict[Procedure, Text] = {
    "direct_award": Text("Sans publicité ni mise en concurrence", "Without publicity or competition"),
    "adapted": Text("Procédure adaptée", "Adapted procedure"),
    "open": Text("Appel d'offres ouvert", "Open procedure"),
    "restricted": Text("Appel d'offres restreint", "Restricted procedure"),
    "negotiated": Text("Procédure avec négociation", "Negotiated procedure"),
    "dynamic_purchasing_system": Text("Système d'acquisition dynamique", "Dynamic purchasing system"),
}
CONTRACTS: dict[ContractKind, Text] = {
    "market": Text("Marché public", "Public contract"),
    "concession": Text("Concession", "Concession"),
}
TECHNIQUES: dict[Technique, Text] = {
    "framework_agreement": Text("accord-cadre", "framework agreement"),
    "dynamic_purchasing_system": Text("système d'acquisition dynamique", "dynamic purchasing system"),
}
NATURES: dict[Nature, Text] = {
    "works": Text("Travaux", "Works"),
    "supplies": Text("Fournitures", "Supplies"),
    "services": Text("Services", "Services"),
}
OUTCOMES: dict[Outcome, Text] = {
    "ELIGIBLE": Text("Peut répondre", "May answer"),
    "ELIGIBLE_IF": Text("Sur preuve", "On proof"),
    "UNKNOWN": Text("À vérifier", "To be checked"),
    "REVIEW": Text("À examiner", "To be examined"),
    "INELIGIBLE": Text("Ne peut pas répondre", "May not answer"),
}
GATES: dict[Gate, Text] = {
    "segment": Text("Activité", "Activity"),
    "service_area": Text("Zone d'intervention", "Service area"),
    "distance": Text("Distance", "Distance"),
    "reservation": Text("Réservation", "Reservation"),
}
TENSIONS: dict[TensionLevel, Text] = {
    "none": Text("Aucune offre attendue", "No supply"),
    "critical": Text("Critique", "Critical"),
    "low": Text("Faible", "Low"),
    "good": Text("Suffisante", "Sufficient"),
}
SEVERITIES: dict[Severity, Text] = {
    "blocking": Text("Interdit", "Forbidden"),
    "warning": Text("Attention", "Caution"),
    "info": Text("À savoir", "Note"),
}
SEVERITY_STYLES: dict[Severity, ParagraphStyle] = {"blocking": "alert", "warning": "note", "info": "plain"}
VERDICTS: dict[Verdict, Text] = {"kept": Text("Retenu", "Kept"), "set_aside": Text("Écarté", "Set aside")}
CHANNELS: dict[Channel, Text] = {
    "email": Text("courriel", "e-mail"),
    "phone": Text("téléphone", "telephone"),
    "portal": Text("portail", "portal"),
    "letter": Text("courrier", "letter"),
    "in_person": Text("en personne", "in person"),
}
POSITIONS: dict[Position, Text] = {
    "interested": Text("Intéressé", "Interested"),
    "declined": Text("A décliné", "Declined"),
    "answered": Text("A répondu", "Answered"),
}
BARRIERS: dict[Barrier, Text] = {
    "volume": Text("Volumes trop importants", "Volumes too large"),
    "deadline": Text("Délais trop courts", "Deadlines too short"),
    "guarantees": Text("Garanties demandées", "Guarantees required"),
    "certification": Text("Certifications demandées", "Certifications required"),
    "price": Text("Niveau de prix", "Price level"),
    "distance": Text("Éloignement", "Distance"),
    "capacity": Text("Capacité disponible", "Capacity available"),
    "other": Text("Autre frein", "Other barrier"),
}
FORMATS: dict[Format, Text] = {
    "half_day": Text("Demi-journée", "Half-day"),
    "day": Text("Journée", "Day"),
    "one_to_one": Text("Entretien", "One-to-one"),
    "site_visit": Text("Visite de site", "Site visit"),
    "online": Text("Visioconférence", "Online meeting"),
}
MEETING_STATUSES: dict[MeetingStatus, Text] = {
    "planned": Text("prévue", "planned"),
    "held": Text("tenue", "held"),
    "cancelled": Text("annulée", "cancelled"),
}
ROLES: dict[Role, Text] = {
    "buyer": Text("Acheteur", "Buyer"),
    "supplier": Text("Fournisseur", "Supplier"),
    "network": Text("Réseau", "Network"),
}
CONFIDENCES: dict[Confidence, Text] = {
    "high": Text("Élevée", "High"),
    "medium": Text("Moyenne", "Medium"),
    "low": Text("Faible, à vérifier", "Low, to be checked"),
}
THEMES: dict[Theme, Text] = {
    "reservation": Text("Réserver un marché ou un lot", "Reserving a contract or a lot"),
    "suppliers": Text("Répondre à un lot réservé", "Answering a reserved lot"),
    "thresholds": Text("Seuils et procédures", "Thresholds and procedures"),
    "considerations": Text("Considérations sociales et environnementales", "Social and environmental considerations"),
    "sourcing": Text("Sourcing", "Sourcing"),
    "counsel": Text("Conseils, hors du droit", "Counsel, not law"),
}
STANDINGS: dict[Standing, Text] = {
    "eligible": Text("Peut répondre", "May answer"),
    "on_proof": Text("Peut répondre sur preuve", "May answer on proof"),
    "to_judge": Text("À vérifier ou à examiner", "To be checked or examined"),
    "near_miss": Text("Écarté de peu", "Near miss"),
}
CHANGED: dict[str, Text] = {
    "lots": Text("les lots", "the lots"),
    "reference": Text("la référence", "the reference"),
    "title": Text("l'intitulé", "the title"),
    "on": Text("la date d'évaluation", "the evaluation date"),
    "buyer": Text("l'acheteur", "the buyer"),
    "contract": Text("le type de contrat", "the kind of contract"),
    "technique": Text("la technique d'achat", "the purchasing technique"),
    "estimated_total_eur": Text("la valeur totale estimée", "the estimated total"),
    "territory": Text("le territoire", "the territory"),
    "limit": Text("le nombre de candidats montrés", "the number of candidates shown"),
    "near_misses": Text("le nombre d'écartés montrés", "the number of near misses shown"),
    "description": Text("la description", "the description"),
    "planned_publication_on": Text("la date de publication prévue", "the planned publication date"),
    "procedure": Text("la procédure", "the procedure"),
}
