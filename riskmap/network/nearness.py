"""Nearness of lines: which ends lie beside each other or on other lines, and where lines cross.

Kernels over flat arrays. Places are in degrees; a distance is found in metres, in the plane whose
scales are those of the ground where it is asked for. What is done with what is found is decided in
`riskmap.network.noding`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from riskmap.geodesy import scale_at
from riskmap.network.arcs import Bools
from riskmap.network.grids import Boxes, Floats, Grid, Longs, place_grid, reached

#: Fraction of a segment by which a touch may be missed through rounding.
_TOUCH = 1e-9
#: Boxes are this much wider than what they hold, degrees, so that no meeting falls between them.
_SKIN = 1e-11
#: Nearer to the end of a line than this, a place is the end, m.
SAME_PLACE_M = 1e-3


class Lines(NamedTuple):
    """Hold lines: line i has the vertices from `first[i]` to `last[i]`, both included.

    `xy` in degrees; `along_m` is how far along its line each vertex lies. Lines stand in order;
    vertices between them, left over where one was cut shorter, belong to none.
    """

    xy: Floats
    first: Longs
    last: Longs
    along_m: Floats


class Found(NamedTuple):
    """Hold pairs of things that lie near each other, one entry for each pair.

    `segment` and `t` say where on a line: the segment's first vertex, and the fraction along it.
    `other` is an end of a line (feet; `other_t` the distance, m) or the first vertex of another
    segment (crossings; `other_t` the fraction along it).
    """

    segment: Longs
    t: Floats
    other: Longs
    other_t: Floats


def take(found: Found, rows: npt.NDArray[np.integer] | Bools) -> Found:
    """Return some of the pairs."""
    return Found(found.segment[rows], found.t[rows], found.other[rows], found.other_t[rows])


def end_places(lines: Lines, ends: Longs) -> Floats:
    """Return the places of ends: 2i and 2i + 1 are the first and the last vertex of line i."""
    places: Floats = lines.xy[
        np.where(ends % 2 == 0, lines.first[ends // 2], lines.last[ends // 2])
    ]
    return places


def scales(xy: Floats) -> Floats:
    """Return the metres in a degree of longitude and of latitude at places, shape (n, 2)."""
    metres: Floats = _scales(xy)
    return metres


@njit(cache=True)
def _scales(xy: Floats) -> Floats:  # pragma: no cover
    metres = np.empty(xy.shape)
    for k in range(xy.shape[0]):
        metres[k, 0], metres[k, 1] = scale_at(xy[k, 1])
    return metres


def find_pairs(xy: Floats, *, within_m: float) -> Longs:
    """Find the pairs of places no farther apart than a distance, shape (n_pairs, 2)."""
    if xy.shape[0] < 2:
        return np.empty((0, 2), dtype=np.int64)
    metres = scales(xy)
    margin = _margin(metres, within_m)
    pairs: Longs = _find_pairs(xy, metres, within_m, place_grid(xy, margin))
    return pairs


def find_feet(lines: Lines, boxes: Boxes, grid: Grid, ends: Longs, *, within_m: float) -> Found:
    """Find the places inside lines, no farther from an end of a line than a distance.

    Left out are the places on an end's own line within three times the distance along it, and
    those beside an end of the line that is itself within the distance.

    Parameters
    ----------
    lines, boxes, grid
        The lines, boxes of those among which to look, and the grid over the boxes.
    ends
        Ends to look from: 2i and 2i + 1 are the first and the last of line i.
    within_m
        How far to look, m.
    """
    if not ends.size or not boxes.line.size:
        return _as_found(np.empty(0))
    return _as_found(
        _find_feet(lines, boxes, grid, ends, scales(end_places(lines, ends)), within_m)
    )


def find_crossings(lines: Lines, boxes: Boxes, grid: Grid, *, end_m: float) -> Found:
    """Find where segments cross or touch, farther than a distance from all ends of lines.

    Parallel segments do not cross. `other` is the first vertex of the second segment.
    """
    return _as_found(_find_crossings(lines, boxes, end_m, grid))


def clip_boxes(boxes: Boxes, lines: Lines) -> Boxes:
    """Return the boxes of lines that were cut shorter: they hold what is left of these."""
    first = np.maximum(boxes.first, lines.first[boxes.line])
    last = np.minimum(boxes.last, lines.last[boxes.line])
    return Boxes(boxes.line, first, last, boxes.box)


def _as_found(found: Floats) -> Found:
    rows = found.reshape(-1, 4)
    return Found(rows[:, 0].astype(np.int64), rows[:, 1], rows[:, 2].astype(np.int64), rows[:, 3])


def _margin(metres: Floats, within_m: float) -> tuple[float, float]:
    """Return a distance in degrees of longitude and latitude, nowhere too small."""
    least = metres.min(axis=0)
    return 1.001 * within_m / float(least[0]) + _SKIN, 1.001 * within_m / float(least[1]) + _SKIN


@njit(cache=True)
def _apart(xy: Floats, metres: Floats, a: int, b: int) -> float:  # pragma: no cover
    """Return the distance of two places, m, at the mean of their scales."""
    dx = 0.5 * (metres[a, 0] + metres[b, 0]) * (xy[a, 0] - xy[b, 0])
    dy = 0.5 * (metres[a, 1] + metres[b, 1]) * (xy[a, 1] - xy[b, 1])
    return math.sqrt(dx * dx + dy * dy)


@njit(cache=True)
def _find_pairs(  # pragma: no cover
    xy: Floats, metres: Floats, within_m: float, grid: Grid
) -> Longs:
    found = np.empty((2 * xy.shape[0] + 16, 2), dtype=np.int64)
    n = 0
    for a in range(xy.shape[0]):
        mx, my = 1.001 * within_m / metres[a, 0] + _SKIN, 1.001 * within_m / metres[a, 1] + _SKIN
        x, y = xy[a, 0], xy[a, 1]
        c0, c1, r0, r1 = reached(grid, x - mx, y - my, x + mx, y + my)
        for r in range(r0, r1 + 1):
            low, high = grid.start[r * grid.columns + c0], grid.start[r * grid.columns + c1 + 1]
            for m in range(low, high):
                b = grid.member[m]
                if b > a and _apart(xy, metres, a, b) <= within_m + 1e-6:
                    if n == found.shape[0]:
                        found = np.concatenate((found, np.empty_like(found)))
                    found[n, 0], found[n, 1] = a, b
                    n += 1
    return found[:n].copy()


@njit(cache=True)
def _find_feet(  # pragma: no cover
    lines: Lines, boxes: Boxes, grid: Grid, ends: Longs, metres: Floats, within_m: float
) -> Floats:
    found = [0.0]
    found.pop()
    for i in range(ends.size):
        end = lines.first[ends[i] // 2] if ends[i] % 2 == 0 else lines.last[ends[i] // 2]
        x, y = lines.xy[end, 0], lines.xy[end, 1]
        mx, my = 1.001 * within_m / metres[i, 0] + _SKIN, 1.001 * within_m / metres[i, 1] + _SKIN
        c0, c1, r0, r1 = reached(grid, x - mx, y - my, x + mx, y + my)
        for r in range(r0, r1 + 1):
            for c in range(c0, c1 + 1):
                cell = r * grid.columns + c
                for b in grid.member[grid.start[cell] : grid.start[cell + 1]]:
                    box = boxes.box[b]
                    if x + mx < box[0] or x - mx > box[2] or y + my < box[1] or y - my > box[3]:
                        continue
                    # A box in several of these cells is looked at in the first.
                    before = max(c0, int((box[0] - grid.x0) / grid.side)) < c
                    if not before and r == max(r0, int((box[1] - grid.y0) / grid.side)):
                        _feet_in(lines, boxes, b, ends[i], metres[i], within_m, found)
    return np.array(found)


@njit(cache=True)
def _feet_in(  # pragma: no cover
    lines: Lines,
    boxes: Boxes,
    b: int,
    e: int,
    metres: Floats,
    within_m: float,
    found: list[float],
) -> None:
    """Add the feet of an end on the segments of a box."""
    end = lines.first[e // 2] if e % 2 == 0 else lines.last[e // 2]
    x, y = lines.xy[end, 0], lines.xy[end, 1]
    for k in range(boxes.first[b], boxes.last[b]):
        t, away = foot(lines.xy, k, x, y, metres[0], metres[1])
        if away <= within_m + 1e-6 and _inside(
            lines, boxes.line[b], k, t, end, e // 2, metres, within_m
        ):
            found.append(float(k))
            found.append(t)
            found.append(float(e))
            found.append(away)


@njit(cache=True)
def _inside(  # pragma: no cover
    lines: Lines,
    line: int,
    k: int,
    t: float,
    end: int,
    end_line: int,
    metres: Floats,
    within_m: float,
) -> bool:
    """Tell whether a foot is inside its line, and not beside an end that pairs with this one."""
    at = lines.along_m[k] * (1.0 - t) + lines.along_m[k + 1] * t
    first, last = lines.first[line], lines.last[line]
    left = lines.along_m[last] - at
    if at <= SAME_PLACE_M or left <= SAME_PLACE_M:
        return False
    if line == end_line and abs(at - lines.along_m[end]) <= 3.0 * within_m:
        return False
    for vertex, beside in ((first, at), (last, left)):
        if beside <= within_m:
            dx = (lines.xy[vertex, 0] - lines.xy[end, 0]) * metres[0]
            dy = (lines.xy[vertex, 1] - lines.xy[end, 1]) * metres[1]
            if dx * dx + dy * dy <= (within_m + 1e-6) ** 2:
                return False
    return True


@njit(cache=True)
def foot(  # pragma: no cover
    xy: Floats, k: int, x: float, y: float, mx: float, my: float
) -> tuple[float, float]:
    """Return the fraction along segment k that is nearest to a point, and how far that is, m."""
    dx, dy = (xy[k + 1, 0] - xy[k, 0]) * mx, (xy[k + 1, 1] - xy[k, 1]) * my
    ax, ay = (x - xy[k, 0]) * mx, (y - xy[k, 1]) * my
    square = dx * dx + dy * dy
    t = 0.0 if square == 0.0 else min(1.0, max(0.0, (ax * dx + ay * dy) / square))
    ax -= t * dx
    ay -= t * dy
    return t, math.sqrt(ax * ax + ay * ay)


@njit(cache=True)
def _find_crossings(  # pragma: no cover
    lines: Lines, boxes: Boxes, end_m: float, grid: Grid
) -> Floats:
    found = [0.0]
    found.pop()
    box = boxes.box
    for i in range(boxes.line.size):
        if not _one_way(lines.xy, boxes.first[i], boxes.last[i]):
            _cross_runs(lines, boxes, i, i, end_m, found)
    for cell in range(grid.start.size - 1):
        for m in range(grid.start[cell], grid.start[cell + 1]):
            i = grid.member[m]
            for n in range(m + 1, grid.start[cell + 1]):
                j = grid.member[n]
                if box[i, 2] + _SKIN < box[j, 0] or box[j, 2] + _SKIN < box[i, 0]:
                    continue
                if box[i, 3] + _SKIN < box[j, 1] or box[j, 3] + _SKIN < box[i, 1]:
                    continue
                # Two boxes share several cells: they are compared in the first of them.
                c = max(
                    int((box[i, 0] - grid.x0) / grid.side), int((box[j, 0] - grid.x0) / grid.side)
                )
                r = max(
                    int((box[i, 1] - grid.y0) / grid.side), int((box[j, 1] - grid.y0) / grid.side)
                )
                if r * grid.columns + c == cell:
                    _cross_runs(lines, boxes, i, j, end_m, found)
    return np.array(found)


@njit(cache=True)
def _one_way(xy: Floats, first: int, last: int) -> bool:  # pragma: no cover
    """Tell whether a run of segments always goes the same way, and so cannot cross itself."""
    east = west = north = south = True
    for k in range(first, last):
        dx, dy = xy[k + 1, 0] - xy[k, 0], xy[k + 1, 1] - xy[k, 1]
        east, west = east and dx > 0.0, west and dx < 0.0
        north, south = north and dy > 0.0, south and dy < 0.0
    return east or west or north or south


@njit(cache=True)
def _cross_runs(  # pragma: no cover
    lines: Lines, boxes: Boxes, i: int, j: int, end_m: float, found: list[float]
) -> None:
    """Add the crossings of two runs of segments, or of a run with itself."""
    xy, box = lines.xy, boxes.box
    same = boxes.line[i] == boxes.line[j]
    for a in range(boxes.first[i], boxes.last[i]):
        if max(xy[a, 0], xy[a + 1, 0]) + _SKIN < box[j, 0] or box[j, 2] + _SKIN < min(
            xy[a, 0], xy[a + 1, 0]
        ):
            continue
        if max(xy[a, 1], xy[a + 1, 1]) + _SKIN < box[j, 1] or box[j, 3] + _SKIN < min(
            xy[a, 1], xy[a + 1, 1]
        ):
            continue
        for b in range(boxes.first[j] if i != j else a + 2, boxes.last[j]):
            if same and abs(a - b) <= 1:
                continue
            s, t = _meeting(xy, a, b)
            if s < 0.0:
                continue
            at = lines.along_m[a] * (1.0 - s) + lines.along_m[a + 1] * s
            other = lines.along_m[b] * (1.0 - t) + lines.along_m[b + 1] * t
            if same and abs(at - other) <= SAME_PLACE_M:
                continue
            if _beside_end(lines, boxes.line[i], at, end_m):
                continue
            if _beside_end(lines, boxes.line[j], other, end_m):
                continue
            found.append(float(a))
            found.append(s)
            found.append(float(b))
            found.append(t)


@njit(cache=True)
def _beside_end(lines: Lines, line: int, at: float, end_m: float) -> bool:  # pragma: no cover
    """Tell whether a place of a line lies within a distance of one of its ends."""
    last = lines.along_m[lines.last[line]]
    return at <= end_m + SAME_PLACE_M or last - at <= end_m + SAME_PLACE_M


@njit(cache=True)
def _meeting(xy: Floats, i: int, j: int) -> tuple[float, float]:  # pragma: no cover
    """Return the fractions at which two segments meet; negative where they do not."""
    if max(xy[i, 0], xy[i + 1, 0]) + _SKIN < min(xy[j, 0], xy[j + 1, 0]):
        return -1.0, -1.0
    if max(xy[j, 0], xy[j + 1, 0]) + _SKIN < min(xy[i, 0], xy[i + 1, 0]):
        return -1.0, -1.0
    if max(xy[i, 1], xy[i + 1, 1]) + _SKIN < min(xy[j, 1], xy[j + 1, 1]):
        return -1.0, -1.0
    if max(xy[j, 1], xy[j + 1, 1]) + _SKIN < min(xy[i, 1], xy[i + 1, 1]):
        return -1.0, -1.0
    ax, ay = xy[i + 1, 0] - xy[i, 0], xy[i + 1, 1] - xy[i, 1]
    bx, by = xy[j + 1, 0] - xy[j, 0], xy[j + 1, 1] - xy[j, 1]
    cross = ax * by - ay * bx
    if abs(cross) <= 1e-12 * math.sqrt((ax * ax + ay * ay) * (bx * bx + by * by)):
        return -1.0, -1.0
    cx, cy = xy[j, 0] - xy[i, 0], xy[j, 1] - xy[i, 1]
    s = (cx * by - cy * bx) / cross
    t = (cx * ay - cy * ax) / cross
    if min(s, t) < -_TOUCH or max(s, t) > 1.0 + _TOUCH:
        return -1.0, -1.0
    return min(1.0, max(0.0, s)), min(1.0, max(0.0, t))


@njit(cache=True)
def runs_along(  # pragma: no cover
    xy: Floats, one: tuple[int, int], other: tuple[int, int], within_m: float, metres: Floats
) -> bool:
    """Tell whether every vertex of each of two runs of vertices lies within reach of the other."""
    for mine, its in ((one, other), (other, one)):
        for v in range(mine[0], mine[1]):
            near = False
            for k in range(its[0], its[1] - 1):
                if foot(xy, k, xy[v, 0], xy[v, 1], metres[0], metres[1])[1] <= within_m + 1e-6:
                    near = True
                    break
            if not near:
                return False
    return True
