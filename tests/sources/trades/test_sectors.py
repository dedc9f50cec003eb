"""Sectors by which le marché de l'inclusion classes its suppliers."""

from domain.reference import taxonomy
from sources.trades.sectors import sectors


def test_every_sector_stands_for_known_segments_or_for_none() -> None:
    assert {each for named in sectors().values() for each in named if not taxonomy.load().known(each)} == set()
