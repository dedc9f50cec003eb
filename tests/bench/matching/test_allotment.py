"""The needs that proposals of lots are measured on are what their names say, and can be asked for."""

import msgspec

from bench.matching.allotment import LOTS, cases
from domain.allotment.allotment import AllotmentNeed
from tests.factories import reference


def test_each_need_has_twenty_lots_over_a_region() -> None:
    named = dict(cases(reference()))
    assert len(named) == 6
    for need in named.values():
        assert len(need.lots) == LOTS == 20
        assert need.territory is not None
        assert need.territory.codes == ("region:53",)
        assert msgspec.json.decode(msgspec.json.encode(need), type=AllotmentNeed) == need
