"""Elements of GoGoCarto maps."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.suppliers.source import Row, SourceMapping
from domain.suppliers.supplier import Address, Contact, Flag, Point
from sources.file_reader import JSON, NDJSON, read_rows
from tests.sources.formats.conftest import CONTEXT, SAMPLES, outcome

ELEMENT: dict[str, Any] = SAMPLES["gogocarto"]["element"]
TRADES = {"10430": ("rs-traiteur",), "Légumes": ("ev-vegetal",), "10427": (), "10429": ("rs-legumerie",)}
TAXONOMY: dict[str, Any] = SAMPLES["gogocarto"]["taxonomy"]


def read(document: Any, media_type: str = JSON, **mapping: Any) -> list[Any]:
    context = replace(CONTEXT, mapping=SourceMapping(**({"categories": TRADES} | mapping)))
    data = document if isinstance(document, bytes) else json.dumps(document, ensure_ascii=False).encode()
    return list(read_rows("gogocarto", io.BytesIO(data), media_type, context))


def one(element: dict[str, Any] | None = None, **mapping: Any) -> Any:
    (row,) = read({"licence": "x", "ontology": "gogofull", "data": [ELEMENT | (element or {})]}, **mapping)
    assert isinstance(row, Row), row
    return row


def test_a_full_element_becomes_a_record() -> None:
    row = one()
    assert (row.external_id, row.record.name, row.record.active) == ("10kw", "La Ruche", True)
    assert row.record.location == Point(46.3252, -0.0339)
    assert row.record.address == Address("5 rue Proust", "79120", "Chenay", "79084")
    assert row.record.description == "Tous produits locaux"
    assert row.record.contact == Contact(phone="0967556221", website="https://example.org")
    assert [(offer.segments, offer.basis) for offer in row.record.offers] == [(("rs-legumerie",), "declared")]
    assert (row.record.siret, row.record.approvals, row.record.ess, row.flags) == (None, None, None, ())


def test_a_compact_element_has_the_fields_that_the_answer_names_after_it() -> None:
    """Position 1 holds values, whose names come in `mapping`, at the end of the answer."""
    page = {
        "ontology": "gogocompact",
        "data": [["zw9", ["Cuisines", "05 45"], 45.64, 0.11, [10430, [10435, 0]], -4], ["zx", ["B"], 45, 0, []]],
        "mapping": ["id", ["name", "telephone"], "latitude", "longitude", "status", "moderationState"],
    }
    first, second = read(page)
    assert (first.external_id, first.record.name, first.record.location) == ("zw9", "Cuisines", Point(45.64, 0.11))
    assert first.record.contact == Contact(phone="05 45")
    assert [offer.segments for offer in first.record.offers] == [("rs-traiteur",)]
    assert (first.flags, first.record.active) == ((Flag("unmapped_category", "10435"),), False)
    assert second.record.active


def test_categories_are_known_by_ids_or_names_and_flagged_where_they_are_not_mapped() -> None:
    """One that is mapped to nothing is not flagged."""
    (row,) = read({"elements": [ELEMENT | {"taxonomy": [10435, 10481, 99]}], "taxonomy": TAXONOMY})
    assert [offer.segments for offer in row.record.offers] == [("ev-vegetal",)]
    assert [flag.detail for flag in row.flags] == ["10481 Formation", "99"]
    full = [{"id": 7, "name": "Légumes", "description": "", "index": 0}, {"id": 8, "name": "Miel"}]
    row = one({"categories": ["Légumes", "Miel"], "categoriesFull": full})
    assert [offer.segments for offer in row.record.offers] == [("ev-vegetal",)]
    assert row.flags == (Flag("unmapped_category", "8 Miel"),)
    row = one({"taxonomy": [10427, 10428, "10428"]})
    assert (row.record.offers, row.flags) == ((), (Flag("unmapped_category", "10428"),))


def test_an_offer_is_inferred_from_the_name_alone_where_no_category_tells_a_trade() -> None:
    """What a shop says of its goods ("fruits et légumes") is no offer to a buyer."""
    row = one({"name": "La Ressourcerie du Pays", "description": "Fruits et légumes, ménage", "taxonomy": []})
    assert [(offer.segments, offer.basis) for offer in row.record.offers] == [(("re-ressourcerie",), "inferred")]
    row = one({"name": "La Ressourcerie", "own": "Objets", "taxonomy": []}, fields={"own": "offer_label"})
    assert [(offer.segments, offer.service_area) for offer in row.record.offers] == [(("re-ressourcerie",), None)]
    declared = one({"name": "La Ressourcerie du Pays"})
    assert [offer.basis for offer in declared.record.offers] == ["declared"]


def test_own_fields_are_what_the_mapping_says() -> None:
    """Such a field goes before the standard one where it says something."""
    fields = {
        "text_1": "description", "text_2": "description", "siret_field": "siret", "rayon": "radius_km",
        "reseau": "labels", "domaines": "segments", "ess": "ess", "ref": "contact.person",
    }  # fmt: skip
    own = {
        "text_1": "Un", "text_2": "<i>Deux</i>", "siret_field": "807 469 317 00018", "rayon": 30, "ess": "Oui",
        "reseau": ["RSEi", "Ecocert"], "domaines": ["Légumes", "pr-locaux", "Divers"], "ref": None, "other": {"x": 1},
    }  # fmt: skip
    row = one(own | {"description": "Zéro"}, fields=fields)
    assert row.record.description == "Zéro\n\nUn\n\nDeux"
    assert (row.record.siret, row.record.ess, row.record.labels) == ("80746931700018", True, ("RSEi", "Ecocert"))
    (offer,) = row.record.offers
    assert offer.segments == ("rs-legumerie", "ev-vegetal", "pr-locaux")
    assert offer.service_area.radius_km == 30
    assert row.flags == (Flag("unmapped_category", "Divers"),)
    fields = {"mail": "contact.email", "num": "external_id"}
    row = one({"mail": "a@example.org", "email": "b@example.org", "num": "A-7"}, fields=fields)
    assert (row.record.contact.email, row.external_id) == ("a@example.org", "A-7")
    assert one({"mail": "", "email": "b@example.org"}, fields=fields).record.contact == Contact(
        "b@example.org", "0967556221", "https://example.org"
    )


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        # what the map does not show is not active
        *(({"status": status}, {"active": False}) for status in (-6, -4, -3, -2, 0)),
        *(({"status": status}, {"active": True}) for status in (-7, -1, 1, 7)),
        ({"status": -5}, "not_an_element /status"),
        # a position that the map did not find is not known
        ({"moderationState": -2}, {"location": None}),
        ({"geo": {"latitude": 0, "longitude": 0.0}}, {"location": None}),
        ({"geo": []}, {"location": None}),
        ({"geo": {"latitude": 46.3}}, "missing_field /location/lon"),
        ({"geo": {"latitude": 463, "longitude": 0}}, "out_of_range /location/lat"),
        ({"geo": {"latitude": "46°", "longitude": 0}}, "wrong_format /location/lat"),
        ({"address": "5 rue Proust, 79120 Chenay"}, {"address": Address("5 rue Proust", "79120", "Chenay", "79084")}),
        (
            {"address": {"customFormatedAddress": "Le bourg 79120 Chenay"}},
            {"address": Address("Le bourg", "79120", "Chenay", "79084")},
        ),
        (
            {"address": {"addressLocality": "Chenay", "postalCode": "79120", "addressCountry": "BE"}},
            {"address": Address(None, "79120", "Chenay")},
        ),
        ({"address": "Place du marché"}, {"address": Address("Place du marché")}),
        ({"address": []}, {"address": None}),
        ({"name": None, "title": ""}, "missing_field /name"),
        ({"name": {"fr": "A"}}, "wrong_type /name"),
        ({"siret": "8074693170001"}, "invalid_siret /siret"),
        ({"own": [{"x": 1}]}, "wrong_type /own"),
        ({"own": "1,5"}, {"employees": 1}),
    ],
)
def test_an_element_says_what_it_says_and_a_fault_is_told_at_its_place(
    element: dict[str, Any], expected: str | dict[str, Any]
) -> None:
    (row,) = read([ELEMENT | element], fields={"own": "employees"})
    assert (row.external_id, outcome(row, expected)) == ("10kw", expected)


def test_elements_come_in_a_list_or_by_line_and_a_fault_costs_one_row() -> None:
    """A document of something else is one faulty row."""
    document = b'[{"id": 1, "name": "A"},\n{"id": 2},\n["x", 3],\n7,\n{"id": 5, "name": "E"}]'
    assert [(row.line, isinstance(row, Row)) for row in read(document)] == [
        (1, True),
        (2, False),
        (3, False),
        (4, False),
        (5, True),
    ]
    data = b'{"id": 1, "name": "A"}\n{"data": [["b", ["B"], 45, 0, []]], "mapping": ["id", ["title"]]}\n'
    assert [(row.line, row.record.name) for row in read(data, NDJSON) if isinstance(row, Row)] == [(1, "A"), (2, "B")]
    (row,) = read(TAXONOMY)
    assert (row.line, row.code, row.pointer) == (1, "missing_field", "/external_id")


def test_the_real_payloads_come_in(shared_data: Path) -> None:
    """All twelve elements, named and placed, and two of them with the trade that their category stands for."""
    folder = shared_data / "peers" / "gogocarto"
    full = (folder / "elements_full.json").read_bytes()
    rows = read(full, categories={"10430": ("rs-traiteur",)})
    written = json.loads(full)["data"]
    assert [(row.external_id, row.record.name) for row in rows] == [(item["id"], item["name"]) for item in written]
    points = [Point(item["geo"]["latitude"], item["geo"]["longitude"]) for item in written]
    assert [row.record.location for row in rows] == points
    assert [row.record.name for row in rows if row.record.offers] == ["Cuisines du monde", "Les délices du potager"]
    assert sum(row.record.address is not None and row.record.address.commune is not None for row in rows) == 11
    drawn = read((folder / "elements_geojson.json").read_bytes())
    assert [row.record.name for row in drawn if isinstance(row, Row)] == [
        "Tramway Ligne 1",
        "Tramway Ligne 2",
        "Exemple de surface",
    ]


@pytest.mark.parametrize("name", ["taxonomy_full.json", "taxonomy_simple.json", "taxonomy_without_category.json"])
def test_the_real_taxonomies_name_their_categories(name: str, shared_data: Path) -> None:
    taxonomy = json.loads((shared_data / "peers" / "gogocarto" / name).read_bytes())
    (row,) = read({"taxonomy": taxonomy, "elements": [ELEMENT | {"taxonomy": [10473]}]})
    assert row.flags == (Flag("unmapped_category", "10473 Education & Formation"),)
