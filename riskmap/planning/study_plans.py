"""Plans for a study that was run: checkpoints on its water, with places and names (model §8)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd

from riskmap.model.assign import Demand, check_demand
from riskmap.network.graph import GraphArcs
from riskmap.planning.checkpoints import CheckpointPlan, answer
from riskmap.planning.request import Request
from riskmap.results.outcome import Outcome
from riskmap.results.scored import Scored


@dataclass(frozen=True, slots=True)
class Trips:
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
        What is asked for; candidates are nodes of the scored network, numbered as in its graph.

    Returns
    -------
    CheckpointPlan
        `checkpoints` is a GeoDataFrame, EPSG:4326: `node`, `gain`, `waterway` (names of the water
        that meets there), `corridor_id` (the corridor with most transits there, or None), and the
        node as a point.

    Raises
    ------
    PlanError
        Where the plan cannot be made as asked.
    """
    scored = outcome.scored
    window = _window(scored)
    trips = trips_of(scored, window)
    plan = answer(
        request,
        window,
        demand=trips.table,
        trips=trips.demand,
        theta_per_h=scored.scores.theta_per_h,
        hazard_aversion_h=outcome.settings.routes.hazard_aversion_h,
    )
    return replace(plan, checkpoints=_place(plan.checkpoints, outcome))


def trips_of(scored: Scored, window: GraphArcs) -> Trips:
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
    return Trips(table, replace(demand, total=scored.scores.summary()["demand"]))


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
    lon, lat = reaches.node_xy[nodes].T
    meeting = [np.flatnonzero((reaches.u == node) | (reaches.v == node)) for node in nodes]
    corridor = outcome.reaches["corridor_id"].to_numpy(dtype=object)
    busiest = [some[np.argmax(outcome.scored.by_reach.transits[some])] for some in meeting]
    return gpd.GeoDataFrame(
        checkpoints.assign(
            waterway=[_names(reaches.name[some].tolist()) for some in meeting],
            corridor_id=pd.Series([corridor[reach] for reach in busiest], dtype=object),
        ),
        geometry=gpd.points_from_xy(lon, lat),
        crs="EPSG:4326",
    )


def _names(names: list[str]) -> str:
    return " / ".join(sorted({name for name in names if name}))
