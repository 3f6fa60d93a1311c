"""Overlaps: lines that run on along another, a stretch of it digitised twice (model §1).

A line that ends beside the middle of another, and keeps within the tolerance of it for some way
back from there, is cut off where the two part; what is left is joined there like any other end.
Where whole lines are second copies is in `riskmap.network.noding`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from riskmap.geodesy import scale_at
from riskmap.network.arcs import Bools, Floats, Ints, group_by
from riskmap.network.grids import Boxes, Grid, box_grid, take_boxes
from riskmap.network.joining import Chains, Longs, line_at, measure, remeasure
from riskmap.network.mends import Mends
from riskmap.network.nearness import (
    Found,
    Lines,
    clip_boxes,
    end_places,
    find_feet,
    foot,
    scales,
    take,
)

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
    chains: Chains, boxes: Boxes, grid: Grid, *, tolerance_m: float, mends: Mends
) -> tuple[Boxes, Found]:
    """Cut off the ends of chains that run on along another, in place, till none is left.

    A chain is not cut at both ends, nor cut and run along, at once: only when the ends have been
    looked at anew that the cut concerns.

    Parameters
    ----------
    chains
        The chains, measured; those cut are changed.
    boxes, grid
        The boxes of the chains, and the grid over them.
    tolerance_m
        Lines no farther apart than this are one, m.
    mends
        Where the mends are told.

    Returns
    -------
    Boxes
        The boxes of what is left; the grid over them is the same.
    Found
        Places inside what is left that its ends lie beside.
    """
    lines = chains.lines
    ends = np.arange(2 * lines.first.size)
    feet = find_feet(lines, boxes, grid, ends, within_m=tolerance_m)
    runs = _find_runs(lines, feet, tolerance_m)
    while runs.end.size:
        chosen = _choose(lines, runs, feet, tolerance_m)
        if not chosen.any():
            break
        what = "a second digitisation of part of a line was left out"
        mends.add(what, chains.line[runs.segment[chosen]], runs.place[chosen])
        on = line_at(lines, feet.segment)
        _cut_off(lines, chains.joint, runs.end[chosen], runs.segment[chosen], runs.place[chosen])
        cut = np.zeros(lines.first.size, dtype=np.bool_)
        cut[runs.end[chosen] // 2] = True
        remeasure(lines, np.flatnonzero(cut))
        boxes = clip_boxes(boxes, lines)
        anew = _feet_anew(lines, boxes, grid, cut, tolerance_m)
        old = take(feet, ~(cut[on] | cut[feet.other // 2]))
        feet = Found(*(np.concatenate(pair) for pair in zip(old, anew, strict=True)))
        still = ~(cut[runs.end // 2] | cut[runs.beside])
        runs = _farthest_first(lines, _take(runs, still), _find_runs(lines, anew, tolerance_m))
    return boxes, feet


def _feet_anew(lines: Lines, boxes: Boxes, grid: Grid, cut: Bools, tolerance_m: float) -> Found:
    """Return the feet of the ends of cut chains, and those of other ends on cut chains."""
    of_cut = np.repeat(cut, 2)
    one = find_feet(lines, boxes, grid, np.flatnonzero(of_cut), within_m=tolerance_m)
    some = take_boxes(boxes, np.flatnonzero(cut[boxes.line]))
    ends = np.flatnonzero(~of_cut)
    two = find_feet(lines, some, box_grid(some.box), ends, within_m=tolerance_m)
    return Found(*(np.concatenate(pair) for pair in zip(one, two, strict=True)))


def _find_runs(lines: Lines, feet: Found, tolerance_m: float) -> _Runs:
    """Return the ends that run on, the farthest first."""
    beside = line_at(lines, feet.segment)
    rows = np.flatnonzero(beside != feet.other // 2)
    xy = end_places(lines, feet.other[rows])
    met = (xy == lines.xy[feet.segment[rows] + (feet.t[rows] > 0.5)]).all(axis=1)
    run, place, segment = _walk(
        lines, feet.other[rows], beside[rows], feet.segment[rows], met, scales(xy), tolerance_m
    )
    found = np.flatnonzero(run >= LEAST_RUN * tolerance_m)
    at = rows[found]
    runs = _Runs(feet.other[at], beside[at], run[found], segment[found], place[found])
    return _farthest_first(lines, runs)


def _farthest_first(lines: Lines, *parts: _Runs) -> _Runs:
    """Put runs together in order of length, those of one length in order of the end's place."""
    end, beside, run_m, segment, place = map(np.concatenate, zip(*parts, strict=True))
    runs = _Runs(end, beside, run_m, segment, place)
    xy = end_places(lines, runs.end)
    return _take(runs, np.lexsort((runs.beside, xy[:, 1], xy[:, 0], -runs.run_m)))


def _take(runs: _Runs, rows: Longs | Bools) -> _Runs:
    return _Runs(
        runs.end[rows], runs.beside[rows], runs.run_m[rows], runs.segment[rows], runs.place[rows]
    )


def _choose(lines: Lines, runs: _Runs, feet: Found, tolerance_m: float) -> Bools:
    """Tell the runs to cut off: none that another needs, or that alone ties an end to it."""
    on = line_at(lines, feet.segment)
    start, member = group_by(on, lines.first.size)
    at = measure(lines, feet.segment, feet.t)
    return _choose_runs(lines, runs, (start, member, feet.other, at), tolerance_m)


@njit(cache=True)
def _choose_runs(  # pragma: no cover
    lines: Lines, runs: _Runs, feet: tuple[Ints, Ints, Longs, Floats], within_m: float
) -> Bools:
    """Choose runs in their order; `feet` are grouped by chain: its first, which, end, measure."""
    start, member, foot_end, at = feet
    touched = np.zeros(lines.first.size, dtype=np.bool_)
    chosen = np.zeros(runs.end.size, dtype=np.bool_)
    for k in range(runs.end.size):
        end, beside = runs.end[k], runs.beside[k]
        chain = end // 2
        if touched[chain] or touched[beside]:
            continue
        tied = True
        for f in member[start[chain] : start[chain + 1]]:
            other = foot_end[f]
            back = at[f] if end % 2 == 0 else lines.along_m[lines.last[chain]] - at[f]
            if other // 2 == beside or back > runs.run_m[k]:
                continue
            if not _is_tied(lines, other, beside, within_m) and not np.any(
                foot_end[member[start[beside] : start[beside + 1]]] == other
            ):
                tied = False
                break
        if tied:
            chosen[k] = touched[chain] = touched[beside] = True
    return chosen


@njit(cache=True)
def _is_tied(lines: Lines, end: int, chain: int, within_m: float) -> bool:  # pragma: no cover
    """Tell whether an end lies within reach of an end of a chain."""
    k = lines.first[end // 2] if end % 2 == 0 else lines.last[end // 2]
    mx, my = scale_at(lines.xy[k, 1])
    for vertex in (lines.first[chain], lines.last[chain]):
        dx = (lines.xy[k, 0] - lines.xy[vertex, 0]) * mx
        dy = (lines.xy[k, 1] - lines.xy[vertex, 1]) * my
        if math.sqrt(dx * dx + dy * dy) <= within_m:
            return True
    return False


@njit(cache=True)
def _cut_off(  # pragma: no cover
    lines: Lines, joint: Bools, end: Longs, segment: Longs, place: Floats
) -> None:
    """Cut runs off in place: the new ends are where they part from the other chain."""
    for k in range(end.size):
        chain = end[k] // 2
        if end[k] % 2 == 0:
            new = segment[k]
            joint[lines.first[chain] : new + 1] = False
            lines.first[chain] = new
        else:
            new = segment[k] + 1
            joint[new : lines.last[chain] + 1] = False
            lines.last[chain] = new
        lines.xy[new, 0], lines.xy[new, 1] = place[k, 0], place[k, 1]


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
        first, last = lines.first[chain], lines.last[chain]
        length = lines.along_m[last]
        # Most tees are far away at the least run: they need no walk.
        far = math.ceil(LEAST_RUN * STEPS) - 1
        if far * step < length:
            at = far * step if ahead else length - far * step
            k, x, y = _place_at(lines, first if ahead else last - 1, at, ahead)
            reach = 1.5 * far * step + 4.0 * within_m
            d = _away(lines, beside[i], segment[i], reach, x, y, metres[i])
            if d > within_m + 1e-6:
                continue
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
    first, last = lines.first[chain], lines.last[chain]
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
