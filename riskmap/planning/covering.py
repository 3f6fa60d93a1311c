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
from riskmap.planning.means import Means
from riskmap.planning.siting import Choice, improve_by_restarts
from riskmap.planning.traffic import Places
from riskmap.planning.ways import Ways, merge_ways

#: Further checkpoints on a way that would add less than this share of it have no variable.
LEAST_STEP = 1e-13
#: How often some places are taken out and chosen anew, and the share of the time that it may take.
RESTARTS = 30
SHARE = 0.1
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
    cost
        What each column's candidates cost, each of them the same.
    means
        What may be spent.
    """

    ways: Ways
    members: tuple[Places, ...]
    cost: Floats
    means: Means

    @property
    def room(self) -> Floats:
        """Return how many checkpoints each column can take."""
        return np.array([some.size for some in self.members], dtype=np.float64)

    @property
    def steps(self) -> Ints:
        """Return how many checkpoints can matter on each way."""
        most = self.means.count
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
        spent = [np.ones(n_places)]
        most = [float(self.means.count)]
        if self.means.priced:
            spent.append(self.cost / self.means.budget)
            most.append(1.0)
        sums = sp.csr_array(np.pad(np.array(spent), ((0, 0), (0, way.size))))
        matrix = sp.vstack([sp.hstack([-self.ways.passes, seen]), sums], format="csr")
        return matrix, np.concatenate([np.zeros(n_ways), most])

    def without(self, columns: Bools) -> Program:
        """Return the program without some columns; ways that then look alike are one."""
        kept = np.flatnonzero(~columns)
        ways = merge_ways(replace(self.ways, passes=self.ways.passes[:, kept]))
        members = tuple(self.members[j] for j in kept)
        return replace(self, ways=ways, members=members, cost=self.cost[kept])


def solve_choice(ways: Ways, start: Choice, *, means: Means, deadline: float) -> Choice:
    """Choose the places that intercept most, with a proof or with the gap that is left.

    Parameters
    ----------
    ways
        What is to be intercepted.
    start
        A choice to beat; it is returned where the solver finds none that is better.
    means
        What may be spent.
    deadline
        Time by `time.monotonic` at which to stop.
    """
    if start.gap == 0.0 or time.monotonic() >= deadline:
        return start
    program = _condense(ways, means)
    relaxed = _relax(program, deadline=deadline)
    start = _bound_by(relaxed, start)
    # What the relaxed program leaves open is looked at once more: a better start rules out more.
    start = improve_by_restarts(
        ways.values, start, means=means, rounds=RESTARTS, deadline=_part(deadline, SHARE)
    )
    start = _bound_by(relaxed, start)
    if start.gap == 0.0 or time.monotonic() >= deadline:
        return start
    idle = relaxed.bound - relaxed.cost < start.value * (1.0 - SOLVED)
    places, bound = _solve(program.without(idle), deadline=deadline)
    # What was left out is in no choice better than the start.
    best = replace(start, bound=min(start.bound, max(bound, start.value)))
    if places is not None:
        places = _fill_up(places, means)
        value, _ = ways.values(places)
        # The solver's tolerance may let a budget be overspent by a millionth.
        if value > best.value and means.keeps(places):
            best = Choice(places, value, max(best.bound, value))
    solved = best.bound <= best.value * (1.0 + SOLVED)
    return replace(best, bound=best.value) if solved else best


def _condense(ways: Ways, means: Means) -> Program:
    """Make one column of candidates that see and cost the same; drop what others make needless."""
    columns = ways.passes.tocsc()
    columns.sort_indices()
    groups: dict[tuple[bytes, float], list[int]] = {}
    for j in np.flatnonzero(means.open(np.empty(0, dtype=np.int64))).tolist():
        seen = columns.indices[columns.indptr[j] : columns.indptr[j + 1]]
        if seen.size:
            price = float(means.cost[j]) if means.priced else 1.0
            groups.setdefault((seen.tobytes(), price), []).append(j)
    first = [some[0] for some in groups.values()]
    members = tuple(np.array(some, dtype=np.int64) for some in groups.values())
    cost = np.array([price for _, price in groups])
    program = Program(replace(ways, passes=ways.passes[:, first]), members, cost, means)
    return program.without(_dominated(program)) if ways.q >= 1.0 else program


def _dominated(program: Program) -> Bools:
    """Return the columns that see part of what another column sees that costs no more."""
    passes, cost = program.ways.passes, program.cost
    both = (passes.T @ passes).tocoo()
    alone = np.asarray(passes.sum(axis=0)).ravel()
    within = (both.data == alone[both.row]) & (both.row != both.col)
    within &= cost[both.col] <= cost[both.row]
    dominated = np.zeros(passes.shape[1], dtype=np.bool_)
    dominated[both.row[within]] = True
    return dominated


@dataclass(frozen=True, slots=True)
class _Relaxed:
    """Hold what the relaxed program says: its bound, and what one checkpoint in a column costs."""

    bound: float
    cost: Floats


def _relax(program: Program, *, deadline: float) -> _Relaxed:
    """Solve the relaxed program; without an answer in time nothing is bounded or ruled out."""
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
        return _Relaxed(np.inf, np.zeros(n_places))
    return _Relaxed(-result.fun / scale, result.lower.marginals[:n_places] / scale)


def _bound_by(relaxed: _Relaxed, choice: Choice) -> Choice:
    """Bound a choice by the relaxed program; within the solver's tolerance it is the best."""
    proven = relaxed.bound <= choice.value * (1.0 + SOLVED)
    bound = choice.value if proven else max(min(choice.bound, relaxed.bound), choice.value)
    return replace(choice, bound=bound)


def _part(deadline: float, share: float) -> float:
    """Return the deadline of a share of the time that is left."""
    now = time.monotonic()
    return now + share * max(deadline - now, 0.0)


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


def _fill_up(places: Places, means: Means) -> Places:
    """Add the first candidates that are free, up to the count; a budget is not spent on nothing."""
    if means.priced:
        return places
    free = np.setdiff1d(np.arange(means.cost.size), places)
    return np.concatenate([places, free[: max(means.count - places.size, 0)]])
