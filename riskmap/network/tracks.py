"""Patrol tracks on reaches: where a boat was, for how long, which way and by day or night.

A hidden Markov chain over the reaches near each fix: near ones are likely, and so are steps whose
way on the water is as long as the boat moved (Newson and Krumm 2009). Time is shared out along the
way between two fixes.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyproj import Geod

from riskmap.layers.tracks import Fixes
from riskmap.network.arcs import Bools, Floats, Ints
from riskmap.network.attach import places_within
from riskmap.network.reaches import Reaches

#: A boat that stays is looked at again after so long, h; one that moves after so far, km.
LOOK_H, LOOK_KM = 0.25, 0.1
#: Between fixes that are farther apart in time nothing is known, h.
GAP_H = 2.0
#: Night, by the sun: local hours.
NIGHT_FROM_H, NIGHT_TO_H = 18.0, 6.0
_GEOD = Geod(ellps="WGS84")
_State = tuple[int, float]
_Step = tuple[int, float, float]


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
    chosen = _look_at(fixes)
    place, reach, measure, away = places_within(
        reaches, fixes.lon[chosen], fixes.lat[chosen], usable=usable, within_km=within_km
    )
    columns = (reach, measure, away)
    start = np.searchsorted(place, np.arange(chosen.size + 1))
    ways = _Ways(reaches, usable)
    found: list[tuple[int, int, float, float, float, float]] = []
    rows, total = [], []
    for run in _runs(fixes, chosen):
        at = chosen[run]
        rows.append(int(fixes.row[at[0]]))
        total.append(float(np.minimum(np.diff(fixes.time_h[at]), GAP_H).sum()))
        near = [
            list(zip(*(c[start[i] : start[i + 1]].tolist() for c in columns), strict=True))
            for i in run
        ]  # fmt: skip
        for i, steps in _most_likely(fixes, at, near, ways, error_km):
            found += _share_time(fixes, at, i, steps)
    hours_of = np.array(found, dtype=np.float64).reshape(-1, 6)
    return Logged(
        hours_of[:, 0].astype(np.int64),
        hours_of[:, 1].astype(np.int32),
        hours_of[:, 2],
        np.maximum(hours_of[:, 3], 0.0),
        np.maximum(-hours_of[:, 3], 0.0),
        hours_of[:, 4],
        hours_of[:, 5],
        (np.array(rows, dtype=np.int64), np.array(total)),
    )


def _look_at(fixes: Fixes) -> npt.NDArray[np.int64]:
    """Return the fixes to match: those that are far enough from the last one that was taken."""
    if not fixes.row.size:
        return np.empty(0, dtype=np.int64)
    chosen, last = [0], 0
    lon, lat, time_h, part = fixes.lon, fixes.lat, fixes.time_h, fixes.part
    east = 111.32 * np.cos(np.radians(lat))
    for k in range(1, lon.size):
        ends = k + 1 == lon.size or part[k + 1] != part[k]
        if part[k] == part[last] and not ends and time_h[k] - time_h[last] < LOOK_H:
            away = np.hypot((lon[k] - lon[last]) * east[k], (lat[k] - lat[last]) * 110.57)
            if away < LOOK_KM:
                continue
        chosen.append(k)
        last = k
    return np.array(chosen, dtype=np.int64)


def _runs(fixes: Fixes, chosen: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Return the positions in `chosen` of each unbroken line."""
    breaks = np.flatnonzero(np.diff(fixes.part[chosen])) + 1
    yield from (run for run in np.split(np.arange(chosen.size), breaks) if run.size > 1)


class _Ways:
    """Find shortest ways between points of reaches, as far as is asked."""

    def __init__(self, reaches: Reaches, usable: Bools) -> None:
        self._reaches = reaches
        self._near: dict[int, list[tuple[int, float, int]]] = {}
        for r in np.flatnonzero(usable).tolist():
            u, v, km = int(reaches.u[r]), int(reaches.v[r]), float(reaches.length_km[r])
            self._near.setdefault(u, []).append((v, km, r))
            self._near.setdefault(v, []).append((u, km, r))
        self._known: dict[int, tuple[float, dict[int, float], dict[int, tuple[int, int]]]] = {}

    def between(self, a: _State, b: _State, most_km: float) -> tuple[float, list[_Step]] | None:
        """Return the length of a way and its steps (reach, from km, to km); None if too long."""
        best: tuple[float, list[_Step]] | None = None
        if a[0] == b[0]:
            best = (abs(b[1] - a[1]), [(a[0], a[1], b[1])])
            if best[0] <= most_km:
                return best
        for node, from_km, end in self._ends(a):
            dist, before = self._from(node, most_km)
            for goal, to_km, goal_end in self._ends(b):
                if goal not in dist:
                    continue
                km = from_km + dist[goal] + to_km
                if km <= most_km and (best is None or km < best[0]):
                    steps = [(a[0], a[1], end), *self._steps(node, goal, before),
                             (b[0], goal_end, b[1])]  # fmt: skip
                    best = (km, steps)
        return best if best is not None and best[0] <= most_km else None

    def _ends(self, at: _State) -> tuple[tuple[int, float, float], tuple[int, float, float]]:
        reach, km = at
        length = float(self._reaches.length_km[reach])
        u, v = int(self._reaches.u[reach]), int(self._reaches.v[reach])
        return (u, km, 0.0), (v, length - km, length)

    def _from(
        self, node: int, most_km: float
    ) -> tuple[dict[int, float], dict[int, tuple[int, int]]]:
        known = self._known.get(node)
        if known is not None and known[0] >= most_km:
            return known[1], known[2]
        dist, before = {node: 0.0}, {}
        queue = [(0.0, node)]
        while queue:
            km, at = heapq.heappop(queue)
            if km > dist[at]:
                continue
            for to, length, reach in self._near.get(at, ()):
                further = km + length
                if further <= most_km and further < dist.get(to, np.inf):
                    dist[to], before[to] = further, (at, reach)
                    heapq.heappush(queue, (further, to))
        self._known[node] = (most_km, dist, before)
        return dist, before

    def _steps(self, node: int, goal: int, before: dict[int, tuple[int, int]]) -> list[_Step]:
        steps: list[_Step] = []
        while goal != node:
            at, reach = before[goal]
            length = float(self._reaches.length_km[reach])
            down = int(self._reaches.u[reach]) == at
            steps.append((reach, 0.0, length) if down else (reach, length, 0.0))
            goal = at
        return steps[::-1]


def _most_likely(
    fixes: Fixes,
    at: npt.NDArray[np.int64],
    near: list[list[tuple[int, float, float]]],
    ways: _Ways,
    error_km: float,
) -> Iterator[tuple[int, list[_Step]]]:
    """Return (number of the step, its way) of the likeliest chain of places (Viterbi)."""
    lon, lat, time_h = fixes.lon[at], fixes.lat[at], fixes.time_h[at]
    moved = np.asarray(_GEOD.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])[2]) / 1000.0
    cost = [0.5 * (away / error_km) ** 2 for _, _, away in near[0]]
    back: list[list[tuple[int, list[_Step]] | None]] = []
    first = 0
    for i in range(len(near) - 1):
        most_km = 2.0 * float(moved[i]) + 6.0 * error_km
        known = bool(near[i]) and time_h[i + 1] - time_h[i] <= GAP_H
        links, costs = [], []
        for reach, km, away in near[i + 1]:
            best: tuple[float, int, list[_Step]] | None = None
            for k, (from_reach, from_km, _) in enumerate(near[i] if known else ()):
                way = ways.between((from_reach, from_km), (reach, km), most_km)
                if way is None:
                    continue
                total = cost[k] + abs(way[0] - moved[i]) / error_km
                if best is None or total < best[0]:
                    best = (total, k, way[1])
            costs.append(0.5 * (away / error_km) ** 2 + (best[0] if best else np.inf))
            links.append((best[1], best[2]) if best else None)
        if not any(link is not None for link in links):
            yield from _walk_back(back, cost, first)
            back, first = [], i + 1
            costs = [0.5 * (away / error_km) ** 2 for _, _, away in near[i + 1]]
        else:
            back.append(links)
        cost = costs
    yield from _walk_back(back, cost, first)


def _walk_back(
    back: list[list[tuple[int, list[_Step]] | None]], cost: list[float], first: int
) -> Iterator[tuple[int, list[_Step]]]:
    if not back:
        return
    k = int(np.argmin(cost))
    for i in range(len(back) - 1, -1, -1):
        link = back[i][k]
        assert link is not None  # noqa: S101  (a chain holds only links that were found)
        k = link[0]
        yield first + i, link[1]


def _share_time(
    fixes: Fixes, at: npt.NDArray[np.int64], i: int, steps: list[_Step]
) -> Iterator[tuple[int, int, float, float, float, float]]:
    """Share the time between two fixes out: (row, reach, h, km down, night h, end)."""
    start, end = float(fixes.time_h[at[i]]), float(fixes.time_h[at[i + 1]])
    row, lon = int(fixes.row[at[i]]), float(fixes.lon[at[i]])
    total = sum(abs(b - a) for _, a, b in steps)
    done = 0.0
    for reach, a, b in steps:
        share = abs(b - a) / total if total > 0.0 else 1.0 / len(steps)
        if share == 0.0:
            continue
        hours = share * (end - start)
        middle = (start + (done + 0.5 * share) * (end - start) + lon / 15.0) % 24.0
        night = hours if middle >= NIGHT_FROM_H or middle < NIGHT_TO_H else 0.0
        done += share
        yield row, reach, hours, b - a, night, start + done * (end - start)
