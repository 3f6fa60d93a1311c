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

from riskmap.threads import in_parts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_GEOD = Geod(ellps="WGS84")
#: Semi-major axis, m, and first eccentricity squared (NGA, WGS 84 definition).
_A = 6_378_137.0
_E2 = 0.006_694_379_990_141_316
#: A segment whose chord is longer is left to the exact geodesic, m.
_LONG_M = 40_000.0
_RADIAN = math.pi / 180.0
#: Lines that are worth a thread of their own.
_LINES_A_THREAD = 4000
#: Nearer the poles the series is too short, radians.
_POLAR = math.radians(70.0)


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
    A short segment is solved by Gauss's mid-latitude formulae with their terms of third order
    (Bomford, Geodesy, 4th ed., ch. 2): at 40 km the error is below 1e-9 of the length up to 70
    degrees of latitude. Longer segments, and those nearer the poles, are geodesics after Karney.
    """
    coords = np.ascontiguousarray(coords, dtype=np.float64)
    starts: Ints = np.asarray(offsets, dtype=np.int64)
    steps = np.zeros(coords.shape[0])
    far = in_parts(
        lambda low, high: _steps_m(coords, starts[low : high + 1], steps),
        max(starts.size - 1, 0),
        least=_LINES_A_THREAD,
    )
    if any(far):
        long = np.flatnonzero(steps < 0.0)
        a, b = coords[long - 1], coords[long]
        steps[long] = _GEOD.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])[2]
    _accumulate(steps, starts)
    measures: Floats = steps
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
    north = degree * _A * (1.0 - _E2) / (w * np.sqrt(w))
    return east, north


#: The same at one latitude, for kernels.
scale_at = njit(cache=True)(metres_per_degree)


def nearest_points(
    lon: Floats, lat: Floats, to_lon: Floats, to_lat: Floats
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return for each of a few places the nearest of some points, and how far it is, km.

    Parameters
    ----------
    lon, lat
        The places, degrees.
    to_lon, to_lat
        The points, degrees; one or more.
    """
    nearest, km = np.empty(lon.size, dtype=np.int64), np.empty(lon.size)
    for k in range(lon.size):
        here = np.full(to_lon.size, lon[k]), np.full(to_lon.size, lat[k])
        _, _, metres = _GEOD.inv(*here, to_lon, to_lat)
        nearest[k] = np.argmin(metres)
        km[k] = metres[nearest[k]] / 1000.0
    return nearest, km


def bearing_deg(lon: float, lat: float, to_lon: float, to_lat: float) -> float:
    """Return the direction from one place to another, degrees from north by east, 0 to 360."""
    azimuth, _, _ = _GEOD.inv(lon, lat, to_lon, to_lat)
    return float(azimuth) % 360.0


def measures_on(
    coords: Floats, measures_km: Floats, segment: npt.NDArray[np.integer], t: Floats
) -> Floats:
    """Return how far along its line a point lies that is at a fraction of a segment, km.

    A degree is not equally long all along a segment: the fraction of its length is not that of its
    degrees. So a cut elsewhere on the line does not move the point.

    Parameters
    ----------
    coords, measures_km
        Vertices of lines and how far along they lie (`vertex_measures_km`).
    segment
        First vertex of each point's segment.
    t
        Fraction of the segment, in degrees, 0 to 1.
    """
    share = _share_of_length(coords[segment], coords[segment + 1], t)
    start = measures_km[segment]
    along: Floats = start + (measures_km[segment + 1] - start) * share
    return along


def fractions_at(coords: Floats, segment: npt.NDArray[np.integer], share: Floats) -> Floats:
    """Return the fractions in degrees at given shares of segments' lengths, 0 to 1.

    What `measures_on` undoes, to a thousandth of a millimetre.

    Parameters
    ----------
    coords
        Vertices of lines.
    segment
        First vertex of each point's segment.
    share
        Share of the segment's length, 0 to 1.
    """
    a, b = coords[segment], coords[segment + 1]
    t = share
    for _ in range(3):  # the scale changes little along a segment: each step gains four digits
        t = np.clip(t + share - _share_of_length(a, b, t), 0.0, 1.0)
    return t


def _share_of_length(a: Floats, b: Floats, t: Floats) -> Floats:
    """Return the share of segments' lengths that lies before fractions of their degrees."""
    foot = a + (b - a) * t[:, None]
    before, after = _plane_metres(a, foot), _plane_metres(foot, b)
    share: Floats = np.divide(before, before + after, out=np.zeros_like(before), where=before > 0.0)
    return share


def _plane_metres(a: Floats, b: Floats) -> Floats:
    """Return the length of segments by the scale at their middle, m."""
    east, north = metres_per_degree((a[:, 1] + b[:, 1]) / 2.0)
    length: Floats = np.hypot((b[:, 0] - a[:, 0]) * east, (b[:, 1] - a[:, 1]) * north)
    return length


@njit(cache=True, nogil=True)
def _steps_m(coords: Floats, offsets: Ints, steps: Floats) -> bool:  # pragma: no cover
    """Put the length from the vertex before to each, m, in `steps`; −1 if the series is too short.

    Returns whether there are such.

    Symbols: φ is the mean latitude, w = 1 / √(1 − e² sin² φ), N = a w and M = a (1 − e²) w³ the
    radii of curvature across and along the meridian, η² = e'² cos² φ, V² = 1 + η².
    """
    ep2 = _E2 / (1.0 - _E2)
    far = False
    s0 = c0 = 0.0
    for line in range(offsets.size - 1):
        phi0 = 10.0
        for k in range(offsets[line] + 1, offsets[line + 1]):
            phi = 0.5 * (coords[k, 1] + coords[k - 1, 1]) * _RADIAN
            # Sine and cosine by their sums from a latitude near by.
            d = phi - phi0
            if abs(d) > 0.02:
                phi0, s0, c0, d = phi, math.sin(phi), math.cos(phi), 0.0
            d2 = d * d
            sd = d * (1.0 - d2 * (1.0 / 6.0 - d2 * (1.0 / 120.0 - d2 / 5040.0)))
            cd = 1.0 - d2 * (0.5 - d2 * (1.0 / 24.0 - d2 * (1.0 / 720.0 - d2 / 40320.0)))
            s2, c = (s0 * cd + c0 * sd) ** 2, c0 * cd - s0 * sd
            turn = coords[k, 0] - coords[k - 1, 0]
            if abs(turn) > 180.0:
                turn -= math.copysign(360.0, turn)
            dlam, dphi = turn * _RADIAN, (coords[k, 1] - coords[k - 1, 1]) * _RADIAN
            w = 1.0 / math.sqrt(1.0 - _E2 * s2)
            w2 = w * w
            eta2, eta2_t2, inverse_v4 = ep2 * c * c, ep2 * s2, ((1.0 - _E2) * w2) ** 2
            l2, p2 = dlam * dlam, dphi * dphi * inverse_v4
            east = 1.0 - l2 * s2 / 24.0 + (1.0 + eta2 - 9.0 * eta2_t2) * p2 / 24.0
            north = 1.0 + (1.0 - 2.0 * eta2) * l2 * c * c / 24.0 + (eta2 - eta2_t2) * p2 / 8.0
            north *= 1.0 - l2 * (1.0 / 8.0 - l2 / 384.0)
            east *= _A * w * c * dlam
            north *= _A * (1.0 - _E2) * w * w2 * dphi
            step = math.sqrt(east * east + north * north)
            if step > _LONG_M or abs(phi) > _POLAR:
                step = -1.0
                far = True
            steps[k] = step
    return far


@njit(cache=True)
def _accumulate(steps: Floats, offsets: Ints) -> None:  # pragma: no cover
    """Turn steps, m, into sums along each line, km, in place."""
    for line in range(offsets.size - 1):
        run = 0.0
        for k in range(offsets[line], offsets[line + 1]):
            run += steps[k]
            steps[k] = run / 1000.0
