"""The hash of a journal's entry changes with every part of it, and with the entry before."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.audit import BEFORE_THE_FIRST, Entry, chained

ORGANISATION, KEY = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
ENTRY = Entry(
    number=1,
    at=NOW,
    means="key",
    actor_id=KEY,
    action="need.created",
    object="need:1",
    version=1,
    detail={"lots": ["1"], "title": None},
    hash="",
)


@pytest.mark.parametrize(
    "change",
    [
        {"number": 2},
        {"at": NOW + timedelta(microseconds=1)},
        {"means": "server"},
        {"actor_id": None},
        {"action": "need.changed"},
        {"object": "need:2"},
        {"version": None},
        {"detail": {"lots": ["2"], "title": None}},
    ],
)
def test_every_part_counts(change: dict[str, Any]) -> None:
    changed = msgspec.structs.replace(ENTRY, **change)
    assert chained(BEFORE_THE_FIRST, ORGANISATION, changed) != chained(BEFORE_THE_FIRST, ORGANISATION, ENTRY)


def test_the_entry_before_and_the_organisation_count() -> None:
    hashes = {
        chained(BEFORE_THE_FIRST, ORGANISATION, ENTRY),
        chained(bytes([1] * 32), ORGANISATION, ENTRY),
        chained(BEFORE_THE_FIRST, KEY, ENTRY),
    }
    assert len(hashes) == 3


def test_the_order_of_details_and_the_hash_itself_do_not() -> None:
    same = msgspec.structs.replace(ENTRY, detail={"title": None, "lots": ["1"]}, hash="ff")
    assert chained(BEFORE_THE_FIRST, ORGANISATION, same) == chained(BEFORE_THE_FIRST, ORGANISATION, ENTRY)
