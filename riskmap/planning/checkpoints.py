"""Where to put checkpoints on a network, and what each gains (model §8).

This is the window: a networkx graph and a demand table in, a plan with the graph's own node names
out. The choosing is in `riskmap.planning.placement` and below it.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from riskmap.model.assign import Demand, check_demand, check_route_choice
from riskmap.model.passes import TIE
from riskmap.network.arcs import Floats, Ints
from riskmap.network.graph import AnyGraph, GraphArcs, arcs_of_graph
from riskmap.planning.flight import Flight, take_flight
from riskmap.planning.placement import Method, place_for_flight, place_for_held_routes
from riskmap.planning.request import Request, candidate_nodes, check_routes, means_of
from riskmap.planning.traffic import Places, Watch, hold_traffic


@dataclass(frozen=True, slots=True)
class CheckpointPlan:
    """Hold a plan of checkpoints.

    Attributes
    ----------
    method
        How it was chosen.
    checkpoints
        Table `node`, `gain`: the gain is what the checkpoint adds to those above it, transits; with
        a budget or costs also `cost`.
    intercepted
        Transits that the plan intercepts and that are undetected without it, by the method's rule:
        with routes held for "greedy" and "exact", of trips caught all ways for "evasive".
    intercepted_share
        The same as a share of all demand, 0 to 1.
    gap
        Share of the best possible plan that this one may miss; 0 when proven best.
    intercepted_if_routes_stay, intercepted_if_evaded
        Both figures for the same checkpoints: if nobody adapts, and if everybody who has an
        unwatched way within the tolerance takes it.
    routes_round
        For "evasive", one row for each trip that is not caught though it has a route: `origin`,
        `destination`, `transits`, `route` (the nodes of the unwatched way that it is left with),
        `travel_time_h`, and `longer_by`, the share by which its generalized time is more than the
        least. Empty for the other methods.
    detection_probability, tolerance, budget
        q, δ and the budget (None: there is none), as they were asked for.
    """

    method: str
    checkpoints: pd.DataFrame
    intercepted: float
    intercepted_share: float
    gap: float
    intercepted_if_routes_stay: float
    intercepted_if_evaded: float
    routes_round: pd.DataFrame
    detection_probability: float = 1.0
    tolerance: float = 0.0
    budget: float | None = None


def plan_checkpoints(
    graph: AnyGraph,
    demand: pd.DataFrame,
    *,
    count: int | None = None,
    method: Method = "greedy",
    theta_per_h: float = math.inf,
    hazard_aversion_h: float = 0.0,
    detection_probability: float = 1.0,
    tolerance: float = 0.0,
    ends_count: bool = True,
    candidates: Iterable[Hashable] | None = None,
    costs: Mapping[Hashable, float] | None = None,
    budget: float | None = None,
    time_limit_s: float = 60.0,
) -> CheckpointPlan:
    """Choose the nodes where checkpoints intercept most traffic.

    Parameters
    ----------
    graph
        A networkx graph as `riskmap.assign` takes it. Hazards and checkpoints that it has already
        stay: only what they leave undetected can be gained.
    demand
        A table with the columns `origin`, `destination` (nodes of the graph) and `transits` (≥ 0).
    count
        How many checkpoints, 1 or more; with a budget, how many at most.
    method
        "greedy": the best next one, again and again, at least 63 % of the best; "exact": the best,
        by mixed-integer program; "evasive": the best against travellers who know the plan.
    theta_per_h, hazard_aversion_h
        θ and κ of the route choice.
    detection_probability
        q, the chance that a checkpoint detects one passage. n checkpoints on a route detect
        1 − (1 − q)ⁿ.
    tolerance
        δ of the evasive method: a trip is caught when no route that avoids every checkpoint of the
        plan is within (1 + δ) × its least time.
    ends_count
        Whether a checkpoint at a trip's own origin or destination catches it; when not, it does
        not hinder it either. Checkpoints that the graph has already act on ends as in `assign`.
    candidates
        Nodes where a checkpoint may stand; those with costs, or all, by default.
    costs, budget
        What a checkpoint at each node costs (1 by default), and what they may cost together. What
        is left of a budget is not spent on places that gain nothing.
    time_limit_s
        Seconds after which "exact" and "evasive" return the best that they have, with its gap.

    Returns
    -------
    CheckpointPlan
        The plan; among equals the candidate that comes first is taken.

    Raises
    ------
    PlanError
        Where the plan cannot be made as asked.
    DemandError
        Where the graph, the demand, θ or κ cannot be used.

    Examples
    --------
    >>> import networkx as nx, pandas as pd, riskmap as rm
    >>> river = nx.path_graph(["Mazuko", "Boca Inambari", "Puerto Maldonado"])
    >>> nx.set_edge_attributes(river, 2.0, "travel_time_h")
    >>> trips = pd.DataFrame({
    ...     "origin": ["Mazuko", "Boca Inambari"],
    ...     "destination": ["Puerto Maldonado", "Puerto Maldonado"],
    ...     "transits": [30.0, 10.0]})
    >>> rm.plan_checkpoints(river, trips, count=1).checkpoints.values.tolist()
    [['Boca Inambari', 40.0]]
    """
    check_route_choice(theta_per_h, hazard_aversion_h)
    window = arcs_of_graph(graph)
    trips = check_demand(demand, window.position)
    request = Request(
        count=count,
        budget=budget,
        costs=costs,
        method=method,
        detection_probability=detection_probability,
        tolerance=tolerance,
        ends_count=ends_count,
        candidates=costs if candidates is None else candidates,
        time_limit_s=time_limit_s,
    )
    return answer(
        request,
        window,
        demand=demand,
        trips=trips,
        theta_per_h=theta_per_h,
        hazard_aversion_h=hazard_aversion_h,
    )


def answer(
    request: Request,
    window: GraphArcs,
    *,
    demand: pd.DataFrame,
    trips: Demand,
    theta_per_h: float,
    hazard_aversion_h: float,
) -> CheckpointPlan:
    """Make the plan that is asked for, on arcs whose names are known.

    Parameters
    ----------
    request
        What is asked for.
    window
        The arcs, and the names of their nodes.
    demand, trips
        The trips as a table by name, and the same by position.
    theta_per_h, hazard_aversion_h
        θ and κ of the route choice.
    """
    nodes = candidate_nodes(request, window.position)
    traffic, position = hold_traffic(
        window.arcs,
        (trips.origin, trips.destination),
        trips.volume,
        theta_per_h=theta_per_h,
        hazard_aversion_h=hazard_aversion_h,
        demand=trips.total,
    )
    watch = Watch(nodes, float(request.detection_probability), request.ends_count)
    names = list(window.position)
    means = means_of(request, [names[v] for v in nodes])
    check_routes(traffic, watch, means)
    flight = take_flight(traffic, watch, tolerance=request.tolerance)
    limit = request.time_limit_s
    if request.method == "evasive":
        placement = place_for_flight(traffic, flight, means=means, time_limit_s=limit)
        ways = _ways_round(flight, placement.places, position)
    else:
        exact = request.method == "exact"
        placement = place_for_held_routes(
            traffic, flight, means=means, exact=exact, time_limit_s=limit
        )
        ways = []
    intercepted = float(placement.gains.sum())
    table = _table(node=[names[v] for v in nodes[placement.places]], gain=placement.gains)
    if request.costs is not None or means.priced:
        table["cost"] = means.cost[placement.places]
    return CheckpointPlan(
        request.method,
        table,
        intercepted,
        intercepted / traffic.demand,
        placement.gap,
        placement.held,
        placement.evaded,
        _table_of_ways(window, demand.iloc[trips.row], ways),
        float(request.detection_probability),
        float(request.tolerance),
        request.budget,
    )


def _ways_round(flight: Flight, places: Places, position: Ints) -> list[tuple[Ints, float]]:
    """Return for each trip the arcs that it is left with (none: caught) and how much longer."""
    ways = flight.ways(places, np.arange(flight.worth.size))
    with np.errstate(invalid="ignore"):  # trips without any route: ∞ / ∞
        longer = flight.left_h(places) / flight.least_h - 1.0
    return [(ways[p], float(longer[p])) for p in position]


def _table_of_ways(
    window: GraphArcs, demand: pd.DataFrame, ways: list[tuple[Ints, float]]
) -> pd.DataFrame:
    """List the trips that have a way left, in the demand's order."""
    free = [(row, *way) for row, way in enumerate(ways) if way[0].size]
    rows = demand.iloc[[row for row, _, _ in free]]
    hours = window.arcs.time_h
    return _table(
        origin=rows["origin"].tolist(),
        destination=rows["destination"].tolist(),
        transits=rows["transits"].to_numpy(dtype=np.float64),
        route=[(window.tail[way[0]], *(window.head[arc] for arc in way)) for _, way, _ in free],
        travel_time_h=[float(hours[way].sum()) for _, way, _ in free],
        longer_by=[max(longer, 0.0) if longer > TIE else 0.0 for _, _, longer in free],
    )


def _table(**columns: list[Any] | Floats) -> pd.DataFrame:
    """Make a table whose node names keep their kind (a tuple is a name, too)."""
    return pd.DataFrame(
        {
            name: values if isinstance(values, np.ndarray) else pd.Series(values, dtype=object)
            for name, values in columns.items()
        }
    ).infer_objects()
