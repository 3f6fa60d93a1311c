"""The exact plan: a mixed-integer program over ways, solved by HiGHS (model §8).

A way that n checkpoints see is detected with 1 − (1 − q)ⁿ, concave in n: each further checkpoint on
it is one variable in [0, 1] that is worth less than the one before, so that only the choice of
places has to be whole. The program is made small before it is solved: candidates that see the same
ways are one variable; with q = 1 a candidate is left out that sees only what another sees, too;
and so is one that the relaxed program shows to be in no choice better than the one at hand.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from riskmap.network.arcs import Bools, Floats, Ints
from riskmap.planning.siting import Choice
from riskmap.planning.traffic import Places
from riskmap.planning.ways import Ways, merge_ways

#: Further checkpoints on a way that would add less than this share of it have no variable.
LEAST_STEP = 1e-13
#: The solver's tolerances are about 1e-6 in its own units: the sum of transits is scaled to this.
SCALE = 1e5
#: What the solver's tolerances leave between an optimum and its bound, as a share.
SOLVED = 1e-7


@dataclass(frozen=True, slots=True)
class Program:
    """Hold a program: the ways, and what each of its columns stands for.

    Attributes
    ----------
    ways
        Ways by column.
    members
        The candidates that each column stands for.
    count
        How many places to choose.
    """

    ways: Ways
    members: tuple[Places, ...]
    count: int

    @property
    def room(self) -> Floats:
        """Return how many checkpoints each column can take."""
        return np.array([some.size for some in self.members], dtype=np.float64)

    @property
    def steps(self) -> Ints:
        """Return how many checkpoints can matter on each way."""
        most = self.count
        if self.ways.q >= 1.0:
            most = 1
        elif self.ways.q > 0.0:
            most = min(most, 1 + int(np.log(LEAST_STEP) / np.log1p(-self.ways.q)))
        seeing: Floats = self.ways.passes @ self.room
        return np.minimum(seeing, most).astype(np.int32)

    def worth(self) -> Floats:
        """Return what each variable adds: columns nothing, a way's next checkpoint q (1 − q)ᵐ."""
        steps, q = self.steps, self.ways.q
        step = np.arange(steps.sum()) - np.repeat(np.cumsum(steps) - steps, steps)
        gains = np.repeat(self.ways.transits, steps) * q * (1.0 - q) ** step.astype(np.float64)
        return np.concatenate([np.zeros(len(self.members)), gains])

    def rows(self) -> tuple[sp.csr_array, Floats]:
        """Let no way have more detections than checkpoints, nor the plan more than its count."""
        n_ways, n_places = self.ways.passes.shape
        way = np.repeat(np.arange(n_ways), self.steps)
        seen = sp.csr_array(
            (np.ones(way.size), (way, np.arange(way.size))), shape=(n_ways, way.size)
        )
        spent = np.concatenate([np.ones(n_places), np.zeros(way.size)])
        matrix = sp.vstack([sp.hstack([-self.ways.passes, seen]), spent[None, :]], format="csr")
        return matrix, np.concatenate([np.zeros(n_ways), [float(self.count)]])

    def without(self, columns: Bools) -> Program:
        """Return the program without some columns; ways that then look alike are one."""
        kept = np.flatnonzero(~columns)
        ways = merge_ways(replace(self.ways, passes=self.ways.passes[:, kept]))
        return replace(self, ways=ways, members=tuple(self.members[j] for j in kept))


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
    if start.gap == 0.0 or time.monotonic() >= deadline:
        return start
    program = _condense(ways, count)
    start, idle = _relax(program, start, deadline=deadline)
    if start.gap == 0.0 or time.monotonic() >= deadline:
        return start
    places, bound = _solve(program.without(idle), deadline=deadline)
    # What was left out is in no choice better than the start.
    best = replace(start, bound=min(start.bound, max(bound, start.value)))
    if places is not None:
        places = _fill_up(places, count, ways.passes.shape[1])
        value, _ = ways.values(places)
        best = Choice(places, value, best.bound) if value > best.value else best
    solved = best.bound <= best.value * (1.0 + SOLVED)
    return replace(best, bound=best.value) if solved else best


def _condense(ways: Ways, count: int) -> Program:
    """Make one column of candidates that see the same, and drop what others make needless."""
    columns = ways.passes.tocsc()
    columns.sort_indices()
    groups: dict[bytes, list[int]] = {}
    for j in range(columns.shape[1]):
        seen = columns.indices[columns.indptr[j] : columns.indptr[j + 1]]
        if seen.size:
            groups.setdefault(seen.tobytes(), []).append(j)
    first = [some[0] for some in groups.values()]
    members = tuple(np.array(some, dtype=np.int64) for some in groups.values())
    program = Program(replace(ways, passes=ways.passes[:, first]), members, count)
    return program.without(_dominated(program.ways.passes)) if ways.q >= 1.0 else program


def _dominated(passes: sp.csr_array) -> Bools:
    """Return the columns that see part of what another column sees."""
    both = (passes.T @ passes).tocoo()
    alone = np.asarray(passes.sum(axis=0)).ravel()
    within = (both.data == alone[both.row]) & (both.row != both.col)
    dominated = np.zeros(passes.shape[1], dtype=np.bool_)
    dominated[both.row[within]] = True
    return dominated


def _relax(program: Program, start: Choice, *, deadline: float) -> tuple[Choice, Bools]:
    """Bound the start by the relaxed program; return also the columns in no better choice."""
    worth, (matrix, limit) = program.worth(), program.rows()
    n_places = len(program.members)
    scale = SCALE / program.ways.transits.sum()
    result = linprog(
        -scale * worth,
        A_ub=matrix,
        b_ub=limit,
        bounds=np.column_stack([np.zeros(worth.size), _most(program, worth.size)]),
        method="highs",
        options={"time_limit": _remaining(deadline)},
    )
    if result.status != 0:
        return start, np.zeros(n_places, dtype=np.bool_)
    relaxed = -result.fun / scale
    proven = relaxed <= start.value * (1.0 + SOLVED)
    bound = start.value if proven else max(min(start.bound, relaxed), start.value)
    # One checkpoint there would cost its reduced cost: is less left than the start intercepts?
    cost = result.lower.marginals[:n_places] / scale
    return replace(start, bound=bound), relaxed - cost < start.value * (1.0 - SOLVED)


def _solve(program: Program, *, deadline: float) -> tuple[Places | None, float]:
    """Solve a program; return candidates (None: none found in time) and a bound."""
    worth, (matrix, limit) = program.worth(), program.rows()
    n_places = len(program.members)
    scale = SCALE / max(program.ways.transits.sum(), np.finfo(np.float64).tiny)
    result = milp(
        -scale * worth,
        integrality=np.arange(worth.size) < n_places,
        bounds=Bounds(0.0, _most(program, worth.size)),
        constraints=LinearConstraint(matrix, -np.inf, limit),
        options={"time_limit": _remaining(deadline), "mip_rel_gap": 0.0},
    )
    dual = result.mip_dual_bound
    bound = np.inf if dual is None or not np.isfinite(dual) else -dual / scale
    if result.x is None:
        return None, bound
    amounts = np.round(result.x[:n_places]).astype(np.int64)
    chosen = [some[:n] for some, n in zip(program.members, amounts, strict=True)]
    return np.concatenate([np.empty(0, dtype=np.int64), *chosen]), bound


def _most(program: Program, n: int) -> Floats:
    return np.concatenate([program.room, np.ones(n - len(program.members))])


def _remaining(deadline: float) -> float:
    return max(deadline - time.monotonic(), 0.01)


def _fill_up(places: Places, count: int, n_candidates: int) -> Places:
    """Add the first candidates that are free, up to the count."""
    free = np.setdiff1d(np.arange(n_candidates), places)
    return np.concatenate([places, free[: max(count - places.size, 0)]])
