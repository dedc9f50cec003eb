"""The French titles under which networks keep their suppliers in a spreadsheet, and the column that each stands for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from domain.suppliers.supplier import LegalForm
from domain.text.bilingual import Text
from domain.text.normalise import fold
from sources.formats.vivier_columns import COLUMNS, ID

ACTIVITIES, DEPARTEMENT = "activities", "departement"


class Title(NamedTuple):
    """A column of a network's spreadsheet. `title`: as the model writes it; `others`: what it is called elsewhere.

    `example`: a cell of it; `text`: what its cells say.
    """

    title: str
    others: tuple[str, ...]
    example: str
    text: Text


TITLES: Mapping[str, Title] = {
    ID: Title(
        "Identifiant",
        (
            "id",
            "n",
            "no",
            "numero",
            "reference",
            "ref",
            "code",
            "identifiant interne",
            "numero adherent",
            "code adherent",
        ),
        "42",
        Text(
            "Un numéro ou un code qui ne change pas d'un envoi à l'autre ; sans cette colonne, le SIRET en tient lieu",
            "A number or a code that stays the same from one file to the next; without this column, the SIRET serves",
        ),
    ),
    "name": Title(
        "Nom",
        (
            "raison sociale",
            "denomination",
            "denomination sociale",
            "structure",
            "nom de la structure",
            "nom structure",
            "organisme",
            "entreprise",
            "etablissement",
            "nom de l etablissement",
            "fournisseur",
            "adherent",
            "nom de l entreprise",
            "nom de l association",
            "association",
        ),
        "Les Jardins du Blavet",
        Text("La seule colonne obligatoire", "The only column that is required"),
    ),
    "trade_name": Title(
        "Nom commercial", ("enseigne", "marque", "nom d usage", "sigle"), "", Text("S'il est autre", "If it is another")
    ),
    "siret": Title(
        "SIRET",
        ("n siret", "no siret", "numero siret", "siret etablissement", "numero de siret", "n de siret"),
        "913 109 336 00010",
        Text("14 chiffres, avec ou sans espaces", "14 digits, with or without spaces"),
    ),
    "legal_form": Title(
        "Forme juridique",
        ("statut juridique", "forme"),
        "association",
        Text(
            "Association, coopérative, mutuelle, fondation, société… ; une autre reste inconnue",
            "Association, cooperative, mutual, foundation, company…; another stays unknown",
        ),
    ),
    "approvals": Title(
        "Agréments",
        ("agrement", "conventionnement", "type de structure", "type", "categorie de structure", "kind", "type siae"),
        "ACI",
        Text(
            "EI, ACI, AI, ETTI, EITI, GEIQ, EA, EATT, ESAT, TIH, SEP, ESUS, avec des virgules entre eux ; « aucun »",
            "EI, ACI, AI, ETTI, EITI, GEIQ, EA, EATT, ESAT, TIH, SEP, ESUS, with commas between them; “aucun”: none",
        ),
    ),
    "address.street": Title(
        "Adresse", ("rue", "voie", "adresse postale", "adresse 1"), "3 rue du Port", Text("La voie", "The street")
    ),
    "address.postal_code": Title("Code postal", ("cp", "codepostal"), "56300", Text("5 chiffres", "5 digits")),
    "address.city": Title(
        "Ville",
        ("commune", "localite", "ville siege", "nom de la commune"),
        "Pontivy",
        Text(
            "Avec le code postal, elle dit la commune ; sans eux, le fournisseur n'a pas de lieu",
            "With the postal code it tells the commune; without them, the supplier has no place",
        ),
    ),
    "address.commune": Title(
        "Code INSEE",
        ("insee", "code commune", "code insee commune", "code commune insee"),
        "",
        Text("De la commune, si vous l'avez", "Of the commune, if you have it"),
    ),
    DEPARTEMENT: Title(
        "Département",
        ("dept", "dep", "n departement", "numero departement", "code departement"),
        "",
        Text("Son numéro, pour une ville sans code postal", "Its number, for a city without a postal code"),
    ),
    "location.lat": Title("Latitude", ("lat",), "", Text("En degrés", "In degrees")),
    "location.lon": Title("Longitude", ("lon", "lng", "long"), "", Text("En degrés", "In degrees")),
    ACTIVITIES: Title(
        "Activités",
        (
            "activite",
            "metier",
            "metiers",
            "secteur",
            "secteurs",
            "secteur d activite",
            "secteurs d activite",
            "domaine",
            "domaines",
            "prestation",
            "prestations",
            "activite principale",
            "savoir faire",
            "segments",
        ),
        "Entretien d'espaces verts ; Maraîchage",
        Text(
            "Avec des points-virgules entre elles ; une activité que Vivier ne reconnaît pas est signalée",
            "With semicolons between them; an activity that Vivier does not recognise is flagged",
        ),
    ),
    "radius_km": Title(
        "Rayon (km)",
        ("rayon", "rayon d intervention", "rayon d intervention km", "perimetre km"),
        "40",
        Text("Où il intervient, autour de son adresse", "Where it works, around its address"),
    ),
    "description": Title(
        "Présentation", ("description", "commentaire public", "objet"), "", Text("Quelques phrases", "Some sentences")
    ),
    "contact.email": Title(
        "E-mail",
        ("email", "mail", "courriel", "adresse mail", "adresse e mail", "adresse electronique", "e mail contact"),
        "contact@jardins.example.org",
        Text("De la structure", "Of the supplier"),
    ),
    "contact.phone": Title(
        "Téléphone", ("tel", "telephone fixe", "n de telephone", "numero de telephone"), "02 97 00 00 00", Text("", "")
    ),
    "contact.website": Title("Site", ("site web", "site internet", "url", "web"), "", Text("", "")),
    "employees": Title(
        "Effectif",
        ("effectifs", "salaries", "nombre de salaries", "nb salaries", "nb de salaries"),
        "12",
        Text("Un nombre entier de personnes", "A whole number of people"),
    ),
    "turnover_eur": Title(
        "Chiffre d'affaires",
        ("ca", "chiffre d affaires eur", "chiffre d affaires euros", "ca eur", "ca ht"),
        "310 000",
        Text("En euros par an", "In euros a year"),
    ),
    "labels": Title(
        "Labels",
        ("label", "certifications", "certification", "labels et certifications"),
        "",
        Text("Avec des points-virgules entre eux", "With semicolons between them"),
    ),
}
LEGAL_FORMS: Mapping[str, LegalForm] = {
    **dict.fromkeys(("association", "asso", "association loi 1901", "loi 1901", "association loi 1908"), "association"),
    **dict.fromkeys(
        ("cooperative", "scop", "scic", "sarl scop", "sas scop", "sas scic", "cae", "sa scop"), "cooperative"
    ),
    **dict.fromkeys(("mutuelle", "union mutualiste"), "mutual"),
    **dict.fromkeys(("fondation", "fonds de dotation"), "foundation"),
    **dict.fromkeys(
        ("societe", "societe commerciale", "sarl", "sas", "sasu", "sa", "eurl", "entreprise commerciale"),
        "commercial_company",
    ),
    **dict.fromkeys(("etablissement public", "organisme public", "collectivite", "ccas"), "public_body"),
}
_BY_TITLE = {fold(each): column for column, found in TITLES.items() for each in (found.title, *found.others)}


def column_of_title(title: str, mapped: Mapping[str, str]) -> str | None:
    """The column that a title stands for: as the source's mapping says, else by its French words; None: none."""
    own = mapped.get(title.strip())
    return own if own in COLUMNS else _BY_TITLE.get(fold(title))


def columns_of(titles: Sequence[str], mapped: Mapping[str, str]) -> dict[str, str]:
    """The title of each column that is read; the first of several titles of one column."""
    found: dict[str, str] = {}
    for title in titles:
        if (column := column_of_title(title, mapped)) is not None:
            found.setdefault(column, title)
    return found


def model() -> Iterator[Sequence[str]]:
    """The rows of a table to begin with: the titles, and a supplier."""
    yield [each.title for each in TITLES.values()]
    yield [each.example for each in TITLES.values()]
