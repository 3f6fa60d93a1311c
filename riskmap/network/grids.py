"""Grids: boxes round runs of segments, and which boxes or places lie in each cell of a grid."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from riskmap.kernels import leaf
from riskmap.threads import in_parts

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]

#: Segments in a box.
_BOXED = 8
#: Lines that are worth a thread of their own.
LINES_A_THREAD = 2000
#: Squares on a side of the grid by which places are put in order, and the bits of their number.
_BITS = 12
_SQUARES = 1 << _BITS
#: Bits that hold the number of a place.
_NUMBER_BITS = 36
_NUMBER = (1 << _NUMBER_BITS) - 1


class Boxes(NamedTuple):
    """Hold the boxes of runs of a few segments: vertices first … last of one line.

    `ways` are those that all of a run's segments go, as bits: of the eight half circles round east,
    north east, north … A run that keeps to a way cannot cross itself, nor one that it goes on to
    and that keeps to it.
    """

    line: Ints
    first: Ints
    last: Ints
    box: Floats
    ways: npt.NDArray[np.uint8]


class Grid(NamedTuple):
    """Hold a grid of square cells, and what lies in each: `member[start[c] : start[c + 1]]`.

    `per_degree` are the cells in a degree: one over their side.
    """

    x0: float
    y0: float
    per_degree: float
    columns: int
    rows: int
    start: Longs
    member: Longs


def take_boxes(boxes: Boxes, rows: npt.NDArray[np.integer]) -> Boxes:
    """Return some of the boxes."""
    return Boxes(*(column[rows] for column in boxes))


def _cells(width: float, height: float, n: float, least: float) -> tuple[float, int, int]:
    """Return cells in a degree, columns and rows of a grid of about n cells.

    No cell is smaller than `least`.
    """
    per_degree = 1.0 / max(math.sqrt(width * height / n), width / 4000, height / 4000, least, 1e-9)
    return per_degree, int(width * per_degree) + 1, int(height * per_degree) + 1


def place_grid(xy: Floats, margin: tuple[float, float]) -> Grid:
    """Lay a grid over places."""
    x0, y0, x1, y1 = bounds(xy)
    cells = max(1024.0, 2.0 * len(xy))
    per_degree, columns, rows = _cells(x1 - x0, y1 - y0, cells, 2.0 * max(margin))
    start, member = _group_places(xy, x0, y0, per_degree, columns, rows)
    return Grid(x0, y0, per_degree, columns, rows, start, member)


def box_grid(box: Floats) -> Grid:
    """Lay a grid over boxes, shape (n, 4); each is a member of every cell that it touches."""
    x0, y0, x1, y1 = bounds(box.reshape(-1, 2))
    per_degree, columns, rows = _cells(x1 - x0, y1 - y0, max(1024.0, 1.0 * len(box)), 0.0)
    start, member = _group_boxes(box, x0, y0, per_degree, columns, rows)
    return Grid(x0, y0, per_degree, columns, rows, start, member)


@njit(cache=True)
def bounds(xy: Floats) -> tuple[float, float, float, float]:  # pragma: no cover
    """Return the box of places: west, south, east, north."""
    x0 = y0 = math.inf
    x1 = y1 = -math.inf
    for k in range(xy.shape[0]):
        x0, x1 = min(x0, xy[k, 0]), max(x1, xy[k, 0])
        y0, y1 = min(y0, xy[k, 1]), max(y1, xy[k, 1])
    return x0, y0, x1, y1


def box_lines(xy: Floats, start: Longs) -> Boxes:
    """Return the boxes of runs of segments, line after line."""
    runs = (np.diff(start) - 2) // _BOXED + 1
    begin = np.concatenate([[0], np.cumsum(runs)])
    n = int(begin[-1])
    line, first, last = np.empty((3, n), dtype=np.int32)
    boxes = Boxes(line, first, last, np.empty((n, 4)), np.empty(n, dtype=np.uint8))
    in_parts(
        lambda low, high: _box_lines(xy, start, begin, boxes, low, high),
        runs.size,
        least=LINES_A_THREAD,
    )
    return boxes


@njit(cache=True, nogil=True)
def _box_lines(  # pragma: no cover
    xy: Floats, start: Longs, begin: Longs, boxes: Boxes, low: int, high: int
) -> None:
    """Put the boxes of the lines low … high − 1 where they belong; those of a line are together."""
    owner, first, last, box, ways = boxes
    for line in range(low, high):
        n = begin[line]
        for k in range(start[line], start[line + 1] - 1, _BOXED):
            end = min(k + _BOXED, start[line + 1] - 1)
            x0 = x1 = xy[k, 0]
            y0 = y1 = xy[k, 1]
            way = 255
            for j in range(k + 1, end + 1):
                x, y, dx, dy = xy[j, 0], xy[j, 1], xy[j, 0] - xy[j - 1, 0], xy[j, 1] - xy[j - 1, 1]
                x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
                way &= (
                    (dx > 0.0) | (dx < 0.0) << 1 | (dy > 0.0) << 2 | (dy < 0.0) << 3
                    | (dx > -dy) << 4 | (dx < -dy) << 5 | (dx > dy) << 6 | (dx < dy) << 7
                )  # fmt: skip
            owner[n], first[n], last[n], ways[n] = line, k, end, way
            box[n, 0], box[n, 1], box[n, 2], box[n, 3] = x0, y0, x1, y1
            n += 1


def order_of_places(xy: Floats) -> Longs:
    """Return an order of places in which those near each other stand near each other.

    They are sorted along a Z-shaped curve through the squares of a grid, so that what is looked
    for beside a place is most often still in the processor's cache.
    """
    x0, y0, x1, y1 = bounds(xy)
    key = _curve(xy, x0, y0, (_SQUARES - 1) / max(x1 - x0, y1 - y0, 1e-9))
    key.sort()
    order: Longs = key & _NUMBER
    return order


@njit(cache=True)
def _curve(xy: Floats, x0: float, y0: float, per_degree: float) -> Longs:  # pragma: no cover
    """Return how far along the curve places are, and in the lower bits which place it is.

    The bits of column and row take turns.
    """
    key = np.empty(xy.shape[0], dtype=np.int64)
    for k in range(key.size):
        column, row = int((xy[k, 0] - x0) * per_degree), int((xy[k, 1] - y0) * per_degree)
        along = 0
        for bit in range(_BITS):
            along |= ((column >> bit) & 1) << (2 * bit) | ((row >> bit) & 1) << (2 * bit + 1)
        key[k] = along << _NUMBER_BITS | k
    return key


@njit(cache=True)
def _group_places(  # pragma: no cover
    xy: Floats, x0: float, y0: float, per_degree: float, columns: int, rows: int
) -> tuple[Longs, Longs]:
    """Group places by cell."""
    cell = np.empty(xy.shape[0], dtype=np.int64)
    start = np.zeros(columns * rows + 1, dtype=np.int64)
    for k in range(cell.size):
        column, row = int((xy[k, 0] - x0) * per_degree), int((xy[k, 1] - y0) * per_degree)
        cell[k] = row * columns + column
        start[cell[k]] += 1
    _fill_from_end(start)
    member = np.empty(cell.size, dtype=np.int64)
    for k in range(cell.size - 1, -1, -1):
        start[cell[k]] -= 1
        member[start[cell[k]]] = k
    return start, member


@njit(cache=True)
def _group_boxes(  # pragma: no cover
    box: Floats, x0: float, y0: float, per_degree: float, columns: int, rows: int
) -> tuple[Longs, Longs]:
    """Group boxes by every cell that they touch."""
    touched = np.empty((box.shape[0], 4), dtype=np.int32)
    start = np.zeros(columns * rows + 1, dtype=np.int64)
    for k in range(box.shape[0]):
        c0, c1 = int((box[k, 0] - x0) * per_degree), int((box[k, 2] - x0) * per_degree)
        r0, r1 = int((box[k, 1] - y0) * per_degree), int((box[k, 3] - y0) * per_degree)
        touched[k, 0], touched[k, 1], touched[k, 2], touched[k, 3] = c0, c1, r0, r1
        for r in range(r0, r1 + 1):
            for c in range(c0, c1 + 1):
                start[r * columns + c] += 1
    _fill_from_end(start)
    member = np.empty(start[-1], dtype=np.int64)
    for k in range(box.shape[0] - 1, -1, -1):
        for r in range(touched[k, 2], touched[k, 3] + 1):
            for c in range(touched[k, 0], touched[k, 1] + 1):
                start[r * columns + c] -= 1
                member[start[r * columns + c]] = k
    return start, member


@leaf
def _fill_from_end(start: Longs) -> None:  # pragma: no cover
    """Turn how many there are of each into where each ends, in place; filled from the end."""
    for c in range(1, start.size):
        start[c] += start[c - 1]


@leaf
def reached(  # pragma: no cover
    grid: Grid, x0: float, y0: float, x1: float, y1: float
) -> tuple[int, int, int, int]:
    """Return the cells (first and last column and row) of a box."""
    c0 = min(max(int((x0 - grid.x0) * grid.per_degree), 0), grid.columns)
    c1 = max(min(int((x1 - grid.x0) * grid.per_degree), grid.columns - 1), -1)
    r0 = min(max(int((y0 - grid.y0) * grid.per_degree), 0), grid.rows)
    r1 = max(min(int((y1 - grid.y0) * grid.per_degree), grid.rows - 1), -1)
    if x1 < grid.x0 or y1 < grid.y0:
        return 0, -1, 0, -1
    return c0, c1, r0, r1
