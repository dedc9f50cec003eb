"""The index holds of a supplier what matching reads, and shows no person."""

import json

import msgspec
from hypothesis import given

from domain.suppliers.supplier import Contact, Supplier
from matching.indexed_supplier import (
    IndexedSupplier,
    details_json,
    legal_facts,
    read_back,
    read_document,
    summary_json,
)
from tests.factories import supplier
from tests.matching.test_index import written

KEPT = set(IndexedSupplier.__struct_fields__) - {"active", "contact", "sources"}


@given(written)
def test_what_is_read_back_is_what_was_read(one: Supplier) -> None:
    document = read_document(msgspec.json.encode(one))
    again = read_back(summary_json(document), details_json(document))
    for field in KEPT:
        assert getattr(again, field) == getattr(document, field) == getattr(one, field)
    assert legal_facts(again) == legal_facts(one)
    assert [each.source for each in again.sources] == [each.source for each in one.sources]


def test_the_contact_person_is_left_out() -> None:
    one = supplier("a", contact=Contact(email="bonjour@a.example", person="Anne Personne"))
    assert b"Anne" not in summary_json(one) + details_json(one)
    assert json.loads(summary_json(one))["contact"] == {"email": "bonjour@a.example", "phone": None, "website": None}
