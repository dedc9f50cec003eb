"""Positions on the WGS 84 ellipsoid, and a local plane on which distances can be measured.

Positions are kept as earth-centred coordinates in kilometres: from them a plane around any point is a few
multiplications away, without trigonometry on the request path and without a projection chosen per region.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Positions = NDArray[np.signedinteger[Any]]
Geometries = NDArray[np.object_]
Bools = NDArray[np.bool_]

EQUATOR_KM = 6378.137
FLATTENING = 1 / 298.257223563
ECCENTRICITY2 = FLATTENING * (2 - FLATTENING)


def earth_centred(lat: Floats, lon: Floats) -> Floats:
    """Earth-centred coordinates in kilometres, shape (n, 3), of WGS 84 degrees; NaN stays NaN."""
    phi, lam = np.radians(lat), np.radians(lon)
    sin_phi, cos_phi = np.sin(phi), np.cos(phi)
    normal = EQUATOR_KM / np.sqrt(1 - ECCENTRICITY2 * sin_phi**2)
    return np.stack(
        (normal * cos_phi * np.cos(lam), normal * cos_phi * np.sin(lam), normal * (1 - ECCENTRICITY2) * sin_phi),
        axis=-1,
    )


class Plane:
    """An azimuthal equidistant plane around one point, in kilometres.

    Distances from the centre are exact to some 1e-5; between two points that both lie within `REACH_KM` of the
    centre they are within 0.5 % of the geodesic (at most c²/6 for an angular distance c; Snyder 1987, §25).
    """

    REACH_KM = 1_000.0

    def __init__(self, lat: float, lon: float) -> None:
        self.lat, self.lon = lat, lon
        phi, lam = math.radians(lat), math.radians(lon)
        sin_phi, cos_phi, sin_lam, cos_lam = math.sin(phi), math.cos(phi), math.sin(lam), math.cos(lam)
        self.centre = earth_centred(np.array([lat]), np.array([lon]))[0]
        self.axes = np.array([[-sin_lam, cos_lam, 0.0], [-sin_phi * cos_lam, -sin_phi * sin_lam, cos_phi]])
        curvature = 1 - ECCENTRICITY2 * sin_phi**2
        self.radius = EQUATOR_KM * math.sqrt(1 - ECCENTRICITY2) / curvature  # Gaussian radius √(MN)

    def from_centre(self, positions: Floats) -> Floats:
        """Distance in kilometres from the centre to each earth-centred position."""
        offset = positions - self.centre
        return self._arc(np.sqrt(np.einsum("ij,ij->i", offset, offset)))

    def project(self, positions: Floats) -> Floats:
        """Coordinates east and north of the centre in kilometres, shape (n, 2), of earth-centred positions."""
        offset = positions - self.centre
        flat = offset @ self.axes.T
        across = np.sqrt(np.einsum("ij,ij->i", flat, flat))
        arc = self._arc(np.sqrt(np.einsum("ij,ij->i", offset, offset)))
        return flat * np.divide(arc, across, out=np.ones_like(arc), where=across > 1e-9)[:, None]

    def project_degrees(self, degrees: Floats) -> Floats:
        """As `project`, of longitudes and latitudes, shape (n, 2)."""
        return self.project(earth_centred(degrees[:, 1], degrees[:, 0]))

    def _arc(self, chord: Floats) -> Floats:
        """Length along the surface of a straight `chord` through the earth."""
        return 2 * self.radius * np.arcsin(np.minimum(chord / (2 * self.radius), 1.0))
