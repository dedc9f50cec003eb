"""The areas, departements or EPCIs, into which territories of lots are divided, and which of them are neighbours."""

from collections.abc import Hashable, Iterable
from typing import Literal

import numpy as np

from domain.needs.need import TerritoryRequest
from domain.reference.territory import Territories
from domain.text.bilingual import Text, listed
from matching.geo.shape import bridges, neighbouring_groups
from matching.geo.territory import Geography, Territory

AreaKind = Literal["departement", "epci"]
Numbers = tuple[int, ...]
MOST_NAMED = 6
"""The most areas that are all named; of more, one fewer are, and the others counted."""
NO_EPCI = Text("communes hors intercommunalité", "communes without EPCI")


class Areas:
    """Numbers the areas (departements or EPCIs) into which the territories of a need's lots are divided.

    `kind` null: territories are not divided. A territory that is a radius or was drawn is one area.
    """

    def __init__(self, geography: Geography, kind: AreaKind | None) -> None:
        self._geography, self._kind = geography, kind
        self._requests: list[TerritoryRequest] = []
        self._numbers: dict[Hashable, int] = {}
        self._given: dict[frozenset[int], TerritoryRequest] = {}
        self._of: dict[Hashable, Numbers] = {}

    def area_numbers(self, request: TerritoryRequest, territory: Territory) -> Numbers:
        """The numbers of the areas into which a lot's territory divides."""
        codes, key = territory.codes, territory.codes or id(territory)
        if key not in self._of:
            if codes is None:
                self._of[key] = (self._number_of_area(key, request),)
            else:
                parts = area_codes(codes, self._kind, self._geography.territories) if self._kind else []
                each = (self._number_of_area(part, TerritoryRequest(codes=part)) for part in parts or [codes])
                self._of[key] = tuple(each)
            self._given.setdefault(frozenset(self._of[key]), request)
        return self._of[key]

    def territory_request(self, numbers: Numbers) -> TerritoryRequest:
        """The numbered areas as one requested territory, as the need writes it if a given lot has exactly these."""
        given = self._given.get(frozenset(numbers))
        if given is not None:
            return given
        codes = [code for number in sorted(numbers) for code in self._requests[number].codes or ()]
        return TerritoryRequest(codes=tuple(dict.fromkeys(codes)))

    def territories(self) -> list[Territory]:
        """The territory of each area by its number, prepared for matching."""
        numbers = range(len(self._requests))
        return [self._geography.territory(self.territory_request((number,))) for number in numbers]

    def inhabitants(self, numbers: Numbers) -> int:
        """The inhabitants of the numbered areas, each given by codes; 0 of an area that is a radius or was drawn."""
        territories = self._geography.territories
        codes = [code for number in numbers for code in self._requests[number].codes or ()]
        inside = {ordinal for code in codes for ordinal in territories.area(code).communes}
        return sum(territories.communes[ordinal].population for ordinal in inside)

    def may_unite(self, numbers: Numbers) -> bool:
        """Whether the numbered areas can be written as one territory: every area is given by code."""
        return all(self._requests[number].codes is not None for number in numbers)

    def neighbours(self, together: Iterable[Numbers]) -> dict[int, int] | None:
        """For each area, a bit mask of those that border on it; None where areas need not be neighbours to be united.

        EPCIs need to be. All areas of each given lot (`together`) are reached from each other: what borders on no other
        of its lot, as an island, is a neighbour of the nearest.
        """
        if self._kind != "epci":
            return None
        ground = np.array([territory.ground for territory in self.territories()])
        found, (middles, _) = neighbouring_groups(ground, self._geography.borders), self._geography.discs
        for numbers in {*together}:
            own = np.array(numbers)
            for one, other in bridges(ground[own], found[np.ix_(own, own)], middles):
                found[own[one], own[other]] = found[own[other], own[one]] = True
        return {number: sum(1 << beside for beside in np.flatnonzero(row).tolist()) for number, row in enumerate(found)}

    def names(self, numbers: Numbers) -> Text:
        """The names of the departements or EPCIs of the numbered areas; says which are in part."""
        named = [self._name(self._requests[number].codes or ()) for number in sorted(numbers)]
        return Text(listed([name.fr for name in named]).fr, listed([name.en for name in named]).en)

    def short_name(self, numbers: Numbers, everywhere: Numbers, whole: Text) -> Text:
        """The names of few areas; of many, the name of the `whole` and what it lacks, else of some and how many more.

        `everywhere`: the areas of the whole.
        """
        if len(numbers) <= MOST_NAMED:
            return self.names(numbers)
        lacking = tuple(number for number in everywhere if number not in numbers)
        if 0 < len(lacking) < MOST_NAMED:
            but = self.names(lacking)
            return Text(f"{whole.fr} sauf {but.fr}", f"{whole.en} without {but.en}")
        first, more = sorted(numbers)[: MOST_NAMED - 1], len(numbers) - MOST_NAMED + 1
        names = [self.names((number,)) for number in first]
        fr, en = [*(name.fr for name in names), f"{more} autres"], [*(name.en for name in names), f"{more} others"]
        return Text(listed(fr).fr, listed(en).en)

    def _name(self, codes: tuple[str, ...]) -> Text:
        """The name of an area by its codes: what they mean, or the departement or EPCI of which they are a part."""
        territories, kind = self._geography.territories, self._kind
        inside = [territories.area(code) for code in codes]
        if kind is None or (len(inside) == 1 and inside[0].kind == kind):
            return Text(inside[0].label, inside[0].label)
        whole = getattr(territories.communes[inside[0].communes[0]], kind)
        if whole is None:
            return NO_EPCI
        label = territories.area(f"{kind}:{whole}").label
        return Text(f"{label} (en partie)", f"{label} (in part)")

    def _number_of_area(self, key: Hashable, request: TerritoryRequest) -> int:
        """The number of the area with this key; a new area is added with its request."""
        if key not in self._numbers:
            self._numbers[key] = len(self._requests)
            self._requests.append(request)
        return self._numbers[key]


def area_codes(codes: tuple[str, ...], kind: AreaKind, territories: Territories) -> list[tuple[str, ...]]:
    """The departements or EPCIs of a territory: of each its code or, if only partly inside, its communes' codes.

    Communes without EPCI make an area of their own. Empty where there is but one. Raises UnknownTerritory.
    """
    inside: dict[str | None, list[int]] = {}
    for ordinal in sorted({ordinal for code in codes for ordinal in territories.area(code).communes}):
        inside.setdefault(getattr(territories.communes[ordinal], kind), []).append(ordinal)
    if len(inside) < 2:
        return []
    found: list[tuple[str, ...]] = []
    for code, ordinals in sorted(inside.items(), key=lambda part: (part[0] is None, part[0] or "")):
        if code is not None and tuple(ordinals) == territories.area(f"{kind}:{code}").communes:
            found.append((f"{kind}:{code}",))
        else:
            found.append(tuple(f"commune:{territories.communes[ordinal].code}" for ordinal in ordinals))
    return found
