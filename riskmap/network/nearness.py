"""Nearness in the plane: which ends of lines lie on other lines, and where lines cross.

Kernels over flat arrays and a grid. Distances are in the units of the plane; which plane that is,
and what is done with what is found, is decided in `riskmap.network.noding`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


#: Fraction of a segment by which a touch may be missed through rounding.
_TOUCH = 1e-9
#: Boxes of segments are this much wider than they are, so that no meeting falls between cells.
_SKIN = 1e-6


class Grid(NamedTuple):
    """Hold a grid of square cells over the lines."""

    x0: float
    y0: float
    side: float
    columns: int
    rows: int


class Found(NamedTuple):
    """Hold pairs of things that lie near each other, one entry for each pair.

    `segment` and `t` say where on a line: the segment's first vertex, and the fraction along it.
    `other` is an end of a line (feet) or the first vertex of another segment (crossings).
    """

    segment: Longs
    t: Floats
    other: Longs
    other_t: Floats


def take(found: Found, rows: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> Found:
    """Return some of the pairs."""
    return Found(found.segment[rows], found.t[rows], found.other[rows], found.other_t[rows])


def lay_grid(xy: Floats, *, margin: float) -> Grid:
    """Lay a grid with about four cells for each vertex, none smaller than the margin."""
    low, high = xy.min(axis=0) - margin, xy.max(axis=0) + margin
    width, height = float(high[0] - low[0]), float(high[1] - low[1])
    cells = max(1024.0, 4.0 * xy.shape[0])
    side = max(math.sqrt(width * height / cells), width / 4000, height / 4000, 2.0 * margin, 1e-9)
    return Grid(float(low[0]), float(low[1]), side, int(width / side) + 1, int(height / side) + 1)


def find_feet(xy: Floats, line: Longs, ends: Longs, reach_of: Floats, grid: Grid) -> Found:
    """Find the segments within reach of each end.

    Parameters
    ----------
    xy
        Vertices, shape (n_vertices, 2).
    line
        Line of each vertex; vertices k and k + 1 of one line are a segment.
    ends
        Vertices that are ends of lines.
    reach_of
        For each end, how far to look.
    grid
        The grid.

    Returns
    -------
    Found
        `other` is the position in `ends`, `other_t` the distance.
    """
    start, member = _bin_points(xy[ends], grid)
    found = _find_feet(xy, line, ends, reach_of, grid, start, member)
    return _as_found(found)


def find_crossings(xy: Floats, line: Longs, grid: Grid) -> Found:
    """Find where segments cross or touch, those that follow each other in a line apart.

    Parallel segments do not cross. `other` is the first vertex of the second segment.
    """
    start, member = _bin_segments(xy, line, grid)
    return _as_found(_find_crossings(xy, line, grid, start, member))


def _as_found(found: Floats) -> Found:
    rows = found.reshape(-1, 4)
    return Found(rows[:, 0].astype(np.int64), rows[:, 1], rows[:, 2].astype(np.int64), rows[:, 3])


@njit(cache=True)
def _bin_points(points: Floats, grid: Grid) -> tuple[Longs, Longs]:  # pragma: no cover
    """Group points by cell."""
    cells = grid.columns * grid.rows
    start = np.zeros(cells + 1, dtype=np.int64)
    cell = np.empty(points.shape[0], dtype=np.int64)
    for k in range(points.shape[0]):
        c = int((points[k, 0] - grid.x0) / grid.side)
        r = int((points[k, 1] - grid.y0) / grid.side)
        cell[k] = r * grid.columns + c
        start[cell[k] + 1] += 1
    for c in range(cells):
        start[c + 1] += start[c]
    member = np.empty(points.shape[0], dtype=np.int64)
    fill = start[:-1].copy()
    for k in range(points.shape[0]):
        member[fill[cell[k]]] = k
        fill[cell[k]] += 1
    return start, member


@njit(cache=True)
def _box(
    xy: Floats, k: int, margin: float, grid: Grid
) -> tuple[int, int, int, int]:  # pragma: no cover
    """Return the cells (first and last column and row) of a segment's box."""
    c0 = int((min(xy[k, 0], xy[k + 1, 0]) - margin - grid.x0) / grid.side)
    c1 = int((max(xy[k, 0], xy[k + 1, 0]) + margin - grid.x0) / grid.side)
    r0 = int((min(xy[k, 1], xy[k + 1, 1]) - margin - grid.y0) / grid.side)
    r1 = int((max(xy[k, 1], xy[k + 1, 1]) + margin - grid.y0) / grid.side)
    return max(c0, 0), min(c1, grid.columns - 1), max(r0, 0), min(r1, grid.rows - 1)


@njit(cache=True)
def _bin_segments(xy: Floats, line: Longs, grid: Grid) -> tuple[Longs, Longs]:  # pragma: no cover
    """Group segments by every cell that their box touches."""
    start = np.zeros(grid.columns * grid.rows + 1, dtype=np.int64)
    for k in range(xy.shape[0] - 1):
        if line[k] == line[k + 1]:
            c0, c1, r0, r1 = _box(xy, k, _SKIN, grid)
            for r in range(r0, r1 + 1):
                for c in range(c0, c1 + 1):
                    start[r * grid.columns + c + 1] += 1
    for c in range(start.size - 1):
        start[c + 1] += start[c]
    member = np.empty(start[-1], dtype=np.int64)
    fill = start[:-1].copy()
    for k in range(xy.shape[0] - 1):
        if line[k] == line[k + 1]:
            c0, c1, r0, r1 = _box(xy, k, _SKIN, grid)
            for r in range(r0, r1 + 1):
                for c in range(c0, c1 + 1):
                    member[fill[r * grid.columns + c]] = k
                    fill[r * grid.columns + c] += 1
    return start, member


@njit(cache=True)
def _find_feet(  # pragma: no cover
    xy: Floats,
    line: Longs,
    ends: Longs,
    reach_of: Floats,
    grid: Grid,
    start: Longs,
    member: Longs,
) -> Floats:
    margin = reach_of.max()
    found = [0.0]
    found.pop()
    for k in range(xy.shape[0] - 1):
        if line[k] != line[k + 1]:
            continue
        c0, c1, r0, r1 = _box(xy, k, margin, grid)
        for r in range(r0, r1 + 1):
            first = start[r * grid.columns + c0]
            last = start[r * grid.columns + c1 + 1]
            for m in range(first, last):
                e = member[m]
                t, away = _foot(xy, k, xy[ends[e], 0], xy[ends[e], 1])
                if away <= reach_of[e]:
                    found.append(float(k))
                    found.append(t)
                    found.append(float(e))
                    found.append(away)
    return np.array(found)


@njit(cache=True)
def _foot(xy: Floats, k: int, px: float, py: float) -> tuple[float, float]:  # pragma: no cover
    """Return the fraction along segment k that is nearest to a point, and how far that is."""
    dx, dy = xy[k + 1, 0] - xy[k, 0], xy[k + 1, 1] - xy[k, 1]
    ax, ay = px - xy[k, 0], py - xy[k, 1]
    square = dx * dx + dy * dy
    t = 0.0 if square == 0.0 else min(1.0, max(0.0, (ax * dx + ay * dy) / square))
    return t, math.hypot(ax - t * dx, ay - t * dy)


@njit(cache=True)
def _find_crossings(  # pragma: no cover
    xy: Floats, line: Longs, grid: Grid, start: Longs, member: Longs
) -> Floats:
    found = [0.0]
    found.pop()
    for cell in range(start.size - 1):
        for m in range(start[cell], start[cell + 1]):
            i = member[m]
            for n in range(m + 1, start[cell + 1]):
                j = member[n]
                if line[i] == line[j] and abs(i - j) <= 1:
                    continue
                s, t = _meeting(xy, i, j)
                if s < 0.0:
                    continue
                x = xy[i, 0] + s * (xy[i + 1, 0] - xy[i, 0])
                y = xy[i, 1] + s * (xy[i + 1, 1] - xy[i, 1])
                c = int((x - grid.x0) / grid.side)
                r = int((y - grid.y0) / grid.side)
                if r * grid.columns + c == cell:  # once, in the cell where they meet
                    found.append(float(i))
                    found.append(s)
                    found.append(float(j))
                    found.append(t)
    return np.array(found)


@njit(cache=True)
def _meeting(xy: Floats, i: int, j: int) -> tuple[float, float]:  # pragma: no cover
    """Return the fractions at which two segments meet; negative where they do not."""
    if max(xy[i, 0], xy[i + 1, 0]) < min(xy[j, 0], xy[j + 1, 0]):
        return -1.0, -1.0
    if max(xy[j, 0], xy[j + 1, 0]) < min(xy[i, 0], xy[i + 1, 0]):
        return -1.0, -1.0
    if max(xy[i, 1], xy[i + 1, 1]) < min(xy[j, 1], xy[j + 1, 1]):
        return -1.0, -1.0
    if max(xy[j, 1], xy[j + 1, 1]) < min(xy[i, 1], xy[i + 1, 1]):
        return -1.0, -1.0
    ax, ay = xy[i + 1, 0] - xy[i, 0], xy[i + 1, 1] - xy[i, 1]
    bx, by = xy[j + 1, 0] - xy[j, 0], xy[j + 1, 1] - xy[j, 1]
    cross = ax * by - ay * bx
    if abs(cross) <= 1e-12 * math.hypot(ax, ay) * math.hypot(bx, by):
        return -1.0, -1.0
    cx, cy = xy[j, 0] - xy[i, 0], xy[j, 1] - xy[i, 1]
    s = (cx * by - cy * bx) / cross
    t = (cx * ay - cy * ax) / cross
    if min(s, t) < -_TOUCH or max(s, t) > 1.0 + _TOUCH:
        return -1.0, -1.0
    return min(1.0, max(0.0, s)), min(1.0, max(0.0, t))
