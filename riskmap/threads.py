"""Threads: work on the parts of a range at once, with results that do not depend on their number.

The work is a compiled kernel that lets other threads run (`nogil`); each number is still made by
one of them, and in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

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
    bounds = [n * k // parts for k in range(parts + 1)]
    if parts == 1:
        return [work(0, n)]
    with ThreadPoolExecutor(parts - 1) as pool:  # this thread takes the last part itself
        others = pool.map(work, bounds[:-2], bounds[1:-1])
        last = work(bounds[-2], bounds[-1])
        return [*others, last]
