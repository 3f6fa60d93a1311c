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
import shapely
from numba import njit
from pyproj import Geod, Transformer

from riskmap.geodesy import measures_on, metres_per_degree, vertex_measures_km
from riskmap.network.arcs import Bools, Floats, Ints
from riskmap.network.cutting import take_lines
from riskmap.network.grids import Boxes, Grid, box_grid, box_lines, reached
from riskmap.network.reaches import Reaches, draw_lines

_GEOD = Geod(ellps="WGS84")
#: Water that is farther by no more than this share is nearly as near.
NEARLY = 0.25
#: A place on the water is another water if it is this far from the nearest one, km, and farther
#: than the circle that was searched times this; of another name, than the site's distance times it.
ANOTHER_KM, ANOTHER = 1.0, 1.2


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
    reach: npt.NDArray[np.int64]
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
    metres = np.column_stack(metres_per_degree(place[:, 1]))
    reach = _nearest(index, place, metres)
    segment, t, foot, away_km = _feet(reaches, reach, place)
    error = np.zeros(lon.size) if position_error_km is None else position_error_km
    reach_km = away_km * (1.0 + NEARLY) + 2.0 * error
    site, near = _within(index, place, metres, 1000.0 * reach_km)
    rival, rival_km = _rivals(
        reaches, place, site, near,
        nearest=reach, foot=foot, away_km=away_km, reach_km=reach_km,
    )  # fmt: skip
    return Places(reach, _measures_km(reaches, reach, segment, t), away_km, rival, rival_km)


def _measures_km(
    reaches: Reaches, reach: Ints, segment: npt.NDArray[np.int64], t: Floats
) -> Floats:
    """Return how far along its reach each place lies; only reaches that hold one are measured."""
    held, which = np.unique(reach, return_inverse=True)
    coords, offsets = take_lines(
        reaches.coords, reaches.offsets, held.astype(np.int64), np.zeros(held.size, dtype=np.bool_)
    )
    own = offsets[which] + segment - reaches.offsets[reach]
    return measures_on(coords, vertex_measures_km(coords, offsets), own, t)


def _feet(
    reaches: Reaches, reach: Ints, place: Floats
) -> tuple[npt.NDArray[np.int64], Floats, Floats, Floats]:
    """Return the segment, the fraction, the point and its distance (km) on a reach of each site."""
    metres = np.column_stack(metres_per_degree(place[:, 1]))
    segment, t = _place_on(reaches.coords, reaches.offsets, reach, place, metres)
    a, b = reaches.coords[segment], reaches.coords[segment + 1]
    foot = a + (b - a) * t[:, None]
    _, _, away_m = _GEOD.inv(place[:, 0], place[:, 1], foot[:, 0], foot[:, 1])
    return segment, t, foot, np.asarray(away_m) / 1000.0


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
    """Return, of the reaches near each site, the nearest that is another water."""
    _, _, other, other_km = _feet(reaches, reach, place[site])
    _, _, apart_m = _GEOD.inv(foot[site, 0], foot[site, 1], other[:, 0], other[:, 1])
    apart_km = np.asarray(apart_m) / 1000.0
    elsewhere = apart_km > ANOTHER * reach_km[site]
    named_apart = (reaches.name[reach] != reaches.name[nearest[site]]) & (
        apart_km > ANOTHER * away_km[site]
    )
    another = (apart_km > ANOTHER_KM) & (elsewhere | named_apart)
    order = np.flatnonzero(another)[np.lexsort((reach[another], other_km[another], site[another]))]
    first = order[np.unique(site[order], return_index=True)[1]]
    rival = np.full(reach_km.size, -1, dtype=np.int32)
    rival_km = np.full(reach_km.size, np.inf)
    rival[site[first]], rival_km[site[first]] = reach[first], other_km[first]
    return rival, rival_km


@njit(cache=True)
def _nearest(index: WaterIndex, place: Floats, metres: Floats) -> Ints:  # pragma: no cover
    """Return the nearest reach of each site, of equally near ones the first."""
    nearest = np.full(place.shape[0], -1, dtype=np.int32)
    grid = index.grid
    for s in range(place.shape[0]):
        x, y = place[s, 0], place[s, 1]
        column = math.floor((x - grid.x0) / grid.side)
        row = math.floor((y - grid.y0) / grid.side)
        best = math.inf
        ring = max(-column, column - grid.columns + 1, -row, row - grid.rows + 1, 0)
        last = max(abs(column), abs(column - grid.columns), abs(row), abs(row - grid.rows))
        while ring <= last and best >= _least_m(y, (ring - 1) * grid.side):
            for r in range(max(row - ring, 0), min(row + ring, grid.rows - 1) + 1):
                step = 1 if abs(r - row) == ring else max(2 * ring, 1)
                for c in range(column - ring, column + ring + 1, step):
                    if not 0 <= c < grid.columns:
                        continue
                    cell = r * grid.columns + c
                    for m in range(grid.start[cell], grid.start[cell + 1]):
                        b = grid.member[m]
                        away = _box_away_m(index, b, x, y, metres[s])
                        if away > best:
                            continue
                        reach = index.reach[index.boxes.line[b]]
                        if away < best or reach < nearest[s]:
                            best, nearest[s] = away, reach
            ring += 1
    return nearest


@njit(cache=True)
def _least_m(lat: float, degrees: float) -> float:  # pragma: no cover
    """Return the least ground distance of places so many degrees apart in either coordinate, m."""
    if degrees <= 0.0:
        return -1.0
    cosine = math.cos(math.radians(min(90.0, abs(lat) + degrees)))
    return 110_500.0 * degrees * max(cosine, 0.0)


@njit(cache=True)
def _within(  # pragma: no cover
    index: WaterIndex, place: Floats, metres: Floats, within_m: Floats
) -> tuple[npt.NDArray[np.int64], Ints]:
    """Return the pairs of a site and a reach within a distance; a pair may stand twice."""
    sites, reaches = [0], [0]
    grid = index.grid
    for s in range(place.shape[0]):
        x, y, reach = place[s, 0], place[s, 1], within_m[s]
        dy = reach / 110_500.0
        dx = dy / max(math.cos(math.radians(min(90.0, abs(y) + dy))), 1e-6)
        c0, c1, r0, r1 = reached(grid, x - dx, y - dy, x + dx, y + dy)
        before = -1
        for r in range(r0, r1 + 1):
            for c in range(c0, c1 + 1):
                cell = r * grid.columns + c
                for m in range(grid.start[cell], grid.start[cell + 1]):
                    b = grid.member[m]
                    line = index.boxes.line[b]
                    if line != before and _box_away_m(index, b, x, y, metres[s]) <= reach:
                        sites.append(s)
                        reaches.append(index.reach[line])
                        before = line
    return np.array(sites[1:], dtype=np.int64), np.array(reaches[1:], dtype=np.int32)


@njit(cache=True)
def _box_away_m(  # pragma: no cover
    index: WaterIndex, b: int, x: float, y: float, metres: Floats
) -> float:
    """Return how far a place is from the segments of a box, at the latitude between, m."""
    xy = index.coords
    lean = 0.5 * math.radians(1.0) * math.tan(math.radians(y))
    best = math.inf
    for k in range(index.boxes.first[b], index.boxes.last[b]):
        ax, ay = (xy[k, 0] - x) * metres[0], (xy[k, 1] - y) * metres[1]
        dx, dy = (xy[k + 1, 0] - xy[k, 0]) * metres[0], (xy[k + 1, 1] - xy[k, 1]) * metres[1]
        square = dx * dx + dy * dy
        t = 0.0 if square == 0.0 else min(1.0, max(0.0, -(ax * dx + ay * dy) / square))
        # A place that reaches share is as near on each: the end is taken as it stands.
        ex, ey = ax + t * dx, ay + t * dy
        if t == 1.0:
            ex, ey = (xy[k + 1, 0] - x) * metres[0], (xy[k + 1, 1] - y) * metres[1]
        ex *= 1.0 - lean * ey / metres[1]
        best = min(best, ex * ex + ey * ey)
    return math.sqrt(best)


@njit(cache=True)
def _place_on(  # pragma: no cover
    coords: Floats,
    offsets: npt.NDArray[np.int64],
    reach: Ints,
    site: Floats,
    metres: Floats,
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the segment of a given reach that is nearest, and the fraction along it."""
    segment = np.zeros(reach.size, dtype=np.int64)
    fraction = np.zeros(reach.size)
    for s in range(reach.size):
        best = np.inf
        for k in range(offsets[reach[s]], offsets[reach[s] + 1] - 1):
            ax = (coords[k, 0] - site[s, 0]) * metres[s, 0]
            ay = (coords[k, 1] - site[s, 1]) * metres[s, 1]
            dx = (coords[k + 1, 0] - coords[k, 0]) * metres[s, 0]
            dy = (coords[k + 1, 1] - coords[k, 1]) * metres[s, 1]
            square = dx * dx + dy * dy
            t = 0.0 if square == 0.0 else min(1.0, max(0.0, -(ax * dx + ay * dy) / square))
            away = (ax + t * dx) ** 2 + (ay + t * dy) ** 2
            if away < best:
                best = away
                segment[s], fraction[s] = k, t
    return segment, fraction


def places_within(
    reaches: Reaches, lon: Floats, lat: Floats, *, usable: Bools, within_km: float
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

    Returns
    -------
    place, reach, measure_km, distance_km
        Pairs in order of place and reach: positions in `lon`, reaches, how far along each the
        nearest point lies, and how far away it is.
    """
    chosen = np.flatnonzero(usable).astype(np.int32)
    to_mercator = Transformer.from_crs(4326, 3395, always_xy=True)
    flat = np.column_stack(to_mercator.transform(reaches.coords[:, 0], reaches.coords[:, 1]))
    tree = shapely.STRtree(draw_lines(flat, reaches.offsets)[chosen])
    points = np.asarray(shapely.points(*to_mercator.transform(lon, lat)))
    scale = (metres_per_degree(np.zeros(1))[0] / metres_per_degree(lat)[0]) * 1000.0
    place, found = tree.query(points, predicate="dwithin", distance=within_km * scale)
    reach = chosen[found]
    segment, t, _, away_km = _feet(reaches, reach, np.column_stack([lon, lat])[place])
    measures = vertex_measures_km(reaches.coords, reaches.offsets)
    along = measures_on(reaches.coords, measures, segment, t)
    order = np.lexsort((reach, place))
    order = order[away_km[order] <= within_km]
    return place[order], reach[order], along[order], away_km[order]
