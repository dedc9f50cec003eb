"""How a list of suppliers is narrowed: the query as conditions of the database, and as tests of what that finds."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Annotated, NamedTuple

import msgspec

from api.web.pagination import Paging
from api.web.problems import Refusal
from db.suppliers.read import Filters
from domain.errors import Problem, pointer
from domain.law.eligibility import eligibility
from domain.law.rules import Rules
from domain.law.supplier_facts import LegalFacts
from domain.needs.need import Kilometres, Reserved, Siret
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Territories, UnknownTerritory
from domain.suppliers.supplier import Kind, Point, Supplier
from domain.text.bilingual import Text
from matching.eligibility_cache import legal_facts
from matching.geo.radius_search import Box, box_around, within
from matching.reference import Reference

Test = Callable[[Sequence[Supplier]], Sequence[bool]]

MOST = 50
_NUMBER = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,15})?")


class SupplierQuery(Paging, frozen=True, kw_only=True):
    """The filters of the directory. A supplier passes all that are given; of a repeated one, one value suffices."""

    segment: (
        Annotated[
            tuple[str, ...],
            msgspec.Meta(
                max_length=MOST,
                description="A segment: offered itself, through its CPV codes, or with its whole family. "
                "A family: offered itself or by one of its segments",
            ),
        ]
        | None
    ) = None
    territory: (
        Annotated[
            tuple[str, ...],
            msgspec.Meta(max_length=MOST, description="The code of a territory that the supplier is located in"),
        ]
        | None
    ) = None
    kind: tuple[Kind, ...] | None = None
    reserved: (
        Annotated[
            tuple[Reserved, ...],
            msgspec.Meta(description="A reservation that the supplier is not ineligible for today"),
        ]
        | None
    ) = None
    q: (
        Annotated[
            str,
            msgspec.Meta(min_length=1, max_length=200, description="Words in the name or trade name, whole or in part"),
        ]
        | None
    ) = None
    near: (
        Annotated[str, msgspec.Meta(description="`lat,lon` in degrees; needs `radius_km`", examples=["48.1,-1.7"])]
        | None
    ) = None
    radius_km: Kilometres | None = None
    bbox: Annotated[str, msgspec.Meta(description="`west,south,east,north` in degrees")] | None = None
    source: Annotated[str, msgspec.Meta(description="A source that has a record of the supplier")] | None = None
    siret: Siret | None = None
    siren: (
        Annotated[
            str,
            msgspec.Meta(pattern=r"^[0-9]{9}$", description="SIREN: 9 digits", extra={"fr": "un SIREN, de 9 chiffres"}),
        ]
        | None
    ) = None
    active: bool | None = None


class Narrowing(NamedTuple):
    """What the database searches by, and what is then asked of the suppliers it finds."""

    filters: Filters
    tests: tuple[Test, ...]

    def passed(self, suppliers: Sequence[Supplier]) -> list[Supplier]:
        """Those that pass every test, in the same order."""
        for test in self.tests:
            suppliers = [one for one, passes in zip(suppliers, test(suppliers), strict=True) if passes]
        return list(suppliers)


def narrowing(query: SupplierQuery, reference: Reference, on: date) -> Narrowing:
    """What the query asks for, eligibility as of the day `on`. Raises Refusal (422) with everything wrong in it."""
    reader = _Reader(reference)
    activities = reader.activities(query.segment)
    communes = reader.communes(query.territory)
    circle = reader.circle(query.near, query.radius_km)
    box = reader.box(query.bbox)
    reader.refuse_problems()
    tests: list[Test] = []
    if communes is not None and len(communes) == len(reference.territories.communes):
        communes = None  # cheaper to look at than tens of thousands of codes are to compare
        tests.append(lambda suppliers: [one.commune is not None for one in suppliers])
    if circle is not None:
        centre, radius_km = circle
        tests.append(lambda suppliers: within([one.location for one in suppliers], centre, radius_km))
        box = box or box_around(centre, radius_km)
    if query.reserved:
        tests.append(_eligible(frozenset(query.reserved), on, reference.rules))
    filters = Filters(
        activities=activities,
        communes=communes,
        kinds=query.kind,
        source=query.source,
        siret=query.siret,
        siren=query.siren,
        q=query.q,
        bbox=box,
        active=query.active,
    )
    return Narrowing(filters, tuple(tests))


class _Reader:
    """Reads the parameters, and gathers what is wrong with them."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._problems: list[Problem] = []

    def refuse_problems(self) -> None:
        """Raises Refusal (422) where there are any."""
        if self._problems:
            raise refusal(self._problems)

    def activities(self, segments: Iterable[str] | None) -> tuple[str, ...] | None:
        if segments is None:
            return None
        taxonomy, found = self._reference.taxonomy, set[str]()
        for place, segment in enumerate(segments):
            if taxonomy.known(segment):
                found |= _answering(segment, taxonomy, self._reference.cpv)
            else:
                self._problems.append(unknown_segment(segment, taxonomy, place))
        return tuple(sorted(found))

    def communes(self, codes: Iterable[str] | None) -> tuple[str, ...] | None:
        if codes is None:
            return None
        territories, found = self._reference.territories, set[int]()
        for place, code in enumerate(codes):
            try:
                found.update(territories.area(code).communes)
            except UnknownTerritory as unknown:
                self._wrong(unknown.code, unknown.detail, "territory", place)
        return _insee(territories, found)

    def circle(self, near: str | None, radius_km: float | None) -> tuple[Point, float] | None:
        if (near is None) != (radius_km is None):
            missing = "near" if near is None else "radius_km"
            detail = Text("« near » et « radius_km » vont ensemble", "“near” and “radius_km” go together")
            self._wrong("missing_parameter", detail, missing)
        centre = None if near is None else self._numbers(near, "near", (90, 180))
        if centre is None or radius_km is None:
            return None
        return Point(*centre), radius_km

    def box(self, bbox: str | None) -> Box | None:
        sides = None if bbox is None else self._numbers(bbox, "bbox", (180, 90, 180, 90))
        if sides is None:
            return None
        west, south, east, north = sides
        if south > north:
            detail = Text(
                "Le sud est au nord du nord : ouest,sud,est,nord", "South is north of north: west,south,east,north"
            )
            self._wrong("out_of_range", detail, "bbox")
        return west, south, east, north

    def _numbers(self, written: str, name: str, bounds: tuple[int, ...]) -> list[float] | None:
        """Numbers between commas, as many as there are bounds, each at most so far from 0."""
        parts = [part.strip() for part in written.split(",")]
        if len(parts) != len(bounds) or not all(map(_NUMBER.fullmatch, parts)):
            shape = "48.1,-1.7" if name == "near" else "-2.1,47.6,-1.2,48.4"
            self._wrong("wrong_format", Text(f"Format attendu : {shape}", f"Expected format: {shape}"), name)
            return None
        numbers = [float(part) for part in parts]
        if any(abs(number) > bound for number, bound in zip(numbers, bounds, strict=True)):
            detail = Text(
                "Degrés hors bornes : |lat| ≤ 90, |lon| ≤ 180", "Degrees out of range: |lat| ≤ 90, |lon| ≤ 180"
            )
            self._wrong("out_of_range", detail, name)
            return None
        return numbers

    def _wrong(self, code: str, detail: Text, *at: str | int) -> None:
        self._problems.append(Problem(pointer(*at), code, detail))


_SLUGS = {"segment": "unknown-segment", "territory": "unknown-territory"}


def refusal(problems: Sequence[Problem]) -> Refusal:
    """The 422 about parameters; its type is the more precise where all that is wrong is of one sort."""
    slugs = {_SLUGS.get(problem.pointer.split("/")[1], "invalid-query") for problem in problems}
    slug = slugs.pop() if len(slugs) == 1 else "invalid-query"
    return Refusal(slug, problems[0].detail, tuple(problems), place="query")


def unknown_segment(code: str, taxonomy: Taxonomy, place: int) -> Problem:
    """What is wrong with a code, at its place among those given as `segment`, that is no segment and no family."""
    hint = taxonomy.nearest(code)
    fr, en = (f" ; peut-être {hint}", f"; perhaps {hint}") if hint else ("", "")
    detail = Text(f"Segment inconnu : « {code[:80]} »{fr}", f"Unknown segment: “{code[:80]}”{en}")
    return Problem(pointer("segment", place), "unknown_code", detail)


def _insee(territories: Territories, ordinals: Iterable[int]) -> tuple[str, ...]:
    return tuple(territories.communes[ordinal].code for ordinal in sorted(ordinals))


def _answering(wanted: str, taxonomy: Taxonomy, cpv: Cpv) -> set[str]:
    """What an offer may name to be found: segments, families, and CPV codes where it names no segment."""
    family = taxonomy.family(wanted)
    segments = {wanted} if family is None else {wanted, *(segment.id for segment in family.segments)}
    through_cpv = _cpv_codes(taxonomy, cpv)
    codes = {code for segment in segments for code in through_cpv.get(segment, ())}
    whole = set() if family is not None else {taxonomy.segments[wanted].family}
    return segments | whole | codes


@lru_cache(maxsize=2)
def _cpv_codes(taxonomy: Taxonomy, cpv: Cpv) -> Mapping[str, Sequence[str]]:
    """The CPV codes that stand for each segment."""
    found: dict[str, list[str]] = defaultdict(list)
    for code in cpv:
        for segment in taxonomy.of_cpv(code):
            found[segment].append(code)
    return found


def _eligible(reserved: frozenset[Reserved], on: date, rules: Rules) -> Test:
    """Whether suppliers are not ineligible for all of the reserved types."""

    def test(suppliers: Sequence[Supplier]) -> Sequence[bool]:
        return [_may_answer(legal_facts(supplier), reserved, on, rules) for supplier in suppliers]

    return test


@lru_cache(maxsize=10_000)
def _may_answer(facts: LegalFacts, reserved: frozenset[Reserved], on: date, rules: Rules) -> bool:
    return any(eligibility(facts, kind, on, rules).outcome != "INELIGIBLE" for kind in reserved)
