"""Runs of vertices: taken out of many, in another order, some from their other end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from riskmap.network.arcs import Bools, Floats
from riskmap.threads import in_parts

Longs = npt.NDArray[np.int64]

#: Runs that are worth a thread of their own.
_RUNS_A_THREAD = 2000


def rows_of_runs(
    first: npt.NDArray[np.integer], sizes: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the rows of runs one after the other, and where each run then begins, and the total.

    Run k has the rows first[k] … first[k] + sizes[k] − 1.
    """
    start = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=start[1:])
    return np.repeat(first - start[:-1], sizes) + np.arange(start[-1]), start


def take_lines(coords: Floats, offsets: Longs, rows: Longs, turned: Bools) -> tuple[Floats, Longs]:
    """Return some of the lines, in an order, some from their other end."""
    return take_runs(coords, offsets[rows], offsets[rows + 1] - 1, turned)


def take_runs(coords: Floats, first: Longs, last: Longs, turned: Bools) -> tuple[Floats, Longs]:
    """Return runs of vertices one after the other, some from their other end, and their offsets."""
    start = np.zeros(first.size + 1, dtype=np.int64)
    np.cumsum(last + 1 - first, out=start[1:])
    out = np.empty((int(start[-1]), 2))
    in_parts(
        lambda low, high: _copy_runs(coords, first, turned, start, out, low, high),
        first.size,
        least=_RUNS_A_THREAD,
    )
    return out, start


@njit(cache=True, nogil=True)
def _copy_runs(  # pragma: no cover
    coords: Floats, first: Longs, turned: Bools, start: Longs, out: Floats, low: int, high: int
) -> None:
    """Copy the runs low … high − 1 to where they start."""
    for i in range(low, high):
        size = start[i + 1] - start[i]
        row, way = (first[i] + size - 1, -1) if turned[i] else (first[i], 1)
        for k in range(start[i], start[i + 1]):
            out[k, 0], out[k, 1] = coords[row, 0], coords[row, 1]
            row += way
