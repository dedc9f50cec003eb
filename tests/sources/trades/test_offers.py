"""Offers by licences and certificates."""

from typing import get_args

import pytest

from domain.reference import taxonomy
from sources.trades.offers import Licence, licensed


@pytest.mark.parametrize("licence", get_args(Licence))
def test_each_licence_names_a_segment_and_tells_why(licence: Licence) -> None:
    offer = licensed(licence, "annuaire")
    assert set(offer.segments) <= taxonomy.load().segments.keys()
    assert (offer.basis, offer.evidence[0].kind, offer.evidence[0].source) == ("inferred", "register", "annuaire")
