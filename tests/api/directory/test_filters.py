"""Filters of the directory against a slow reading of what they mean, on generated suppliers."""

import random
from collections.abc import AsyncIterator, Callable
from datetime import date
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec
import pyproj
import pytest

from api.directory.formats import SupplierDocument
from api.sample.generate import SAMPLE_DEPARTEMENTS, generate_records
from domain.law.reservations.eligibility import LegalFacts, eligibility
from domain.needs.need import Reserved
from domain.text.normalise import fold
from matching.reference import Reference
from tests.api.sync.factories import Client, lines, listed, send

GEODESIC = pyproj.Geod(ellps="WGS84")
SOURCE = "generated"
Choice = tuple[str, str, Callable[[SupplierDocument], bool]]


class Pool(NamedTuple):
    client: Client
    suppliers: tuple[SupplierDocument, ...]


@pytest.fixture(scope="module")
async def pool(served: Client, reference: Reference) -> AsyncIterator[Pool]:
    """Suppliers of Bretagne and around, and what a reader of the whole list knows of them."""
    generated = generate_records(200, 7, reference, date(2026, 11, 1), SAMPLE_DEPARTEMENTS)
    rows = [{"external_id": one.external_id, **msgspec.to_builtins(one.record)} for one in generated]
    await send(served, SOURCE, lines(rows))
    answer = await served.get(f"/suppliers?source={SOURCE}&limit=200")
    found = msgspec.convert(answer.json()["items"], tuple[SupplierDocument, ...])
    assert len(found) == 200
    yield Pool(served, found)
    assert (await send(served, SOURCE, b"", query="mode=snapshot&force=true")).json()["removed"] == 200


def by_segment(draw: random.Random, reference: Reference) -> Choice:
    """Offered itself, with its family, or as the segment of one of the CPV codes of an offer that names none."""
    taxonomy = reference.taxonomy
    wanted = draw.choice([*taxonomy.segments, *(family.id for family in taxonomy.families)])

    def answers(offered: str) -> bool:
        segment = taxonomy.segments.get(offered)
        family = segment.family if segment else offered
        inside = wanted in taxonomy.segments and taxonomy.segments[wanted].family == offered
        return wanted in (offered, family) or inside

    def passes(supplier: SupplierDocument) -> bool:
        for offer in supplier.offers:
            codes = [] if offer.segments else [reference.cpv.normalise(code) for code in offer.cpv]
            named = [*offer.segments, *(segment for code in codes for segment in taxonomy.of_cpv(code))]
            if any(map(answers, named)):
                return True
        return False

    return "segment", wanted, passes


def by_territory(draw: random.Random, reference: Reference) -> Choice:
    """Where its point is, whatever its address says."""
    wanted = draw.choice(["region:53", "departement:35", "nuts:FRG", "epci:243500741", "country:FR", "departement:974"])
    inside = set(reference.territories.area(wanted).communes)
    communes = {code: ordinal for ordinal, code in enumerate(each.code for each in reference.territories.communes)}

    def passes(supplier: SupplierDocument) -> bool:
        at = supplier.location
        holder = reference.geography.commune_of(at.lat, at.lon) if at else None
        return holder is not None and communes[holder.code] in inside

    return "territory", wanted, passes


def by_place(draw: random.Random, _: Reference) -> Choice:
    """Within half a percent of the radius either is right: none of the pool stands there."""
    lat, lon, radius = round(draw.uniform(47, 49), 3), round(draw.uniform(-4, 0), 3), draw.choice([5, 30, 90])

    def passes(supplier: SupplierDocument) -> bool:
        at = supplier.location
        return at is not None and GEODESIC.inv(lon, lat, at.lon, at.lat)[2] <= radius * 1000

    return "near", f"{lat},{lon}&radius_km={radius}", passes


def by_box(draw: random.Random, _: Reference) -> Choice:
    west, south = draw.uniform(-5, 0), draw.uniform(46.5, 49)
    east, north = west + draw.uniform(0, 2), south + draw.uniform(0, 1)
    west, south, east, north = (round(side, 4) for side in (west, south, east, north))

    def passes(supplier: SupplierDocument) -> bool:
        at = supplier.location
        return at is not None and south <= at.lat <= north and west <= at.lon <= east

    return "bbox", f"{west},{south},{east},{north}", passes


def by_kind(draw: random.Random, _: Reference) -> Choice:
    kind = draw.choice(["ACI", "EI", "ESAT", "SEP", "ESUS"])
    return "kind", kind, lambda supplier: kind in supplier.kinds


def by_reservation(draw: random.Random, reference: Reference) -> Choice:
    kinds: tuple[Reserved, ...] = ("handicap", "iae", "penitentiary", "ess")
    wanted = draw.choice(kinds)

    def passes(supplier: SupplierDocument) -> bool:
        facts = LegalFacts(
            approvals=supplier.approvals,
            shares=supplier.shares,
            in_prison=supplier.in_prison,
            legal_form=supplier.legal_form,
            ess=supplier.ess,
        )
        today = date.today()  # noqa: DTZ011 - eligibility changes with approvals, by the day
        return eligibility(facts, wanted, today, reference.rules).outcome != "INELIGIBLE"

    return "reserved", wanted, passes


def by_name(draw: random.Random, _: Reference) -> Choice:
    word = draw.choice(["atelier", "ESAT", "Vert", "é", "de l", "généré"])
    return "q", word, lambda supplier: all(part in fold(supplier.name) for part in fold(word).split())


FILTERS = (by_segment, by_territory, by_place, by_box, by_kind, by_reservation, by_name)


@pytest.mark.parametrize("seed", range(40))
async def test_filters_mean_what_they_say(pool: Pool, reference: Reference, seed: int) -> None:
    """One filter or two at once, each as a person would decide it by reading the supplier."""
    draw = random.Random(seed)
    first = FILTERS[seed % len(FILTERS)]
    others = draw.sample([one for one in FILTERS if one is not first], seed % 2)
    chosen = [one(draw, reference) for one in (first, *others)]
    query = "&".join(urlencode({name: value}, safe="&=,") for name, value, _ in chosen)
    expected = [one.name for one in pool.suppliers if all(passes(one) for _, _, passes in chosen)]

    assert await listed(pool.client, f"source={SOURCE}&limit=60&{query}") == expected
