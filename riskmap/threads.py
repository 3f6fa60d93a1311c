"""Threads: work on the parts of a range at once, with results that do not depend on their number.

The work is a compiled kernel that lets other threads run (`nogil`); each number is still made by
one of them, and in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import get_num_threads

Result = TypeVar("Result")


def in_parts(work: Callable[[int, int], Result], n: int, *, least: int) -> list[Result]:
    """Do work on parts of the range 0 … n at once; return the results in order of the parts.

    Parameters
    ----------
    work
        What to do from one position to before another.
    n
        Length of the range.
    least
        Fewer than this are not worth a thread.
    """
    parts = max(1, min(get_num_threads(), n // least))
    return _at_once(work, [n * k // parts for k in range(parts + 1)])


def in_shares(
    work: Callable[[int, int], Result], cost: npt.NDArray[np.int64], *, least: int
) -> list[Result]:
    """Do work on parts of a range at once, as `in_parts`, of about the same cost each.

    Parameters
    ----------
    work
        What to do from one position to before another.
    cost
        What each position costs together with all before it.
    least
        What costs less than this is not worth a thread.
    """
    total = int(cost[-1]) if cost.size else 0
    parts = max(1, min(get_num_threads(), total // least))
    inner = np.searchsorted(cost, total * np.arange(1, parts) / parts)
    return _at_once(work, [0, *inner.tolist(), cost.size])


def ahead(items: Iterator[Result]) -> Iterator[Result]:
    """Return items, each made while the one before it is in use."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield cast("Result", item)


def _at_once(work: Callable[[int, int], Result], bounds: Sequence[int]) -> list[Result]:
    """Do work on the ranges between bounds at once; return the results in their order."""
    last = bounds[-2], bounds[-1]
    if len(bounds) == 2:
        return [work(*last)]
    with ThreadPoolExecutor(len(bounds) - 2) as pool:  # this thread takes the last range itself
        others = pool.map(work, bounds[:-2], bounds[1:-1])
        own = work(*last)
        return [*others, own]
