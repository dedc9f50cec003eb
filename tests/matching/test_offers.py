"""Offers as arrays: how far each reaches, in kilometres and in whole metres."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from matching.offers import SHORT_KM
from tests.factories import index, offer, supplier


@given(st.floats(0.001, SHORT_KM), st.integers(-2, 2))
def test_metres_are_within_reach_where_their_kilometres_are(radius_km: float, beside: int) -> None:
    """As distances are whole metres, comparing metres decides the same, also where a radius has many decimals."""
    short = index(supplier("a", offer("pr-locaux", radius_km=radius_km))).wanted["pr-locaux"].short
    metres = np.array([max(int(radius_km * 1_000) + beside, 0)])
    assert (metres <= short.reach_m).tolist() == (metres / 1_000.0 <= short.reach_km).tolist()
