"""Geodesy: lengths and measures along lines on the WGS 84 ellipsoid, and local scales.

Nothing here knows reaches. A line's vertices stand one after the other in `coords`, and line i has
the rows `offsets[i] : offsets[i + 1]`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import numpy as np
import numpy.typing as npt
from numba import njit
from pyproj import Geod

from riskmap.kernels import leaf
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
#: Nearer the poles the series is too short, degrees.
_POLAR_DEG = 70.0
#: Vertices that are measured at once.
_BATCH = 64


def line_lengths_km(coords: Floats, offsets: npt.NDArray[np.integer]) -> Floats:
    """Return the length of each line on the ellipsoid, km.

    Parameters
    ----------
    coords
        Longitude and latitude of all vertices, degrees, shape (n_vertices, 2).
    offsets
        First row of each line in `coords`, and the total, shape (n_lines + 1,).
    """
    starts: Ints = np.asarray(offsets, dtype=np.int64)
    return run_lengths_km(coords, starts[:-1], starts[1:] - 1)


def run_lengths_km(coords: Floats, first: Ints, last: Ints) -> Floats:
    """Return the length on the ellipsoid of runs of vertices, both ends included, km.

    Parameters
    ----------
    coords
        As in `line_lengths_km`.
    first, last
        First and last row of each run in `coords`; runs may share rows, and one that ends before
        it begins has no length.
    """
    coords = np.ascontiguousarray(coords, dtype=np.float64)
    lengths = np.empty(first.size)
    far = in_parts(
        lambda low, high: _add_up_runs(coords, first, last, lengths, low, high),
        first.size,
        least=_LINES_A_THREAD,
    )
    for run in np.concatenate(far):
        whole = coords[first[run] : last[run] + 1]
        lengths[run] = vertex_measures_m(whole, np.array([0, len(whole)]))[-1]
    lengths /= 1000.0
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
    measures = vertex_measures_m(coords, offsets)
    measures /= 1000.0
    return measures


def vertex_measures_m(coords: Floats, offsets: npt.NDArray[np.integer]) -> Floats:
    """Return how far along its line each vertex lies, m, as `vertex_measures_km` does."""
    coords = np.ascontiguousarray(coords, dtype=np.float64)
    starts: Ints = np.asarray(offsets, dtype=np.int64)
    measures = np.empty(coords.shape[0])
    far = in_parts(
        lambda low, high: _measure(coords, starts, measures, low, high),
        max(starts.size - 1, 0),
        least=_LINES_A_THREAD,
    )
    lines = np.concatenate(far)
    if lines.size:
        rows = np.concatenate([np.arange(starts[line], starts[line + 1]) for line in lines])
        long = rows[measures[rows] < 0.0]
        a, b = coords[long - 1], coords[long]
        measures[long] = _GEOD.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])[2]
        _accumulate(measures, starts, lines)
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
scale_at = cast("Callable[[float], tuple[float, float]]", njit(cache=True)(metres_per_degree))


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
def _measure(  # pragma: no cover
    coords: Floats, offsets: Ints, measures: Floats, low: int, high: int
) -> Ints:
    """Measure the lines low … high − 1, m, in place.

    Returns the lines with segments for which the series is too short: these have the length of
    each segment at its last vertex, −1 where it is to be found otherwise.
    """
    far_lines = [0]
    far_lines.pop()
    x, y, steps = np.empty(_BATCH), np.empty(_BATCH), np.empty(_BATCH)
    for line in range(low, high):
        k, end = offsets[line], offsets[line + 1]
        if k == end:
            continue
        measures[k], far = 0.0, False
        while k < end - 1:
            n, some_far = _next_steps(coords, k, end, x, y, steps)
            far |= some_far
            measures[k + 1 : k + 1 + n] = steps[:n]
            k += n
        if far:
            far_lines.append(line)
            continue
        run = 0.0
        for k in range(offsets[line] + 1, end):
            run += measures[k]
            measures[k] = run
    return np.array(far_lines, dtype=np.int64)


@njit(cache=True, nogil=True)
def _add_up_runs(  # pragma: no cover
    coords: Floats, first: Ints, last: Ints, lengths: Floats, low: int, high: int
) -> Ints:
    """Measure the runs low … high − 1, m, in place; return those that are to be found otherwise."""
    far_runs = [0]
    far_runs.pop()
    x, y, steps = np.empty(_BATCH), np.empty(_BATCH), np.empty(_BATCH)
    for run in range(low, high):
        k, total, far = first[run], 0.0, False
        while k < last[run]:
            n, some_far = _next_steps(coords, k, last[run] + 1, x, y, steps)
            far |= some_far
            for j in range(n):
                total += steps[j]
            k += n
        lengths[run] = total
        if far:
            far_runs.append(run)
    return np.array(far_runs, dtype=np.int64)


@leaf
def _next_steps(  # pragma: no cover
    coords: Floats, k: int, end: int, x: Floats, y: Floats, steps: Floats
) -> tuple[int, bool]:
    """Put the lengths of segments from vertex k on in `steps`, m; −1 where the series is too short.

    Returns how many they are, and whether there are any of these. They end before vertex `end`,
    and lie near one latitude.
    """
    n, lat = 0, coords[k, 1]
    while n < _BATCH and k + n < end and (n < 2 or abs(coords[k + n, 1] - lat) < 1.0):
        x[n], y[n] = coords[k + n, 0], coords[k + n, 1]
        n += 1
    _lengths(x[:n], y[:n], steps)
    far = False
    for j in range(n - 1):
        long = steps[j] > _LONG_M or abs(y[j + 1] - y[j]) >= 1.0
        if long or abs(y[j]) > _POLAR_DEG or abs(y[j + 1]) > _POLAR_DEG:
            steps[j], far = -1.0, True
    return n - 1, far


@leaf
def _lengths(x: Floats, y: Floats, lengths: Floats) -> None:  # pragma: no cover
    """Put the length of each segment of a short line, m, in `lengths`.

    Symbols: φ is the mean latitude, w = 1 / √(1 − e² sin² φ), N = a w and M = a (1 − e²) w³ the
    radii of curvature across and along the meridian, η² = e'² cos² φ, V² = 1 + η².

    Without branches, and with inverses of constants for divisions, so that the processor takes
    several segments at once.
    """
    ep2 = _E2 / (1.0 - _E2)
    phi0 = y[0] * _RADIAN
    s0, c0 = math.sin(phi0), math.cos(phi0)
    for k in range(x.size - 1):
        # Sine and cosine by their sums from a latitude near by.
        d = 0.5 * (y[k + 1] + y[k]) * _RADIAN - phi0
        d2 = d * d
        sd = d * (1.0 - d2 * (1.0 / 6.0 - d2 * (1.0 / 120.0 - d2 * (1.0 / 5040.0))))
        cd = 1.0 - d2 * (0.5 - d2 * (1.0 / 24.0 - d2 * (1.0 / 720.0 - d2 * (1.0 / 40320.0))))
        sine, c = s0 * cd + c0 * sd, c0 * cd - s0 * sd
        s2 = sine * sine
        turn = x[k + 1] - x[k]
        turn -= 360.0 * np.floor(turn * (1.0 / 360.0) + 0.5)
        dlam, dphi = turn * _RADIAN, (y[k + 1] - y[k]) * _RADIAN
        q = _E2 * s2  # the binomial series of w: q is below 0.0067, the next term 2e-14
        w = 1.0 + q * (0.5 + q * (0.375 + q * (0.3125 + q * (35.0 / 128.0 + q * (63.0 / 256.0)))))
        w2 = w * w
        eta2, eta2_t2, inverse_v2 = ep2 * c * c, ep2 * s2, (1.0 - _E2) * w2
        l2, p2 = dlam * dlam, dphi * dphi * inverse_v2 * inverse_v2
        east = 1.0 + (1.0 / 24.0) * ((1.0 + eta2 - 9.0 * eta2_t2) * p2 - l2 * s2)
        north = 1.0 + (1.0 / 24.0) * (1.0 - 2.0 * eta2) * l2 * c * c
        north += 0.125 * (eta2 - eta2_t2) * p2
        north *= 1.0 - l2 * (0.125 - l2 * (1.0 / 384.0))
        east *= _A * w * c * dlam
        north *= _A * (1.0 - _E2) * w * w2 * dphi
        lengths[k] = math.sqrt(east * east + north * north)


@njit(cache=True)
def _accumulate(lengths: Floats, offsets: Ints, lines: Ints) -> None:  # pragma: no cover
    """Turn lengths of segments into sums along some of the lines, in place."""
    for line in lines:
        run = 0.0
        for k in range(offsets[line], offsets[line + 1]):
            run += lengths[k]
            lengths[k] = run
