"""Plans for a study that was run: checkpoints on its water, with places and names (model §8)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd

from riskmap.errors import PlanError, Problem
from riskmap.geodesy import nearest_points
from riskmap.model.assign import Demand, check_demand
from riskmap.network.arcs import Floats, Ints
from riskmap.network.graph import GraphArcs
from riskmap.planning.checkpoints import CheckpointPlan, answer
from riskmap.planning.request import Request
from riskmap.planning.traffic import Traffic, hold_traffic
from riskmap.results.outcome import Outcome
from riskmap.results.scored import Scored


@dataclass(frozen=True, slots=True)
class _Trips:
    """Hold the trips of all movements as a table by node, and by position with all demand."""

    table: pd.DataFrame
    demand: Demand


def plan_study_checkpoints(outcome: Outcome, request: Request) -> CheckpointPlan:
    """Choose nodes of a study's network for checkpoints.

    Posts, patrols and checkpoints of the study stay as they are; demand and the choice of routes
    are the study's own.

    Parameters
    ----------
    outcome
        The study's outcome.
    request
        What is asked for; candidates are nodes of the scored network, numbered as in its graph. By
        default those of the layer candidates, with their costs, and all where there is none.

    Returns
    -------
    CheckpointPlan
        `checkpoints` is a GeoDataFrame, EPSG:4326: `node`, `gain`, `cost` (with a budget or costs),
        `place` (name of the candidate, or ""), `nearest_settlement` and `settlement_km` ("" and NaN
        where there is none), `waterway` (names of the water that meets there), `corridor_id` (the
        corridor with most transits there, or None), and the node as a point.

    Raises
    ------
    PlanError
        Where the plan cannot be made as asked.
    """
    scored = outcome.scored
    window = _window(scored)
    trips = _trips_of(scored, window)
    feasible = feasible_places(outcome)
    if feasible is not None and request.candidates is None and request.costs is None:
        costs = dict(feasible[["node", "cost"]].itertuples(index=False, name=None))
        request = replace(request, candidates=list(costs), costs=costs)
    plan = answer(
        request,
        window,
        demand=trips.table,
        trips=trips.demand,
        theta_per_h=scored.scores.theta_per_h,
        hazard_aversion_h=outcome.settings.routes.hazard_aversion_h,
    )
    return replace(plan, checkpoints=_place(plan.checkpoints, outcome))


def feasible_places(outcome: Outcome) -> pd.DataFrame | None:
    """Return the study's candidates on the water: `node`, `name`, `cost`; None without a layer.

    Where several stand at one node the cheapest does for all.

    Raises
    ------
    PlanError
        Where none is near enough to navigable water.
    """
    sites, table = outcome.scored.sites.get("candidates"), outcome.layers.tables.get("candidates")
    if sites is None or table is None:
        return None
    on, limit = sites.node >= 0, outcome.settings.max_access_km("candidates")
    if not on.any():
        raise PlanError(
            Problem(
                "candidates",
                None,
                f"none lies within {limit:g} km of navigable water",
                "choose places by the water, or raise max_access_km",
            )
        )
    rows = table.loc[sites.row[on]]
    places = pd.DataFrame(
        {
            "node": sites.node[on].tolist(),
            "name": rows["name"].astype(str).tolist(),
            "cost": rows["cost"].to_numpy(dtype=np.float64),
        }
    )
    return places.sort_values("cost", kind="stable").drop_duplicates("node").sort_index()


def study_traffic(outcome: Outcome) -> tuple[Traffic, Ints]:
    """Hold the routes of a study's trips; return also where each is, movement by movement."""
    scored = outcome.scored
    window = _window(scored)
    trips = _trips_of(scored, window).demand
    return hold_traffic(
        window.arcs,
        (trips.origin, trips.destination),
        trips.volume,
        theta_per_h=scored.scores.theta_per_h,
        hazard_aversion_h=outcome.settings.routes.hazard_aversion_h,
        demand=trips.total,
    )


def _trips_of(scored: Scored, window: GraphArcs) -> _Trips:
    """Return the trips of all movements, one row for each pair of nodes of each movement."""
    tables = [
        pd.DataFrame(
            {
                "origin": m.trips.origin,
                "destination": np.repeat(m.trips.destination, np.diff(m.trips.start)),
                "transits": m.trips.volume,
                "movement": m.movement.name,
            }
        )
        for m in scored.scores.movements
    ]
    table = pd.concat(tables, ignore_index=True)
    demand = check_demand(table, window.position)
    return _Trips(table, replace(demand, total=scored.scores.summary()["demand"]))


def _window(scored: Scored) -> GraphArcs:
    """Name nodes and arcs as the study's graph does."""
    arcs = scored.network.arcs
    position: dict[Hashable, int] = {node: node for node in range(arcs.n_nodes)}
    return GraphArcs(
        arcs,
        position,
        arcs.tail.tolist(),
        arcs.head.tolist(),
        scored.network.reach.tolist(),
    )


def _place(checkpoints: pd.DataFrame, outcome: Outcome) -> gpd.GeoDataFrame:
    """Say where nodes are."""
    reaches = outcome.scored.reaches
    nodes = checkpoints["node"].to_numpy(dtype=np.int64)
    meeting = [np.flatnonzero((reaches.u == node) | (reaches.v == node)) for node in nodes]
    corridor = outcome.reaches["corridor_id"].to_numpy(dtype=object)
    busiest = [some[np.argmax(outcome.scored.by_reach.transits[some])] for some in meeting]
    feasible = feasible_places(outcome)
    named = {} if feasible is None else dict(zip(feasible["node"], feasible["name"], strict=True))
    lon, lat = reaches.node_xy[nodes].T
    settlement, km = nearest_settlements(lon, lat, outcome.layers.tables.get("settlements"))
    return gpd.GeoDataFrame(
        checkpoints.assign(
            place=pd.Series([named.get(node, "") for node in nodes.tolist()], dtype=object),
            nearest_settlement=pd.Series(settlement, dtype=object),
            settlement_km=km,
            waterway=[_names(reaches.name[some].tolist()) for some in meeting],
            corridor_id=pd.Series([corridor[reach] for reach in busiest], dtype=object),
        ),
        geometry=gpd.points_from_xy(lon, lat),
        crs="EPSG:4326",
    )


def nearest_settlements(
    lon: Floats, lat: Floats, settlements: gpd.GeoDataFrame | None
) -> tuple[list[str], Floats]:
    """Return for each place the nearest settlement and how far it is, km; "" and NaN for none."""
    if settlements is None or settlements.empty:
        return [""] * lon.size, np.full(lon.size, np.nan)
    points = settlements.geometry
    nearest, km = nearest_points(lon, lat, points.x.to_numpy(), points.y.to_numpy())
    return settlements["name"].astype(str).iloc[nearest].tolist(), km


def _names(names: list[str]) -> str:
    return " / ".join(sorted({name for name in names if name}))
