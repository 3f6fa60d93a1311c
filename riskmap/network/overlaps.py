"""Overlaps: lines that run on along another, a stretch of it digitised twice (model §1).

A line that ends beside the middle of another, and keeps within the tolerance of it for some way
back from there, is cut off where the two part; what is left is joined there like any other end.
Where whole lines are second copies is in `riskmap.network.noding`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numba import njit

from riskmap.network.arcs import Bools, Floats
from riskmap.network.joining import Chains, Longs, ends_of, line_at, measure, measured
from riskmap.network.mends import Mends
from riskmap.network.nearness import Found, Lines, foot, scales

#: A line that runs on does so for at least so many tolerances; what is shorter is an end that is
#: off.
LEAST_RUN = 4.0
#: Steps of the walk along a line, in a tolerance.
STEPS = 10
#: Two digitisations are at one place where they are no farther apart than this share of the
#: tolerance, or than twice what a quarter of the steps keeps within, at most half the tolerance.
PARTED = 0.1
#: An end that meets a vertex of another line exactly is a confluence, however sharp its angle,
#: unless the two also keep to one line, m.
ONE_LINE_M = 1e-3


class _Runs(NamedTuple):
    """Hold ends that run on: the end, the chain beside it, how far, and segment and place of that.

    `place` is where the two part, on the end's own chain.
    """

    end: Longs
    beside: Longs
    run_m: Floats
    segment: Longs
    place: Floats


def trim_overlaps(
    chains: Chains, ends: Longs, feet: Found, *, tolerance_m: float, mends: Mends
) -> Chains | None:
    """Cut off the ends of chains that run on along another; None where there are none.

    A chain is not cut at both ends, nor cut and run along, at once: ask again with what is left.

    Parameters
    ----------
    chains
        The chains, measured.
    ends
        Vertices that are ends: 2i and 2i + 1 are the first and the last of chain i.
    feet
        Places inside chains that ends lie beside.
    tolerance_m
        Lines no farther apart than this are one, m.
    mends
        Where the mends are told.
    """
    runs = _find_runs(chains.lines, ends, feet, tolerance_m)
    if not runs.end.size:
        return None
    chosen = _choose(chains.lines, runs, feet, tolerance_m)
    if not chosen.size:
        return None
    runs = _Runs(
        runs.end[chosen], runs.beside[chosen], runs.run_m[chosen], runs.segment[chosen],
        runs.place[chosen],
    )  # fmt: skip
    what = "a second digitisation of part of a line was left out"
    mends.add(what, chains.line[runs.segment], runs.place)
    return _cut_off(chains, runs)


def _find_runs(lines: Lines, ends: Longs, feet: Found, tolerance_m: float) -> _Runs:
    """Return the ends that run on, the farthest first, those of one length in order of place."""
    beside = line_at(lines, feet.segment)
    rows = np.flatnonzero(beside != feet.other // 2)
    xy = lines.xy[ends[feet.other[rows]]]
    met = (xy == lines.xy[feet.segment[rows] + (feet.t[rows] > 0.5)]).all(axis=1)
    run, place, segment = _walk(
        lines, feet.other[rows], beside[rows], feet.segment[rows], met, scales(xy), tolerance_m
    )
    found = np.flatnonzero(run >= LEAST_RUN * tolerance_m)
    xy = lines.xy[ends[feet.other[rows[found]]]]
    found = found[np.lexsort((xy[:, 1], xy[:, 0], -run[found]))]
    at = rows[found]
    return _Runs(feet.other[at], beside[at], run[found], segment[found], place[found])


def _choose(lines: Lines, runs: _Runs, feet: Found, tolerance_m: float) -> Longs:
    """Return the runs to cut off: none that another needs, or that alone ties an end to it."""
    ends = ends_of(lines.start)
    n = lines.start.size
    on = line_at(lines, feet.segment)
    at = measure(lines, feet.segment, feet.t)
    tied = feet.other * n + on
    touched: set[int] = set()
    chosen = []
    for k, (end, beside) in enumerate(zip(runs.end.tolist(), runs.beside.tolist(), strict=True)):
        chain = end // 2
        if chain in touched or beside in touched:
            continue
        back = at if end % 2 == 0 else lines.along_m[lines.start[chain + 1] - 1] - at
        others = feet.other[(on == chain) & (back <= runs.run_m[k]) & (feet.other // 2 != beside)]
        others = others[~np.isin(others * n + beside, tied)]
        away = lines.xy[ends[others], None] - lines.xy[ends[[2 * beside, 2 * beside + 1]]]
        away *= scales(lines.xy[ends[others]])[:, None]
        if (np.hypot(away[..., 0], away[..., 1]).min(axis=1) <= tolerance_m).all():
            chosen.append(k)
            touched |= {chain, beside}
    return np.array(chosen, dtype=np.int64)


def _cut_off(chains: Chains, runs: _Runs) -> Chains:
    """Return chains without the runs: their new ends are where they part from the other."""
    lines = chains.lines
    xy, joint = lines.xy.copy(), chains.joint.copy()
    keep: Bools = np.ones(xy.shape[0], dtype=np.bool_)
    for end, segment, place in zip(runs.end, runs.segment, runs.place, strict=True):
        chain = end // 2
        new = segment if end % 2 == 0 else segment + 1
        if end % 2 == 0:
            keep[lines.start[chain] : new] = False
        else:
            keep[new + 1 : lines.start[chain + 1]] = False
        xy[new], joint[new] = place, False
    start = np.concatenate([[0], np.cumsum(keep)])[lines.start]
    left = Lines(xy[keep], start.astype(np.int64), np.empty(0))
    return measured(replace(chains, lines=left, line=chains.line[keep], joint=joint[keep]))


@njit(cache=True)
def _walk(  # pragma: no cover
    lines: Lines,
    end: Longs,
    beside: Longs,
    segment: Longs,
    met: Bools,
    metres: Floats,
    within_m: float,
) -> tuple[Floats, Floats, Longs]:
    """Walk from each end along its chain while another is beside it.

    Returns how far from the end the two part, m, where, and on which segment; 0 where the walk
    comes to the other end of the chain, or the two have `met` at a vertex and fork from it. Steps
    are measured from the end, so that they do not depend on vertices.
    """
    run, place = np.zeros(end.size), np.zeros((end.size, 2))
    at_segment = np.zeros(end.size, dtype=np.int64)
    step = within_m / STEPS
    for i in range(end.size):
        chain = end[i] // 2
        ahead = end[i] % 2 == 0
        first, last = lines.start[chain], lines.start[chain + 1] - 1
        length = lines.along_m[last]
        away = np.empty(int(length / step) + 2)
        k = first if ahead else last - 1
        n, left = 0, False
        while n * step < length:
            at = n * step if ahead else length - n * step
            k, x, y = _place_at(lines, k, at, ahead)
            reach = 1.5 * n * step + 4.0 * within_m
            d = _away(lines, beside[i], segment[i], reach, x, y, metres[i])
            if d > within_m + 1e-6:
                left = True
                break
            away[n] = d
            n += 1
        if not left or n * step < LEAST_RUN * within_m or (met[i] and away[n // 2] > ONE_LINE_M):
            continue
        limit = max(PARTED * within_m, min(0.5 * within_m, 2.0 * np.sort(away[:n])[n // 4]))
        while n > 0 and away[n - 1] > limit:
            n -= 1
        run[i] = max(n - 1, 0) * step
        at = run[i] if ahead else length - run[i]
        k, x, y = _place_at(lines, first if ahead else last - 1, at, ahead)
        at_segment[i], place[i, 0], place[i, 1] = k, x, y
    return run, place, at_segment


@njit(cache=True)
def _place_at(  # pragma: no cover
    lines: Lines, k: int, at: float, ahead: np.bool_
) -> tuple[int, float, float]:
    """Return segment and place at a measure, m, sought from segment k on, ahead or back."""
    if ahead:
        while lines.along_m[k + 1] < at:
            k += 1
    else:
        while lines.along_m[k] > at:
            k -= 1
    span = lines.along_m[k + 1] - lines.along_m[k]
    t = 0.0 if span <= 0.0 else min(1.0, max(0.0, (at - lines.along_m[k]) / span))
    x = lines.xy[k, 0] * (1.0 - t) + lines.xy[k + 1, 0] * t
    y = lines.xy[k, 1] * (1.0 - t) + lines.xy[k + 1, 1] * t
    return k, x, y


@njit(cache=True)
def _away(  # pragma: no cover
    lines: Lines, chain: int, segment: int, reach_m: float, x: float, y: float, metres: Floats
) -> float:
    """Return how far a place is from a chain, sought no farther along it than a distance, m."""
    first, last = lines.start[chain], lines.start[chain + 1] - 1
    best = math.inf
    k = segment
    while k >= first and lines.along_m[segment] - lines.along_m[k + 1] <= reach_m:
        best = min(best, foot(lines.xy, k, x, y, metres[0], metres[1])[1])
        k -= 1
    k = segment + 1
    while k < last and lines.along_m[k] - lines.along_m[segment + 1] <= reach_m:
        best = min(best, foot(lines.xy, k, x, y, metres[0], metres[1])[1])
        k += 1
    return best
