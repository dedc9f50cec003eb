"""Lines of files, and checks of records."""

import io
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from stdnum.fr import siret as siret_numbers

from domain.reference.territory import Polygon, vertices
from domain.suppliers.supplier import Flag, Offer, ServiceArea, SupplierRecord
from sources.rows import NO_TEXT, UTF_16, UnreadableFile, lines
from sources.validation import CheckResult, check, content_flags, siret_passes_check
from tests.factories import REDON, comb, reference, spiked, square

CLEANING = (Offer(cpv=("90910000",)),)


@example("35600000000048")  # the head office of La Poste follows Luhn
@example("35600000049837")  # its branches do not
@given(st.from_regex(r"(356000000|04521973[0-9])?[0-9]{5,14}", fullmatch=True) | st.text(max_size=15))
def test_the_quick_way_agrees_with_the_library(siret: str) -> None:
    assert siret_passes_check(siret) == siret_numbers.is_valid(siret)


def codes(**fields: Any) -> list[str]:
    return [flag.code for flag in content_flags(SupplierRecord("A", **fields))]


def test_a_siret_that_fails_and_a_record_that_offers_nothing_are_flagged() -> None:
    assert codes(offers=CLEANING) == []
    assert codes(siret="50010961600027") == ["siret_check_failed", "no_offer"]


def drawing(*areas: Polygon) -> CheckResult:
    """A record that draws these service areas, as it is checked."""
    offers = tuple(Offer(cpv=("90910000",), service_area=ServiceArea(geometry=area)) for area in areas)
    known = reference()
    return check(SupplierRecord("A", offers=offers), known.territories, known.taxonomy, known.cpv)


def test_areas_that_are_drawn_finely_are_simplified_and_flagged() -> None:
    """The same area once, for all offers that have it; others are kept as they are."""
    plain = square(REDON, 0.1)
    record, flags, problems = drawing(comb(REDON, 0.5), plain, comb(REDON, 0.5))
    areas = [offer.service_area.geometry for offer in record.offers if offer.service_area]
    assert [area and vertices(area) for area in areas] == [398, 5, 398]
    assert areas[1] is plain
    assert (flags, problems) == ((Flag("area_simplified", "9879 vertices, 398 kept"),), ())


def test_a_record_draws_areas_of_so_many_vertices_together() -> None:
    """As they are once simplified; the same area for several offers counts once."""
    fine = [Polygon(coordinates=(spiked(4_900, step),)) for step in (1, 2, 3)]
    whole = drawing(comb(REDON, 0.5), *fine[:1] * 3, Polygon(coordinates=(spiked(4_000),)))
    assert whole.problems == ()
    for areas, place in (((*fine[:1] * 3, *fine[1:]), 4), ((Polygon(coordinates=(spiked(5_100),)),), 0)):
        (found,) = drawing(*areas).problems
        assert (found.pointer, found.code) == (f"/offers/{place}/service_area/geometry", "too_many_vertices")


@given(st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=8), st.integers(1, 10))
def test_every_line_is_there_once_the_long_ones_without_their_text(texts: list[bytes], longest: int) -> None:
    data = b"\n".join(texts)
    assume(not data.startswith((b"\xef\xbb\xbf", *UTF_16, *NO_TEXT)))
    expected = [
        (number, None if len(line.rstrip(b"\n")) > longest else line)
        for number, line in enumerate(io.BytesIO(data), start=1)
    ]
    assert [(line.number, line.data) for line in lines(io.BytesIO(data), longest)] == expected


def test_a_byte_order_mark_is_no_text_and_utf_16_is_named_as_what_it_is() -> None:
    assert [line.data for line in lines(io.BytesIO(b"\xef\xbb\xbfa\r\nb"))] == [b"a\r\n", b"b"]
    for data, said in (("a\n".encode("utf-16"), "UTF-16"), (b"PK\x03\x04\r\r", "workbook")):
        with pytest.raises(UnreadableFile, match=said):
            list(lines(io.BytesIO(data)))
