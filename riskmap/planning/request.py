"""What is asked of a plan of checkpoints, and what is refused; every problem is named."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np

from riskmap.errors import PlanError, Problem
from riskmap.network.arcs import Ints
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

    count: int
    method: Method = "greedy"
    detection_probability: float = 1.0
    tolerance: float = 0.0
    ends_count: bool = True
    candidates: Iterable[Hashable] | None = None
    time_limit_s: float = 60.0

    def __post_init__(self) -> None:
        _check_numbers(
            self.count,
            self.method,
            self.detection_probability,
            self.tolerance,
            self.time_limit_s,
        )


def _check_numbers(
    count: object, method: object, q: object, tolerance: object, time_limit_s: object
) -> None:
    """Refuse what no plan can be made with; every problem is named."""
    problems = []
    if not (_is_whole(count) and count >= 1):  # type: ignore[operator]
        problems.append(_problem("count", count, "a whole number, 1 or more", "ask for one"))
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
    if problems:
        raise PlanError(problems)


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
    if count > len(names):
        raise PlanError(
            _problem(
                "count", count, f"no more than there are candidates: {len(names)}", "ask for fewer"
            )
        )
    return np.array([position[name] for name in names], dtype=np.int32)


def check_routes(traffic: Traffic, watch: Watch) -> None:
    """Refuse candidates that no trip passes.

    Raises
    ------
    PlanError
        Where none is passed.
    """
    passing = traffic.passing(ends_count=watch.ends_count)
    if not (passing[watch.candidates] > 0.0).any():
        raise PlanError(
            Problem(
                "candidates",
                None,
                "no candidate is on any route of the demand",
                "choose nodes that trips pass, or check the demand",
            )
        )
