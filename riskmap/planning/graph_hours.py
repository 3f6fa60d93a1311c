"""Where to spend patrol hours on any networkx graph (model §8).

The window: a graph, a demand table and posts in, a plan with the graph's own node names out. The
sharing is in `riskmap.planning.patrol_hours`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from riskmap.errors import PlanError, Problem, collecting
from riskmap.model.assign import check_demand, check_route_choice
from riskmap.model.patrol import Patrols, Posts
from riskmap.network.arcs import Floats, Ints, group_by
from riskmap.network.graph import AnyGraph, GraphArcs, arcs_of_graph
from riskmap.network.shortest import least_costs
from riskmap.planning.patrol_hours import Beats, find_beats, share_hours
from riskmap.planning.traffic import hold_traffic

#: A post's columns beside `node`: default, least, most.
_COLUMNS = {
    "range_h": (math.inf, 0.0, math.inf),
    "speed_kmh": (25.0, 1e-9, 1e9),
    "effectiveness": (1.0, 0.0, 1.0),
}


@dataclass(frozen=True, slots=True)
class PatrolPlan:
    """Hold a plan of patrol hours on a graph.

    Attributes
    ----------
    hours
        Table, most hours first: `post` (row of the table of posts, from 0; 0 where none was given),
        `u`, `v`, `key` (the edge, as the graph first names it), `hours` a month, and
        `interceptions_per_100_patrol_hours` of 100 more there once the plan is carried out.
    intercepted
        Transits that the plan detects and that are undetected without it.
    intercepted_share
        The same as a share of all demand, 0 to 1.
    gap
        Share of the best possible that the plan may miss.
    """

    hours: pd.DataFrame
    intercepted: float
    intercepted_share: float
    gap: float


def plan_patrol_hours(
    graph: AnyGraph,
    demand: pd.DataFrame,
    *,
    hours: float,
    posts: pd.DataFrame | None = None,
    theta_per_h: float = math.inf,
    hazard_aversion_h: float = 0.0,
    detection_per_meeting: float = 0.5,
    period_h: float = 720.0,
) -> PatrolPlan:
    """Share patrol hours over the edges of a graph so that they detect most.

    An hour on an edge adds the hazard ``ε e / P · v_p / v_a`` to its arcs (model §3). Routes and
    demand are held, and what the graph's own hazards detect already cannot be gained.

    Parameters
    ----------
    graph
        A networkx graph as `riskmap.assign` takes it, whose edges carry `length_km`, too.
    demand
        A table with the columns `origin`, `destination` (nodes of the graph) and `transits` (≥ 0).
    hours
        Patrol hours a month to share, > 0.
    posts
        A table with `node`, and optionally `range_h` (one way; no limit by default), `speed_kmh`
        (25 by default) and `effectiveness` (1 by default). A post covers the edges that its craft
        reaches within its range. Without the table hours may go to any edge.
    theta_per_h, hazard_aversion_h
        θ and κ of the route choice.
    detection_per_meeting, period_h
        ε and P.

    Returns
    -------
    PatrolPlan
        The hours add up to what was asked for.

    Raises
    ------
    PlanError
        Where there are no hours to share, a post cannot be used, or hours would detect nothing.
    DemandError
        Where the graph or the demand cannot be used.

    Examples
    --------
    >>> import networkx as nx, pandas as pd, riskmap as rm
    >>> river = nx.path_graph(["Mazuko", "Boca Inambari", "Puerto Maldonado"])
    >>> for edge in river.edges.values():
    ...     edge.update(travel_time_h=2.0, length_km=30.0)
    >>> trips = pd.DataFrame(
    ...     {"origin": ["Mazuko"], "destination": ["Boca Inambari"], "transits": [30.0]})
    >>> plan = rm.plan_patrol_hours(river, trips, hours=100.0)
    >>> plan.hours[["u", "v", "hours"]].values.tolist(), round(plan.intercepted, 2)
    ([['Mazuko', 'Boca Inambari', 100.0]], 3.28)
    """
    problems: list[Problem] = []
    with collecting(problems):
        _check_meeting(detection_per_meeting, period_h)
    check_route_choice(theta_per_h, hazard_aversion_h)
    window = arcs_of_graph(graph)
    trips = check_demand(demand, window.position)
    with collecting(problems):
        length_km = _lengths(graph, window)
    with collecting(problems):
        stations = _stations(posts, window)
    if problems:
        raise PlanError(problems)
    traffic, _ = hold_traffic(
        window.arcs,
        (trips.origin, trips.destination),
        trips.volume,
        theta_per_h=theta_per_h,
        hazard_aversion_h=hazard_aversion_h,
        demand=trips.total,
    )
    beats = find_beats(
        traffic,
        arc_reach=window.arcs.edge,
        length_km=length_km,
        arc_time_h=window.arcs.time_h,
        posts=stations,
        patrols=_covered(stations, window, length_km, everywhere=posts is None),
        detection_per_meeting=detection_per_meeting,
        period_h=period_h,
    )
    return _as_plan(beats, window, hours=hours, demand=trips.total, traffic=traffic)


def _as_plan(
    beats: Beats, window: GraphArcs, *, hours: float, demand: float, traffic: Any
) -> PatrolPlan:
    plan = share_hours(traffic, beats, hours=hours)
    _, first = np.unique(window.arcs.edge, return_index=True)
    arcs = first[plan.reach]
    table = pd.DataFrame(
        {
            "post": plan.post,
            "u": pd.Series([window.tail[arc] for arc in arcs], dtype=object),
            "v": pd.Series([window.head[arc] for arc in arcs], dtype=object),
            "key": pd.Series([window.key[arc] for arc in arcs], dtype=object),
            "hours": plan.hours,
            "interceptions_per_100_patrol_hours": plan.value,
        }
    ).infer_objects()
    return PatrolPlan(table, plan.gained, plan.gained / demand, plan.gap)


def _check_meeting(detection_per_meeting: float, period_h: float) -> None:
    problems = []
    if not 0.0 <= detection_per_meeting <= 1.0:
        problems.append(
            Problem(
                "detection_per_meeting",
                None,
                f"is {detection_per_meeting!r}, wanted 0 to 1",
                "give a share, such as 0.5",
            )
        )
    if not 0.0 < period_h < math.inf:
        problems.append(
            Problem(
                "period_h", None, f"is {period_h!r}, wanted finite hours above 0", "720 is a month"
            )
        )
    if problems:
        raise PlanError(problems)


def _lengths(graph: AnyGraph, window: GraphArcs) -> Floats:
    """Return the length of every edge, km; opposite arcs of a directed graph share the first's."""
    given = [data.get("length_km") for _, _, data in cast("Any", graph).edges(data=True)]
    by_arc = given if graph.is_directed() else [km for km in given for _ in range(2)]
    lengths = pd.to_numeric(pd.Series(by_arc, dtype=object), errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~((lengths > 0.0) & np.isfinite(lengths)))
    if wrong.size:
        arcs = wrong if graph.is_directed() else wrong[::2]
        raise PlanError(
            Problem(
                "graph",
                f"edge {window.tail[arc]!r} – {window.head[arc]!r}",
                f"length_km is {by_arc[arc]!r}, wanted finite km above 0",
                "set length_km on every edge",
            )
            for arc in arcs
        )
    _, first = np.unique(window.arcs.edge, return_index=True)
    found: Floats = lengths[first]
    return found


def _stations(posts: pd.DataFrame | None, window: GraphArcs) -> Posts:
    """Return the posts by position, or every problem of their table."""
    if posts is None:
        posts = pd.DataFrame({"node": list(window.position)[:1]})
    if "node" not in posts.columns or posts.empty:
        what = "has no rows" if "node" in posts.columns else "has no column node"
        raise PlanError(Problem("posts", None, what, "give the node of each post"))
    problems = [
        Problem("posts", f"row {row}", f"node {node!r} is not a node of the graph", "use its names")
        for row, node in enumerate(posts["node"])
        if node not in window.position
    ]
    columns = {name: _column(posts, name, problems) for name in _COLUMNS}
    if problems:
        raise PlanError(problems)
    node = np.array([window.position[name] for name in posts["node"]], dtype=np.int32)
    none = np.zeros(node.size)
    return Posts(
        np.arange(node.size, dtype=np.int32),
        node,
        none,
        none,
        columns["range_h"],
        none,
        columns["speed_kmh"],
        columns["effectiveness"],
    )


def _column(posts: pd.DataFrame, name: str, problems: list[Problem]) -> Floats:
    default, least, most = _COLUMNS[name]
    if name not in posts.columns:
        return np.full(len(posts), default)
    values = pd.to_numeric(posts[name], errors="coerce").to_numpy(np.float64)
    wanted = "0 to 1" if most == 1.0 else ("more than 0" if least else "0 or more")
    problems += [
        Problem("posts", f"row {row}", f"{name} is {posts[name].iloc[row]!r}, wanted {wanted}", "")
        for row in np.flatnonzero(~((values >= least) & (values <= most)))
    ]
    return values


def _covered(posts: Posts, window: GraphArcs, length_km: Floats, *, everywhere: bool) -> Patrols:
    """Return the edges that each post's craft reaches within its range, in either direction."""
    arcs = window.arcs
    reached: list[Ints] = []
    n_edges = length_km.size
    tail = np.concatenate([arcs.tail, arcs.head])
    head = np.concatenate([arcs.head, arcs.tail])
    km = np.tile(length_km[arcs.edge], 2)
    start, order = group_by(tail, arcs.n_nodes)
    for p in range(posts.node.size):
        time_h, _ = least_costs(
            start,
            head[order],
            km[order] / posts.speed_kmh[p],
            posts.node[p : p + 1],
            np.zeros(1),
            posts.range_h[p],
        )
        near = np.minimum(time_h[arcs.tail], time_h[arcs.head]) < posts.range_h[p]
        edges = np.arange(n_edges) if everywhere else np.unique(arcs.edge[near])
        reached.append(edges.astype(np.int32))
    none = np.zeros(n_edges)
    sizes = np.cumsum([0, *(edges.size for edges in reached)]).astype(np.int32)
    return Patrols(none, none, sizes, np.concatenate(reached), np.zeros(int(sizes[-1])))
