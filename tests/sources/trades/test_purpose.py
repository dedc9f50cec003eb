"""Offers by the declared purpose of an association."""

import pytest

from domain.reference import taxonomy
from sources.trades.purpose import PurposeReader, purpose_codes

READER = PurposeReader(taxonomy.load(), "rna")


@pytest.mark.parametrize(
    ("codes", "text", "segments"),
    [
        (("021005", "000000"), "accueillir les enfants du quartier", [("so-enfance",)]),
        (("030010", "000000"), "insertion de personnes par l'entretien d'espaces verts", [("ev-entretien",)]),
        (("030010", "000000"), "lutter contre le chômage", []),
        (("024015", "000000"), "faire connaître les oiseaux", []),
        (("006000", "000000"), "entretien d'espaces verts", []),
        (("021010", "021005"), "", [("so-domicile",), ("so-enfance",)]),
    ],
)
def test_codes_name_a_trade_and_texts_only_with_a_code_that_asks_for_them(
    codes: tuple[str, ...], text: str, segments: list[tuple[str, ...]]
) -> None:
    offers = READER.offers(codes, text)
    assert [offer.segments for offer in offers] == segments
    assert {evidence.kind for offer in offers for evidence in offer.evidence} <= {"purpose"}


def test_every_segment_that_a_code_names_is_one_of_the_taxonomy() -> None:
    codes = purpose_codes()
    named = {segment for table in (codes.strong, codes.weak) for segments in table.values() for segment in segments}
    assert named <= taxonomy.load().segments.keys()
    assert not codes.strong.keys() & codes.weak.keys()
