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
    """

    reach: Ints
    measure_km: Floats
    distance_km: Floats


def nearest_places(reaches: Reaches, lon: Floats, lat: Floats, *, usable: Bools) -> Places:
    """Find the nearest place on usable water for each site; ties go to the first reach.

    Parameters
    ----------
    reaches
        The network.
    lon, lat
        Sites, degrees of WGS 84, shape (n_sites,).
    usable
        Reaches that can be attached to, shape (n_reaches,).
    """
    chosen = np.flatnonzero(usable).astype(np.int32)
    if not chosen.size or not lon.size:
        nowhere = np.full(lon.size, -1, dtype=np.int32)
        return Places(nowhere, np.zeros(lon.size), np.full(lon.size, np.inf))
    tree = shapely.STRtree(_mercator_lines(reaches, chosen))
    to_mercator = Transformer.from_crs(4326, 3395, always_xy=True)
    sites = shapely.points(*to_mercator.transform(lon, lat))
    site, found = tree.query_nearest(sites, all_matches=True)
    reach = np.full(lon.size, np.iinfo(np.int32).max, dtype=np.int32)
    np.minimum.at(reach, site, chosen[found])
    metres = np.column_stack(metres_per_degree(lat))
    measures = vertex_measures_km(reaches.coords, reaches.offsets)
    segment, t = _place_on(
        reaches.coords, reaches.offsets, reach, np.column_stack([lon, lat]), metres
    )
    a, b = reaches.coords[segment], reaches.coords[segment + 1]
    foot = a + (b - a) * t[:, None]
    _, _, metres_away = _GEOD.inv(lon, lat, foot[:, 0], foot[:, 1])
    measure_km = measures_on(reaches.coords, measures, segment, t)
    return Places(reach, measure_km, np.asarray(metres_away) / 1000.0)


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
