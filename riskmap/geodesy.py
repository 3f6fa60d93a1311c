"""Geodesy: lengths and measures along lines on the WGS 84 ellipsoid, and local scales.

Nothing here knows reaches. A line's vertices stand one after the other in `coords`, and line i has
the rows `offsets[i] : offsets[i + 1]`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit
from pyproj import Geod

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_GEOD = Geod(ellps="WGS84")
#: Semi-major axis, m, and first eccentricity squared (NGA, WGS 84 definition).
_A = 6_378_137.0
_E2 = 0.006_694_379_990_141_316
#: A segment whose chord is longer is left to the exact geodesic, m.
_LONG_M = 40_000.0
#: A shorter segment is taken as plane, m.
_NEAR_M = 100.0


def line_lengths_km(coords: Floats, offsets: npt.NDArray[np.integer]) -> Floats:
    """Return the length of each line on the ellipsoid, km.

    Parameters
    ----------
    coords
        Longitude and latitude of all vertices, degrees, shape (n_vertices, 2).
    offsets
        First row of each line in `coords`, and the total, shape (n_lines + 1,).
    """
    measures = vertex_measures_km(coords, offsets)
    ends = np.asarray(offsets[1:], dtype=np.int64) - 1
    lengths: Floats = measures[ends] if coords.size else np.empty(0)
    return lengths


def vertex_measures_km(coords: Floats, offsets: npt.NDArray[np.integer]) -> Floats:
    """Return how far along its line each vertex lies, km; each line starts at 0.

    Parameters
    ----------
    coords, offsets
        As in `line_lengths_km`.

    Notes
    -----
    A short segment is the chord between its ends, lengthened by the terms of the arc whose radius
    is that of the normal section (Euler): s = D (1 + D²/24R² + 3D⁴/640R⁴). At 40 km its error is
    below 1e-9 of the length. Longer segments are geodesics after Karney.
    """
    coords = np.ascontiguousarray(coords, dtype=np.float64)
    starts: Ints = np.asarray(offsets, dtype=np.int64)
    segments = _segments_m(coords)
    far = np.flatnonzero(segments > _LONG_M)
    if far.size:
        a, b = coords[far], coords[far + 1]
        segments[far] = _GEOD.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])[2]
    measures: Floats = _accumulate(segments, starts, coords.shape[0])
    return measures


def metres_per_degree(lat: Floats) -> tuple[Floats, Floats]:
    """Return the ground length of a degree of longitude and of latitude, m.

    Parameters
    ----------
    lat
        Latitude, degrees.
    """
    phi = np.radians(lat)
    w = 1.0 - _E2 * np.sin(phi) ** 2
    degree = math.pi / 180.0
    east = degree * _A * np.cos(phi) / np.sqrt(w)
    north = degree * _A * (1.0 - _E2) / w**1.5
    return east, north


@njit(cache=True)
def _segments_m(coords: Floats) -> Floats:  # pragma: no cover
    """Return the length from each vertex to the next, m, the next line's first included."""
    n = coords.shape[0]
    lengths = np.zeros(max(n - 1, 0))
    radian = math.pi / 180.0
    x0 = y0 = z0 = s0 = 0.0
    for k in range(n):
        lam, phi = coords[k, 0] * radian, coords[k, 1] * radian
        s, c = math.sin(phi), math.cos(phi)
        normal = _A / math.sqrt(1.0 - _E2 * s * s)
        x, y = normal * c * math.cos(lam), normal * c * math.sin(lam)
        z = normal * (1.0 - _E2) * s
        if k > 0:
            chord2 = (x - x0) ** 2 + (y - y0) ** 2 + (z - z0) ** 2
            if chord2 > 0.0:
                sm = 0.5 * (s + s0)
                w2 = 1.0 - _E2 * sm * sm
                across = _A / math.sqrt(w2)
                along = across * (1.0 - _E2) / w2
                north = along * (coords[k, 1] - coords[k - 1, 1]) * radian
                turn = coords[k, 0] - coords[k - 1, 0]
                east = across * math.sqrt(1.0 - sm * sm) * turn * radian
                total = north * north + east * east
                curve = (north * north / along + east * east / across) / total
                q = chord2 * curve * curve
                lengths[k - 1] = math.sqrt(chord2) * (1.0 + q * (1.0 / 24.0 + q * 3.0 / 640.0))
                if total < _NEAR_M * _NEAR_M:  # a chord of so few metres is lost in rounding
                    lengths[k - 1] = math.sqrt(total)
        x0, y0, z0, s0 = x, y, z, s
    return lengths


@njit(cache=True)
def _accumulate(segments: Floats, offsets: Ints, n: int) -> Floats:  # pragma: no cover
    measures = np.zeros(n)
    for line in range(offsets.size - 1):
        run = 0.0
        for k in range(offsets[line] + 1, offsets[line + 1]):
            run += segments[k - 1]
            measures[k] = run / 1000.0
    return measures
