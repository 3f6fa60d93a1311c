"""Second digitisations: which runs of vertices lie along each other, and which of them stays.

Runs are told by their first and last vertex. Which pairs are asked about, and what becomes of the
run that does not stay, is decided in `riskmap.network.noding` and `riskmap.network.cutting`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from riskmap.geodesy import run_lengths_km, scale_at
from riskmap.network.arcs import Bools, Floats
from riskmap.network.grids import Longs
from riskmap.network.joining import mark_runs
from riskmap.network.nearness import runs_along
from riskmap.network.runs import rows_of_runs
from riskmap.threads import in_parts

#: Pairs that are worth a thread of their own.
PAIRS_A_THREAD = 100


class Drawn(NamedTuple):
    """Hold what was drawn: vertices, the lines that they are of, and where lines were cut.

    Line `line[i]` begins at vertex `begin[i]`, and ends where the next one does; both are in order,
    as are the vertices in `joint`, where a line was cut by whoever drew it. Of each line `rank` (of
    equal lines the lowest stays), and whether it runs `forward` here.
    """

    xy: Floats
    begin: Longs
    line: Longs
    joint: Longs
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
    along = in_parts(
        lambda low, high: _lie_along(drawn.xy, first, last, pairs[low:high], tolerance_m),
        len(pairs),
        least=PAIRS_A_THREAD,
    )
    pairs = pairs[np.concatenate(along)]
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
    at, start = rows_of_runs(first, last + 1 - first)
    xy = drawn.xy.take(at, axis=0)
    low, high = np.searchsorted(drawn.joint, first), np.searchsorted(drawn.joint, last, "right")
    joints, joint_start = rows_of_runs(low, high - low)
    cuts = mark_runs(drawn.xy[drawn.joint[joints]], joint_start[:-1], joint_start[1:])
    least, forward = _ruling_lines(drawn, first, last)
    ahead = (drawn.xy[last] - drawn.xy[first]) * np.where(forward, 1, -1)[:, None]
    order: Longs = np.lexsort(
        (
            -ahead[:, 1],
            -ahead[:, 0],
            least,
            cuts,
            np.diff(joint_start),
            mark_runs(xy, start[:-1], start[1:]),
            -np.round(run_lengths_km(drawn.xy, first, last), 9),
        )
    )
    return order


def _ruling_lines(drawn: Drawn, first: Longs, last: Longs) -> tuple[Longs, Bools]:
    """Return, of the lines of each run, the lowest rank, and whether that line runs forward."""
    low = np.searchsorted(drawn.begin, first, "right") - 1
    held, start = rows_of_runs(low, np.searchsorted(drawn.begin, last) - low)
    line = drawn.line[held]
    nothing = drawn.begin[held] == np.append(drawn.begin, -1)[held + 1]
    rank = np.where(nothing, np.iinfo(np.int64).max, drawn.rank[line])
    least = np.minimum.reduceat(rank, start[:-1])
    ruling = np.flatnonzero(rank == np.repeat(least, np.diff(start)))
    forward: Bools = drawn.forward[line[ruling[np.searchsorted(ruling, start[:-1])]]]
    return least, forward


@njit(cache=True, nogil=True)
def _lie_along(  # pragma: no cover
    xy: Floats, first: Longs, last: Longs, pairs: Longs, within_m: float
) -> Bools:
    along = np.empty(pairs.shape[0], dtype=np.bool_)
    for k in range(pairs.shape[0]):
        one, other = pairs[k, 0], pairs[k, 1]
        runs = (first[one], last[one] + 1), (first[other], last[other] + 1)
        along[k] = runs_along(xy, runs[0], runs[1], within_m, scale_at(xy[first[one], 1]))
    return along


@njit(cache=True)
def _dominated(n: int, pairs: Longs) -> Bools:  # pragma: no cover
    """Tell what is beaten by something unbeaten; pairs of ranks, sorted by the better one's."""
    beaten = np.zeros(n, dtype=np.bool_)
    for k in range(pairs.shape[0]):
        if not beaten[pairs[k, 0]]:
            beaten[pairs[k, 1]] = True
    return beaten
