"""Codes in words, French and English: kinds of suppliers, reserved types, outcomes, statuses and the like.

The codes are typed where they are used, in rooms above this one: a test holds that each of them has its words.
"""

from typing import NamedTuple

from domain.text.bilingual import Text


class ReservedNames(NamedTuple):
    """A reserved type in words: after "the … reservation", after "reserved to", and spelt out."""

    name: Text
    to: Text
    long: Text


RESERVED: dict[str, ReservedNames] = {
    "handicap": ReservedNames(
        Text("handicap", "handicap"),
        Text("au handicap", "handicap"),
        Text("travail adapté et protégé (handicap)", "sheltered work (disability)"),
    ),
    "iae": ReservedNames(
        Text("insertion", "work integration"),
        Text("à l'insertion", "work integration"),
        Text("insertion par l'activité économique", "work integration"),
    ),
    "handicap_iae": ReservedNames(
        Text("handicap ou insertion", "handicap or work integration"),
        Text("au handicap et à l'insertion", "handicap and work integration"),
        Text("travail adapté et protégé, ou insertion", "sheltered work or work integration"),
    ),
    "penitentiary": ReservedNames(
        Text("pénitentiaire", "penitentiary"),
        Text("au travail pénitentiaire", "penitentiary work"),
        Text("travail pénitentiaire", "prison work"),
    ),
    "ess": ReservedNames(
        Text("ESS", "social economy"),
        Text("à l'ESS", "the social economy"),
        Text("économie sociale et solidaire", "social and solidarity economy"),
    ),
}
"""Reserved types, and the two that a lot may be open to together."""
KINDS: dict[str, Text] = {
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
    "ESAT": Text("établissement ou service d'accompagnement par le travail", "sheltered work establishment"),
    "TIH": Text("travailleur indépendant handicapé", "self-employed person with a disability"),
    "SEP": Text("structure d'emploi pénitentiaire", "prison work structure"),
    "ESUS": Text("entreprise solidaire d'utilité sociale", "solidarity enterprise of social utility"),
}
ABBREVIATIONS: dict[str, Text] = {
    **KINDS,
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
STATUSES: dict[str, Text] = {
    "draft": Text("Brouillon", "Draft"),
    "sourcing": Text("Sourcing en cours", "Sourcing under way"),
    "published": Text("Avis publié", "Notice published"),
    "closed": Text("Clos", "Closed"),
    "abandoned": Text("Abandonné", "Abandoned"),
}
PROCEDURES: dict[str, Text] = {
    "direct_award": Text("sans publicité ni mise en concurrence", "without publicity or competition"),
    "adapted": Text("procédure adaptée", "adapted procedure"),
    "open": Text("appel d'offres ouvert", "open procedure"),
    "restricted": Text("appel d'offres restreint", "restricted procedure"),
    "negotiated": Text("procédure avec négociation", "negotiated procedure"),
    "dynamic_purchasing_system": Text("système d'acquisition dynamique", "dynamic purchasing system"),
}
CONTRACTS: dict[str, Text] = {
    "market": Text("marché public", "public contract"),
    "concession": Text("concession", "concession"),
}
TECHNIQUES: dict[str, Text] = {
    "framework_agreement": Text("accord-cadre", "framework agreement"),
    "dynamic_purchasing_system": Text("système d'acquisition dynamique", "dynamic purchasing system"),
}
NATURES: dict[str, Text] = {
    "works": Text("Travaux", "Works"),
    "supplies": Text("Fournitures", "Supplies"),
    "services": Text("Services", "Services"),
}
OUTCOMES: dict[str, Text] = {
    "ELIGIBLE": Text("Peut répondre", "May answer"),
    "ELIGIBLE_IF": Text("Sur preuve", "On proof"),
    "UNKNOWN": Text("À vérifier", "To be checked"),
    "REVIEW": Text("À examiner", "To be examined"),
    "INELIGIBLE": Text("Ne peut pas répondre", "May not answer"),
}
GATES: dict[str, Text] = {
    "segment": Text("Activité", "Activity"),
    "service_area": Text("Zone d'intervention", "Service area"),
    "distance": Text("Distance", "Distance"),
    "reservation": Text("Réservation", "Reservation"),
}
REFUSED_BY: dict[str, Text] = {
    "segment": Text("ne propose aucun des segments demandés", "offers none of the requested segments"),
    "service_area": Text("n'intervient pas dans le territoire", "does not serve the territory"),
    "distance": Text("trop loin", "too far away"),
    "reservation": Text("ne peut pas répondre à ce lot réservé", "may not answer this reserved lot"),
}
"""By gate, what is said of a supplier that it refused."""
TENSIONS: dict[str, Text] = {
    "none": Text("Aucune offre attendue", "No supply"),
    "critical": Text("Critique", "Critical"),
    "low": Text("Faible", "Low"),
    "good": Text("Suffisante", "Sufficient"),
}
SEVERITIES: dict[str, Text] = {
    "blocking": Text("Interdit", "Forbidden"),
    "warning": Text("Attention", "Caution"),
    "info": Text("À savoir", "Note"),
}
VERDICTS: dict[str, Text] = {"kept": Text("Retenu", "Kept"), "set_aside": Text("Écarté", "Set aside")}
CHANNELS: dict[str, Text] = {
    "email": Text("courriel", "e-mail"),
    "phone": Text("téléphone", "telephone"),
    "portal": Text("portail", "portal"),
    "letter": Text("courrier", "letter"),
    "in_person": Text("en personne", "in person"),
}
POSITIONS: dict[str, Text] = {
    "interested": Text("Intéressé", "Interested"),
    "declined": Text("A décliné", "Declined"),
    "answered": Text("A répondu", "Answered"),
}
BARRIERS: dict[str, Text] = {
    "volume": Text("Volumes trop importants", "Volumes too large"),
    "deadline": Text("Délais trop courts", "Deadlines too short"),
    "guarantees": Text("Garanties demandées", "Guarantees required"),
    "certification": Text("Certifications demandées", "Certifications required"),
    "price": Text("Niveau de prix", "Price level"),
    "distance": Text("Éloignement", "Distance"),
    "capacity": Text("Capacité disponible", "Capacity available"),
    "other": Text("Autre frein", "Other barrier"),
}
FORMATS: dict[str, Text] = {
    "half_day": Text("Demi-journée", "Half-day"),
    "day": Text("Journée", "Day"),
    "one_to_one": Text("Entretien", "One-to-one"),
    "site_visit": Text("Visite de site", "Site visit"),
    "online": Text("Visioconférence", "Online meeting"),
}
MEETING_STATUSES: dict[str, Text] = {
    "planned": Text("prévue", "planned"),
    "held": Text("tenue", "held"),
    "cancelled": Text("annulée", "cancelled"),
}
ROLES: dict[str, Text] = {
    "buyer": Text("Acheteur", "Buyer"),
    "supplier": Text("Fournisseur", "Supplier"),
    "network": Text("Réseau", "Network"),
}
CONFIDENCES: dict[str, Text] = {
    "high": Text("Élevée", "High"),
    "medium": Text("Moyenne", "Medium"),
    "low": Text("Faible, à vérifier", "Low, to be checked"),
}
THEMES: dict[str, Text] = {
    "reservation": Text("Réserver un marché ou un lot", "Reserving a contract or a lot"),
    "suppliers": Text("Répondre à un lot réservé", "Answering a reserved lot"),
    "thresholds": Text("Seuils et procédures", "Thresholds and procedures"),
    "considerations": Text("Considérations sociales et environnementales", "Social and environmental considerations"),
    "sourcing": Text("Sourcing", "Sourcing"),
    "counsel": Text("Conseils, hors du droit", "Counsel, not law"),
}
STANDINGS: dict[str, Text] = {
    "eligible": Text("Peut répondre", "May answer"),
    "on_proof": Text("Peut répondre sur preuve", "May answer on proof"),
    "to_judge": Text("À vérifier ou à examiner", "To be checked or examined"),
    "near_miss": Text("Écarté de peu", "Near miss"),
}
NEED_FIELDS: dict[str, Text] = {
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
    "social_considerations": Text("les considérations sociales", "the social considerations"),
    "environmental_considerations": Text("les considérations environnementales", "the environmental considerations"),
}
VARIANTS: dict[str, Text] = {
    "full": Text("Version intégrale", "Full version"),
    "redacted": Text("Version expurgée", "Redacted version"),
}
