"""The index holds of a supplier what matching reads, and shows no person."""

import json

import msgspec
from hypothesis import given

from domain.shortlists.shortlist import SupplierSummary
from domain.suppliers.supplier import Contact, Supplier
from matching.index.indexed_supplier import (
    IndexedSupplier,
    details_json,
    document_of,
    legal_facts,
    read_back,
    summary_json,
)
from tests.factories import supplier
from tests.matching.index.test_live_index import written

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
