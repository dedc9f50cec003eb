"""Communes by the names that postal addresses give them."""

import re
from collections import defaultdict
from functools import lru_cache

from domain.reference.territory import Territories
from domain.text.normalise import fold

_ABBREVIATED = {"st": "saint", "ste": "sainte"}
# "LILLE CEDEX 9", "PARIS 12", "Lyon 3e Arrondissement"
_DELIVERY = re.compile(r"( cedex( \d+)?| \d+)$|( \d+)?( ?(er|e|eme))?( arrondissement)$")


class CommuneNames:
    """Finds the commune that a postal code and a city mean."""

    def __init__(self, territories: Territories) -> None:
        self._by_postal_code: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._by_departement: dict[tuple[str, str], set[str]] = defaultdict(set)
        for commune in territories.communes:
            name = _spelt(commune.name)
            for postal_code in commune.postal_codes:
                self._by_postal_code[postal_code, name].add(commune.code)
            self._by_departement[commune.departement or "", name].add(commune.code)

    def find(self, postal_code: str, city: str, departement: str) -> str | None:
        """The INSEE code of the one commune of that name with that postal code, else of that name in the departement.

        None where the name is unknown there or is that of several: a postal code alone is no commune.
        """
        name = _spelt(city)
        for found in (self._by_postal_code.get((postal_code, name)), self._by_departement.get((departement, name))):
            if found is not None and len(found) == 1:
                return next(iter(found))
        return None


@lru_cache(maxsize=1)
def commune_names(territories: Territories) -> CommuneNames:
    """The names for the territories, built once."""
    return CommuneNames(territories)


def _spelt(name: str) -> str:
    whole = _DELIVERY.sub("", fold(name))
    return " ".join(_ABBREVIATED.get(word, word) for word in whole.split())
