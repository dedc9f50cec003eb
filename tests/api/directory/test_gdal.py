"""Maps as GDAL reads them, which QGIS is built on; where `pyogrio` is not installed, this is skipped."""

from pathlib import Path
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from tests.api.sync.factories import Client, put_record


def layer(path: Path, content: bytes) -> dict[str, Any]:
    """What GDAL says of the layer in a file."""
    pyogrio = pytest.importorskip("pyogrio", reason="pyogrio reads GeoJSON with GDAL; it is not installed")
    path.write_bytes(content)
    read: dict[str, Any] = pyogrio.read_info(path)
    return read


async def test_suppliers_are_a_layer_of_points(served: Client, source: str, tmp_path: Path) -> None:
    for number in range(3):
        await put_record(served, source, str(number))
    answer = await served.get(f"/suppliers?source={source}&format=geojson")
    read = layer(tmp_path / "suppliers.geojson", answer.content)
    assert (read["driver"], read["geometry_type"], read["features"]) == ("GeoJSON", "Point", 3)
    assert {"name", "siret", "kinds", "segments", "commune", "active"} <= set(read["fields"])


async def test_a_territory_is_a_layer_of_one_outline(client: AsyncTestClient[Any], tmp_path: Path) -> None:
    answer = await client.get("/territories/departement:56?format=geojson")
    read = layer(tmp_path / "territory.geojson", answer.content)
    assert (read["driver"], read["geometry_type"], read["features"]) == ("GeoJSON", "MultiPolygon", 1)
