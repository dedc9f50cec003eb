"""Merge patches: what a change leaves, replaces and refuses."""

import msgspec
import pytest

from api.web.merge_patch import Patch, patched
from domain.errors import InvalidContent


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    commune: str | None = None
    lat: float | None = None


class Visit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    place: Place | None = None
    notes: tuple[str, ...] = ()


class StoredVisit(Visit, frozen=True, kw_only=True):
    id: int


BEFORE = StoredVisit("Avant", Place("56260", 47.6), ("a", "b"), id=1)


@pytest.mark.parametrize(
    ("patch", "after"),
    [
        ({}, Visit("Avant", Place("56260", 47.6), ("a", "b"))),
        ({"title": "Après"}, Visit("Après", Place("56260", 47.6), ("a", "b"))),
        ({"place": None}, Visit("Avant", None, ("a", "b"))),
        ({"place": {"lat": None}}, Visit("Avant", Place("56260"), ("a", "b"))),
        ({"notes": ["c"]}, Visit("Avant", Place("56260", 47.6), ("c",))),
    ],
)
def test_what_is_left_out_stays(patch: Patch, after: Visit) -> None:
    assert patched(BEFORE, patch, Visit) == after


@pytest.mark.parametrize(
    ("patch", "pointer", "code"),
    [
        ({"title": None}, "/title", "missing_field"),
        ({"id": 2}, "/id", "unknown_field"),
        ({"colour": None}, "/colour", "unknown_field"),
        ({"place": {"lat": "1"}}, "/place/lat", "wrong_type"),
    ],
)
def test_what_comes_out_is_checked(patch: Patch, pointer: str, code: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        patched(BEFORE, patch, Visit)
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.code) == (pointer, code)
