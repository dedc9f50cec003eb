"""Why a document does not decode, and what would be right."""

import msgspec
import pytest

from domain.decoding import explain
from domain.need import Need
from domain.supplier import SupplierRecord


@pytest.mark.parametrize(
    ("kind", "document", "pointer", "code", "hint"),
    [
        (Need, b'{"lots": [{"id": 1}]}', "/lots/0/id", "wrong_type", "Expected a text, got a whole number"),
        (Need, b'{"lots": [{"id": "1", "segmnts": []}]}', "/lots/0/segmnts", "unknown_field", "segments"),
        (Need, b'{"lots": [{}]}', "/lots/0/id", "missing_field", "id"),
        (Need, b'{"lots": []}', "/lots", "wrong_length", "at least 1 items"),
        (Need, b'{"lots": [{"id": "1"}], "limit": 101}', "/limit", "out_of_range", "at most 100"),
        (Need, b'{"lots": [{"id": "1"}], "on": "24/11/2026"}', "/on", "wrong_format", "YYYY-MM-DD"),
        (Need, b'{"lots": [{"id": "1"}], "contract": "marche"}', "/contract", "unknown_value", "market"),
        (Need, b'{"lots": [{"id": "1"}], "buyer": {"siret": "12"}}', "/buyer/siret", "wrong_format", "14 digits"),
        (
            SupplierRecord,
            b'{"name": "A", "approvals": [{"kind": "ESTA"}]}',
            "/approvals/0/kind",
            "unknown_value",
            "ESAT",
        ),
    ],
)
def test_the_place_the_code_and_the_remedy(kind: type, document: bytes, pointer: str, code: str, hint: str) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.json.decode(document, type=kind)
    problem = explain(raised.value, kind)
    assert (problem.pointer, problem.code) == (pointer, code)
    assert hint in problem.detail.en
