"""The law of patrol tracks: of all chains of places near the fixes, the likeliest is found.

Tiny networks and tracks, every chain tried; ways by networkx. Fixes repeat, lie off the water, wait
for hours and leap, so that chains break and tie.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from riskmap.layers.tracks import Fixes
from riskmap.network.attach import places_within
from riskmap.network.matching import GAP_H, TIE
from riskmap.network.reaches import Reaches, build_reaches
from riskmap.network.tracks import Logged, log_tracks
from tests.river_networks import STEP_DEG, grow_rivers, rivers_of

law = settings(max_examples=150, deadline=None)
GEOD = Geod(ellps="WGS84")
SUMS = ("hours", "down_km", "up_km", "night_h")


@dataclass(frozen=True)
class State:
    """A place that a fix may stand for."""

    reach: int
    km: float
    away_km: float


#: Reach, from km, to km.
Steps = list[tuple[int, float, float]]


@dataclass(frozen=True)
class Case:
    """A network, tracks on it, and what is known of errors."""

    lines: list[np.ndarray]
    fixes: Fixes
    within_km: float
    error_km: float

    @property
    def reaches(self) -> Reaches:
        return build_reaches(rivers_of(self.lines), snap_tolerance_m=5.0)

    def logged(self, reaches: Reaches) -> Logged:
        usable = np.ones(reaches.u.size, dtype=np.bool_)
        return log_tracks(
            reaches, self.fixes, usable=usable, within_km=self.within_km, error_km=self.error_km
        )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    truth = grow_rivers(rng, draw(st.integers(2, 3)), braids=0.4)
    places = np.concatenate([truth.place, *truth.lines])
    xy, time_h, part = [], [], []
    for k in range(draw(st.integers(1, 2))):
        hour = 468_000.0 + 30.0 * k
        at = places[draw(st.integers(0, len(places) - 1))]
        for _ in range(draw(st.integers(1, 5))):
            what = draw(st.sampled_from(["step", "step", "leap", "stay", "land", "node"]))
            if what == "step":  # to a vertex near by
                apart = np.hypot(*(places - at).T)
                at = places[np.argsort(apart)[draw(st.integers(0, 12))]]
            elif what == "leap":
                at = places[draw(st.integers(0, len(places) - 1))]
            elif what == "land":
                at = at + 3.0 * STEP_DEG
            elif what == "node":
                at = truth.place[np.argmin(np.hypot(*(truth.place - at).T))]
            hour += draw(st.sampled_from([0.05, 0.3, 1.0, 1.0, 2.5]))
            xy.append(at + (0.0 if what == "stay" else 1e-3 * rng.normal(size=2)))
            at = xy[-1]
            time_h.append(hour)
            part.append(k)
    xy = np.array(xy)
    fixes = Fixes(np.array(part), np.array(part), xy[:, 0], xy[:, 1], np.array(time_h))
    error_km = draw(st.sampled_from([0.05, 0.2, 1.0]))
    return Case(truth.lines, fixes, draw(st.sampled_from([0.5, 2.0])), error_km)


def shortest_way(reaches: Reaches, a: State, b: State, most_km: float) -> tuple[float, Steps]:
    """Return length and steps of the way between two places; infinite where it is too long."""
    if a.reach == b.reach and abs(b.km - a.km) <= most_km:
        return abs(b.km - a.km), [(a.reach, a.km, b.km)]
    water = nx.MultiGraph()
    for r, (u, v, km) in enumerate(zip(reaches.u, reaches.v, reaches.length_km, strict=True)):
        water.add_edge(int(u), int(v), key=r, km=km)
    best: tuple[float, Steps] = (np.inf, [])
    length = reaches.length_km
    for begin, end in itertools.product((0, 1), (0, 1)):
        node = int((reaches.u, reaches.v)[begin][a.reach])
        goal = int((reaches.u, reaches.v)[end][b.reach])
        start_km, end_km = begin * length[a.reach], end * length[b.reach]
        steps = [(a.reach, a.km, start_km)]
        path = nx.dijkstra_path(water, node, goal, weight="km")
        for u, v in itertools.pairwise(path):
            r = min(water[u][v], key=lambda r: length[r])
            down = reaches.u[r] == u
            steps.append((r, 0.0, length[r]) if down else (r, length[r], 0.0))
        steps.append((b.reach, end_km, b.km))
        km = sum(abs(to - fro) for _, fro, to in steps)
        if km <= most_km and km < best[0]:
            best = (km, steps)
    return best


def likeliest(
    reaches: Reaches, near: list[list[State]], moved: np.ndarray, case: Case
) -> list[Steps] | None:
    """Try every chain of places, one for each fix; None where no chain hangs together."""
    found: list[tuple[float, tuple[int, ...], list[Steps]]] = []
    ways = [
        {
            (a, b): shortest_way(reaches, a, b, 2.0 * km + 6.0 * case.error_km)
            for a, b in itertools.product(*pair)
        }
        for pair, km in zip(itertools.pairwise(near), moved, strict=True)
    ]
    for chain in itertools.product(*near):
        legs = [way[pair] for way, pair in zip(ways, itertools.pairwise(chain), strict=True)]
        cost = sum(0.5 * (state.away_km / case.error_km) ** 2 for state in chain)
        cost += sum(abs(leg[0] - km) / case.error_km for leg, km in zip(legs, moved, strict=True))
        if np.isfinite(cost):
            order = tuple(state.reach for state in reversed(chain))
            found.append((cost, order, [steps for _, steps in legs]))
    if not found:
        return None
    least = min(cost for cost, *_ in found)
    return min((order, steps) for cost, order, steps in found if cost < least + TIE)[1]


def tried_sums(reaches: Reaches, case: Case) -> dict[str, np.ndarray]:
    """Return hours and kilometres by reach of the likeliest chains, by trying all."""
    fixes = case.fixes
    sums = {name: np.zeros(reaches.u.size) for name in SUMS}
    usable = np.ones(reaches.u.size, dtype=np.bool_)
    found = places_within(
        reaches, fixes.lon, fixes.lat, usable=usable, within_km=case.within_km
    )  # fmt: skip
    near: list[list[State]] = [[] for _ in fixes.lon]
    for place, *state in zip(*(column.tolist() for column in found), strict=True):
        near[place].append(State(*state))
    lon, lat, hour = fixes.lon, fixes.lat, fixes.time_h
    moved = np.asarray(GEOD.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])[2]) / 1000.0
    first = 0
    while first < lon.size:
        last, ways = first, None
        while last + 1 < lon.size and fixes.part[last + 1] == fixes.part[first]:
            if hour[last + 1] - hour[last] > GAP_H:
                break
            longer = likeliest(
                reaches, near[first : last + 2], moved[first : last + 1], case
            )  # fmt: skip
            if longer is None:
                break
            last, ways = last + 1, longer
        for i, steps in enumerate(ways or [], first):
            share_out(sums, steps, hour[i], hour[i + 1], lon[i])
        first = last + 1
    return sums


def share_out(
    sums: dict[str, np.ndarray], steps: Steps, start: float, end: float, lon: float
) -> None:
    total = sum(abs(to - fro) for _, fro, to in steps)
    at = start
    for reach, fro, to in steps:
        share = abs(to - fro) / total if total > 0.0 else 1.0 / len(steps)
        hours = share * (end - start)
        sums["hours"][reach] += hours
        sums["down_km" if to > fro else "up_km"][reach] += abs(to - fro)
        sun = (at + 0.5 * hours + lon / 15.0) % 24.0
        sums["night_h"][reach] += hours * (sun < 6.0 or sun >= 18.0)
        at += hours


def far_enough(fixes: Fixes) -> bool:
    """Tell whether every fix is looked at: none is left out for being near the last one."""
    apart = GEOD.inv(fixes.lon[:-1], fixes.lat[:-1], fixes.lon[1:], fixes.lat[1:])[2]
    return bool(((apart > 110.0) | (np.diff(fixes.time_h) >= 0.25)).all())


@law
@given(case=cases())
def test_the_likeliest_chain_of_all_is_found(case: Case) -> None:
    if not far_enough(case.fixes):
        return
    reaches = case.reaches
    logged, truth = case.logged(reaches), tried_sums(reaches, case)
    for name in SUMS:
        found = np.bincount(logged.reach, getattr(logged, name), minlength=reaches.u.size)
        assert found == pytest.approx(truth[name], abs=1e-8), name
    assert logged.total_h[1].sum() >= logged.hours.sum() - 1e-9


@law
@given(case=cases(), seed=st.integers(0, 2**32))
def test_tracks_lie_where_they_do_whatever_the_order_of_river_lines(case: Case, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(case.lines))
    shuffled = Case([case.lines[k] for k in order], case.fixes, case.within_km, case.error_km)
    one, other = case.logged(case.reaches), shuffled.logged(shuffled.reaches)
    for name in ("row", "reach", "last_h", *SUMS):
        assert (getattr(one, name) == getattr(other, name)).all()
