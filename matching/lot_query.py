"""Lots as they are matched: codes, CPV and words read as segments, places prepared. All problems are found at once."""

from collections.abc import Callable, Container, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeVar

import msgspec

from domain.computations import raise_if_given_up
from domain.errors import InvalidContent, Problem, pointer
from domain.law.buyers import buyer_problems
from domain.law.procedures.lot_facts import Understood
from domain.needs.estimate import yearly_value
from domain.needs.need import Lot, Need, Place
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.shortlists.listed_suppliers import Confidence, Role
from domain.shortlists.shortlist import SupposedSite
from domain.text.bilingual import Text, said_by
from matching.geo.shape import Shape
from matching.geo.territory import MAX_SUGGESTIONS, Geography, Territory
from matching.weighted_cache import WeightBoundCache
from matching.words.keywords import Interpreter
from matching.words.title_reader import ENGINEERS, WORKS

_SAID = said_by(__name__)

Made = TypeVar("Made")

CACHED_BYTES, BYTES_PER_READING = 8 << 20, 1_000
"""The bytes of the readings that are cached, and of one besides the words and codes that were read."""

SURE = 0.7
"""Words are demanded of suppliers from this confidence on; doubtful readings are suggested to the buyer."""
# From there on, a title is held against CPV codes that say something else, and beside titles of other lots; and asked
# for where the codes say a trade of no segment (surely, where they are precise).
LIKELY_TITLE, BESIDE_UNMAPPED = 0.5, 0.6
# Advice, which engineers do not give on what they design; the code of any works, suggested beside a title of no trade.
ADVICE, ANY_WORKS, STUDIES = "so-conseil", "45000000", (ENGINEERS, "793", "794")
# Trades of building; works and upkeep of all, which titles of operations name; what is done in a building.
BUILDING, WHOLE_WORKS, UPKEEP = ("bt-", "in-metal"), frozenset({"bt-tce"}), frozenset({"bt-maintenance"})
HOUSED = ("so-", "rs-", "cc-mediation", "cc-spectacle", "te-mediation", "de-encombrants")


@dataclass(frozen=True)
class WantedSegment:
    """A segment or family that a lot asks for; `sources`: the codes and words that name it, as surely as the surest."""

    segment: str
    role: Role
    sources: tuple[str, ...]
    confidence: float


class Subject(NamedTuple):
    """The segments, their parts or families that a lot asks for: `objects` it buys, and others that `support` these."""

    objects: tuple[str, ...]
    support: tuple[str, ...]

    @property
    def wanted(self) -> tuple[str, ...]:
        """The segments or families that the lot asks for: its `objects`, then those that support them."""
        return self.objects + self.support


class LotObject(msgspec.Struct, frozen=True, eq=False):
    """The object of a lot: the segments it buys, as understood from its codes, words and title.

    `suggested`: segments that its words may mean, not asked for. `unmapped` CPV codes and `unknown` words asked for
    nothing that could be searched. `title_says`: segments that the title names where the CPV codes name others.
    `understood`: the object as the law reads it, and how surely it is that.
    """

    wanted: tuple[WantedSegment, ...]
    suggested: tuple[WantedSegment, ...]
    unmapped: tuple[str, ...]
    unknown: tuple[str, ...]
    title_says: tuple[str, ...]
    subject: Subject
    understood: Understood


class SupposedPlace(NamedTuple):
    """The commune that a lot without a site is supposed to be performed in, and its shape."""

    site: SupposedSite
    shape: Shape


class LotQuery(LotObject, frozen=True, eq=False):
    """A lot ready to be matched: its object, its territory and its site; `supposed`: where it has none.

    `yearly_eur`: the euros a year that it is worth; None: not known.
    """

    lot: Lot
    territory: Territory
    site: Shape | None
    yearly_eur: float | None
    supposed: SupposedPlace | None = None

    @property
    def place(self) -> Shape | None:
        """The shape of the site, else of the supposed one; None: distances are measured to the territory."""
        return self.site or (self.supposed and self.supposed.shape)

    @property
    def supposed_site(self) -> SupposedSite | None:
        """The supposed site, as an answer shows it."""
        return self.supposed and self.supposed.site


@dataclass
class _RequestedSegments:
    """The segments found that a lot asks for, in order of discovery, each with its sources and their confidence.

    `read`: those that its words may mean. `decide` asks for the sure ones; the others are `suggested`. `is_other`: its
    words name a trade that no segment covers, which is then what they mean best.
    """

    found: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    read: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    suggested: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    unmapped: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    title_says: tuple[str, ...] = ()
    is_other: bool = False

    def add_general(self, general: "_RequestedSegments", meant: Container[str]) -> None:
        """Add those segments of too general CPV codes that are `meant`."""
        for segment in filter(meant.__contains__, general.found):
            self.found.setdefault(segment, []).extend(general.found[segment])

    def decide(self, general: Container[str]) -> None:
        """Ask for what is sure, or named or in `general` codes too; else for the best, likely beside unmapped codes."""
        sure = {segment: max(sure for _, sure in said) for segment, said in self.read.items()}
        sure |= {segment: max(SURE, confidence) for segment, confidence in sure.items() if segment in general}
        best = max(sure, key=sure.__getitem__, default="")
        least = max((BESIDE_UNMAPPED if code[4:8] == "0000" else SURE for code in self.unmapped), default=0)
        if best and not (self.found or self.is_other) and sure[best] >= least:
            sure[best] = max(sure[best], SURE)
        for segment, said in self.read.items():
            asked = self.found if segment in self.found or sure[segment] >= SURE else self.suggested
            asked.setdefault(segment, []).extend(said)

    def lot_object(self, supporting: Iterable[str], part_of: Callable[[str], str]) -> LotObject:
        """The `LotObject` of the segments found, or the part bought of each, with the supporting segments."""
        support = tuple(code for code in dict.fromkeys(supporting) if code not in self.found)
        wanted = (
            *(_wanted_segment(segment, "object", said) for segment, said in self.found.items()),
            *(_wanted_segment(code, "support", [(f"segment:{code}", 1.0)]) for code in support),
        )
        taken = {*support, *self.found}
        doubtful = [_wanted_segment(code, "object", said) for code, said in self.suggested.items() if code not in taken]
        suggested = tuple(sorted(doubtful, key=lambda each: -each.confidence))
        bought = Subject(tuple(map(part_of, self.found)), support), Understood(tuple(self.found), self._sureness())
        return LotObject(wanted, suggested, tuple(self.unmapped), tuple(self.unknown), self.title_says, *bought)

    def _sureness(self) -> Confidence:
        """The sureness of the segments found: high where codes name all of them."""
        said = [said for said in self.found.values() if not any(by.startswith(("segment:", "cpv:")) for by, _ in said)]
        least = min((max(sure for _, sure in each) for each in said), default=None)
        return "high" if least is None else "medium" if least >= SURE else "low"


def _wanted_segment(segment: str, role: Role, said: Sequence[tuple[str, float]]) -> WantedSegment:
    """A segment with its sources, each once, and the confidence of the surest."""
    return WantedSegment(segment, role, tuple(dict.fromkeys(by for by, _ in said)), max(sure for _, sure in said))


@dataclass(frozen=True)
class NeedReader:
    """Reads needs against the reference data."""

    taxonomy: Taxonomy
    cpv: Cpv
    interpreter: Interpreter
    geography: Geography
    read_objects: WeightBoundCache[Hashable, LotObject] = field(default_factory=lambda: WeightBoundCache(CACHED_BYTES))
    """The objects read last whose codes are all known, by what is said of them."""
    read_titles: WeightBoundCache[str, frozenset[str]] = field(default_factory=lambda: WeightBoundCache(CACHED_BYTES))
    """The segments that the titles read last surely say."""

    def read(self, need: Need) -> tuple[LotQuery, ...]:
        """One query per lot; raises InvalidContent with every problem of the need, and GivenUp."""
        ids = [lot.id for lot in need.lots]
        again = [position for position, lot_id in enumerate(ids) if lot_id in ids[:position]]
        problems = [Problem(pointer("lots", position, "id"), "duplicate_id", _SAID["same_id"]) for position in again]
        problems += buyer_problems(need.buyer)
        whole, in_titles = need.territory, self._segments_of_titles(need)
        common = _without_raising(problems, partial(self.geography.territory, whole, "territory")) if whole else None
        queries = [self._read_lot(need, position, common, in_titles, problems) for position in range(len(need.lots))]
        if problems:
            raise InvalidContent(tuple(problems))
        return tuple(query for query in queries if query is not None)

    def segments_bought(self, lot: Lot, need_title: str = "") -> tuple[str, ...]:
        """The segments that a stored lot buys, by its codes, words and titles, without checks of these."""
        return tuple(self._segments_of(lot, need_title, frozenset()).found)

    def segments_bought_beside_others(self, need: Need, lot: Lot) -> tuple[str, ...]:
        """The segments that a lot of a need buys, read beside the titles of the need's other lots, as in a match."""
        return tuple(self._segments_of(titled(lot, need), need.title or "", self._segments_of_titles(need)).found)

    def _segments_of_titles(self, need: Need) -> frozenset[str]:
        """The segments that lots' own titles surely name: of the need's title, other lots do not get them."""
        in_titles: set[str] = set()
        for title in {lot.title for lot in need.lots if lot.title} if need.title else ():
            said = self.read_titles.find(title)
            if said is None:
                readings = self.interpreter.read(title)
                said = frozenset(reading.segment for reading in readings if reading.confidence >= LIKELY_TITLE)
                self.read_titles.put(title, said, BYTES_PER_READING + len(title))
            in_titles |= said
        return frozenset(in_titles)

    def _read_lot(
        self, need: Need, position: int, common: Territory | None, in_titles: frozenset[str], problems: list[Problem]
    ) -> LotQuery | None:
        """The query of a lot; None where the lot is invalid: its problems are then added to `problems`.

        `common`: the need's own territory, None also where it cannot be used, which is reported once. `in_titles`: the
        segments that lots' own titles say.
        """
        raise_if_given_up()
        lot, at = need.lots[position], ("lots", position)
        named = titled(lot, need)
        # all of a need that decides what the object of a lot is read as
        said = lot.segments, lot.cpv, lot.keywords, lot.support_segments, named.title, need.title, in_titles
        read = self.read_objects.find(said)
        found = self._unknown_code_problems(lot, at, len(problems) < MAX_SUGGESTIONS) if read is None else []
        if not (lot.segments or lot.cpv or lot.keywords or lot.title):
            found.append(Problem(pointer(*at), "no_object", _SAID["no_object"]))
        if lot.territory is None and need.territory is None:
            found.append(Problem(pointer(*at, "territory"), "no_territory", _SAID["no_territory"]))
        own, site = lot.territory, lot.site
        territory = _without_raising(found, partial(self.geography.territory, own, *at, "territory")) if own else common
        shape = _without_raising(found, partial(self.geography.place, site, *at, "site")) if site else None
        problems += found
        if found or territory is None:
            return None
        if read is None:
            found_segments = self._segments_of(named, need.title or "", in_titles)
            read = found_segments.lot_object(lot.support_segments, partial(self._part_bought, named, need.title or ""))
            self.read_objects.put(said, read, BYTES_PER_READING + 2 * len(msgspec.json.encode(said)))
        supposed = self.supposed_place(need, lot, territory) if site is msgspec.UNSET else None
        yearly = yearly_value(lot, need.estimated_total_eur if len(need.lots) == 1 else None)
        asked = msgspec.structs.asdict(read)
        return LotQuery(**asked, lot=lot, territory=territory, site=shape, yearly_eur=yearly, supposed=supposed)

    def _part_bought(self, lot: Lot, need_title: str, segment: str) -> str:
        """The part of a segment that a lot buys, by its words or CPV codes; of one that it names, by its own words."""
        codes, said = map(self.cpv.normalise, lot.cpv), (" ".join(lot.keywords), lot.title or "")
        named = segment in lot.segments
        return self.taxonomy.part_bought(segment, said, () if named else codes, "" if named else need_title)

    def supposed_place(self, need: Need, lot: Lot, territory: Territory) -> SupposedPlace | None:
        """The one commune of a territory that the words of a lot name, else the buyer's; None where neither is known.

        Where the words name several communes, it is neither of these, nor the buyer's.
        """
        said = (lot.title or "",), lot.keywords, (need.title or "",)
        found = self.interpreter.titles.communes.supposed_commune(said, need.buyer, territory.ground)
        commune = self.geography.territories.communes[found[0]] if found else None
        if found is None or commune is None or commune.lat is None:  # an overseas collectivity has no outlines
            return None
        site = SupposedSite(commune.code, commune.name, found[1])
        return SupposedPlace(site, self.geography.place(Place(commune=commune.code)))

    def _unknown_code_problems(self, lot: Lot, at: tuple[str | int, ...], suggests: bool) -> list[Problem]:
        taxonomy = self.taxonomy
        return [
            Problem(
                pointer(*at, name, place),
                "unknown_code",
                _unknown_code_message(code, nearest(code) if suggests and place < MAX_SUGGESTIONS else None),
            )
            for name, codes, known, nearest in (
                ("segments", lot.segments, taxonomy.known, taxonomy.nearest),
                ("support_segments", lot.support_segments, taxonomy.known, taxonomy.nearest),
                ("cpv", lot.cpv, self.cpv.exists, self.cpv.nearest),
            )
            for place, code in enumerate(codes)
            if not known(code)
        ]

    def _segments_of(self, lot: Lot, need_title: str, in_titles: frozenset[str]) -> _RequestedSegments:
        """The segments that a lot asks for by code, CPV, keywords and, where these name none, its title.

        CPV codes too general to decide alone give way to the title. `in_titles`: those that the titles of lots say.
        """
        requested, general, title = _RequestedSegments(), _RequestedSegments(), lot.title or ""
        for code in lot.segments:
            requested.found.setdefault(code, []).append((f"segment:{code}", 1.0))
        firm, particular = set[str](), set[str]()
        for code in lot.cpv:
            every = self.taxonomy.of_cpv(self.cpv.normalise(code))
            # among equals, those the lot already names by code are enough
            segments = tuple(segment for segment in every if segment in lot.segments) or every
            requested.unmapped += [] if segments else [code]
            is_general = self.taxonomy.is_general_cpv(self.cpv.normalise(code))
            firm.update(() if is_general else segments)
            particular.update(segments if is_general and not self.cpv.normalise(code).endswith("000") else ())
            for segment in segments:
                (general if is_general else requested).found.setdefault(segment, []).append((f"cpv:{code}", 1.0))
        for keyword in lot.keywords:
            readings = self.interpreter.read(keyword)
            requested.unknown += [] if readings else [keyword]
            for reading in readings:
                requested.read.setdefault(reading.segment, []).append((f"keyword:{keyword}", reading.confidence))
        # the need's title speaks where the lot's says no trade
        texts = lot.keywords or (title, "" if self.interpreter.read(title) else need_title)
        requested.is_other = any(map(self.interpreter.names_other_trade, texts))
        of_cpv = firm and firm | general.found.keys()
        is_told = bool(title) and (bool(firm) or not (requested.found or requested.read))
        by_title = is_told and self._add_title(requested, lot, need_title, of_cpv, in_titles)
        at_large = is_told and not by_title and {self.cpv.normalise(code) for code in lot.cpv} == {ANY_WORKS}
        requested.add_general(general, () if by_title or at_large or requested.is_other else general.found)
        if by_title and particular - WHOLE_WORKS and particular.isdisjoint(requested.read):
            requested.title_says = by_title
        requested.decide(general.found if by_title and not requested.is_other else ())
        requested.add_general(general, requested.found if by_title or at_large else ())
        requested.suggested |= general.found if at_large and not requested.is_other else {}
        requested.unknown += [] if requested.found or requested.unmapped or lot.keywords else [title or need_title]
        return requested

    def _add_title(
        self, requested: _RequestedSegments, lot: Lot, need_title: str, of_cpv: set[str], in_titles: frozenset[str]
    ) -> tuple[str, ...]:
        """Read the segments that a lot's title names where nothing else asks for any; return the likely ones.

        Where CPV codes name segments (`of_cpv`) and the title none of them, that is noted, and what it says surely is
        asked for too, as is a further trade that it says surely itself. The others are suggested, as all are if
        segments are named, works of all trades where a code or a sure reading says the part that is bought, what is
        done in what is built, and advice on what is designed. Works are left out where all codes are of
        studies; what the need's title alone says, where other lots say it (`in_titles`) and this one says a trade.
        """
        title = lot.title or ""
        own = {reading.segment for reading in self.interpreter.read(title)}
        readings = self.interpreter.read(title, need_title)
        left = in_titles - own if own else frozenset()
        readings = tuple(reading for reading in readings if reading.segment not in left) or readings
        divisions = {code[:2] for code in lot.cpv}
        of_engineers, of_works = divisions == {ENGINEERS}, divisions == {WORKS}
        if lot.cpv and all(code.startswith(STUDIES) for code in lot.cpv):
            readings = tuple(each for each in readings if each.segment not in self.interpreter.titles.only_built)
        is_designed = of_engineers and self.taxonomy.is_designed(f"{title} {need_title}")
        sure = {segment for segment, confidence, _ in readings if confidence >= SURE} - UPKEEP
        is_part = min(divisions, default=WORKS) < WORKS or any(each.startswith(BUILDING) for each in sure - WHOLE_WORKS)
        whole = (WHOLE_WORKS | UPKEEP if of_works else WHOLE_WORKS) if is_part or (of_cpv and of_works) else frozenset()
        whole |= {one for one, _, _ in readings if (of_works or WHOLE_WORKS & sure) and one.startswith(HOUSED)}
        likely = tuple(segment for segment, chance, _ in readings if chance >= LIKELY_TITLE and segment not in whole)
        differs = not of_cpv & {*likely}
        requested.title_says = likely if of_cpv and differs else ()
        for segment, confidence, _ in readings:
            said_in = title if segment in own or not need_title else need_title
            is_sure = not of_engineers or (confidence >= SURE and not (segment == ADVICE and is_designed))
            is_further = confidence >= SURE and segment in own and segment != ADVICE
            asked = (differs or is_further) and not lot.segments and is_sure and segment not in whole
            read = requested.read if asked else requested.suggested
            if segment not in of_cpv:
                read.setdefault(segment, []).append((f"title:{said_in}", confidence))
        return () if of_cpv else likely


def titled(lot: Lot, need: Need) -> Lot:
    """The lot of a need, with the need's title where it is the only one and has none of its own."""
    is_only = bool(need.title) and len(need.lots) == 1
    return lot if lot.title or not is_only else msgspec.structs.replace(lot, title=need.title)


def _without_raising(problems: list[Problem], make: Callable[[], Made]) -> Made | None:
    """The result of `make`; None where it raises InvalidContent: the problems are then added to `problems`."""
    try:
        return make()
    except InvalidContent as invalid:
        problems.extend(invalid.problems)
        return None


def _unknown_code_message(code: str, near: str | None) -> Text:
    if near is None:
        return Text(f"Code inconnu : « {code} ».", f"Unknown code: “{code}”.")
    return Text(f"Code inconnu : « {code} ». Peut-être « {near} » ?", f"Unknown code: “{code}”. Perhaps “{near}”?")
