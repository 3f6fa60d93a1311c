"""Second digitisations: which runs of vertices lie along each other, and which of them stays.

Runs are told by their first and last vertex. Which pairs are asked about, and what becomes of the
run that does not stay, is decided in `riskmap.network.noding` and `riskmap.network.cutting`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from riskmap.geodesy import line_lengths_km
from riskmap.network.arcs import Bools, Floats, Ints, rows_of_runs
from riskmap.network.grids import Longs
from riskmap.network.joining import mark_runs
from riskmap.network.nearness import runs_along, scales


class Drawn(NamedTuple):
    """Hold what was drawn, vertex by vertex: place, line of the segment that begins, joint or not.

    Of each line the rank (of equal lines the lowest stays), and whether it runs forward here.
    """

    xy: Floats
    line: Ints
    joint: Bools
    rank: Longs
    forward: Bools


def leave_seconds(
    drawn: Drawn, first: Longs, last: Longs, pairs: Longs, *, tolerance_m: float
) -> Bools:
    """Tell the runs of vertices that lie along a better one from end to end.

    Parameters
    ----------
    drawn
        The vertices and their lines.
    first, last
        First and last vertex of each run, shape (n_runs,).
    pairs
        Runs to be compared, with the same two ends, shape (n_pairs, 2).
    tolerance_m
        Every vertex of each of two runs is no farther from the other than this, m.
    """
    second = np.zeros(first.size, dtype=np.bool_)
    metres = scales(drawn.xy[first[pairs[:, 0]]])
    pairs = pairs[_lie_along(drawn.xy, first, last, pairs, metres, tolerance_m)]
    if pairs.size:
        runs, member = np.unique(pairs, return_inverse=True)
        order = _order(drawn, first[runs], last[runs])
        rank = np.empty(runs.size, dtype=np.int64)
        rank[order] = np.arange(runs.size)
        pairs = np.sort(rank[member.reshape(-1, 2)], axis=1)
        second[runs[order]] = _dominated(runs.size, pairs[np.argsort(pairs[:, 0], kind="stable")])
    return second


def _order(drawn: Drawn, first: Longs, last: Longs) -> Longs:
    """Return the order of runs, the ones that stay first.

    The longer comes first: it follows more bends. (The number of vertices would not do: a cut
    between two vertices adds one.) Equal ones are told apart by their places, by where they are
    cut, by what their lines say, and last by their direction, to the east first.
    """
    sizes = last + 1 - first
    at, start = rows_of_runs(first, sizes)
    xy, line = drawn.xy[at], drawn.line[at]
    joints = np.concatenate([[0], np.cumsum(drawn.joint[at])])[start]
    cuts = mark_runs(xy[drawn.joint[at]], joints[:-1], joints[1:])
    line[start[1:] - 1] = line[start[1:] - 2]  # none begins at a run's last vertex
    least = np.minimum.reduceat(drawn.rank[line], start[:-1])
    ruling = np.flatnonzero(drawn.rank[line] == np.repeat(least, sizes))
    forward = drawn.forward[line[ruling[np.searchsorted(ruling, start[:-1])]]]
    ahead = (drawn.xy[last] - drawn.xy[first]) * np.where(forward, 1, -1)[:, None]
    order: Longs = np.lexsort(
        (
            -ahead[:, 1],
            -ahead[:, 0],
            least,
            cuts,
            np.diff(joints),
            mark_runs(xy, start[:-1], start[1:]),
            -np.round(line_lengths_km(xy, start), 9),
        )
    )
    return order


@njit(cache=True)
def _lie_along(  # pragma: no cover
    xy: Floats, first: Longs, last: Longs, pairs: Longs, metres: Floats, within_m: float
) -> Bools:
    along = np.empty(pairs.shape[0], dtype=np.bool_)
    for k in range(pairs.shape[0]):
        one, other = pairs[k, 0], pairs[k, 1]
        along[k] = runs_along(
            xy, (first[one], last[one] + 1), (first[other], last[other] + 1), within_m, metres[k]
        )
    return along


@njit(cache=True)
def _dominated(n: int, pairs: Longs) -> Bools:  # pragma: no cover
    """Tell what is beaten by something unbeaten; pairs of ranks, sorted by the better one's."""
    beaten = np.zeros(n, dtype=np.bool_)
    for k in range(pairs.shape[0]):
        if not beaten[pairs[k, 0]]:
            beaten[pairs[k, 1]] = True
    return beaten
