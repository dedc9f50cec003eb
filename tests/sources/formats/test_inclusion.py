"""Inclusion structures as le marché de l'inclusion and les emplois de l'inclusion answer them."""

import csv
import io
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.reference import taxonomy
from domain.suppliers.source import Row, RowError, SourceMapping
from domain.suppliers.supplier import Address, Approval, Contact, Flag, Offer, Point, ServiceArea
from sources.file_reader import JSON, NDJSON, read_rows
from sources.formats.inclusion import sectors
from sources.rows import Context
from tests.conftest import ROOT
from tests.sources.formats.conftest import CONTEXT, SAMPLES

SUPPLIER: dict[str, Any] = SAMPLES["le-marche"]["supplier"]
BREST = {"slug": "brest-29", "kind": "CITY", "insee_code": "29019"}
BRETAGNE = {"slug": "bretagne", "kind": "REGION", "insee_code": "R53"}


def read(document: Any, media_type: str = JSON, context: Context = CONTEXT) -> list[Any]:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return list(read_rows("le-marche", io.BytesIO(data), media_type, context))


def one(**fields: Any) -> Any:
    (row,) = read({"count": 1, "next": None, "results": [SUPPLIER | fields]})
    assert isinstance(row, Row), row
    return row


def area(**activity: Any) -> Any:
    sector = {"name": "Traiteur", "slug": "traiteur"}
    (offer,) = one(activities=[{"sector": sector, "presta_type": ["BUILD"]} | activity]).record.offers
    assert (offer.segments, offer.presta_types, offer.basis) == (("rs-traiteur",), ("BUILD",), "declared")
    return offer.service_area


def test_a_supplier_of_a_page_becomes_a_record() -> None:
    row = one()
    assert (row.line, row.external_id, row.record.name, row.record.trade_name) == (1, "7", "BALUCHON", "Baluchon")
    assert (row.record.siret, row.record.approvals) == ("80746931700018", (Approval("EI"),))
    assert row.record.address == Address("Rue Madeleine Odru", "93230", "Romainville", "93063")
    assert row.record.offers == (Offer(("rs-traiteur",), label="Traiteur", presta_types=("PREST",)),)
    assert (row.record.location, row.record.contact, row.record.description) == (None, Contact(), None)
    assert (row.record.active, row.record.ess, row.record.in_prison, row.flags) == (True, None, None, ())


def test_the_detailed_answer_says_more() -> None:
    row = one(
        contact_email="a@example.org",
        contact_phone="01 02",
        contact_social_website="https://social.example.org",
        latitude=48.88,
        longitude=2.43,
        description="Traiteur.",
        offers=[{"name": "Buffet", "description": "Froid ou chaud"}],
        networks=[{"name": "Réseau X", "slug": "x"}],
        client_references=[{"name": "La Ville"}],
        labels_old=[{"name": "RSEi"}],
    )
    assert row.record.contact == Contact("a@example.org", "01 02", "https://social.example.org")
    assert row.record.location == Point(48.88, 2.43)
    assert (
        row.record.description
        == "Traiteur.\n\nBuffet : Froid ou chaud\n\nRéseaux : Réseau X.\n\nRéférences : La Ville."
    )
    assert row.record.labels == ("RSEi",)


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        ({"geo_range": "COUNTRY"}, ServiceArea(national=True)),
        ({"geo_range": "CUSTOM", "geo_range_custom_distance": 30}, ServiceArea(radius_km=30)),
        ({"geo_range": "CUSTOM", "geo_range_custom_distance": None}, None),
        ({"geo_range": "ZONES", "locations": [BREST, BRETAGNE]}, ServiceArea(codes=("commune:29019", "region:53"))),
        ({"geo_range": "ZONES", "locations": []}, None),
        ({"geo_range": "DEPARTMENT"}, ServiceArea(codes=("departement:93",))),
        ({"geo_range": "REGION"}, ServiceArea(codes=("region:11",))),
        ({"geo_range": ""}, None),
    ],
)
def test_an_activity_says_where_it_is_offered(activity: dict[str, Any], expected: ServiceArea | None) -> None:
    assert area(**activity) == expected


def test_activities_may_be_wrapped_and_sectors_that_none_is_in_are_kept() -> None:
    fields = {"siae": 7, "sector": "pressing-et-nettoyage-a-sec", "presta_type": ["PREST"], "geo_range": "COUNTRY"}
    dumped = [{"model": "siaes.siaeactivity", "pk": 1, "fields": fields}]
    offers = one(activities=dumped, sectors=None).record.offers
    assert [(offer.segments, offer.service_area) for offer in offers] == [
        (("lt-blanchisserie",), ServiceArea(national=True))
    ]
    activities = [{"sector": {"slug": "traiteur"}, "presta_type": ["PREST"], "geo_range": "COUNTRY"}]
    listed = [{"slug": "traiteur"}, {"slug": "repassage"}]
    offers = one(activities=activities, sectors=listed).record.offers
    assert [(offer.segments, offer.service_area) for offer in offers] == [
        (("rs-traiteur",), ServiceArea(national=True)),
        (("lt-blanchisserie",), None),
    ]


def test_a_sector_means_what_the_source_says_and_is_flagged_where_nothing_does() -> None:
    row = one(sectors=[{"name": "Cordonnerie", "slug": "cordonnerie"}, {"name": "Neuf", "slug": "neuf"}], name="X")
    assert row.record.offers == ()
    assert row.flags == (Flag("unmapped_category", "cordonnerie Cordonnerie"), Flag("unmapped_category", "neuf Neuf"))
    mapping = SourceMapping(categories={"fromagerie": ("rs-legumerie",), "12": ("ev-entretien",), "traiteur": ()})
    context = Context(CONTEXT.territories, CONTEXT.taxonomy, CONTEXT.cpv, mapping)
    activities = [{"sector": 12}, {"sector": {"slug": "fromagerie"}}]
    (row,) = read([SUPPLIER | {"activities": activities}], context=context)
    assert [offer.segments for offer in row.record.offers] == [("ev-entretien",), ("rs-legumerie",)]
    assert row.flags == ()


def test_offers_are_inferred_where_none_is_declared_and_from_the_kind_always() -> None:
    assert [offer.basis for offer in one(sectors=[], name="LA RESSOURCERIE").record.offers] == ["inferred"]
    offers = one(kind="AI").record.offers
    assert [(offer.segments, offer.basis) for offer in offers] == [
        (("rs-traiteur",), "declared"),
        (("so-mad",), "inferred"),
    ]


def test_who_left_the_directory_is_not_active_and_a_workshop_in_prison_is_in_one() -> None:
    left = ({"is_active": False}, {"is_delisted": True}, {"is_active": None})
    assert [one(**fields).record.active for fields in left] == [False, False, True]
    assert one(kind="SEP").record.in_prison is True


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"kind": "OPCS"}, "unknown_value /approvals/0/kind"),
        ({"siret": "123"}, "invalid_siret /siret"),
        ({"name": None}, "wrong_type /name"),
        ({"presta_types": ["PRESTA"]}, "unknown_value /presta_types/0"),
        ({"activities": [{"geo_range": "ZONES", "locations": [14326]}]}, "unknown_value /activities/0/locations/0"),
        (
            {
                "activities": [
                    {"sector": "traiteur", "geo_range": "ZONES", "locations": [BREST | {"insee_code": "29999"}]}
                ]
            },
            "unknown_code /offers/0/service_area/codes/0",
        ),
    ],
)
def test_a_faulty_supplier_is_rejected_at_its_place(fields: dict[str, Any], fault: str) -> None:
    (row,) = read([SUPPLIER | fields])
    assert (row.external_id, f"{row.code} {row.pointer}") == ("7", fault)


def test_pages_come_one_after_the_other() -> None:
    pages = [{"results": [SUPPLIER]}, {"results": [SUPPLIER | {"id": 8}, SUPPLIER | {"id": 9}]}]
    assert [row.external_id for row in read(pages)] == ["7", "8", "9"]
    lines = b"\n".join(json.dumps(page).encode() for page in (*pages, SUPPLIER | {"id": 10}))
    assert [(row.line, row.external_id) for row in read(lines, NDJSON)] == [(1, "7"), (2, "8"), (2, "9"), (3, "10")]


def test_every_sector_has_its_place_and_known_segments_or_none(shared_data: Path) -> None:
    """154 of them; those that stand for nothing are told in docs/formats.md."""
    with (shared_data / "taxonomy" / "lemarche_sectors.csv").open(encoding="utf-8") as file:
        slugs = {row["slug"] for row in csv.DictReader(file)}
    assert set(sectors()) == slugs
    assert sum(bool(segments) for segments in sectors().values()) == 115
    assert {each for named in sectors().values() for each in named if not taxonomy.load().known(each)} == set()


def test_the_documentation_lists_every_sector() -> None:
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^### Sectors\n.*?(?=^## )", page, re.MULTILINE | re.DOTALL)
    told = {
        sector: tuple(re.findall(r"`([^`]+)`", segments))
        for segments, listed in re.findall(r"^\| (`.*?|none) \| (.*) \|$", table, re.MULTILINE)
        for sector in re.findall(r"`([^`]+)`", listed)
    }
    assert told == sectors()


def test_the_real_payloads_come_in(shared_data: Path) -> None:
    """The page, and the fifty activities joined to its supplier by their sectors' slugs."""
    folder = shared_data / "peers" / "le-marche"
    page = json.loads((folder / "api_examples_reconstructed.json").read_bytes())["GET /api/siae/"]
    (row,) = read(page)
    assert (row.record.name, row.record.siret) == ("BALUCHON A TABLE CITOYENS", "80746931700018")
    assert [offer.segments for offer in row.record.offers] == [("ev-elagage",)]

    with (shared_data / "taxonomy" / "lemarche_sectors.csv").open(encoding="utf-8") as file:
        slugs = {int(row["sector_id"]): row["slug"] for row in csv.DictReader(file)}
    activities = json.loads((folder / "15_siae_activities.json").read_bytes())
    for activity in activities:
        activity["fields"]["sector"] = slugs[activity["fields"]["sector"]]
    (supplier,) = page["results"]
    rows = read([supplier | {"id": each["pk"], "sectors": [], "activities": [each]} for each in activities])
    offers = [row.record.offers for row in rows if isinstance(row, Row)]
    assert len(rows) == len(offers) == 50
    assert sum(bool(each) for each in offers) == 45, "the sector of hired plants stands for nothing"
    assert {offer.service_area for each in offers for offer in each} == {ServiceArea(national=True)}
    assert sum(offer.presta_types == ("DISP",) for each in offers for offer in each) == 9


def structures(document: str, media_type: str = JSON) -> list[Any]:
    return list(read_rows("emplois", io.BytesIO(document.encode()), media_type, CONTEXT))


JOB: dict[str, Any] = SAMPLES["emplois"]["job"]
STRUCTURE: dict[str, Any] = SAMPLES["emplois"]["structure"]


def structure(**fields: Any) -> Any:
    (row,) = structures(json.dumps({"count": 1, "next": None, "results": [STRUCTURE | fields]}))
    assert isinstance(row, Row), row
    return row


def test_a_structure_is_a_record_without_anybody_to_reach() -> None:
    """In an extract without ids it is known by SIRET and kind."""
    row = structure()
    record = row.record
    assert (row.external_id, record.siret, record.name) == ("6f7a", "80746931700018", "ESPOIR DU BLAVET")
    assert (record.trade_name, record.approvals and record.approvals[0].kind) == ("Blavet Chantiers", "ACI")
    assert record.address == Address("6 rue du Pont", "56300", "Pontivy", "56178")
    assert "martin" not in str(record)
    assert "0297000000" not in str(record)
    assert structure(id=None).external_id == "80746931700018/ACI"
    (row,) = structures(json.dumps([STRUCTURE | {"id": None, "siret": ""}]))
    assert isinstance(row, RowError)


def test_jobs_tell_trades_before_words_do() -> None:
    """By a code that may stand after its label; an agency lends staff whatever it recruits for."""
    job, words = structure().record.offers
    assert (job.segments, words.segments) == (("pr-locaux",), ("re-ressourcerie",))
    (evidence,) = job.evidence
    assert (evidence.kind, evidence.reference, evidence.on) == ("job", "K2204", date(2026, 10, 1))
    assert words.evidence[0].kind == "words"
    job = JOB | {"rome": "Nettoyage de locaux (K2204)", "mis_a_jour_le": None, "cree_le": "?"}
    (offer,) = structure(postes=[job], description="").record.offers
    assert (offer.segments, offer.evidence[0].on) == (("pr-locaux",), None)
    assert structure(postes=None, description=None, type="EI").record.offers == ()
    (offer,) = structure(type="ETTI").record.offers
    assert offer.segments == ("so-mad",)


def test_lines_are_read_and_unknown_kinds_rejected() -> None:
    lines = "\n".join(
        json.dumps(STRUCTURE | {"id": str(number), "type": kind}) for number, kind in enumerate(["EI", "XX"])
    )
    first, second = structures(lines, NDJSON)
    assert isinstance(first, Row)
    assert (second.line, second.external_id, second.code) == (2, "1", "unknown_value")
