"""Patrol tracks on reaches: where a boat was, for how long, which way and by day or night.

Fixes are thinned and given the places on the water near them, portion by portion; the likeliest
chain of these is found in `riskmap.network.matching`, and shares out the time along its way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from numba import njit
from pyproj import Geod

from riskmap.layers.tracks import Fixes
from riskmap.network.arcs import Bools, Floats, Ints
from riskmap.network.attach import WaterIndex, index_water, places_within
from riskmap.network.matching import GAP_H, Lines, Longs, match_lines, room_in, water_of
from riskmap.network.reaches import Reaches
from riskmap.threads import in_parts

#: A boat that stays is looked at again after so long, h; one that moves after so far, km.
LOOK_H, LOOK_KM = 0.25, 0.1
#: Fixes that are matched at a time, or as many as one line has.
_PORTION = 20_000
_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class Logged:
    """Hold what tracks say, by stretch of a track on a reach.

    Attributes
    ----------
    row
        Row of the layer of tracks.
    reach, hours, down_km, up_km
        Reach, time on it, and way with and against its line.
    night_h
        The part of the hours by night.
    last_h
        When the stretch ended, hours since 1970.
    total_h
        All hours of the tracks, on the water or not, by row of the layer: (row, hours).
    """

    row: npt.NDArray[np.int64]
    reach: Ints
    hours: Floats
    down_km: Floats
    up_km: Floats
    night_h: Floats
    last_h: Floats
    total_h: tuple[npt.NDArray[np.int64], Floats]

    @property
    def match_rate(self) -> float:
        """Share of the tracks' hours that lies on reaches."""
        total = float(self.total_h[1].sum())
        return float(self.hours.sum()) / total if total > 0.0 else 0.0


def log_tracks(
    reaches: Reaches, fixes: Fixes, *, usable: Bools, within_km: float, error_km: float
) -> Logged:
    """Match tracks to reaches.

    Parameters
    ----------
    reaches
        The network.
    fixes
        Fixes of the tracks.
    usable
        Reaches that tracks may run on, shape (n_reaches,).
    within_km
        A fix that is farther from every such reach is off the water.
    error_km
        How far off fixes and lines usually are from each other.
    """
    water, index = water_of(reaches, usable), index_water(reaches, usable)
    bounds = _portions(fixes.part)

    def match(low: int, high: int) -> list[tuple[Floats, Longs, Floats]]:
        room = room_in(water)
        found = []
        for a, b in pairwise(bounds[low : high + 1]):
            seen = _look_at(_take(fixes, slice(a, b)))
            lines = _lines(reaches, seen, usable, within_km, error_km, index)
            stretches = match_lines(water, room, lines, error_km)
            found.append((stretches, lines.row[lines.start[:-1]], _hours(seen, lines.start)))
        return found

    none = (np.empty((0, 6)), np.empty(0, dtype=np.int64), np.empty(0))
    found = [portion for part in in_parts(match, len(bounds) - 1, least=1) for portion in part]
    stretch, row, hours = (np.concatenate(columns) for columns in zip(none, *found, strict=True))
    return Logged(
        stretch[:, 0].astype(np.int64),
        stretch[:, 1].astype(np.int32),
        stretch[:, 2],
        np.maximum(stretch[:, 3], 0.0),
        np.maximum(-stretch[:, 3], 0.0),
        stretch[:, 4],
        stretch[:, 5],
        (row, hours),
    )


def _starts(part: Longs) -> Longs:
    """Return where each unbroken line begins, and the total."""
    return np.append(np.flatnonzero(np.diff(part, prepend=-1)), part.size)


def _portions(part: Longs) -> list[int]:
    """Return where portions of whole lines begin, and the total: they need memory by turns."""
    starts = _starts(part)
    about = np.searchsorted(starts, np.arange(0, part.size, _PORTION))
    bounds: list[int] = np.unique(np.append(starts[about], part.size)).tolist()
    return bounds


def _take(fixes: Fixes, rows: slice | Longs) -> Fixes:
    """Return some of the fixes."""
    return Fixes(
        fixes.row[rows], fixes.part[rows], fixes.lon[rows], fixes.lat[rows], fixes.time_h[rows]
    )


def _look_at(fixes: Fixes) -> Fixes:
    """Return the fixes to match: those that are far enough from the last one that was taken."""
    return _take(fixes, _far_apart(fixes.lon, fixes.lat, fixes.time_h, fixes.part))


def _lines(
    reaches: Reaches,
    fixes: Fixes,
    usable: Bools,
    within_km: float,
    error_km: float,
    index: WaterIndex | None,
) -> Lines:
    """Return the lines of fixes, with the places on the water near each."""
    lon, lat = fixes.lon, fixes.lat
    place, reach, km, away_km = places_within(
        reaches, lon, lat, usable=usable, within_km=within_km, index=index
    )
    moved_km = np.asarray(_GEOD.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])[2]) / 1000.0
    return Lines(
        _starts(fixes.part),
        fixes.row,
        lon,
        fixes.time_h,
        moved_km,
        2.0 * moved_km + 6.0 * error_km,
        np.searchsorted(place, np.arange(lon.size + 1)),
        reach,
        np.clip(km, 0.0, reaches.length_km[reach]),
        away_km,
    )


def _hours(fixes: Fixes, start: Longs) -> Floats:
    """Return the hours of each line; of a gap, as many as may be known."""
    passed = np.minimum(np.diff(fixes.time_h, append=np.inf), GAP_H)
    passed[start[1:] - 1] = 0.0
    hours: Floats = np.add.reduceat(passed, start[:-1])
    return hours


@njit(cache=True, nogil=True)
def _far_apart(  # pragma: no cover
    lon: Floats, lat: Floats, time_h: Floats, part: Longs
) -> Longs:
    """Return the first and last fix of each line, and those far from the last one taken."""
    chosen, last = [0], 0
    for k in range(1, lon.size):
        ends = k + 1 == lon.size or part[k + 1] != part[k]
        if part[k] == part[last] and not ends and time_h[k] - time_h[last] < LOOK_H:
            east = 111.32 * math.cos(math.radians(lat[k]))
            if math.hypot((lon[k] - lon[last]) * east, (lat[k] - lat[last]) * 110.57) < LOOK_KM:
                continue
        chosen.append(k)
        last = k
    return np.array(chosen, dtype=np.int64)
