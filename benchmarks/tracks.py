"""Time the matching of patrol tracks: boats on a known network, a fix every 100 m, 15 m off.

Run with ``python -m benchmarks.tracks``, numbers of fixes in thousands after it. Hours on the
reaches that the boats were really on are compared with those found.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from benchmarks.building import SEED, tell
from riskmap.geodesy import vertex_measures_km
from riskmap.layers.tracks import Fixes
from riskmap.network.arcs import group_by
from riskmap.network.reaches import Reaches, build_reaches
from riskmap.network.tracks import log_tracks
from tests.river_networks import TOLERANCE_M, grow_rivers, rivers_of

STEP_KM, SPEED_KMH, NOISE_M = 0.1, 20.0, 15.0
#: Fixes of a journey.
JOURNEY = 1000


def journeys(
    reaches: Reaches, rng: np.random.Generator, *, n_fixes: int
) -> tuple[Fixes, np.ndarray]:
    """Send boats out, each turning at random at every confluence; return also hours by reach."""
    measures = vertex_measures_km(reaches.coords, reaches.offsets)
    ends = np.column_stack([reaches.u, reaches.v]).ravel()
    start, members = group_by(ends, reaches.node_xy.shape[0])
    lon, lat, hours = [], [], np.zeros(reaches.u.size)
    for _ in range(n_fixes // JOURNEY):
        way = int(rng.integers(ends.size))  # a reach (way // 2), entered at its u or its v
        xy, km, along = [], [], 0.0
        while along < JOURNEY * STEP_KM:
            reach, turned = divmod(way, 2)
            rows = slice(reaches.offsets[reach], reaches.offsets[reach + 1])
            length = reaches.length_km[reach]
            xy.append(reaches.coords[rows][:: 1 - 2 * turned])
            km.append(along + (length - measures[rows][::-1] if turned else measures[rows]))
            hours[reach] += min(length, (JOURNEY - 1) * STEP_KM - along) / SPEED_KMH
            along += length
            left = way ^ 1
            others = members[start[ends[left]] : start[ends[left] + 1]]
            others = others[others != left]
            way = int(rng.choice(others)) if others.size else left
        at, places, journey = np.arange(JOURNEY) * STEP_KM, np.concatenate(xy), np.concatenate(km)
        lon.append(np.interp(at, journey, places[:, 0]))
        lat.append(np.interp(at, journey, places[:, 1]))
    row = np.repeat(np.arange(len(lon)), JOURNEY)
    noise = rng.normal(0.0, NOISE_M / 110_900.0, (2, row.size))
    time_h = np.tile(np.arange(JOURNEY) * STEP_KM / SPEED_KMH, len(lon)) + 24.0 * row
    return Fixes(
        row, row, np.concatenate(lon) + noise[0], np.concatenate(lat) + noise[1], time_h
    ), hours


def main() -> None:
    for thousands in [int(a) for a in sys.argv[1:]] or [100, 1000]:
        rng = np.random.default_rng(SEED)
        rivers = rivers_of(grow_rivers(rng, 100, braids=0.01).lines)
        reaches = build_reaches(rivers, snap_tolerance_m=TOLERANCE_M)
        fixes, truth = journeys(reaches, rng, n_fixes=1000 * thousands)
        usable = np.ones(reaches.u.size, dtype=np.bool_)
        print(f"{fixes.row.size} fixes on {reaches.u.size} reaches")
        seconds = []
        for _ in range(3):
            began = time.perf_counter()
            logged = log_tracks(reaches, fixes, usable=usable, within_km=1.0, error_km=0.1)
            seconds.append(time.perf_counter() - began)
        found = np.bincount(logged.reach, logged.hours, reaches.u.size)
        wrong = np.abs(found - truth).sum() / truth.sum()
        result = f"{logged.match_rate:.1%} matched, {wrong:.1%} of the hours elsewhere"
        tell("riskmap: log_tracks, least of three", min(seconds), result)


if __name__ == "__main__":
    main()
