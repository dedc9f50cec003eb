"""Lots as they are matched: codes, CPV and words read as segments, places prepared. All problems are found at once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from domain.errors import InvalidContent, Problem, pointer
from domain.needs.need import Lot, Need
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.shortlists.shortlist import Role
from domain.text.bilingual import Text
from matching.geo.shape import Shape
from matching.geo.territory import MAX_SUGGESTIONS, Geography, Territory
from matching.words.keywords import Interpreter

Made = TypeVar("Made")


@dataclass(frozen=True)
class Wanted:
    """A segment (or family) a lot asks for, where in the request it comes from, and how sure that reading is."""

    segment: str
    role: Role
    sources: tuple[str, ...]
    confidence: float


@dataclass(frozen=True)
class LotQuery:
    """A lot ready to be matched. `unmapped` CPV codes and `unknown` words asked for nothing that could be searched."""

    lot: Lot
    wanted: tuple[Wanted, ...]
    territory: Territory
    site: Shape | None
    unmapped: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def objects(self) -> tuple[Wanted, ...]:
        """The segments that must be answered, without those that only support the object."""
        return tuple(wanted for wanted in self.wanted if wanted.role == "object")


@dataclass(frozen=True)
class NeedReader:
    """Reads needs against the reference data."""

    taxonomy: Taxonomy
    cpv: Cpv
    interpreter: Interpreter
    geography: Geography

    def read(self, need: Need) -> tuple[LotQuery, ...]:
        """One query per lot; raises InvalidContent with every problem of the need."""
        ids = [lot.id for lot in need.lots]
        again = [position for position, lot_id in enumerate(ids) if lot_id in ids[:position]]
        problems = [Problem(pointer("lots", position, "id"), "duplicate_id", SAME_ID) for position in again]
        whole = need.territory
        common = _usable(problems, partial(self.geography.territory, whole, "territory")) if whole else None
        queries = [self._read_lot(need, position, common, problems) for position in range(len(need.lots))]
        if problems:
            raise InvalidContent(tuple(problems))
        return tuple(query for query in queries if query is not None)

    def objects(self, lot: Lot) -> tuple[str, ...]:
        """The segments of the object of a lot whose codes were checked when it was stored; its places are not read."""
        wanted, _, _ = self._wanted(lot)
        return tuple(each.segment for each in wanted if each.role == "object")

    def _read_lot(
        self, need: Need, position: int, common: Territory | None, problems: list[Problem]
    ) -> LotQuery | None:
        """A lot's query; None where it cannot be read, with its problems added to the list.

        `common` is the need's own territory, None also where that cannot be used, which is reported once.
        """
        lot, at = need.lots[position], ("lots", position)
        found = self._check_codes(lot, at)
        if not (lot.segments or lot.cpv or lot.keywords):
            found.append(Problem(pointer(*at), "no_object", NO_OBJECT))
        if lot.territory is None and need.territory is None:
            found.append(Problem(pointer(*at, "territory"), "no_territory", NO_TERRITORY))
        own, site = lot.territory, lot.site
        territory = _usable(found, partial(self.geography.territory, own, *at, "territory")) if own else common
        shape = _usable(found, partial(self.geography.place, site, *at, "site")) if site else None
        problems += found
        if found or territory is None:
            return None
        wanted, unmapped, unknown = self._wanted(lot)
        return LotQuery(lot, wanted, territory, shape, unmapped, unknown)

    def _check_codes(self, lot: Lot, at: tuple[str | int, ...]) -> list[Problem]:
        taxonomy = self.taxonomy
        return [
            Problem(
                pointer(*at, name, place),
                "unknown_code",
                _unknown(code, nearest(code) if place < MAX_SUGGESTIONS else None),
            )
            for name, codes, known, nearest in (
                ("segments", lot.segments, taxonomy.known, taxonomy.nearest),
                ("support_segments", lot.support_segments, taxonomy.known, taxonomy.nearest),
                ("cpv", lot.cpv, self.cpv.exists, self.cpv.nearest),
            )
            for place, code in enumerate(codes)
            if not known(code)
        ]

    def _wanted(self, lot: Lot) -> tuple[tuple[Wanted, ...], tuple[str, ...], tuple[str, ...]]:
        """The segments asked for, in the order first named; then the CPV codes and the words that named none."""
        found: dict[str, list[tuple[str, float]]] = {}
        unmapped, unknown = [], []
        for code in lot.segments:
            found.setdefault(code, []).append((f"segment:{code}", 1.0))
        for code in lot.cpv:
            segments = self._of_cpv(code, lot)
            unmapped += [] if segments else [code]
            for segment in segments:
                found.setdefault(segment, []).append((f"cpv:{code}", 1.0))
        for keyword in lot.keywords:
            readings = self.interpreter.read(keyword)
            unknown += [] if readings else [keyword]
            for reading in readings:
                found.setdefault(reading.segment, []).append((f"keyword:{keyword}", reading.confidence))
        wanted = [_wanted(segment, "object", reasons) for segment, reasons in found.items()]
        support = [code for code in dict.fromkeys(lot.support_segments) if code not in found]
        wanted += [_wanted(code, "support", [(f"segment:{code}", 1.0)]) for code in support]
        return tuple(wanted), tuple(unmapped), tuple(unknown)

    def _of_cpv(self, code: str, lot: Lot) -> tuple[str, ...]:
        """The segments of a CPV code; among equals, those the lot already names by code are enough."""
        segments = self.taxonomy.of_cpv(self.cpv.normalise(code))
        named = tuple(segment for segment in segments if segment in lot.segments)
        return named or segments


NO_OBJECT = Text(
    "Un lot demande au moins un segment (« segments »), un code CPV (« cpv ») ou des mots (« keywords »).",
    "A lot asks for at least one segment (“segments”), CPV code (“cpv”) or words (“keywords”).",
)
NO_TERRITORY = Text(
    "Un territoire est attendu, sur le besoin ou sur le lot.", "A territory is expected, on the need or on the lot."
)
SAME_ID = Text("Un autre lot porte déjà cet identifiant.", "Another lot already has this id.")


def _wanted(segment: str, role: Role, reasons: Iterable[tuple[str, float]]) -> Wanted:
    sources, confidences = zip(*reasons, strict=True)
    return Wanted(segment, role, tuple(dict.fromkeys(sources)), max(confidences))


def _usable(problems: list[Problem], make: Callable[[], Made]) -> Made | None:
    """The result of `make`, or None with its problems added to the list."""
    try:
        return make()
    except InvalidContent as invalid:
        problems.extend(invalid.problems)
        return None


def _unknown(code: str, near: str | None) -> Text:
    if near is None:
        return Text(f"Code inconnu : « {code} ».", f"Unknown code: “{code}”.")
    return Text(f"Code inconnu : « {code} ». Peut-être « {near} » ?", f"Unknown code: “{code}”. Perhaps “{near}”?")
