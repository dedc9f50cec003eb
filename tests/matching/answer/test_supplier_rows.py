"""Rows have the fields, in their order, of the structs that clients and the report read them as."""

import msgspec
import pytest

from domain.shortlists import shortlist
from matching.answer.explain import AlternativesRow, CoverageRow, ReservationRow
from matching.answer.supplier_rows import CandidateRow, NearMissRow, UnknownRow
from matching.engine import Answer, LotAnswer, UnknownTradeRow


@pytest.mark.parametrize(
    ("row", "read_as", "besides"),
    [
        (Answer, shortlist.Shortlist, ()),
        (LotAnswer, shortlist.LotShortlist, ()),
        (CandidateRow, shortlist.Candidate, ("rank",)),
        (NearMissRow, shortlist.NearMiss, ()),
        (UnknownRow, shortlist.UnknownSupplier, ()),
        (UnknownTradeRow, shortlist.UnknownTrade, ()),
        (CoverageRow, shortlist.Coverage, ()),
        (AlternativesRow, shortlist.Alternatives, ()),
        (ReservationRow, shortlist.Reservation, ()),
    ],
)
def test_the_same_fields(row: type[msgspec.Struct], read_as: type[msgspec.Struct], besides: tuple[str, ...]) -> None:
    assert (*besides, *row.__struct_fields__) == read_as.__struct_fields__
