"""Grids: boxes round runs of segments, and which boxes or places lie in each cell of a grid."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

#: Segments in a box.
_BOXED = 8
#: Squares on a side of the grid by which places are put in order, and the bits of their number.
_BITS = 12
_SQUARES = 1 << _BITS


class Boxes(NamedTuple):
    """Hold the boxes of runs of a few segments: vertices first … last of one line."""

    line: Longs
    first: Longs
    last: Longs
    box: Floats


class Grid(NamedTuple):
    """Hold a grid of square cells, and what lies in each: `member[start[c] : start[c + 1]]`."""

    x0: float
    y0: float
    side: float
    columns: int
    rows: int
    start: Longs
    member: Longs


def take_boxes(boxes: Boxes, rows: npt.NDArray[np.integer]) -> Boxes:
    """Return some of the boxes."""
    return Boxes(boxes.line[rows], boxes.first[rows], boxes.last[rows], boxes.box[rows])


def _cells(low: Floats, high: Floats, n: float, least: float) -> tuple[float, int, int]:
    """Return side, columns and rows of a grid of about n cells, none smaller than `least`."""
    width, height = float(high[0] - low[0]), float(high[1] - low[1])
    side = max(math.sqrt(width * height / n), width / 4000, height / 4000, least, 1e-9)
    return side, int(width / side) + 1, int(height / side) + 1


def place_grid(xy: Floats, margin: tuple[float, float]) -> Grid:
    """Lay a grid over places."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    side, columns, rows = _cells(low, high, max(1024.0, 2.0 * len(xy)), 2.0 * max(margin))
    cell = ((xy - low) / side).astype(np.int64)
    start, member = _group(cell[:, 1] * columns + cell[:, 0], columns * rows)
    return Grid(float(low[0]), float(low[1]), side, columns, rows, start, member)


def box_grid(box: Floats) -> Grid:
    """Lay a grid over boxes, shape (n, 4); each is a member of every cell that it touches."""
    low, high = box[:, :2].min(axis=0), box[:, 2:].max(axis=0)
    side, columns, rows = _cells(low, high, max(1024.0, 1.0 * len(box)), 0.0)
    start, member = _group_boxes(box, float(low[0]), float(low[1]), side, columns, rows)
    return Grid(float(low[0]), float(low[1]), side, columns, rows, start, member)


@njit(cache=True)
def box_lines(xy: Floats, start: Longs) -> Boxes:  # pragma: no cover
    """Return the boxes of runs of segments, line after line."""
    n = 0
    for line in range(start.size - 1):
        n += (start[line + 1] - start[line] - 2) // _BOXED + 1
    owner = np.empty(n, dtype=np.int64)
    first, last = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    box = np.empty((n, 4))
    n = 0
    for line in range(start.size - 1):
        for k in range(start[line], start[line + 1] - 1, _BOXED):
            end = min(k + _BOXED, start[line + 1] - 1)
            owner[n], first[n], last[n] = line, k, end
            x0 = x1 = xy[k, 0]
            y0 = y1 = xy[k, 1]
            for j in range(k + 1, end + 1):
                x0, x1 = min(x0, xy[j, 0]), max(x1, xy[j, 0])
                y0, y1 = min(y0, xy[j, 1]), max(y1, xy[j, 1])
            box[n, 0], box[n, 1], box[n, 2], box[n, 3] = x0, y0, x1, y1
            n += 1
    return Boxes(owner, first, last, box)


def order_of_places(xy: Floats) -> Longs:
    """Return an order of places in which those near each other stand near each other.

    They are sorted along a Z-shaped curve through the squares of a grid, so that what is looked
    for beside a place is most often still in the processor's cache.
    """
    low = xy.min(axis=0)
    side = max(float((xy.max(axis=0) - low).max()), 1e-9) / (_SQUARES - 1)
    return np.argsort(_curve(((xy - low) / side).astype(np.int64)), kind="stable")


@njit(cache=True)
def _curve(square: Longs) -> Longs:  # pragma: no cover
    """Return how far along the curve squares are: the bits of column and row take turns."""
    along = np.zeros(square.shape[0], dtype=np.int64)
    for k in range(square.shape[0]):
        for bit in range(_BITS):
            along[k] |= ((square[k, 0] >> bit) & 1) << (2 * bit)
            along[k] |= ((square[k, 1] >> bit) & 1) << (2 * bit + 1)
    return along


@njit(cache=True)
def _group(cell: Longs, n: int) -> tuple[Longs, Longs]:  # pragma: no cover
    """Group positions by cell."""
    start = np.zeros(n + 1, dtype=np.int64)
    for k in range(cell.size):
        start[cell[k] + 1] += 1
    for c in range(n):
        start[c + 1] += start[c]
    fill = start[:-1].copy()
    member = np.empty(cell.size, dtype=np.int64)
    for k in range(cell.size):
        member[fill[cell[k]]] = k
        fill[cell[k]] += 1
    return start, member


@njit(cache=True)
def _group_boxes(  # pragma: no cover
    box: Floats, x0: float, y0: float, side: float, columns: int, rows: int
) -> tuple[Longs, Longs]:
    """Group boxes by every cell that they touch."""
    start = np.zeros(columns * rows + 1, dtype=np.int64)
    for k in range(box.shape[0]):
        for r in range(int((box[k, 1] - y0) / side), int((box[k, 3] - y0) / side) + 1):
            for c in range(int((box[k, 0] - x0) / side), int((box[k, 2] - x0) / side) + 1):
                start[r * columns + c + 1] += 1
    for c in range(start.size - 1):
        start[c + 1] += start[c]
    fill = start[:-1].copy()
    member = np.empty(start[-1], dtype=np.int64)
    for k in range(box.shape[0]):
        for r in range(int((box[k, 1] - y0) / side), int((box[k, 3] - y0) / side) + 1):
            for c in range(int((box[k, 0] - x0) / side), int((box[k, 2] - x0) / side) + 1):
                member[fill[r * columns + c]] = k
                fill[r * columns + c] += 1
    return start, member


@njit(cache=True)
def reached(  # pragma: no cover
    grid: Grid, x0: float, y0: float, x1: float, y1: float
) -> tuple[int, int, int, int]:
    """Return the cells (first and last column and row) of a box."""
    c0 = min(max(int((x0 - grid.x0) / grid.side), 0), grid.columns)
    c1 = max(min(int((x1 - grid.x0) / grid.side), grid.columns - 1), -1)
    r0 = min(max(int((y0 - grid.y0) / grid.side), 0), grid.rows)
    r1 = max(min(int((y1 - grid.y0) / grid.side), grid.rows - 1), -1)
    if x1 < grid.x0 or y1 < grid.y0:
        return 0, -1, 0, -1
    return c0, c1, r0, r1
