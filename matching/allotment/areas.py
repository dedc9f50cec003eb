"""The areas that territories are divided into, numbered: departements or EPCIs, as far as the territory has them."""

from collections.abc import Hashable
from typing import Literal

from domain.needs.need import TerritoryRequest
from domain.reference.territory import Territories
from matching.geo.territory import Geography, Territory

AreaKind = Literal["departement", "epci"]
Numbers = tuple[int, ...]


class Areas:
    """The areas of all lots of a need; two lots have the same number for the same ground that is said alike.

    `kind` null: territories are not divided. A territory that is a radius or was drawn is one area.
    """

    def __init__(self, geography: Geography, kind: AreaKind | None) -> None:
        self._geography, self._kind = geography, kind
        self._requests: list[TerritoryRequest] = []
        self._numbers: dict[Hashable, int] = {}
        self._given: dict[frozenset[int], TerritoryRequest] = {}
        self._of: dict[Hashable, Numbers] = {}

    def of(self, request: TerritoryRequest, territory: Territory) -> Numbers:
        """The areas of a lot's territory."""
        key: Hashable = territory.codes or id(territory)
        if key not in self._of:
            self._of[key] = self._divided(key, request, territory.codes)
            self._given.setdefault(frozenset(self._of[key]), request)
        return self._of[key]

    def request(self, numbers: Numbers) -> TerritoryRequest:
        """The territory that some areas make up: as it was given, where a lot has just these."""
        given = self._given.get(frozenset(numbers))
        if given is not None:
            return given
        codes = [code for number in sorted(numbers) for code in self._requests[number].codes or ()]
        return TerritoryRequest(codes=tuple(dict.fromkeys(codes)))

    def territories(self) -> list[Territory]:
        """Each area, prepared for matching."""
        numbers = range(len(self._requests))
        return [self._geography.territory(self.request((number,))) for number in numbers]

    def may_unite(self, numbers: Numbers) -> bool:
        """Whether these areas can be said as one territory: of areas by code alone."""
        return all(self._requests[number].codes is not None for number in numbers)

    def _number(self, key: Hashable, request: TerritoryRequest) -> int:
        if key not in self._numbers:
            self._numbers[key] = len(self._requests)
            self._requests.append(request)
        return self._numbers[key]

    def _divided(self, key: Hashable, request: TerritoryRequest, codes: tuple[str, ...] | None) -> Numbers:
        if codes is None:
            return (self._number(key, request),)
        parts = area_codes(codes, self._kind, self._geography.territories) if self._kind else []
        return tuple(self._number(part, TerritoryRequest(codes=part)) for part in parts or [codes])


def area_codes(codes: tuple[str, ...], kind: AreaKind, territories: Territories) -> list[tuple[str, ...]]:
    """The departements or EPCIs of a territory, each by its codes: those of its communes where it is not all inside.

    Communes without EPCI make an area of their own. Empty where there is but one. Raises UnknownTerritory.
    """
    inside: dict[str | None, list[int]] = {}
    for ordinal in sorted({ordinal for code in codes for ordinal in territories.area(code).communes}):
        inside.setdefault(getattr(territories.communes[ordinal], kind), []).append(ordinal)
    if len(inside) < 2:
        return []
    return [_codes_of(kind, code, ordinals, territories) for code, ordinals in sorted(inside.items(), key=_in_order)]


def _in_order(part: tuple[str | None, list[int]]) -> tuple[bool, str]:
    return part[0] is None, part[0] or ""


def _codes_of(kind: AreaKind, code: str | None, ordinals: list[int], territories: Territories) -> tuple[str, ...]:
    if code is not None and tuple(ordinals) == territories.area(f"{kind}:{code}").communes:
        return (f"{kind}:{code}",)
    return tuple(f"commune:{territories.communes[ordinal].code}" for ordinal in ordinals)
