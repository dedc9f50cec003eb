"""Other directories' files, from their bytes to the suppliers that are matched."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from api.sync.pipeline import SourceFile, import_file
from db.core.engine import Engine, transaction
from db.core.uuid7 import new_id
from db.imports.run import Order
from db.suppliers.read import Filters, page_of_suppliers
from db.suppliers.records import get_record
from db.suppliers.sources import put_source
from domain.suppliers.source import Import, Source, SourceMapping
from domain.suppliers.supplier import Flag
from sources.formats.registry import CSV, JSON
from tests.factories import reference

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
ELEMENTS = [
    {"id": 1, "name": "Cuisines du monde", "geo": {"latitude": 45.65, "longitude": 0.15}, "taxonomy": [10430, 10427]},
    {"id": 2, "name": "Ailleurs", "address": {"addressLocality": "Angoulême", "postalCode": "16000"}},
    {"id": 2, "name": "Encore", "geo": {"latitude": 45.65, "longitude": 0.15}},
]
CONVENTIONS = (
    b"convention_pk,kind,siret_signature,is_active,deactivated_at\n1,EI,80746931700018,True,\n"
    b"convention_pk,number,state,start_at,end_at\n1,EI-A,VALIDE,2026-01-01,2026-12-31\n"
)


async def imported(engine: Engine, kind: str, data: bytes, media_type: str) -> Import:
    order = Order(id=new_id(NOW), source=kind, format=kind, language="en")
    return await import_file(engine, reference(), order, SourceFile(io.BytesIO(data), media_type), lambda: NOW)


async def kept(engine: Engine, source: str, external_id: str) -> Any:
    async with transaction(engine) as connection:
        return await get_record(connection, source, external_id)


async def test_a_map_is_read_as_its_source_says(engine: Engine) -> None:
    """The mapping is the source's; what it does not map stays visible as a flag; a repeated element is counted."""
    data = json.dumps({"data": ELEMENTS}).encode()
    await imported(engine, "gogocarto", data, JSON)
    async with transaction(engine) as connection:
        mapping = SourceMapping(categories={"10430": ("rs-traiteur",)})
        await put_source(connection, Source("gogocarto", mapping=mapping), NOW)

    done = await imported(engine, "gogocarto", data, JSON)

    assert (done.received, done.changed, done.unchanged, done.rejected) == (3, 1, 1, 1)
    assert done.errors[0].code == "duplicate_external_id"
    first = await kept(engine, "gogocarto", "1")
    assert [offer.segments for offer in first.record.offers] == [("rs-traiteur",)]
    assert first.placement.commune == "16015"
    assert first.placement.flags == (Flag("unmapped_category", "10427"),)


async def test_dated_approvals_are_kept_under_their_convention(engine: Engine) -> None:
    done = await imported(engine, "conventions", CONVENTIONS, CSV)

    assert (done.received, done.added, done.waiting, done.data_version) == (1, 0, 1, 0)
    stored = await kept(engine, "conventions", "1")
    assert stored.supplier_id is None
    assert [(approval.kind, str(approval.valid_until)) for approval in stored.record.approvals] == [
        ("EI", "2026-12-31")
    ]


async def test_a_contract_waits_for_its_winner_and_then_shows_its_trade(engine: Engine) -> None:
    contract = {
        "id": "2025-12",
        "acheteur": {"id": "22560001400016"},
        "objet": "Entretien des espaces verts des collèges",
        "lieuExecution": {"code": "56", "typeCode": "Code département"},
        "dateNotification": "2025-03-18",
        "titulaires": [{"titulaire": {"typeIdentifiant": "SIRET", "id": "80746931700018"}}],
    }
    data = json.dumps({"marches": {"marche": [contract, contract | {"titulaires": []}]}}).encode()
    done = await imported(engine, "decp", data, JSON)
    assert (done.received, done.waiting, done.rejected, done.data_version) == (2, 1, 1, 0)

    structure = {"id": 7, "type": "ACI", "siret": "80746931700018", "raison_sociale": "ESPOIR", "ville": "Pontivy"}
    done = await imported(engine, "emplois", json.dumps({"results": [structure]}).encode(), JSON)
    assert (done.received, done.added) == (1, 1)
    async with transaction(engine) as connection:
        (entry,) = await page_of_suppliers(connection, Filters(), None, 10)
    found = entry.supplier
    assert (found.name, found.flags) == ("ESPOIR", (Flag("no_place", "neither a point nor a commune"),))
    assert {(offer.segments, offer.basis) for offer in found.offers} == {(("ev-entretien",), "awarded")}
    assert [(award.source, award.place) for award in found.public_awards] == [("decp", "Morbihan")]
    again = await imported(engine, "decp", data, JSON)
    assert (again.received, again.unchanged, again.waiting, again.rejected) == (2, 1, 0, 1)


@pytest.mark.parametrize(("kind", "media_type"), [("gogocarto", JSON), ("le-marche", JSON), ("conventions", CSV)])
async def test_an_empty_answer_is_no_rows(engine: Engine, kind: str, media_type: str) -> None:
    data = b"siret,kind\n" if media_type == CSV else b'{"data": [], "results": []}'
    assert (await imported(engine, kind, data, media_type)).received == 0
