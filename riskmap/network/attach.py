"""Sites to water: the nearest navigable reach, the place on it, and the overland leg (model §1).

The nearest reach is searched in a grid of boxes, by distances in the plane whose scales are those
of the ground at the latitude between site and water: within an access limit they are ground
distances, at any longitude, so that the nearest is right in a region of any width. The place on the
reach is found in degrees scaled to metres at the site, the leg's length is geodesic. Cutting the
reaches there is in `riskmap.network.reaches`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit
from pyproj import Geod

from riskmap.geodesy import measures_on, metres_per_degree, vertex_measures_km
from riskmap.kernels import leaf
from riskmap.network.arcs import Bools, Floats, Ints
from riskmap.network.grids import (
    Boxes,
    Grid,
    Longs,
    box_grid,
    box_lines,
    order_of_places,
    reached,
)
from riskmap.network.reaches import Reaches
from riskmap.network.runs import take_lines
from riskmap.threads import in_parts

_GEOD = Geod(ellps="WGS84")
#: Water that is farther by no more than this share is nearly as near.
NEARLY = 0.25
#: A place on the water is another water if it is this far from the nearest one, km, and farther
#: than the circle that was searched times this; of another name, than the site's distance times it.
ANOTHER_KM, ANOTHER = 1.0, 1.2
#: Sites that are worth a thread of their own.
_SITES_A_THREAD = 500


@dataclass(frozen=True, slots=True)
class Places:
    """Hold the nearest place on navigable water of each site, in the sites' order.

    Attributes
    ----------
    reach
        Reach, −1 where there is no navigable water at all.
    measure_km
        Distance from the reach's upstream end, along it.
    distance_km
        Geodesic distance from the site; infinite where there is no navigable water.
    rival, rival_km
        Another water that is nearly as near, and how far it is: its reach, −1 where there is none.
    """

    reach: Ints
    measure_km: Floats
    distance_km: Floats
    rival: Ints
    rival_km: Floats


class WaterIndex(NamedTuple):
    """Hold the reaches that sites can be attached to, in a grid: kept, it serves many searches."""

    coords: Floats
    reach: Longs
    boxes: Boxes
    grid: Grid


def index_water(reaches: Reaches, usable: Bools) -> WaterIndex | None:
    """Return an index of the usable reaches; None where there are none.

    Parameters
    ----------
    reaches
        The network.
    usable
        Reaches that can be attached to, shape (n_reaches,).
    """
    chosen = np.flatnonzero(usable)
    if not chosen.size:
        return None
    coords, offsets = reaches.coords, reaches.offsets
    if chosen.size < offsets.size - 1:
        coords, offsets = take_lines(coords, offsets, chosen, np.zeros(chosen.size, dtype=np.bool_))
    boxes = box_lines(coords, offsets)
    return WaterIndex(coords, chosen, boxes, box_grid(boxes.box))


def nearest_places(
    reaches: Reaches,
    lon: Floats,
    lat: Floats,
    *,
    usable: Bools,
    position_error_km: Floats | None = None,
    index: WaterIndex | None = None,
) -> Places:
    """Find the nearest place on usable water for each site; ties go to the first reach.

    Another water is nearly as near where it is no more than a quarter farther, the error of the
    site's position apart, and not the same water a little further on.

    Parameters
    ----------
    reaches
        The network.
    lon, lat
        Sites, degrees of WGS 84, shape (n_sites,).
    usable
        Reaches that can be attached to, shape (n_reaches,).
    position_error_km
        How far off each site may be, shape (n_sites,); 0 by default.
    index
        Index of the usable reaches (`index_water`); made where it is not given.
    """
    index = index or index_water(reaches, usable)
    if index is None or not lon.size:
        nowhere = np.full(lon.size, -1, dtype=np.int32)
        far = np.full(lon.size, np.inf)
        return Places(nowhere, np.zeros(lon.size), far, nowhere, far)
    place = np.column_stack([lon, lat]).astype(np.float64)
    error = np.zeros(lon.size) if position_error_km is None else position_error_km
    order = order_of_places(place)  # sites near each other are looked for one after the other
    parts = in_parts(
        lambda low, high: _attach(
            reaches, index, place=place[order[low:high]], error_km=error[order[low:high]]
        ),
        lon.size,
        least=_SITES_A_THREAD,
    )
    back = np.empty_like(order)
    back[order] = np.arange(order.size)
    return Places(*(np.concatenate(columns)[back] for columns in zip(*parts, strict=True)))


def _attach(
    reaches: Reaches, index: WaterIndex, *, place: Floats, error_km: Floats
) -> tuple[Ints, Floats, Floats, Ints, Floats]:
    """Return what `Places` hold of some sites."""
    metres = np.column_stack(metres_per_degree(place[:, 1]))
    reach = _nearest(index, place, metres)
    segment, t, foot, away_km = _feet(reaches, reach, place)
    reach_km = away_km * (1.0 + NEARLY) + 2.0 * error_km
    # What is as near as that to a site beside the water cannot be another water.
    looked_km = np.where(1.01 * (away_km + reach_km) < ANOTHER_KM, -1.0, reach_km)
    start, near = _within(index, place, metres, 1000.0 * looked_km)
    site = np.repeat(np.arange(reach.size), np.diff(start))
    rival, rival_km = _rivals(
        reaches, place, site, near,
        nearest=reach, foot=foot, away_km=away_km, reach_km=reach_km,
    )  # fmt: skip
    return reach, _measures_km(reaches, reach, segment, t), away_km, rival, rival_km


def _measures_km(reaches: Reaches, reach: Ints, segment: Longs, t: Floats) -> Floats:
    """Return how far along its reach each place lies; only reaches that hold one are measured."""
    held, which = np.unique(reach, return_inverse=True)
    coords, offsets = take_lines(
        reaches.coords, reaches.offsets, held.astype(np.int64), np.zeros(held.size, dtype=np.bool_)
    )
    own = offsets[which] + segment - reaches.offsets[reach]
    return measures_on(coords, vertex_measures_km(coords, offsets), own, t)


def _feet(reaches: Reaches, reach: Ints, place: Floats) -> tuple[Longs, Floats, Floats, Floats]:
    """Return the segment, the fraction, the point and its distance (km) on a reach of each site."""
    metres = np.column_stack(metres_per_degree(place[:, 1]))
    segment, t = _place_on(reaches.coords, reaches.offsets, reach, place, metres)
    a, b = reaches.coords[segment], reaches.coords[segment + 1]
    foot = a + (b - a) * t[:, None]
    _, _, away_m = _GEOD.inv(place[:, 0], place[:, 1], foot[:, 0], foot[:, 1])
    return segment, t, foot, np.asarray(away_m) / 1000.0


def _beyond_km(
    reaches: Reaches, reach: Ints, place: Floats, *, foot: Floats, least_km: Floats
) -> Floats:
    """Return how far the nearest place on a reach is that lies no nearer to a foot than stated."""
    metres = np.column_stack(metres_per_degree(place[:, 1]))
    found = _place_beyond(
        reaches.coords, reaches.offsets, reach, place, metres, foot, 1000.0 * least_km
    )
    there = np.isfinite(found[:, 0])
    beyond_km = np.full(reach.size, np.inf)
    lon, lat = place[there].T
    beyond_km[there] = np.asarray(_GEOD.inv(lon, lat, *found[there].T)[2]) / 1000.0
    return beyond_km


def _rivals(
    reaches: Reaches,
    place: Floats,
    site: npt.NDArray[np.intp],
    reach: Ints,
    *,
    nearest: Ints,
    foot: Floats,
    away_km: Floats,
    reach_km: Floats,
) -> tuple[Ints, Floats]:
    """Return, of the reaches near each site, the nearest that is another water.

    Of each, the nearest place counts that is far enough from where the site stands: which that is
    does not depend on where lines were cut, and it may be on the site's own reach.
    """
    named_apart = reaches.name[reach] != reaches.name[nearest[site]]
    least_km = np.where(named_apart, ANOTHER * away_km[site], ANOTHER * reach_km[site])
    other_km = _beyond_km(
        reaches, reach, place[site], foot=foot[site], least_km=np.maximum(least_km, ANOTHER_KM)
    )
    another = other_km <= reach_km[site]
    order = np.flatnonzero(another)[np.lexsort((reach[another], other_km[another], site[another]))]
    first = order[np.unique(site[order], return_index=True)[1]]
    rival = np.full(reach_km.size, -1, dtype=np.int32)
    rival_km = np.full(reach_km.size, np.inf)
    rival[site[first]], rival_km[site[first]] = reach[first], other_km[first]
    return rival, rival_km


@njit(cache=True, nogil=True)
def _nearest(index: WaterIndex, place: Floats, metres: Floats) -> Ints:  # pragma: no cover
    """Return the nearest reach of each site, of equally near ones the first."""
    nearest = np.full(place.shape[0], -1, dtype=np.int32)
    xy, reach_of, boxes, grid = index.coords, index.reach, index.boxes, index.grid
    line, first, last, box = boxes.line, boxes.first, boxes.last, boxes.box
    start, member, columns, rows = grid.start, grid.member, grid.columns, grid.rows
    for s in range(place.shape[0]):
        x, y, mx, my = place[s, 0], place[s, 1], metres[s, 0], metres[s, 1]
        lean = _lean(y)
        column = math.floor((x - grid.x0) * grid.per_degree)
        row = math.floor((y - grid.y0) * grid.per_degree)
        best, found = math.inf, -1
        ring = max(-column, column - columns + 1, -row, row - rows + 1, 0)
        end = max(abs(column), abs(column - columns), abs(row), abs(row - rows))
        while ring <= end and best >= _least_m(y, (ring - 1) / grid.per_degree):
            for r in range(max(row - ring, 0), min(row + ring, rows - 1) + 1):
                step = 1 if abs(r - row) == ring else max(2 * ring, 1)
                for c in range(column - ring, column + ring + 1, step):
                    if not 0 <= c < columns:
                        continue
                    for m in range(start[r * columns + c], start[r * columns + c + 1]):
                        b = member[m]
                        if _gap_m(box, b, x, y, mx, my, lean) > best:
                            continue
                        away = _away_m(xy, first[b], last[b], x, y, mx, my, lean)
                        if away > best:
                            continue
                        reach = reach_of[line[b]]
                        if away < best or reach < found:
                            best, found = away, reach
            ring += 1
        nearest[s] = found
    return nearest


@njit(cache=True)
def _least_m(lat: float, degrees: float) -> float:  # pragma: no cover
    """Return the least ground distance of places so many degrees apart in either coordinate, m."""
    if degrees <= 0.0:
        return -1.0
    cosine = math.cos(math.radians(min(90.0, abs(lat) + degrees)))
    return 110_500.0 * degrees * max(cosine, 0.0)


@njit(cache=True, nogil=True)
def _within(  # pragma: no cover
    index: WaterIndex, place: Floats, metres: Floats, within_m: Floats
) -> tuple[Longs, Ints]:
    """Return the reaches within a distance of each site, in order, by site."""
    start_of = np.zeros(place.shape[0] + 1, dtype=np.int64)
    reaches = [0]
    seen = np.full(index.reach.size, -1, dtype=np.int64)
    xy, reach_of, boxes, grid = index.coords, index.reach, index.boxes, index.grid
    line, first, last, box = boxes.line, boxes.first, boxes.last, boxes.box
    start, member = grid.start, grid.member
    for s in range(place.shape[0]):
        x, y, mx, my = place[s, 0], place[s, 1], metres[s, 0], metres[s, 1]
        lean = _lean(y)
        dy = within_m[s] / 110_500.0
        dx = dy / max(math.cos(math.radians(min(90.0, abs(y) + dy))), 1e-6)
        c0, c1, r0, r1 = reached(grid, x - dx, y - dy, x + dx, y + dy)
        for r in range(r0, r1 + 1):
            for c in range(c0, c1 + 1):
                cell = r * grid.columns + c
                for m in range(start[cell], start[cell + 1]):
                    b = member[m]
                    if _gap_m(box, b, x, y, mx, my, lean) > within_m[s] or seen[line[b]] == s:
                        continue
                    if _away_m(xy, first[b], last[b], x, y, mx, my, lean) <= within_m[s]:
                        seen[line[b]] = s
                        reaches.append(reach_of[line[b]])
        start_of[s + 1] = len(reaches) - 1
    return start_of, np.array(reaches[1:], dtype=np.int32)


@njit(cache=True)
def _lean(lat: float) -> float:  # pragma: no cover
    """Return by what share a degree of longitude is shorter halfway to a degree farther north."""
    return 0.5 * math.radians(1.0) * math.tan(math.radians(lat))


@leaf
def _gap_m(  # pragma: no cover
    box: Floats, b: int, x: float, y: float, mx: float, my: float, lean: float
) -> float:
    """Return less than the distance of a place from all that lies in a box (`_away_m`), m."""
    south, north = box[b, 1] - y, box[b, 3] - y
    narrow = max(0.0, min(1.0 - lean * south, 1.0 - lean * north))
    ex = max(box[b, 0] - x, x - box[b, 2], 0.0) * mx * narrow
    ey = max(south, -north, 0.0) * my
    return (1.0 - 1e-9) * math.sqrt(ex * ex + ey * ey)


@leaf
def _away_m(  # pragma: no cover
    xy: Floats, first: int, last: int, x: float, y: float, mx: float, my: float, lean: float
) -> float:
    """Return how far a place is from some segments, at the latitude between, m."""
    best = math.inf
    bx, by = (xy[first, 0] - x) * mx, (xy[first, 1] - y) * my
    for k in range(first, last):
        ax, ay = bx, by
        bx, by = (xy[k + 1, 0] - x) * mx, (xy[k + 1, 1] - y) * my
        dx, dy = (xy[k + 1, 0] - xy[k, 0]) * mx, (xy[k + 1, 1] - xy[k, 1]) * my
        square = dx * dx + dy * dy
        t = 0.0 if square == 0.0 else min(1.0, max(0.0, -(ax * dx + ay * dy) / square))
        # A place that reaches share is as near on each: the end is taken as it stands.
        ex, ey = (bx, by) if t == 1.0 else (ax + t * dx, ay + t * dy)
        ex *= 1.0 - lean * ey / my
        best = min(best, ex * ex + ey * ey)
    return math.sqrt(best)


@njit(cache=True, nogil=True)
def _place_on(  # pragma: no cover
    coords: Floats, offsets: Longs, reach: Ints, site: Floats, metres: Floats
) -> tuple[Longs, Floats]:
    """Return the segment of a given reach that is nearest, and the fraction along it."""
    segment = np.zeros(reach.size, dtype=np.int64)
    fraction = np.zeros(reach.size)
    for s in range(reach.size):
        x, y, mx, my = site[s, 0], site[s, 1], metres[s, 0], metres[s, 1]
        best = np.inf
        for k in range(offsets[reach[s]], offsets[reach[s] + 1] - 1):
            ax, ay = (coords[k, 0] - x) * mx, (coords[k, 1] - y) * my
            dx = (coords[k + 1, 0] - coords[k, 0]) * mx
            dy = (coords[k + 1, 1] - coords[k, 1]) * my
            square = dx * dx + dy * dy
            t = 0.0 if square == 0.0 else min(1.0, max(0.0, -(ax * dx + ay * dy) / square))
            away = (ax + t * dx) ** 2 + (ay + t * dy) ** 2
            if away < best:
                best = away
                segment[s], fraction[s] = k, t
    return segment, fraction


@njit(cache=True, nogil=True)
def _place_beyond(  # pragma: no cover
    coords: Floats,
    offsets: Longs,
    reach: Ints,
    site: Floats,
    metres: Floats,
    foot: Floats,
    least_m: Floats,
) -> Floats:
    """Return the place on a given reach that is nearest of those so far from a foot; NaN if none.

    On a segment that is where it passes the site, or where it leaves the circle about the foot.
    """
    found = np.full((reach.size, 2), np.nan)
    for s in range(reach.size):
        x, y, mx, my, radius = site[s, 0], site[s, 1], metres[s, 0], metres[s, 1], least_m[s]
        fx, fy = (foot[s, 0] - x) * mx, (foot[s, 1] - y) * my
        best = np.inf
        for k in range(offsets[reach[s]], offsets[reach[s] + 1] - 1):
            ax, ay = (coords[k, 0] - x) * mx, (coords[k, 1] - y) * my
            dx = (coords[k + 1, 0] - coords[k, 0]) * mx
            dy = (coords[k + 1, 1] - coords[k, 1]) * my
            square = dx * dx + dy * dy
            if square == 0.0:
                continue
            passing = min(1.0, max(0.0, -(ax * dx + ay * dy) / square))
            half = ((ax - fx) * dx + (ay - fy) * dy) / square
            rest = ((ax - fx) ** 2 + (ay - fy) ** 2 - radius * radius) / square
            root = math.sqrt(max(half * half - rest, 0.0))
            enters, leaves = -half - root, -half + root
            for t in (passing, enters, leaves):
                if not 0.0 <= t <= 1.0 or enters < t < leaves:
                    continue
                away = (ax + t * dx) ** 2 + (ay + t * dy) ** 2
                if away < best:
                    best = away
                    found[s, 0] = coords[k, 0] + t * (coords[k + 1, 0] - coords[k, 0])
                    found[s, 1] = coords[k, 1] + t * (coords[k + 1, 1] - coords[k, 1])
    return found


def places_within(
    reaches: Reaches,
    lon: Floats,
    lat: Floats,
    *,
    usable: Bools,
    within_km: float,
    index: WaterIndex | None = None,
) -> tuple[npt.NDArray[np.intp], Ints, Floats, Floats]:
    """Return every usable reach within a distance of each place, with its nearest point.

    Parameters
    ----------
    reaches
        The network.
    lon, lat
        Places, degrees.
    usable
        Reaches that count, shape (n_reaches,).
    within_km
        Distance.
    index
        Index of the usable reaches (`index_water`); made where it is not given.

    Returns
    -------
    place, reach, measure_km, distance_km
        Pairs in order of place and reach: positions in `lon`, reaches, how far along each the
        nearest point lies, and how far away it is.
    """
    index = index or index_water(reaches, usable)
    if index is None:
        nothing = np.empty(0)
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.int32), nothing, nothing
    xy = np.column_stack([lon, lat]).astype(np.float64)
    metres = np.column_stack(metres_per_degree(xy[:, 1]))
    # A little farther: distances in the plane are not quite geodesic.
    farthest = np.full(lon.size, 1010.0 * within_km)
    start, reach = _within(index, xy, metres, farthest)
    place = np.repeat(np.arange(lon.size), np.diff(start))
    segment, t, _, away_km = _feet(reaches, reach, xy[place])
    near = np.flatnonzero(away_km <= within_km)
    near = near[np.lexsort((reach[near], place[near]))]
    along = _measures_km(reaches, reach[near], segment[near], t[near])
    return place[near], reach[near], along, away_km[near]
