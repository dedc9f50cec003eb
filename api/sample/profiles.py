"""Profiles of generated suppliers from profiles.toml: their weights, trades and names."""

import tomllib
from bisect import bisect
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import accumulate
from random import Random
from typing import Generic, Literal, TypeVar

import msgspec

from domain.reference.taxonomy import Taxonomy
from domain.suppliers.supplier import Kind, LegalForm, PrestaType

T = TypeVar("T")


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sort of supplier."""

    kinds: tuple[Kind, ...]
    weight: int
    legal_forms: dict[LegalForm, int]
    families: dict[str, int]
    presta_types: tuple[PrestaType, ...]
    names: tuple[str, ...]
    always: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    share: Literal["disabled", "disadvantaged", "detained"] | None = None
    in_prison: bool = False
    ess: bool | None = None


class Profiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of profiles.toml."""

    words: tuple[str, ...]
    popularity: dict[str, int]
    names: dict[str, tuple[str, ...]]
    profiles: tuple[Profile, ...]


class Weighted(Generic[T]):
    """Values drawn in proportion to their weights."""

    def __init__(self, weights: Sequence[tuple[T, int]]) -> None:
        self._values = [value for value, _ in weights]
        self._bounds = list(accumulate(weight for _, weight in weights))

    def draw(self, draw: Random) -> T:
        return self._values[bisect(self._bounds, draw.random() * self._bounds[-1])]


class Draws:
    """A profile from which values can be drawn, its segments among those that its families have in the taxonomy."""

    def __init__(self, profile: Profile, popularity: Mapping[str, int], taxonomy: Taxonomy) -> None:
        self.profile = profile
        self.legal_forms: Weighted[LegalForm] = Weighted(list(profile.legal_forms.items()))
        self._families = Weighted(list(profile.families.items()))
        self._segments = {
            family.id: Weighted(
                [(one.id, popularity.get(one.id, 1)) for one in family.segments if one.id not in profile.never]
            )
            for family in taxonomy.families
            if family.id in profile.families
        }

    def segments(self, draw: Random) -> list[str]:
        """One to five segments; one supplier in sixteen offers a whole family among them."""
        wanted = draw.choices((1, 2, 3, 4, 5), (28, 30, 22, 12, 8))[0]
        main = self._families.draw(draw)
        offered = list(self.profile.always)
        if draw.random() < 0.06:
            offered.append(main)
        for _ in range(4 * wanted):
            if len(offered) >= wanted:
                break
            family = main if draw.random() < 0.6 else self._families.draw(draw)
            code = self._segments[family].draw(draw)
            if code not in offered and family not in offered:
                offered.append(code)
        return offered


@cache
def load() -> Profiles:
    """The profiles as committed beside this module."""
    text = (files("api") / "sample" / "profiles.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Profiles)
