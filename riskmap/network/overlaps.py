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
from riskmap.kernels import leaf
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
    in_reach,
    margins,
    scales,
    take,
)
from riskmap.threads import in_parts

#: A line that runs on does so for at least so many tolerances; what is shorter is an end that is
#: off.
LEAST_RUN = 4.0
#: Walks that are worth a thread of their own.
WALKS_A_THREAD = 200
#: Steps of the walk along a line, in a tolerance.
STEPS = 10
#: No step is shorter than this, m: a walk beside a long second copy would not end.
LEAST_STEP_M = 0.1
#: Two digitisations are at one place where they are no farther apart than this share of the
#: tolerance, or than twice what a quarter of the steps keeps within, at most half the tolerance.
PARTED = 0.1
#: An end that meets a vertex of another line exactly is a confluence, however sharp its angle,
#: unless the two also keep to one line, m.
ONE_LINE_M = 1e-3
#: A line does not come back sooner than after this share of how far away it is: less than all of
#: it, since its length is the ellipsoid's and the distance that of a plane.
SURE = 0.8


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
) -> Found:
    """Cut off the ends of chains that run on along another, in place, till none is left.

    A chain is not cut at both ends, nor cut and run along, at once: only when the ends have been
    looked at anew that the cut concerns.

    Parameters
    ----------
    chains
        The chains, measured; those cut are changed.
    boxes, grid
        The boxes of the chains, clipped to what is left, and the grid over them, which stays.
    tolerance_m
        Lines no farther apart than this are one, m.
    mends
        Where the mends are told.

    Returns
    -------
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
        mends.add(what, chains.line_of(runs.segment[chosen]), runs.place[chosen])
        on = line_at(lines, feet.segment)
        _cut_off(lines, runs.end[chosen], runs.segment[chosen], runs.place[chosen])
        cut = np.zeros(lines.first.size, dtype=np.bool_)
        cut[runs.end[chosen] // 2] = True
        remeasure(lines, np.flatnonzero(cut))
        clip_boxes(boxes, lines, cut)
        anew = _feet_anew(lines, boxes, grid, cut, np.unique(feet.other[cut[on]]), tolerance_m)
        old = take(feet, ~(cut[on] | cut[feet.other // 2]))
        feet = Found(*(np.concatenate(pair) for pair in zip(old, anew, strict=True)))
        still = ~(cut[runs.end // 2] | cut[runs.beside])
        runs = _farthest_first(lines, _take(runs, still), _find_runs(lines, anew, tolerance_m))
    return feet


def _feet_anew(
    lines: Lines, boxes: Boxes, grid: Grid, cut: Bools, beside: Longs, tolerance_m: float
) -> Found:
    """Return the feet of the ends of cut chains, and those of other ends on cut chains.

    A cut takes away from a chain: no ends lie beside what is left that were not `beside` the whole.
    """
    of_cut = np.repeat(cut, 2)
    one = find_feet(lines, boxes, grid, np.flatnonzero(of_cut), within_m=tolerance_m)
    some = take_boxes(boxes, np.flatnonzero(cut[boxes.line]))
    ends = beside[~of_cut[beside]]
    two = find_feet(lines, some, box_grid(some.box), ends, within_m=tolerance_m)
    return Found(*(np.concatenate(pair) for pair in zip(one, two, strict=True)))


def _find_runs(lines: Lines, feet: Found, tolerance_m: float) -> _Runs:
    """Return the ends that run on, the farthest first."""
    beside = line_at(lines, feet.segment)
    xy = end_places(lines, feet.other)
    met = (xy == lines.xy[feet.segment + (feet.t > 0.5)]).all(axis=1)
    metres = scales(xy)
    step_m = max(tolerance_m / STEPS, LEAST_STEP_M)

    def walk(low: int, high: int) -> tuple[Floats, Floats, Longs]:
        at = slice(low, high)
        ends = feet.other[at], beside[at], feet.segment[at], met[at], metres[at]
        return _walk(lines, *ends, tolerance_m, step_m)

    parts = in_parts(walk, feet.other.size, least=WALKS_A_THREAD)
    run, place, segment = map(np.concatenate, zip(*parts, strict=True))
    at = np.flatnonzero(run >= LEAST_RUN * STEPS * step_m)
    runs = _Runs(feet.other[at], beside[at], run[at], segment[at], place[at])
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
            if back > runs.run_m[k] or other == end or (other // 2 == beside and beside != chain):
                continue
            tied = beside != chain and _is_tied(lines, other, beside, within_m)
            for g in member[start[beside] : start[beside + 1]]:
                its = at[g] if end % 2 == 0 else lines.along_m[lines.last[chain]] - at[g]
                tied |= foot_end[g] == other and (beside != chain or its > runs.run_m[k])
            if not tied:
                break
        if tied:
            chosen[k] = touched[chain] = touched[beside] = True
    return chosen


@leaf
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
    lines: Lines, end: Longs, segment: Longs, place: Floats
) -> None:
    """Cut runs off in place: the new ends are where they part from the other chain."""
    for k in range(end.size):
        chain = end[k] // 2
        if end[k] % 2 == 0:
            new = segment[k]
            lines.first[chain] = new
        else:
            new = segment[k] + 1
            lines.last[chain] = new
        lines.xy[new, 0], lines.xy[new, 1] = place[k, 0], place[k, 1]


@njit(cache=True, nogil=True)
def _walk(  # pragma: no cover
    lines: Lines,
    end: Longs,
    on: Longs,
    segment: Longs,
    met: Bools,
    metres: Floats,
    within_m: float,
    step_m: float,
) -> tuple[Floats, Floats, Longs]:
    """Walk from each end along its chain while another is beside it, or a far part of its own.

    Returns how far from the end the two part, m, where, and on which segment; 0 where the walk
    comes to the other end of the chain, or the two have `met` at a vertex and fork from it. Steps
    of one length are measured from the end, so that they do not depend on vertices.
    """
    run, place = np.zeros(end.size), np.zeros((end.size, 2))
    at_segment = np.zeros(end.size, dtype=np.int64)
    # Arrays are taken out of their tuple once: in a loop each taking would count references.
    xy, first, last, along = lines.xy, lines.first, lines.last, lines.along_m
    for i in range(end.size):
        chain, ahead = end[i] // 2, end[i] % 2 == 0
        begin, length = (first[chain] if ahead else last[chain] - 1), along[last[chain]]
        side, room = (first[on[i]], last[on[i]], segment[i]), length
        if on[i] == chain:  # its half before the place beside the end counts as another chain
            room = 0.5 * (along[segment[i]] if ahead else length - along[segment[i] + 1])
            half = np.searchsorted(
                along[first[chain] : last[chain] + 1], room if ahead else length - room
            )
            half += first[chain]
            side = (half, side[1], side[2]) if ahead else (side[0], half - 1, side[2])
        scale = metres[i, 0], metres[i, 1]
        away = _steps_beside(xy, along, begin, (length, room), ahead, side, scale, within_m, step_m)
        n = away.size
        if n < LEAST_RUN * STEPS or (met[i] and away[n // 2] > ONE_LINE_M):
            continue
        limit = max(PARTED * within_m, min(0.5 * within_m, 2.0 * np.sort(away)[n // 4]))
        while n > 0 and away[n - 1] > limit:
            n -= 1
        run[i] = max(n - 1, 0) * step_m
        at = run[i] if ahead else length - run[i]
        k, x, y = _place_at(xy, along, begin, at, ahead)
        at_segment[i], place[i, 0], place[i, 1] = k, x, y
    return run, place, at_segment


@njit(cache=True)
def _steps_beside(  # pragma: no cover
    xy: Floats,
    along: Floats,
    begin: int,
    span: tuple[float, float],
    ahead: np.bool_,
    side: tuple[int, int, int],
    scale: tuple[float, float],
    within_m: float,
    step_m: float,
) -> Floats:
    """Return how far from another chain each step of a walk is till it leaves that, m.

    None where the walk does not leave it, or leaves it before the least run. `span` is how long
    the walker's chain is and how far to walk at most; `side` are first and last vertex of the
    other, and where the walk begins beside it.
    """
    length, room = span
    least = math.ceil(LEAST_RUN * STEPS) - 1
    if least * step_m >= room:
        return np.empty(0)
    # Most tees are far away at the least run: they need no walk.
    at = least * step_m if ahead else length - least * step_m
    _, x, y = _place_at(xy, along, begin, at, ahead)
    reach_m, near = 1.5 * least * step_m + 4.0 * within_m, side[2]
    if _away(xy, along, side, near, reach_m, x, y, scale, within_m)[0] < 0.0:
        return np.empty(0)
    away = np.empty(64)
    k, n = begin, 0
    while n * step_m < room:
        if n == away.size:
            away = np.concatenate((away, np.empty_like(away)))
        at = n * step_m if ahead else length - n * step_m
        k, x, y = _place_at(xy, along, k, at, ahead)
        reach_m = 1.5 * n * step_m + 4.0 * within_m
        away[n], near = _away(xy, along, side, near, reach_m, x, y, scale, within_m)
        if away[n] < 0.0:
            return away[:n]
        n += 1
    return np.empty(0)


@leaf
def _place_at(  # pragma: no cover
    xy: Floats, along: Floats, k: int, at: float, ahead: np.bool_
) -> tuple[int, float, float]:
    """Return segment and place at a measure, m, sought from segment k on, ahead or back."""
    if ahead:
        while along[k + 1] < at:
            k += 1
    else:
        while along[k] > at:
            k -= 1
    span = along[k + 1] - along[k]
    t = 0.0 if span <= 0.0 else min(1.0, max(0.0, (at - along[k]) / span))
    x = xy[k, 0] * (1.0 - t) + xy[k + 1, 0] * t
    y = xy[k, 1] * (1.0 - t) + xy[k + 1, 1] * t
    return k, x, y


@leaf
def _away(  # pragma: no cover
    xy: Floats,
    along: Floats,
    side: tuple[int, int, int],
    near: int,
    reach_m: float,
    x: float,
    y: float,
    scale: tuple[float, float],
    within_m: float,
) -> tuple[float, int]:
    """Return how far a place is from a chain, m, and its nearest segment; −1 where it is too far.

    `side` are the chain's first and last vertex and a segment; the chain is sought no farther along
    from that than `reach_m`. `near` was the nearest of the step before, and most often is again:
    the others are then told by their boxes.
    """
    first, last, segment = side
    east, north = scale
    best, nearest = within_m + 1e-6, -1
    _, away = foot(xy, near, x, y, east, north)
    if away <= best:
        best, nearest = away, near
    mx, my = margins(east, north, best)
    for back in (1, 0):
        k, way = (segment, -1) if back else (segment + 1, 1)
        origin = along[segment + 1 - back]
        while first <= k < last and way * (along[k + back] - origin) <= reach_m:
            if k != near and in_reach(xy, k, x, y, mx, my):
                _, away = foot(xy, k, x, y, east, north)
                if away < best or (nearest < 0 and away <= best):
                    best, nearest = away, k
                    mx, my = margins(east, north, best)
            end = k + 1 - back  # the segment's vertex that is farther from the first segment
            k += way
            clear = max(abs(xy[end, 0] - x) * east, abs(xy[end, 1] - y) * north) - best
            while first <= k < last and way * (along[k + 1 - back] - along[end]) < SURE * clear:
                k += way
    return (best, nearest) if nearest >= 0 else (-1.0, segment)
