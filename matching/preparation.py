"""Work that first matches would wait for, done beforehand in small steps."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import islice

from domain.needs.need import TerritoryRequest
from matching.geo.territory import Geography
from matching.index import LiveIndex
from matching.reference import Reference
from matching.selection import SelectionKey, selected

WORTHWHILE = 2_000
"""Among fewer suppliers first matches take little, and outlines of departements would take more memory than they."""

MOST_PLACES = 16
"""One need may name hundreds, which nobody may ask for again."""


def preparation(live: LiveIndex, reference: Reference, today: date, asked: Iterable[SelectionKey]) -> Iterator[None]:
    """Steps of some milliseconds: what the law says today, the selections `asked` for before this index, France, the
    departements and the regions with the distances to them, what the law says tomorrow. None for few suppliers."""
    if len(live) < WORTHWHILE:
        return
    geography, eligibility = reference.geography, live.base.eligibility
    yield from geography.load()
    yield from eligibility.judge(today, reference.rules)
    for reference_to, subject in asked:
        if (wanted := reference_to()) is not None:
            selected(live, wanted, subject)
            yield
    for code in _usual_territories(geography):
        territory = geography.territory(TerritoryRequest(codes=(code,)))
        live.base.areas.meeting(territory)
        yield
        yield from live.base.distances(territory.shape).measure()
    yield from eligibility.judge(today + timedelta(days=1), reference.rules)


def measuring(live: LiveIndex) -> Iterator[None]:
    """Steps that measure everybody near the last places of answers: other segments may be asked for there next."""
    answered = (distances for _, distances in live.base.distances.latest() if distances.is_of_an_answer)
    for distances in islice(answered, MOST_PLACES):
        yield from distances.measure()


def asked_lately(live: LiveIndex) -> list[SelectionKey]:
    """The selections asked for last, the latest first: as many as there is room for with their arrays, which are what
    takes long."""
    many = len(live.base.selection_arrays.latest())
    return [key for key, _ in live.base.selections.latest()][:many]


def _usual_territories(geography: Geography) -> Iterator[str]:
    """The codes of France, and of its regions and departements, of each kind those with the most inhabitants first."""
    communes = geography.territories.communes
    yield "country:FR"
    for kind in ("departement", "region"):
        areas = geography.territories.areas(kind)
        for area in sorted(areas, key=lambda area: -sum(communes[ordinal].population for ordinal in area.communes)):
            yield area.id
