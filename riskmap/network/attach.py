"""Sites to water: the nearest navigable reach, the place on it, and the overland leg (model §1).

The nearest reach is searched in the ellipsoidal Mercator projection, which is conformal: within an
access limit its distances are ground distances times one factor, at any longitude, so that the
nearest is right in a region of any width. The place on the reach is found in degrees scaled to
metres at the site, the leg's length is geodesic. Cutting the reaches there is in
`riskmap.network.reaches`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from numba import njit
from pyproj import Geod, Transformer

from riskmap.geodesy import measures_on, metres_per_degree, vertex_measures_km
from riskmap.network.arcs import Bools, Floats, Geometries, Ints
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


def nearest_places(
    reaches: Reaches,
    lon: Floats,
    lat: Floats,
    *,
    usable: Bools,
    position_error_km: Floats | None = None,
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
    """
    chosen = np.flatnonzero(usable).astype(np.int32)
    if not chosen.size or not lon.size:
        nowhere = np.full(lon.size, -1, dtype=np.int32)
        far = np.full(lon.size, np.inf)
        return Places(nowhere, np.zeros(lon.size), far, nowhere, far)
    tree = shapely.STRtree(_mercator_lines(reaches, chosen))
    to_mercator = Transformer.from_crs(4326, 3395, always_xy=True)
    sites = np.asarray(shapely.points(*to_mercator.transform(lon, lat)))
    site, found = tree.query_nearest(sites, all_matches=True)
    reach = np.full(lon.size, np.iinfo(np.int32).max, dtype=np.int32)
    np.minimum.at(reach, site, chosen[found])
    place = np.column_stack([lon, lat])
    segment, t, foot, away_km = _feet(reaches, reach, place)
    measures = vertex_measures_km(reaches.coords, reaches.offsets)
    error = np.zeros(lon.size) if position_error_km is None else position_error_km
    scale = (metres_per_degree(np.zeros(1))[0] / metres_per_degree(lat)[0]) * 1000.0
    reach_km = away_km * (1.0 + NEARLY) + 2.0 * error
    site, found = tree.query(sites, predicate="dwithin", distance=reach_km * scale)
    rival, rival_km = _rivals(
        reaches, place, site, chosen[found],
        nearest=reach, foot=foot, away_km=away_km, reach_km=reach_km,
    )  # fmt: skip
    return Places(
        reach, measures_on(reaches.coords, measures, segment, t), away_km, rival, rival_km
    )


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


def _mercator_lines(reaches: Reaches, chosen: Ints) -> Geometries:
    """Return the chosen reaches as lines in the ellipsoidal Mercator projection."""
    sizes = np.diff(reaches.offsets)
    keep = np.zeros(sizes.size, dtype=np.bool_)
    keep[chosen] = True
    coords = reaches.coords[np.repeat(keep, sizes)]
    xy = Transformer.from_crs(4326, 3395, always_xy=True).transform(coords[:, 0], coords[:, 1])
    offsets = np.concatenate([[0], np.cumsum(sizes[chosen])])
    return draw_lines(np.column_stack(xy), offsets)


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
