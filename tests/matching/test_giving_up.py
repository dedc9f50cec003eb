"""Work that nobody waits for any more stops at the next lot."""

import pytest

from domain.needs.need import TerritoryRequest
from matching import engine
from matching.engine import match
from matching.giving_up import GivenUp, may_be_given_up, require_wanted
from matching.reference import Reference
from tests.factories import ON, RENNES, live, lot, need, supplier

PLACES = tuple(TerritoryRequest(codes=(f"commune:35{number:03}",)) for number in (238, 236, 360))
TWO_LOTS = need(lot(id="1", territory=PLACES[0]), lot(id="2", territory=PLACES[1]))


def test_work_stops_where_it_looks_once_it_is_given_up() -> None:
    looked = []

    def work() -> None:
        require_wanted()
        looked.append("wanted")
        give_up()
        require_wanted()

    carried_out, give_up = may_be_given_up(work)
    with pytest.raises(GivenUp):
        carried_out()
    assert looked == ["wanted"]
    require_wanted()  # here nothing was


@pytest.fixture
def given_up_after_a_lot(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lots that were looked at, of which the second is not wanted any more."""
    looked_at: list[str] = []

    def wanted() -> None:
        if looked_at:
            raise GivenUp
        looked_at.append("one")

    monkeypatch.setattr(engine, "require_wanted", wanted)
    return looked_at


def test_a_match_is_given_up_between_lots(reference: Reference, given_up_after_a_lot: list[str]) -> None:
    ours = live(*(supplier(f"atelier {number}", at=RENNES) for number in range(3)))
    with pytest.raises(GivenUp):
        match(TWO_LOTS, ours, reference, ON, "fr")
    assert given_up_after_a_lot == ["one"]
