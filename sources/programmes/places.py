"""Territories of planned purchases: what cells, titles and buyers name, as codes that `POST /match` takes."""

import re
from collections.abc import Sequence

from domain.needs.need import Buyer
from domain.reference.territory import Area, UnknownTerritory
from domain.text.normalise import fold
from matching.reference import Reference
from sources.postal_addresses import departement_of

Codes = tuple[str, ...]
MOST_FOUND = 8
_OF_A_DEPARTEMENT = ("19", "22", "25", "26", "27", "28")
"""The beginnings of the SIREN of schools, departements, joint bodies, hospitals, housing offices and fire services."""
_NUMBER = re.compile(r"(?:d[ée]p(?:artement)?\.?\s*)?\(?(2[ABab](?![a-z])|9[78]\d|0?\d{1,2})\)?(?!\d)")
_FULL_CODE = re.compile(r"(?:country|region|departement|epci|commune|nuts):\w+")
_SEPARATORS = re.compile(r"\s*(?:[;|/+]|,|\set\s|\sand\s)\s*")
_NUTS = re.compile(r"FR[A-Z]\d{0,2}")
_POSTAL = re.compile(r"\b(\d{5})\b")


class PlaceReader:
    """Reads the places of planned purchases; remembers what it looked up."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._communes = reference.interpreter.titles.communes
        self._known: dict[tuple[str, Codes], Codes] = {}

    def areas_of(self, codes: Codes) -> list[Area]:
        """The areas of these codes. Raises UnknownTerritory."""
        return [self._reference.territories.area(code) for code in codes]

    def of_cell(self, cell: str, inside: Codes) -> Codes:
        """The territories that a cell names, of several of one name those `inside`; empty if it names none surely."""
        if (found := self._known.get((cell, inside))) is None:
            found = self._known[cell, inside] = self._read_cell(cell, inside)
        return found

    def _read_cell(self, cell: str, inside: Codes) -> Codes:
        if whole := self._area_of_words(cell.strip(), inside):
            return whole
        parts = [part for part in _SEPARATORS.split(cell) if part]
        if len(parts) > 1 and all(found := [self._area_of_words(part.strip(), inside) for part in parts]):
            return tuple(dict.fromkeys(code for codes in found for code in codes))
        return tuple(area.id for area in self._communes.named_areas(cell))

    def _area_of_words(self, words: str, inside: Codes) -> Codes:
        """The one territory that words name, by a code, a postal code or a name."""
        if _FULL_CODE.fullmatch(words):
            return self._existing(words)
        if postal := _POSTAL.search(words):
            inside = self._existing(f"departement:{departement_of(postal[1])}") or inside
            if not (words := _POSTAL.sub(" ", words).strip(" ,;-()")):
                return inside
        bare = re.sub(r"\s*\((?:\d{2,3}|2[AB])\)$", "", words)
        if bare != words:
            inside = self.departements_of(words[len(bare) :].strip(" ()")) or inside
        bare = re.sub(r"(?i)^(?:ville|commune|mairie|d[ée]partement) (?:de |du |des |d['’])(?:la |l['’])?", "", bare)
        found = [area for area in self._reference.gazetteer.search(bare, None, MOST_FOUND) if area.kind != "nuts"]
        exact = [area for area in found if fold(bare) in {fold(area.label), fold(area.name)}]
        if len(exact) > 1 and inside:
            exact = [area for area in exact if self._is_inside(area, inside)] or exact
        kinds = {area.kind for area in exact}
        if len(exact) == 1 or len(kinds) == len(exact):
            # a region and a departement, or a departement and a commune, of one name: the larger
            return (
                (exact[-1].id if len(exact) == 1 else max(exact, key=lambda each: len(each.communes)).id,)
                if exact
                else ()
            )
        return ()

    def departements_of(self, cell: str) -> Codes:
        """The departements whose numbers or names a cell gives, or smaller places of it; empty where one is none."""
        codes = dict[str, None]()
        for part in filter(None, map(str.strip, _SEPARATORS.split(cell))):
            if number := _NUMBER.match(part):
                written = number[1].upper()
                bare = written[-2:].zfill(2) if len(written) < 3 or written[0] == "0" else written
                found = self._existing(f"departement:{bare}")
            elif _NUTS.fullmatch(part.upper()):
                found = self._existing(f"nuts:{part.upper()}")
            else:
                found = self.of_cell(part, ())
            if not found:
                return ()
            codes |= dict.fromkeys(found)
        return tuple(codes)

    def of_title(self, title: str, inside: Codes) -> Codes:
        """The territories that a title names; where some are known already, only those among them."""
        found = self._communes.named_areas(title)
        return tuple(area.id for area in found if not inside or self._is_inside(area, inside))

    def of_buyer(self, buyer: Buyer | None) -> Codes:
        """The territory that a buyer's SIREN or name tells; empty where they tell none."""
        if buyer is None:
            return ()
        siren = (buyer.siret or "")[:9]
        if (commune := self._communes.commune_of_siren(siren)) is not None:
            return (f"commune:{self._reference.territories.communes[commune].code}",)
        if siren and (found := self._existing(f"epci:{siren}")):
            return found
        if siren.startswith((*_OF_A_DEPARTEMENT, "23")):
            found = self._existing(f"departement:{siren[2:5] if siren[2:4] == '97' else siren[2:4]}")
            if found and siren.startswith("23"):
                parents = self._reference.territories.parents(self.areas_of(found)[0])
                found = tuple(area.id for area in parents if area.kind == "region")
            if found:
                return found
        return self.of_cell(buyer.name, ()) if buyer.name else ()

    def _existing(self, code: str) -> Codes:
        try:
            return (self._reference.territories.area(code, suggest=False).id,)
        except UnknownTerritory:
            return ()

    def _is_inside(self, area: Area, codes: Sequence[str]) -> bool:
        """Whether an area shares ground with one of these territories."""
        communes = set(area.communes)
        return any(not communes.isdisjoint(each.communes) for each in self.areas_of(tuple(codes)))
