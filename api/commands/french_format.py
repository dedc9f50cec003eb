"""Numbers, dates and the field's terms as French readers write them."""

from collections.abc import Sequence
from datetime import date

from domain.suppliers.supplier import Kind
from domain.text.bilingual import decimal, long_date

RESERVATIONS = {
    "handicap": "handicap",
    "iae": "insertion",
    "penitentiary": "travail pénitentiaire",
    "ess": "ESS",
}
TO_RESERVATIONS = {
    "handicap": "au handicap",
    "iae": "à l'insertion",
    "handicap_iae": "au handicap ou à l'insertion",
    "penitentiary": "au travail pénitentiaire",
    "ess": "à l'ESS",
}
"""After "réservé"; with the two types that a lot may be open to together."""


KINDS: dict[Kind, str] = {
    "EI": "entreprise d'insertion",
    "ACI": "atelier ou chantier d'insertion",
    "AI": "association intermédiaire",
    "ETTI": "entreprise de travail temporaire d'insertion",
    "EITI": "entreprise d'insertion par le travail indépendant",
    "GEIQ": "groupement d'employeurs pour l'insertion et la qualification",
    "EA": "entreprise adaptée",
    "EATT": "entreprise adaptée de travail temporaire",
    "ESAT": "établissement ou service d'accompagnement par le travail",
    "TIH": "travailleur indépendant handicapé",
    "SEP": "structure de travail pénitentiaire",
    "ESUS": "entreprise solidaire d'utilité sociale",
}


def count(number: int, one: str, several: str | None = None) -> str:
    """`number` with its noun; the plural takes an s unless given."""
    return f"{_grouped(number)} {one if number < 2 else several or one + 's'}"


def euros(amount: float) -> str:
    """An amount excluding tax, to the euro."""
    return f"{_grouped(amount)} € HT"


def kilometres(distance_km: float) -> str:
    """A distance; one decimal below 10 km."""
    return f"{decimal(distance_km, 'fr', 1 if 0 < distance_km < 10 else 0)} km"


def day(when: date) -> str:
    """A date in words."""
    return long_date(when).fr


def joined(parts: Sequence[str], last: str) -> str:
    """ "a, b et c"."""
    *first, final = parts or ("",)
    return f"{', '.join(first)} {last} {final}" if first else final


def continued(sentences: Sequence[str]) -> str:
    """Sentences as one: "Sur place ; à confirmer"."""
    first, *others = sentences or ("",)
    return " ; ".join((first, *(f"{other[:1].lower()}{other[1:]}" for other in others)))


def _grouped(number: float) -> str:
    return f"{number:,.0f}".replace(",", "\N{NO-BREAK SPACE}")
