"""The exact plan: a mixed-integer program over ways, solved by HiGHS (model §8).

A way that n checkpoints see is detected with 1 − (1 − q)ⁿ, concave in n: each further checkpoint on
it is one variable in [0, 1] that is worth less than the one before, so that only the choice of
places has to be whole. Candidates that see the same ways are one variable.
"""

from __future__ import annotations

import time

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, milp

from riskmap.network.arcs import Floats, Ints
from riskmap.planning.siting import Choice
from riskmap.planning.traffic import Places
from riskmap.planning.ways import Ways

#: Further checkpoints on a way that would add less than this share of it have no variable.
LEAST_STEP = 1e-13
#: The solver stops at gaps of about 1e-6 in its own units: the sum of transits is scaled to this.
SCALE = 1e5


def solve_choice(ways: Ways, start: Choice, *, count: int, deadline: float) -> Choice:
    """Choose the places that intercept most, with a proof or with the gap that is left.

    Parameters
    ----------
    ways
        What is to be intercepted.
    start
        A choice to beat; it is returned where the solver finds none that is better.
    count
        How many places.
    deadline
        Time by `time.monotonic` at which to stop.
    """
    remaining = deadline - time.monotonic()
    if start.gap == 0.0 or remaining <= 0.0:
        return start
    columns, member = _distinct_columns(ways.passes)
    room = np.bincount(member)
    steps = _steps(columns, ways.q, count)
    worth = np.repeat(ways.transits, steps) * _increments(steps, ways.q)
    scale = SCALE / ways.transits.sum()
    result = milp(
        np.concatenate([np.zeros(room.size), -scale * worth]),
        integrality=np.concatenate([np.ones(room.size), np.zeros(worth.size)]),
        bounds=Bounds(0.0, np.concatenate([room, np.ones(worth.size)])),
        constraints=_rows(columns, steps, count),
        options={"time_limit": remaining, "mip_rel_gap": 0.0},
    )
    bound = start.bound
    if result.mip_dual_bound is not None and np.isfinite(result.mip_dual_bound):
        bound = min(bound, -result.mip_dual_bound / scale)
    if result.x is None:
        return Choice(start.places, start.value, max(bound, start.value))
    places = _spend(np.round(result.x[: room.size]), member, count)
    value, _ = ways.values(places)
    best = (places, value) if value > start.value else (start.places, start.value)
    # An optimum is one to the solver's tolerance; what that leaves is not a gap.
    proven = result.status == 0 and bound <= best[1] * (1.0 + 1e-7)
    return Choice(*best, best[1] if proven else max(bound, best[1]))


def _distinct_columns(passes: sp.csr_array) -> tuple[sp.csr_array, Ints]:
    """Return the columns that differ, and which of them each column is."""
    columns = passes.tocsc()
    columns.sort_indices()
    keys: dict[bytes, int] = {}
    member = np.empty(passes.shape[1], dtype=np.int32)
    kept: list[int] = []
    for j in range(passes.shape[1]):
        rows = columns.indices[columns.indptr[j] : columns.indptr[j + 1]]
        member[j] = keys.setdefault(rows.tobytes(), len(keys))
        if member[j] == len(kept):
            kept.append(j)
    return columns[:, kept].tocsr(), member


def _steps(passes: sp.csr_array, q: float, count: int) -> Ints:
    """Return how many checkpoints can matter on each way."""
    most = count
    if q >= 1.0:
        most = 1
    elif q > 0.0:
        most = min(count, 1 + int(np.log(LEAST_STEP) / np.log1p(-q)))
    steps: Ints = np.full(passes.shape[0], most, dtype=np.int32)
    return steps


def _increments(steps: Ints, q: float) -> Floats:
    """Return q (1 − q)ᵐ for m = 0 … of every way: what its next checkpoint detects of it."""
    first = np.repeat(np.cumsum(steps) - steps, steps)
    worth = q * (1.0 - q) ** (np.arange(first.size) - first).astype(np.float64)
    return np.asarray(worth, dtype=np.float64)


def _rows(passes: sp.csr_array, steps: Ints, count: int) -> list[LinearConstraint]:
    """Let no way have more detections than checkpoints, nor the plan more than its count."""
    n_ways, n_places = passes.shape
    way = np.repeat(np.arange(n_ways), steps)
    seen = sp.csr_array((np.ones(way.size), (way, np.arange(way.size))), shape=(n_ways, way.size))
    spent = np.concatenate([np.ones(n_places), np.zeros(way.size)])
    return [
        LinearConstraint(sp.hstack([-passes, seen], format="csr"), -np.inf, 0.0),
        LinearConstraint(sp.csr_array(spent[None, :]), -np.inf, float(count)),
    ]


def _spend(amounts: Floats, member: Ints, count: int) -> Places:
    """Return candidates for the amount of each distinct column, filled up to the count."""
    chosen: list[int] = []
    for column in np.flatnonzero(amounts):
        chosen += np.flatnonzero(member == column)[: int(amounts[column])].tolist()
    taken = np.isin(np.arange(member.size), chosen)
    spare = np.flatnonzero(~taken)[: max(count - len(chosen), 0)]
    return np.concatenate([np.array(chosen, dtype=np.int64), spare])[:count]
