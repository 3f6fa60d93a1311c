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
from riskmap.kernels import leaf
from riskmap.network.arcs import Bools
from riskmap.network.grids import Boxes, Floats, Grid, Ints, Longs, bounds, place_grid, reached
from riskmap.threads import in_parts

#: Ends, or cells of a grid, that are worth a thread of their own.
ENDS_A_THREAD = 2000
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
    _, south, _, north = bounds(xy)
    # No degree is shorter: of longitude than where it is farthest north or south, of latitude
    # than at the equator.
    margin = margins(scale_at(max(-south, north))[0], scale_at(0.0)[1], within_m)
    grid = place_grid(xy, margin)
    parts = in_parts(
        lambda low, high: _find_pairs(xy, grid, within_m, low, high),
        xy.shape[0],
        least=ENDS_A_THREAD,
    )
    return np.concatenate(parts)


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
    if not boxes.line.size:
        return _as_found([])
    return _as_found(
        in_parts(
            lambda low, high: _find_feet(lines, boxes, grid, ends[low:high], within_m),
            ends.size,
            least=ENDS_A_THREAD,
        )
    )


def find_crossings(lines: Lines, boxes: Boxes, grid: Grid, *, end_m: float) -> Found:
    """Find where segments cross or touch, farther than a distance from all ends of lines.

    Parallel segments do not cross. `other` is the first vertex of the second segment.
    """

    def cross(low: int, high: int) -> Floats:
        touching = _find_touching(lines.xy, boxes, grid, low, high).reshape(-1, 4)
        return _cross(lines, boxes.line, touching, end_m)

    return _as_found(in_parts(cross, grid.start.size - 1, least=ENDS_A_THREAD))


@njit(cache=True)
def clip_boxes(boxes: Boxes, lines: Lines, cut: Bools) -> None:  # pragma: no cover
    """Let the boxes of lines that were cut shorter hold what is left of these, in place."""
    line, first, last = boxes.line, boxes.first, boxes.last
    begin, end = lines.first, lines.last
    for b in range(line.size):
        if cut[line[b]]:
            first[b] = max(first[b], begin[line[b]])
            last[b] = min(last[b], end[line[b]])


def _as_found(parts: list[Floats]) -> Found:
    rows = np.concatenate([np.empty(0), *parts]).reshape(-1, 4)
    return Found(rows[:, 0].astype(np.int64), rows[:, 1], rows[:, 2].astype(np.int64), rows[:, 3])


@njit(cache=True)
def margins(  # pragma: no cover
    east: float, north: float, within_m: float
) -> tuple[float, float]:
    """Return a distance in degrees of longitude and latitude, a hair more than that."""
    return 1.001 * within_m / east + _SKIN, 1.001 * within_m / north + _SKIN


@leaf
def in_reach(  # pragma: no cover
    xy: Floats, k: int, x: float, y: float, margin_x: float, margin_y: float
) -> bool:
    """Tell whether a point lies in the box of segment k, widened by margins."""
    if x < min(xy[k, 0], xy[k + 1, 0]) - margin_x or x > max(xy[k, 0], xy[k + 1, 0]) + margin_x:
        return False
    low, high = min(xy[k, 1], xy[k + 1, 1]) - margin_y, max(xy[k, 1], xy[k + 1, 1]) + margin_y
    return bool(low <= y and y <= high)


@njit(cache=True, nogil=True)
def _find_pairs(  # pragma: no cover
    xy: Floats, grid: Grid, within_m: float, first: int, end: int
) -> Longs:
    """Find the pairs of places first … end − 1 and later ones, at the mean of their scales."""
    found = np.empty((2 * (end - first) + 16, 2), dtype=np.int64)
    start, member, columns = grid.start, grid.member, grid.columns
    limit = (within_m + 1e-6) ** 2
    n = 0
    for a in range(first, end):
        x, y = xy[a, 0], xy[a, 1]
        east, north = scale_at(y)
        mx, my = margins(east, north, within_m)
        c0, c1, r0, r1 = reached(grid, x - mx, y - my, x + mx, y + my)
        for r in range(r0, r1 + 1):
            for m in range(start[r * columns + c0], start[r * columns + c1 + 1]):
                b = member[m]
                if b <= a or abs(xy[b, 0] - x) > mx or abs(xy[b, 1] - y) > my:
                    continue
                its_east, its_north = scale_at(xy[b, 1])
                dx = 0.5 * (east + its_east) * (xy[b, 0] - x)
                dy = 0.5 * (north + its_north) * (xy[b, 1] - y)
                if dx * dx + dy * dy <= limit:
                    if n == found.shape[0]:
                        found = np.concatenate((found, np.empty_like(found)))
                    found[n, 0], found[n, 1] = a, b
                    n += 1
    return found[:n].copy()


@njit(cache=True, nogil=True)
def _find_feet(  # pragma: no cover
    lines: Lines, boxes: Boxes, grid: Grid, ends: Longs, within_m: float
) -> Floats:
    found = [0.0]
    found.pop()
    # Arrays are taken out of their tuples once: in a loop each taking would count references.
    xy, first, last, along = lines.xy, lines.first, lines.last, lines.along_m
    line_of, begin, stop, box = boxes.line, boxes.first, boxes.last, boxes.box
    start, member = grid.start, grid.member
    near = np.empty(line_of.size, dtype=np.int32)
    for i in range(ends.size):
        own = ends[i] // 2
        end = first[own] if ends[i] % 2 == 0 else last[own]
        x, y = xy[end, 0], xy[end, 1]
        east, north = scale_at(y)
        mx, my = margins(east, north, within_m)
        for n in range(_boxes_near(box, start, member, grid, x, y, mx, my, near)):
            line = line_of[near[n]]
            for k in range(begin[near[n]], stop[near[n]]):
                if not in_reach(xy, k, x, y, mx, my):
                    continue
                t, away = foot(xy, k, x, y, east, north)
                if away > within_m + 1e-6:
                    continue
                at = along[k] * (1.0 - t) + along[k + 1] * t
                if line == own and abs(at - along[end]) <= 3.0 * within_m:
                    continue
                if _inside(xy, along, first[line], last[line], at, end, east, north, within_m):
                    found.append(float(k))
                    found.append(t)
                    found.append(float(ends[i]))
                    found.append(away)
    return np.array(found)


@leaf
def _boxes_near(  # pragma: no cover
    box: Floats,
    start: Longs,
    member: Longs,
    grid: Grid,
    x: float,
    y: float,
    mx: float,
    my: float,
    near: Ints,
) -> int:
    """Gather the boxes of a grid that a place is in or near to, and return how many they are."""
    x0, y0, per_degree = grid.x0, grid.y0, grid.per_degree
    c0, c1, r0, r1 = reached(grid, x - mx, y - my, x + mx, y + my)
    n = 0
    for r in range(r0, r1 + 1):
        for c in range(c0, c1 + 1):
            cell = r * grid.columns + c
            for m in range(start[cell], start[cell + 1]):
                b = member[m]
                if x + mx < box[b, 0] or x - mx > box[b, 2]:
                    continue
                if y + my < box[b, 1] or y - my > box[b, 3]:
                    continue
                # A box in several of these cells is looked at in the first.
                again = c > c0 and c > int((box[b, 0] - x0) * per_degree)
                if not again and (r == r0 or r == int((box[b, 1] - y0) * per_degree)):
                    near[n] = b
                    n += 1
    return n


@leaf
def _inside(  # pragma: no cover
    xy: Floats,
    along: Floats,
    first: int,
    last: int,
    at: float,
    end: int,
    east: float,
    north: float,
    within_m: float,
) -> bool:
    """Tell whether a foot is inside its line, and not beside an end that pairs with this one."""
    left = along[last] - at
    if at <= SAME_PLACE_M or left <= SAME_PLACE_M:
        return False
    for vertex, beside in ((first, at), (last, left)):
        if beside <= within_m:
            dx = (xy[vertex, 0] - xy[end, 0]) * east
            dy = (xy[vertex, 1] - xy[end, 1]) * north
            if dx * dx + dy * dy <= (within_m + 1e-6) ** 2:
                return False
    return True


@leaf
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


@njit(cache=True, nogil=True)
def _find_touching(  # pragma: no cover
    xy: Floats, boxes: Boxes, grid: Grid, low: int, high: int
) -> Longs:
    """Find the pairs of segments whose boxes touch: both boxes of segments, and both segments.

    Looks in the cells low … high − 1. Two boxes share several cells: they are compared in the
    first of them.
    """
    touching = [0]
    touching.pop()
    box, first, last, ways = boxes.box, boxes.first, boxes.last, boxes.ways
    start, member = grid.start, grid.member
    columns, x_low, y_low, per_degree = grid.columns, grid.x0, grid.y0, grid.per_degree
    for cell in range(low, high):
        row, column = cell // columns, cell % columns
        for m in range(start[cell], start[cell + 1]):
            i = member[m]
            x0, y0, x1, y1 = box[i, 0], box[i, 1], box[i, 2] + _SKIN, box[i, 3] + _SKIN
            here = column == int((x0 - x_low) * per_degree)
            if ways[i] == 0 and here and row == int((y0 - y_low) * per_degree):
                _add_touching(xy, box, first, last, i, i, touching)
            for n in range(m + 1, start[cell + 1]):
                j = member[n]
                if x1 < box[j, 0] or box[j, 2] + _SKIN < x0:
                    continue
                if y1 < box[j, 1] or box[j, 3] + _SKIN < y0:
                    continue
                if last[i] == first[j] and ways[i] & ways[j]:
                    continue
                if column != int((max(x0, box[j, 0]) - x_low) * per_degree):
                    continue
                if row == int((max(y0, box[j, 1]) - y_low) * per_degree):
                    _add_touching(xy, box, first, last, i, j, touching)
    return np.array(touching)


@njit(cache=True)
def _add_touching(  # pragma: no cover
    xy: Floats, box: Floats, first: Ints, last: Ints, i: int, j: int, touching: list[int]
) -> None:
    """Add the pairs of segments of two runs, or of a run with itself, whose boxes touch."""
    # They do where both runs' boxes are.
    x0, x1 = max(box[i, 0], box[j, 0]) - _SKIN, min(box[i, 2], box[j, 2]) + _SKIN
    y0, y1 = max(box[i, 1], box[j, 1]) - _SKIN, min(box[i, 3], box[j, 3]) + _SKIN
    for a in range(first[i], last[i]):
        if not _touches(xy, a, x0, y0, x1, y1):
            continue
        for b in range(first[j] if i != j else a + 2, last[j]):
            if _touches(xy, b, x0, y0, x1, y1):
                touching.append(i)
                touching.append(j)
                touching.append(a)
                touching.append(b)


@leaf
def _touches(  # pragma: no cover
    xy: Floats, k: int, x0: float, y0: float, x1: float, y1: float
) -> bool:
    """Tell whether the box of segment k touches another."""
    if max(xy[k, 0], xy[k + 1, 0]) < x0 or min(xy[k, 0], xy[k + 1, 0]) > x1:
        return False
    return bool(max(xy[k, 1], xy[k + 1, 1]) >= y0 and min(xy[k, 1], xy[k + 1, 1]) <= y1)


@njit(cache=True, nogil=True)
def _cross(  # pragma: no cover
    lines: Lines, line: Ints, touching: Longs, end_m: float
) -> Floats:
    """Return where touching segments cross, farther than a distance from all ends of lines."""
    found = [0.0]
    found.pop()
    xy, first, last, along = lines.xy, lines.first, lines.last, lines.along_m
    for n in range(touching.shape[0]):
        one, two, a, b = line[touching[n, 0]], line[touching[n, 1]], touching[n, 2], touching[n, 3]
        if one == two and abs(a - b) <= 1:
            continue
        s, t = _meeting(xy, a, b)
        if s < 0.0:
            continue
        at = along[a] * (1.0 - s) + along[a + 1] * s
        other = along[b] * (1.0 - t) + along[b + 1] * t
        if one == two and abs(at - other) <= SAME_PLACE_M:
            continue
        room = min(at - along[first[one]], along[last[one]] - at)
        other_room = min(other - along[first[two]], along[last[two]] - other)
        if min(room, other_room) > end_m + SAME_PLACE_M:
            found.append(float(a))
            found.append(s)
            found.append(float(b))
            found.append(t)
    return np.array(found)


@leaf
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


@leaf
def runs_along(  # pragma: no cover
    xy: Floats,
    one: tuple[int, int],
    other: tuple[int, int],
    within_m: float,
    metres: tuple[float, float],
) -> bool:
    """Tell whether every vertex of each of two runs of vertices lies within reach of the other."""
    for mine, its in ((one, other), (other, one)):
        beside = its[0]
        for v in range(mine[0], mine[1]):
            beside = _beside(xy, its, beside, xy[v, 0], xy[v, 1], within_m, metres)
            if beside < 0:
                return False
    return True


@leaf
def _beside(  # pragma: no cover
    xy: Floats,
    run: tuple[int, int],
    begin: int,
    x: float,
    y: float,
    within_m: float,
    metres: tuple[float, float],
) -> int:
    """Return a segment of a run within reach of a place, −1 where there is none.

    It is sought both ways from one to begin with: runs that lie along each other go on together.
    """
    mx, my = margins(metres[0], metres[1], within_m)
    for step in range(max(begin - run[0], run[1] - 2 - begin) + 1):
        for k in (begin - step, begin + step):
            if not run[0] <= k < run[1] - 1 or not in_reach(xy, k, x, y, mx, my):
                continue
            if foot(xy, k, x, y, metres[0], metres[1])[1] <= within_m + 1e-6:
                return k
    return -1
