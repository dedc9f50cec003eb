"""Offers by public contracts that a supplier won: what a contract is about is what its winner does.

The object is read first, as a title; where that is not sure the CPV decides among what the object may mean, and alone
where it means nothing. Of 68 labelled objects of contracts that suppliers of the ESS won, 66 are given segments so, 61
of them rightly, with 9 wrong segments; the phrases of suppliers' own texts, else the CPV, give 62, 60 rightly, with 14
wrong ones. The codes that say "insertion" of whatever is cleaned, mown or carried never decide. A contract shows that
its winner works where it is performed. Nothing is concluded from one notified more than six years ago, or on a day that
nobody tells.
"""

from datetime import date
from typing import NamedTuple

from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Territories
from domain.suppliers.supplier import Evidence, Offer, PublicAward, ServiceArea
from matching.words import word_model
from matching.words.title_reader import TitleReader
from sources.trades.offers import offer_of, reference_of, shortened

YEARS = 6
SURE = 0.6
"""From there on an object is believed without its CPV code."""
INSERTION_CPV = frozenset({"75231240", "85312510"})
_LEAP_DAY = (2, 29)


class Won(NamedTuple):
    """A contract won. `object`: as it is read, where it is written otherwise; `departement`: where it is performed."""

    award: PublicAward
    object: str
    reference: str | None
    departement: str | None = None
    in_group: bool = False


class AwardReader:
    """Reads contracts as offers; built once for the reference data and the day of reading."""

    def __init__(
        self, taxonomy: Taxonomy, cpv: Cpv, territories: Territories, source: str | None, today: date | None
    ) -> None:
        self._taxonomy, self._cpv, self._source = taxonomy, cpv, source
        self._titles = TitleReader(taxonomy, territories, word_model.load())
        self._since = None if today is None else years_before(today, YEARS)

    def offers(self, won: Won) -> tuple[Offer, ...]:
        """The offers of basis `awarded` that the contract shows.

        Two where the place is known: one around the supplier, as without a place, and one for the departement.
        """
        award = won.award
        if award.notified_on is None or (self._since is not None and award.notified_on < self._since):
            return ()
        segments = self.segments(won.object, award.cpv)
        if not segments:
            return ()
        text = (award.object or won.object) + (" (en groupement)" if won.in_group else "")
        label = shortened(text) or "Marché public"
        evidence = Evidence("award", label, award.notified_on, self._source, reference_of(won.reference))
        areas = (None, ServiceArea(codes=(f"departement:{won.departement}",))) if won.departement else (None,)
        return tuple(
            offer_of(segments, f"Marché public remporté : {label}", evidence, basis="awarded", area=area)
            for area in areas
        )

    def segments(self, text: str, cpv: str | None) -> tuple[str, ...]:
        """The segments that an object means, else those of its CPV code (8 digits) that it may mean."""
        readings = self._titles.read(text)
        if sure := tuple(reading.segment for reading in readings if reading.confidence >= SURE):
            return sure
        if cpv is None or cpv in INSERTION_CPV or not self._cpv.exists(cpv):
            return ()
        coded = self._taxonomy.of_cpv(cpv)
        return tuple(reading.segment for reading in readings if reading.segment in coded) if readings else coded


def years_before(day: date, years: int) -> date:
    """The same day so many years earlier; the day before a 29 February that is not."""
    if (day.month, day.day) == _LEAP_DAY:
        day = day.replace(day=28)
    return day.replace(year=day.year - years)
