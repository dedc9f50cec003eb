"""Places of performance as codes that a need takes: NUTS areas, departements, the commune of an address."""

import re
from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from domain.needs.need import Place, TerritoryRequest
from domain.reference.territory import COUNTRY, Territories, UnknownTerritory
from domain.text.typography import cut
from sources.notices.notice import Notice, NoticeBuyer, NoticePlace
from sources.postal_addresses import commune_names, departement_of, split_address

FRANCE = f"country:{COUNTRY}"
COUNTRIES = ("", "FR", "FRA")
_NUTS = re.compile(r"FR[A-Z0-9]{0,3}")
_ANYWHERE = {"anyw", "anyw-eea", "anyw-cou"}
MOST_CODES, LONGEST_ADDRESS = 2_000, 500


class Ground(NamedTuple):
    """The territory of a lot, and its site: the INSEE code of the one commune that its places name."""

    codes: tuple[str, ...]
    commune: str | None

    @property
    def territory(self) -> TerritoryRequest:
        return TerritoryRequest(codes=self.codes)

    @property
    def site(self) -> Place | None:
        return None if self.commune is None else Place(commune=self.commune)


class PlaceReader:
    """Reads the places of one notice; what cannot be read is noted in it."""

    def __init__(self, notice: Notice, territories: Territories) -> None:
        self._notice, self._territories = notice, territories
        self._names = commune_names(territories)
        self._departements: dict[str, str] = {}

    def ground(self, places: Iterable[NoticePlace]) -> Ground | None:
        """The ground of places; None where they name none in France."""
        codes: dict[str, None] = {}
        communes: dict[str, None] = {}
        for place in places:
            found = self._codes(place)
            commune = self._commune(place, found)
            if commune is not None and (not found or self._holds(found, commune)):
                communes[commune] = None
                found = found or [f"commune:{commune}"]
            elif commune is not None:
                self._notice.note(place.path, "commune_outside_its_area", commune=commune, areas=cut(", ".join(found)))
            elif place.words and not place.city:
                self._notice.note(place.path, "place_in_words")
            codes |= dict.fromkeys(found)
        if not codes:
            return None
        return Ground(tuple(codes)[:MOST_CODES], next(iter(communes)) if len(communes) == 1 else None)

    def around(self, buyer: NoticeBuyer | None) -> Ground:
        """The ground where a notice names no place: the buyer's area or departement, else France; it is noted."""
        place = buyer.place if buyer is not None else None
        path = self._notice.root.path if place is None else place.path
        codes = [] if place is None else self._codes(place._replace(country=""))
        codes = [code for code in codes if code != FRANCE]
        if place is not None and not codes and place.country in COUNTRIES and len(place.postal_code) == 5:
            departement = f"departement:{departement_of(place.postal_code)}"
            codes = [departement] if self._has_ground(departement) else []
        if codes:
            self._notice.note(path, "no_place_but_the_buyers", areas=cut(", ".join(codes)))
            return Ground(tuple(codes), None)
        self._notice.note(path, "no_place")
        return Ground((FRANCE,), None)

    def _codes(self, place: NoticePlace) -> list[str]:
        codes: dict[str, None] = {}
        for path, written in place.nuts:
            code = written.replace(" ", "").upper()
            if code == COUNTRY:
                codes[FRANCE] = None
            elif _NUTS.fullmatch(code) and self._has_ground(f"nuts:{code}"):
                codes[f"nuts:{code}"] = None
            else:
                remark = "unknown_nuts" if code.startswith(COUNTRY) else "nuts_outside_france"
                self._notice.note(path, remark, text=cut(written))
        for path, written in place.departements:
            code = f"departement:{written.strip().upper().rjust(2, '0')}"
            if self._has_ground(code):
                codes[code] = None
            else:
                self._notice.note(path, "unknown_departement", text=cut(written))
        if len(codes) > 1:  # the country beside a part of it only says which country that is
            codes.pop(FRANCE, None)
        if not codes and not place.nuts and not place.city and place.country in COUNTRIES:
            if place.anywhere in _ANYWHERE or place.country:
                codes[FRANCE] = None
        elif not codes and place.country not in COUNTRIES:
            self._notice.note(place.path, "place_outside_france", country=cut(place.country))
        return list(codes)

    def _commune(self, place: NoticePlace, codes: list[str]) -> str | None:
        """The commune of an address that has a ground; of a place in words where these are an address, or its name.

        `codes`: those of the place, which tell the departement where no postal code does.
        """
        if place.country not in COUNTRIES:
            return None
        postal_code, city = place.postal_code, place.city
        if not city and place.words:
            _, postal_code, city = split_address(place.words[:LONGEST_ADDRESS])
            city = city or place.words[:LONGEST_ADDRESS].rstrip(" .;,")
        if not city:
            return None
        departement = departement_of(postal_code) if postal_code else self._one_departement(codes)
        code = self._names.find(postal_code, city, departement)
        ordinal = None if code is None else self._territories.commune_ordinal(code)
        has_outline = ordinal is not None and self._territories.communes[ordinal].lat is not None
        return code if has_outline else None

    def _one_departement(self, codes: list[str]) -> str:
        """The departement that an area lies in; "" where there are several."""
        if len(codes) != 1 or codes == [FRANCE]:
            return ""
        (code,) = codes
        if code not in self._departements:
            communes = self._territories.area(code, suggest=False).communes
            found = {self._territories.communes[ordinal].departement for ordinal in communes}
            self._departements[code] = (found.pop() or "") if len(found) == 1 else ""
        return self._departements[code]

    def _holds(self, codes: list[str], commune: str) -> bool:
        ordinal = self._territories.commune_ordinal(commune)
        for code in codes:
            within = self._territories.area(code, suggest=False).communes
            place = bisect_left(within, ordinal or 0)
            if place < len(within) and within[place] == ordinal:
                return True
        return False

    def _has_ground(self, code: str) -> bool:
        """Whether a code is known, and of an area that has outlines."""
        try:
            area = self._territories.area(code, suggest=False)
        except UnknownTerritory:
            return False
        return bool(area.communes) and self._territories.communes[area.communes[0]].lat is not None
