"""Suppliers that are near each other stand together, and those near a shape are few runs of the order."""

import json
from itertools import pairwise

import msgspec
import numpy as np
from hypothesis import given

from domain.shortlists.shortlist import SupplierSummary
from domain.suppliers.supplier import Contact, Supplier
from matching.geo.shape import PointShape
from matching.index.distances import runs_near
from matching.index.supplier_columns import (
    UNPLACED,
    IndexedSupplier,
    details_json,
    document_of,
    legal_facts,
    read_back,
    spatial_keys,
    summary_json,
)
from tests.factories import LYON, NANTES, RENNES, supplier
from tests.matching.index.test_live_index import written


def test_from_south_to_north_then_from_west_to_east_and_unplaced_last() -> None:
    lat, lon = (np.array(column) for column in zip(*_degrees(), strict=True))
    keys = spatial_keys(lat, lon)
    assert np.argsort(keys, kind="stable").tolist() == [2, 1, 0, 3, 4]
    assert keys[4] == UNPLACED


def test_runs_are_in_order_and_apart() -> None:
    lat, lon = np.meshgrid(np.arange(42, 51, 0.1), np.arange(-4, 8, 0.1))
    keys = np.sort(spatial_keys(lat.ravel(), lon.ravel()))
    runs = runs_near(keys, PointShape(RENNES.lat, RENNES.lon), 10.0)
    assert all(low < high for low, high in runs)
    assert all(before[1] < after[0] for before, after in pairwise(runs))
    assert 0 < sum(high - low for low, high in runs) < len(keys) / 5


def _degrees() -> list[tuple[float, float]]:
    return [
        (RENNES.lat, RENNES.lon),
        (NANTES.lat, NANTES.lon),
        (LYON.lat, LYON.lon),
        (RENNES.lat, RENNES.lon + 1),
        (np.nan, np.nan),
    ]


KEPT = set(IndexedSupplier.__struct_fields__) - {"active", "contact", "sources"}


@given(written)
def test_what_is_read_back_is_what_was_read(one: Supplier) -> None:
    document = document_of(one)
    again = read_back(summary_json(document), details_json(document))
    for field in KEPT:
        assert getattr(again, field) == getattr(one, field)
    assert legal_facts(again) == legal_facts(document) == legal_facts(one)
    assert [each.source for each in again.sources] == [each.source for each in one.sources]


@given(written)
def test_a_summary_is_what_a_shortlist_shows(one: Supplier) -> None:
    """Byte for byte, whether it was written for the index of all suppliers or read back and written again."""
    shown = msgspec.json.decode(summary_json(document_of(one)), type=SupplierSummary)
    assert shown.id == one.id
    assert shown.updated_at == one.updated_at
    assert msgspec.json.encode(shown) == summary_json(document_of(one))
    again = read_back(summary_json(document_of(one)), details_json(document_of(one)))
    assert summary_json(document_of(again)) == summary_json(document_of(one))


def test_the_contact_person_is_left_out() -> None:
    one = document_of(supplier("a", contact=Contact(email="bonjour@a.example", person="Anne Personne")))
    assert b"Anne" not in summary_json(one) + details_json(one)
    assert json.loads(summary_json(one))["contact"] == {"email": "bonjour@a.example", "phone": None, "website": None}
