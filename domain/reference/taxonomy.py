"""Families and segments of activity: what buyers ask for and suppliers offer; how CPV and NAF codes read in them."""

import difflib
import functools
import hashlib
import re
import tomllib
from collections.abc import Iterable
from importlib.resources import files
from typing import Annotated

import msgspec

from domain.text.normalise import fold, stem

# The last letter tells the vintage: no code is in both.
NafRev2 = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{2}\.[0-9]{2}[A-FZ]$")]
Naf2025 = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{2}\.[0-9]{2}[GHJKLY]$")]
RomeCode = Annotated[str, msgspec.Meta(pattern=r"^[A-N][0-9]{4}$")]
NafCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{2}\.[0-9]{2}[A-HJ-LYZ]$")]


WORKS_DIVISION = "45"
"""The division of the CPV codes of works."""
GOODS = frozenset((*(f"{division:02}" for division in range(3, 45)), "48"))
"""The divisions of the CPV that are goods: those before works, and software."""


class Segment(msgspec.Struct, frozen=True):
    """One activity."""

    id: str
    """The family's two letters, then a word, such as `pr-locaux`; it keeps its meaning"""
    label: str
    """In French"""
    family: str
    """The id of its family"""
    synonyms: tuple[str, ...]
    """Phrases in French by which it is found, in lower case, without accents"""
    cpv: tuple[str, ...]
    """Prefixes of CPV codes; the longest that fits a code wins"""
    naf: tuple[str, ...]
    """Dotted codes of NAF rev. 2"""
    naf2025: tuple[str, ...]
    """Dotted codes of NAF 2025, which replaces NAF rev. 2 in Sirene on 2027-01-01"""
    rome: tuple[str, ...]
    """ROME codes of jobs"""
    related: tuple[str, ...]
    """Ids of neighbours worth showing to a buyer who asks for this one; they never answer in its place"""
    works: bool | None = None
    """Whether it is works, where its CPV codes leave that open; else null"""


class Family(msgspec.Struct, frozen=True):
    """A group of segments."""

    id: str
    """Two letters, requested or offered like a segment's id"""
    label: str
    """In French"""
    segments: tuple[Segment, ...]
    """In the order of the taxonomy"""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the works that a segment holds: who is only known for another one does not answer a lot of this alone."""

    id: str
    """The segment's id, `/` and a word, such as `bt-peinture/carrelage`: never requested or shown by itself"""
    label: str
    """In French"""
    words: tuple[str, ...]
    """Beginnings of words by which a lot, or the name of a supplier, says it; folded"""
    cpv: tuple[str, ...]
    """Prefixes of CPV codes; the longest of the segment's parts that fits a code wins"""
    known_by: tuple[str, ...]
    """The NAF codes, and what else an offer may be inferred from, that stand for this work and not for all of them"""


class SegmentEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A segment as segments.toml writes it."""

    id: str
    label: str
    synonyms: tuple[str, ...]
    cpv: tuple[str, ...]
    naf: tuple[NafRev2, ...]
    naf2025: tuple[Naf2025, ...]
    rome: tuple[RomeCode, ...]
    works: bool | None = None


class FamilyEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A family as segments.toml writes it."""

    id: str
    label: str
    segment: tuple[SegmentEntry, ...]


class CpvReading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """CPV prefixes of no segment (`silent`), or where no title names a trade (`general`); words of what is designed."""

    silent: tuple[str, ...]
    general: tuple[str, ...]
    designed: tuple[str, ...]


class NafReading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """NAF codes of both vintages read as no segment (`silent`), or as others than those that list them (`names`)."""

    silent: tuple[NafCode, ...]
    names: dict[NafCode, tuple[str, ...]]


class Vocabulary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Words of procurement French beside the synonyms, all folded.

    `linking`: words that tie a complement to what stands before ("de"); `empty`: others without meaning of their own;
    `filler`: words that say little of the activity ("bio"); `outside`: phrases that look like a segment's but are
    another trade; `premises`: phrases that also name a building, and a trade only after nothing or words of `running`
    it ("gestion de la crèche"); `vague`: phrases that name the trade only where they are all that is said; `works`:
    words of what is done to a thing, which say the trade with it alone; `buying`, `studying`: first words of what buys
    goods, or studies them; `overseeing`: phrases of `outside` that design, check or coordinate the works of others;
    `forms`: other form of a word → the word the synonyms use ("tondre" → "tonte").
    """

    linking: frozenset[str]
    empty: frozenset[str]
    filler: frozenset[str]
    outside: tuple[str, ...]
    premises: tuple[str, ...]
    running: frozenset[str]
    vague: tuple[str, ...]
    works: frozenset[str]
    buying: frozenset[str]
    studying: frozenset[str]
    overseeing: tuple[str, ...]
    forms: dict[str, str]

    def stemmed_forms(self) -> dict[str, str]:
        """Stem of a form → stem of the word that the synonyms use, of verbs also "qui nettoierait, nettoieront"."""
        would = {
            future + ending: word
            for form, word in self.forms.items()
            if form.endswith(("er", "ir", "re"))
            for future in {form.removesuffix("e"), form.replace("yer", "ier"), form.replace("tenir", "tiendr")}
            for ending in ("a", "ont", "ait", "aient", "iez")
        }
        return {stem(form): stem(word) for form, word in (would | self.forms).items()}


class TaxonomyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of segments.toml."""

    family: tuple[FamilyEntry, ...]
    cpv: CpvReading
    naf: NafReading
    neighbours: dict[str, tuple[tuple[str, str], ...]]
    part: tuple[Part, ...]
    vocabulary: Vocabulary


class Taxonomy:
    """All families and segments, and the segments that CPV, NAF and ROME codes stand for; immutable."""

    def __init__(self, file: TaxonomyFile, version: str) -> None:
        self.version = version
        self.vocabulary = file.vocabulary
        self.families = _make_families(file)
        self.segments = {segment.id: segment for family in self.families for segment in family.segments}
        self._families = {family.id: family for family in self.families}
        self._cpv = _segments_by_code((prefix, segment) for segment in self.segments.values() for prefix in segment.cpv)
        self._cpv |= dict.fromkeys(file.cpv.silent, ())
        self._general_cpv = file.cpv.general
        self._designed = frozenset(map(stem, file.cpv.designed))
        self._naf = _segments_by_code(
            (code, segment) for segment in self.segments.values() for code in (*segment.naf, *segment.naf2025)
        )
        self._rome = _segments_by_code((code, segment) for segment in self.segments.values() for code in segment.rome)
        self._naf |= file.naf.names | dict.fromkeys(file.naf.silent, ())
        self._naf |= {code.replace(".", ""): segments for code, segments in self._naf.items()}
        self.parts = {part.id: part for part in file.part}
        self._parts_of: dict[str, tuple[Part, ...]] = {}
        for part in file.part:
            segment = self.segments[segment_of(part.id)].id
            self._parts_of[segment] = (*self._parts_of.get(segment, ()), part)
        self._known_by = {part.id: {code.replace(".", "") for code in part.known_by} for part in file.part}
        self._part_words = {part.id: re.compile(rf"\b(?:{'|'.join(part.words) or '(?!)'})") for part in file.part}

    def known(self, code: str) -> bool:
        """Whether `code` is the id of a segment or of a family."""
        return code in self.segments or code in self._families

    def label(self, code: str) -> str:
        """The French label of a segment, a part of one or a family; KeyError for any other id."""
        return (self.segments.get(code) or self.parts.get(code) or self._families[code]).label

    def family(self, code: str) -> Family | None:
        """The family of that id; None for anything else, segments' ids included."""
        return self._families.get(code)

    def of_cpv(self, code8: str) -> tuple[str, ...]:
        """The segments that list the longest prefix of an 8-digit code, in the taxonomy's order.

        () if none does, or where that prefix is known to say nothing of the trade.
        """
        return next((self._cpv[code8[:length]] for length in range(8, 1, -1) if code8[:length] in self._cpv), ())

    def with_parts(self, code: str) -> tuple[str, ...]:
        """A segment or family, and the parts of the segment."""
        return (code, *(part.id for part in self._parts_of.get(code, ())))

    def part_bought(self, segment: str, texts: Iterable[str], cpv: Iterable[str], need_title: str = "") -> str:
        """The only part of a segment that a lot buys, by the first of its texts to name any, its CPV codes or its need.

        The segment itself where they name several parts or none. `cpv`: codes of eight digits.
        """
        said = next(filter(None, (self._parts_said(segment, text) for text in texts)), None)
        of_codes = (part for code in cpv for part in _longest_prefixes(self._parts_of.get(segment, ()), code))
        bought = {*(said or of_codes)} or {*self._parts_said(segment, need_title)}
        return bought.pop() if len(bought) == 1 else segment

    def _parts_said(self, segment: str, text: str) -> list[str]:
        """The parts of a segment of which a text has words."""
        return [part.id for part in self._parts_of.get(segment, ()) if self._part_words[part.id].search(fold(text))]

    @functools.lru_cache(maxsize=4096)  # noqa: B019 - the taxonomy lives as long as the process
    def parts_shown(self, segment: str, grounds: tuple[str, ...]) -> tuple[str, ...]:
        """The parts of a segment for which alone an inferred offer stands, by what it is inferred from (`grounds`).

        The segment itself where a ground is not known to stand for parts of it.
        """
        shown = dict[str, None]()
        for ground in grounds:
            code = ground.replace(".", "")
            known = [part.id for part in self._parts_of.get(segment, ()) if code in self._known_by[part.id]]
            if not (known or (known := self._parts_said(segment, ground))):
                return (segment,)
            shown |= dict.fromkeys(known)
        return tuple(shown) or (segment,)

    @functools.lru_cache(maxsize=512)  # noqa: B019 - as above
    def cpv_prefixes(self, code: str) -> tuple[str, ...]:
        """The CPV prefixes of a segment, or of a family's segments; empty for an unknown one."""
        family, segment = self.family(code), self.segments.get(code)
        members = family.segments if family else (segment,) if segment else ()
        return tuple(prefix for member in members for prefix in member.cpv)

    @functools.lru_cache(maxsize=512)  # noqa: B019 - as above
    def is_works(self, code: str) -> bool | None:
        """Whether an activity is works, as is said of it or as all its CPV codes are; None: it may be either."""
        known = self.segments.get(code)
        if known and known.works is not None:
            return known.works
        natures = {prefix.startswith(WORKS_DIVISION) for prefix in self.cpv_prefixes(code)}
        return natures.pop() if len(natures) == 1 else None

    def is_general_cpv(self, code8: str) -> bool:
        """Whether an 8-digit code is so general that words naming a trade take precedence over its segments."""
        return code8.startswith(self._general_cpv)

    def is_designed(self, text: str) -> bool:
        """Whether a text says what engineers and architects design: advice on it is theirs."""
        return not self._designed.isdisjoint(map(stem, fold(text).split()))

    def of_naf(self, naf: str) -> tuple[str, ...]:
        """The segments whose trade a NAF code of either vintage names, in the taxonomy's order.

        With or without its dot: "81.21Z" and "8121Z" of NAF rev. 2, "81.21Y" of NAF 2025. Its last letter tells the
        vintage, so no other column need be read. () for codes that say nothing of the trade, and for anything that is
        no such code: those of 2003 and before among it.
        """
        return self._naf.get(naf.strip().upper(), ())

    def of_rome(self, rome: str) -> tuple[str, ...]:
        """The segments whose work a job of that ROME code ("K2204") does, in the taxonomy's order; () if none."""
        return self._rome.get(rome.strip().upper(), ())

    @functools.lru_cache(maxsize=512)  # noqa: B019 - as above; in a faulty file most rows have the same fault
    def nearest(self, code: str) -> str | None:
        """The segment or family id whose spelling is nearest to an unknown, short one; None if none is near."""
        spelt = "-".join(fold(code).split())
        return next(iter(difflib.get_close_matches(spelt, [*self._families, *self.segments], n=1, cutoff=0.7)), None)


def segment_of(code: str) -> str:
    """The segment that a code is or is a part of; a family for its own code."""
    return code.partition("/")[0]


def _longest_prefixes(parts: Iterable[Part], code: str) -> list[str]:
    """The parts that list the longest prefix of a CPV code."""
    fits = [(len(prefix), part.id) for part in parts for prefix in part.cpv if code.startswith(prefix)]
    longest = max(fits, default=(0, ""))[0]
    return [part for length, part in fits if length == longest]


def _make_families(file: TaxonomyFile) -> tuple[Family, ...]:
    order = [entry.id for family in file.family for entry in family.segment]
    related: dict[str, set[str]] = {code: set() for code in order}
    for one, other in (pair for pairs in file.neighbours.values() for pair in pairs):
        related[one].add(other)
        related[other].add(one)
    neighbours = {code: tuple(sorted(others, key=order.index)) for code, others in related.items()}
    return tuple(
        Family(
            family.id,
            family.label,
            tuple(
                Segment(**msgspec.structs.asdict(entry), family=family.id, related=neighbours[entry.id])
                for entry in family.segment
            ),
        )
        for family in file.family
    )


def _segments_by_code(pairs: Iterable[tuple[str, Segment]]) -> dict[str, tuple[str, ...]]:
    segments: dict[str, tuple[str, ...]] = {}
    for code, segment in pairs:
        segments[code] = (*segments.get(code, ()), segment.id)
    return segments


@functools.cache
def load() -> Taxonomy:
    """The taxonomy as committed in `domain/data/segments.toml`.

    Its version changes with the file's content, and with the weights of words that texts are read with.
    """
    data = files("domain") / "data"
    return parse((data / "segments.toml").read_text("utf-8"), (data / "words.npz").read_bytes())


def parse(text: str, also_hashed: bytes = b"") -> Taxonomy:
    """A taxonomy from the text of a `segments.toml`; raises msgspec.ValidationError where it is wrong.

    A NAF code that is not one of its vintage is wrong, so that a misspelt one cannot silently name nothing. The version
    is a hash of the text and of `also_hashed`.
    """
    file = msgspec.convert(tomllib.loads(text), TaxonomyFile)
    return Taxonomy(file, hashlib.sha256(text.encode() + also_hashed).hexdigest()[:12])
