"""The lots of a need come page by page, none too long."""

import pytest

from api.desk.need.need_form import LINES_AT_ONCE, lots_from


def places(numbers: list[int], place: str) -> tuple[list[int], int, int | None, int | None]:
    shown = lots_from(numbers, place, lambda lines: lines)
    return list(shown.lots), shown.first, shown.before, shown.after


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("1", ([1] * 10, 1, None, 11)),
        ("", ([1] * 10, 1, None, 11)),
        ("10", ([1] * 10, 1, None, 11)),
        ("11", ([1, 1], 11, 1, None)),
        ("13", ([1] * 10, 1, None, 11)),
        ("-1", ([1] * 10, 1, None, 11)),
    ],
)
def test_short_lots_come_ten_at_a_time(place: str, expected: object) -> None:
    assert places([1] * 12, place) == expected


def test_a_page_ends_before_a_lot_that_would_make_it_too_long() -> None:
    lots = [120, 80, 1, LINES_AT_ONCE + 1, 5]
    assert places(lots, "1") == ([120, 80], 1, None, 3)
    assert places(lots, "3") == ([1], 3, 1, 4)
    assert places(lots, "4") == ([LINES_AT_ONCE + 1], 4, 3, 5)
    assert places(lots, "5") == ([5], 5, 4, None)


def test_a_need_without_lots_has_one_page() -> None:
    assert places([], "1") == ([], 1, None, None)
