"""Offers by evidence of a trade: public contracts that a supplier won, jobs it recruits for, the purpose it declares.

A contract: what it is about is what its winner does. The object is read first, as a title; where that is not sure the
CPV decides among what the object may mean, and alone where it means nothing. Of 68 labelled objects of contracts that
suppliers of the ESS won, 66 are given segments so, 61 of them rightly, with 9 wrong segments; the phrases of suppliers'
own texts, else the CPV, give 62, 60 rightly, with 14 wrong ones. The codes that say "insertion" of whatever is cleaned,
mown or carried never decide. A contract shows that its winner works where it is performed. One notified more than six
years ago, or on a day that nobody tells, says so, and stands behind younger ones.

A job: its ROME code, else the words of its title. Whoever employs people in insertion at a trade sells that trade. What
temporary work agencies (ETTI) and groups of employers (GEIQ) recruit for is what their clients do: they sell staff.
Associations intermédiaires lend theirs.

A purpose of an association: the codes of the RNA, and its text where a code needs it. It says what an association is
for, not what it sells: of most codes and of texts alone nothing is concluded.
"""

from collections.abc import Iterable
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

import msgspec

from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Territories
from domain.suppliers.known_trades import is_older_award
from domain.suppliers.supplier import Evidence, Kind, Offer, PrestaType, PublicAward, ServiceArea
from matching.words import word_model
from matching.words.title_reader import TitleReader
from sources.trades.inference import label_of, offer_of, reference_of, word_reader

_COUNSEL = "so-conseil"
"""Who was asked about one subject is not asked about another: a study won tells nothing of the next."""
SURE = 0.6
"""From there on an object is believed without its CPV code."""
INSERTION_CPV = frozenset({"75231240", "85312510"})


@lru_cache(maxsize=1)  # to build it takes 130 ms, as long as to read some hundred contracts
def _title_reader(taxonomy: Taxonomy, territories: Territories) -> TitleReader:
    return TitleReader(taxonomy, territories, word_model.load())


class AwardReader:
    """Infers offers from public contracts won; built once for the reference data and the day of reading."""

    def __init__(
        self, taxonomy: Taxonomy, cpv: Cpv, territories: Territories, source: str | None, today: date | None
    ) -> None:
        self._taxonomy, self._cpv, self._source = taxonomy, cpv, source
        self._titles = _title_reader(taxonomy, territories)
        self._today = today

    def offers(
        self, award: PublicAward, text: str, reference: str | None, departement: str | None, *, in_group: bool
    ) -> tuple[Offer, ...]:
        """Infer offers of basis `awarded` from a contract won; `text`: its object with lost letters put back.

        Two where the departement of performance is known: one around the supplier, as without a place, and one there.
        """
        segments = self.segments(text, award.cpv)
        if not segments:
            return ()
        label = label_of((award.object or text) + (" (en groupement)" if in_group else "")) or "Marché public"
        evidence = Evidence("award", label, award.notified_on, self._source, reference_of(reference))
        # in words too, so that a record that is read again years later is another one
        is_older = is_older_award(evidence, self._today or award.notified_on or date.min)
        won = "Marché public remporté" + (" il y a plus de six ans ou sans date" if is_older else "")
        areas = (None, ServiceArea(codes=(f"departement:{departement}",))) if departement else (None,)
        return tuple(offer_of(segments, f"{won} : {label}", evidence, basis="awarded", area=area) for area in areas)

    def segments(self, text: str, cpv: str | None) -> tuple[str, ...]:
        """The segments that a contract's object surely means, else those of its CPV code that it may mean."""
        readings = tuple(reading for reading in self._titles.read(text) if reading.segment != _COUNSEL)
        if sure := tuple(reading.segment for reading in readings if reading.confidence >= SURE):
            return sure
        if cpv is None or cpv in INSERTION_CPV or not self._cpv.exists(cpv):
            return ()
        coded = tuple(segment for segment in self._taxonomy.of_cpv(cpv) if segment != _COUNSEL)
        return tuple(reading.segment for reading in readings if reading.segment in coded) if readings else coded


_LENDERS: frozenset[Kind] = frozenset({"ETTI", "GEIQ"})


class Job(NamedTuple):
    """A job offered: its ROME code ("" where it has none), its title, and the day of its last update."""

    rome: str
    title: str
    on: date | None = None


def offers_of_jobs(taxonomy: Taxonomy, source: str | None, jobs: Iterable[Job], kind: Kind | None) -> tuple[Offer, ...]:
    """Infer offers from jobs, one for each different tuple of segments; none where the kind is ETTI or GEIQ."""
    if kind in _LENDERS:
        return ()
    presta: tuple[PrestaType, ...] = ("DISP",) if kind == "AI" else ()
    found: dict[tuple[str, ...], Offer] = {}
    for job in jobs:
        # of several segments of its code those that the title names too; without a code, those of the title
        segments = taxonomy.of_rome(job.rome)
        if len(segments) != 1:
            by_title = tuple(clue.segment for clue in word_reader(taxonomy).read((job.title,)))
            segments = tuple(each for each in segments if each in by_title) or segments or by_title
        if segments and segments not in found:
            evidence = Evidence("job", label_of(job.title), job.on, source, reference_of(job.rome))
            label = f"Déduit d'un poste proposé : {job.title or job.rome}"
            found[segments] = offer_of(segments, label, evidence, presta)
    return tuple(found.values())


class PurposeCodes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """RNA codes in waldec_trades.toml: with segments for sure, if the text agrees, or told by it alone (`sellers`)."""

    strong: dict[str, tuple[str, ...]]
    weak: dict[str, tuple[str, ...]]
    sellers: dict[str, str]


@cache
def purpose_codes() -> PurposeCodes:
    """Read the codes in `domain/data/waldec_trades.toml`."""
    return msgspec.toml.decode((files("domain") / "data" / "waldec_trades.toml").read_bytes(), type=PurposeCodes)


def offers_of_purpose(taxonomy: Taxonomy, source: str | None, codes: Iterable[str], text: str) -> tuple[Offer, ...]:
    """Infer offers from an association's purpose: from its RNA codes, and from its text where a code needs that."""
    known = purpose_codes()
    named = tuple(clue.segment for clue in word_reader(taxonomy).read((text,)))
    found: dict[tuple[str, ...], Offer] = {}
    for code in codes:
        segments = known.strong.get(code) or tuple(each for each in known.weak.get(code, ()) if each in named)
        if not segments and code in known.sellers:
            segments = named
        if segments and segments not in found:
            evidence = Evidence("purpose", label_of(text), source=source, reference=reference_of(code))
            found[segments] = offer_of(segments, "Déduit de l'objet déclaré de l'association", evidence)
    return tuple(found.values())
