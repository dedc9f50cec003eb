"""Inclusion structures and their jobs, from the API of les emplois de l'inclusion."""

import json
from datetime import date
from typing import Any

from domain.suppliers.source import Row, RowError
from domain.suppliers.supplier import Address
from sources.formats.registry import JSON, NDJSON
from tests.sources.formats.conftest import SAMPLES, Read

JOB: dict[str, Any] = SAMPLES["emplois"]["job"]
STRUCTURE: dict[str, Any] = SAMPLES["emplois"]["structure"]


def one(read: Read, **fields: Any) -> Any:
    page = {"count": 1, "next": None, "results": [STRUCTURE | fields]}
    (row,) = read(json.dumps(page).encode(), JSON, "emplois")
    assert isinstance(row, Row), row
    return row


def test_a_structure_is_a_record_without_anybody_to_reach(read: Read) -> None:
    row = one(read)
    record = row.record
    assert (row.external_id, record.siret, record.name) == ("6f7a", "80746931700018", "ESPOIR DU BLAVET")
    assert (record.trade_name, record.approvals and record.approvals[0].kind) == ("Blavet Chantiers", "ACI")
    assert record.address == Address("6 rue du Pont", "56300", "Pontivy", "56178")
    assert "martin" not in str(record)
    assert "0297000000" not in str(record)


def test_an_extract_without_ids_is_known_by_siret_and_kind(read: Read) -> None:
    assert one(read, id=None).external_id == "80746931700018/ACI"
    (row,) = read(json.dumps([STRUCTURE | {"id": None, "siret": ""}]).encode(), JSON, "emplois")
    assert isinstance(row, RowError)


def test_jobs_tell_trades_before_words_do(read: Read) -> None:
    job, words = one(read).record.offers
    assert (job.segments, words.segments) == (("pr-locaux",), ("re-ressourcerie",))
    (evidence,) = job.evidence
    assert (evidence.kind, evidence.reference, evidence.on) == ("job", "K2204", date(2026, 10, 1))
    assert words.evidence[0].kind == "words"


def test_a_code_may_stand_after_its_label_and_a_page_may_hold_none(read: Read) -> None:
    job = JOB | {"rome": "Nettoyage de locaux (K2204)", "mis_a_jour_le": None, "cree_le": "?"}
    (offer,) = one(read, postes=[job], description="").record.offers
    assert (offer.segments, offer.evidence[0].on) == (("pr-locaux",), None)
    assert one(read, postes=None, description=None, type="EI").record.offers == ()


def test_an_agency_lends_staff_whatever_it_recruits_for(read: Read) -> None:
    (offer,) = one(read, type="ETTI").record.offers
    assert offer.segments == ("so-mad",)


def test_lines_are_read_and_unknown_kinds_rejected(read: Read) -> None:
    lines = "\n".join(
        json.dumps(STRUCTURE | {"id": str(number), "type": kind}) for number, kind in enumerate(["EI", "XX"])
    )
    first, second = read(lines.encode(), NDJSON, "emplois")
    assert isinstance(first, Row)
    assert (second.line, second.external_id, second.code) == (2, "1", "unknown_value")
