"""What is asked of a plan of checkpoints, and what is refused; every problem is named."""

from __future__ import annotations

import math
import sys
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from riskmap.errors import PlanError, Problem
from riskmap.network.arcs import Ints
from riskmap.planning.means import Means
from riskmap.planning.placement import Method
from riskmap.planning.traffic import Traffic, Watch

METHODS: tuple[str, ...] = get_args(Method)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Hold what is asked for; the values are those of `riskmap.plan_checkpoints`.

    Raises
    ------
    PlanError
        Where no plan can be made with them.
    """

    count: int | None = None
    budget: float | None = None
    costs: Mapping[Hashable, float] | None = None
    method: Method = "greedy"
    detection_probability: float = 1.0
    tolerance: float = 0.0
    ends_count: bool = True
    candidates: Iterable[Hashable] | None = None
    time_limit_s: float = 60.0

    def __post_init__(self) -> None:
        problems = _means_problems(self.count, self.budget) + _number_problems(
            self.method, self.detection_probability, self.tolerance, self.time_limit_s
        )
        if problems:
            raise PlanError(problems)


def _means_problems(count: object, budget: object) -> list[Problem]:
    problems = []
    if not (_is_whole(count) and count >= 1) and (count is not None or budget is None):  # type: ignore[operator]
        problems.append(_problem("count", count, "a whole number, 1 or more", "ask for one"))
    if budget is not None and not (_within(budget, 0.0, math.inf) and budget != 0):
        problems.append(_problem("budget", budget, "more than 0", "give what may be spent"))
    return problems


def _number_problems(
    method: object, q: object, tolerance: object, time_limit_s: object
) -> list[Problem]:
    """Name everything that no plan can be made with."""
    problems = []
    if method not in METHODS:
        wanted = " or ".join(f'"{name}"' for name in METHODS)
        problems.append(_problem("method", method, wanted, "choose one of them"))
    if not _within(q, 0.0, 1.0):
        problems.append(_problem("detection_probability", q, "0 to 1", "give a share, such as 0.3"))
    if not _within(tolerance, 0.0, math.inf):
        problems.append(
            _problem("tolerance", tolerance, "0 or more", "0.25 allows ways round 25 % longer")
        )
    if not (_within(time_limit_s, 0.0, math.inf) and time_limit_s != 0):
        problems.append(_problem("time_limit_s", time_limit_s, "seconds above 0", "60 is usual"))
    return problems


def _is_whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _within(value: object, low: float, high: float) -> bool:
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return number and low <= float(value) <= high  # type: ignore[arg-type]


def _problem(name: str, seen: object, wanted: str, remedy: str) -> Problem:
    return Problem(name, None, f"is {seen!r}, wanted {wanted}", remedy)


def candidate_nodes(request: Request, position: Mapping[Hashable, int]) -> Ints:
    """Return the positions of the candidates, each once, in their order.

    Raises
    ------
    PlanError
        Where a candidate is unknown, or there are fewer than checkpoints.
    """
    given, count = request.candidates, request.count
    names = list(position) if given is None else list(dict.fromkeys(given))
    unknown = [name for name in names if name not in position]
    if unknown:
        raise PlanError(
            Problem(
                "candidates",
                f"node {name!r}",
                "is not a node of the graph",
                "use the graph's own node names",
            )
            for name in unknown
        )
    if count is not None and count > len(names):
        raise PlanError(
            _problem(
                "count", count, f"no more than there are candidates: {len(names)}", "ask for fewer"
            )
        )
    return np.array([position[name] for name in names], dtype=np.int32)


def means_of(request: Request, names: Sequence[Hashable]) -> Means:
    """Return what may be spent on the candidates, in their order.

    Parameters
    ----------
    request
        What is asked for.
    names
        The candidates.

    Raises
    ------
    PlanError
        Where a candidate has no cost, or none can be had for the budget.
    """
    costs, budget = request.costs, request.budget
    problems = [
        Problem(
            "costs",
            f"node {name!r}",
            "has no cost" if name not in costs else f"is {costs[name]!r}, wanted more than 0",
            "give what a checkpoint there costs",
        )
        for name in names
        if costs is not None and not _is_cost(costs.get(name))
    ]
    if problems:
        raise PlanError(problems)
    cost = np.array([1.0 if costs is None else float(costs[name]) for name in names])
    most = math.inf if budget is None else float(budget)
    if cost.min() > most:
        raise PlanError(
            _problem(
                "budget",
                budget,
                f"no less than the cheapest candidate costs: {cost.min():g}",
                "raise it",
            )
        )
    count = len(names) if request.count is None else request.count
    return Means(count, cost, most)


def _is_cost(value: object) -> bool:
    return _within(value, 0.0, sys.float_info.max) and value != 0


def check_routes(traffic: Traffic, watch: Watch, means: Means) -> None:
    """Refuse candidates that no trip passes, or none that can be had.

    Raises
    ------
    PlanError
        Where none is passed.
    """
    passed = traffic.passing(ends_count=watch.ends_count)[watch.candidates] > 0.0
    if passed.any() and not (passed & means.open(np.empty(0, dtype=np.int64))).any():
        raise PlanError(
            _problem(
                "budget",
                means.budget,
                "no less than the cheapest candidate on a route costs: "
                f"{means.cost[passed].min():g}",
                "raise it",
            )
        )
    if not passed.any():
        raise PlanError(
            Problem(
                "candidates",
                None,
                "no candidate is on any route of the demand",
                "choose nodes that trips pass, or check the demand",
            )
        )
