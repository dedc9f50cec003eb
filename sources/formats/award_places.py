"""Places of performance as award data write them: codes of departements, communes and post offices, of all shapes."""

from typing import NamedTuple

from domain.reference.territory import Area, Territories, UnknownTerritory
from domain.text.normalise import fold
from sources.formats.postal_addresses import departement_of

_INSEE_LENGTH = 5


class AwardPlace(NamedTuple):
    """A place of performance: its name, else its code as written; the departement it lies in, where that is sure."""

    name: str | None
    departement: str | None


class AwardPlaces:
    """Reads places; built once for the territories. The same codes come again and again."""

    def __init__(self, territories: Territories) -> None:
        self._territories = territories
        self._departements = {area.code: area.label for area in territories.areas("departement")}
        self._read: dict[tuple[str, str], AwardPlace] = {}

    def read(self, code: str, kind: str) -> AwardPlace:
        """The place of a code. `kind` says what is coded, in any spelling ("Code postal", "CODE DEPARTEMENT")."""
        asked = (code, kind)
        if asked not in self._read:
            self._read[asked] = self._place("".join(code.split()).upper(), fold(kind), code.strip() or None)
        return self._read[asked]

    def _place(self, code: str, kind: str, written: str | None) -> AwardPlace:
        if any(wider in kind for wider in ("region", "pays", "arrondissement", "canton")):
            return AwardPlace(written, None)
        if "commune" not in kind and len(code) < _INSEE_LENGTH:
            departement = code.rjust(2, "0") if code else ""
            name = self._departements.get(departement)
            return AwardPlace(name or written, departement if name else None)
        if len(code) != _INSEE_LENGTH:
            return AwardPlace(written, None)
        commune = None if "postal" in kind else self._commune(code)
        if commune is not None:
            found = (area.code for area in self._territories.parents(commune) if area.kind == "departement")
            return AwardPlace(commune.label, next(found, None))
        departement = departement_of(code) if code.isdigit() and "commune" not in kind else ""
        return AwardPlace(written, departement if departement in self._departements else None)

    def _commune(self, code: str) -> Area | None:
        try:
            return self._territories.area(f"commune:{code}", suggest=False)
        except UnknownTerritory:
            return None
