"""How a document is laid out, as far as its words decide it."""

import pytest

from domain.report.blocks import lot_column


@pytest.mark.parametrize(("ids", "weight"), [((), 3), (("1", "12"), 3), (("bio", "mobilier"), 6), (("x" * 80,), 8)])
def test_the_column_of_lots_is_as_wide_as_their_ids_within_bounds(ids: tuple[str, ...], weight: int) -> None:
    assert lot_column(ids).weight == weight
