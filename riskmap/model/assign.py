"""Assign a table of demand to any networkx graph: the model without layers (model §4, §5)."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskmap.errors import DemandError, Problem, collecting
from riskmap.model.ancestors import load_table
from riskmap.model.blocks import find_forest
from riskmap.model.links import find_links
from riskmap.model.routes import Loading, Trips, load_trips
from riskmap.network.arcs import Arcs, Floats, Ints, group_by
from riskmap.network.graph import AnyGraph, arcs_of_graph

DEMAND_COLUMNS = ("origin", "destination", "transits")


@dataclass(frozen=True, slots=True)
class Demand:
    """Hold a checked demand table as positions, in the table's order.

    `row` gives each trip's row of the table; trips that start where they end are left out here and
    added up in `local`.
    """

    origin: Ints
    destination: Ints
    volume: Floats
    row: Ints
    total: float
    local: float


def assign(
    graph: AnyGraph,
    demand: pd.DataFrame,
    *,
    theta_per_h: float = 1.0,
    hazard_aversion_h: float = 0.0,
) -> pd.DataFrame:
    """Share trips over their routes and return what every arc of a graph carries.

    Parameters
    ----------
    graph
        A networkx graph of any kind; an undirected edge is two arcs. Edges carry `travel_time_h`
        and optionally `hazard`, nodes optionally `detection_probability`.
    demand
        A table with the columns `origin`, `destination` (nodes of the graph) and `transits` (≥ 0).
    theta_per_h
        θ of the route choice, 1/h; infinite for least routes only.
    hazard_aversion_h
        κ, hours that a traveller would add to avoid one unit of hazard.

    Returns
    -------
    DataFrame
        One row an arc, in the graph's order: `u`, `v`, `key`, `transits`, `undetected_transits`.
        `attrs["summary"]` has the totals `demand`, `served`, `local` (trips that start where they
        end), `unserved` (no route), `detected` and `undetected`.

    Raises
    ------
    DemandError
        Where the graph, the demand or a parameter cannot be used; every problem is named.

    Examples
    --------
    >>> import networkx as nx, pandas as pd, riskmap as rm
    >>> river = nx.path_graph(["Mazuko", "Boca Inambari", "Puerto Maldonado"])
    >>> nx.set_edge_attributes(river, 2.0, "travel_time_h")
    >>> trips = pd.DataFrame(
    ...     {"origin": ["Mazuko"], "destination": ["Puerto Maldonado"], "transits": [30.0]})
    >>> rm.assign(river, trips, theta_per_h=1.0)["transits"].tolist()
    [30.0, 0.0, 30.0, 0.0]
    """
    problems: list[Problem] = []
    with collecting(problems):
        check_route_choice(theta_per_h, hazard_aversion_h)
    with collecting(problems):
        window = arcs_of_graph(graph)
    with collecting(problems):
        checked = check_demand(demand, {node: k for k, node in enumerate(graph)})
    if problems:
        raise DemandError(problems)
    loading = load_demand(
        window.arcs, checked, theta_per_h=theta_per_h, hazard_aversion_h=hazard_aversion_h
    )
    table = pd.DataFrame(
        {
            "u": pd.Series(window.tail, dtype=object),
            "v": pd.Series(window.head, dtype=object),
            "key": pd.Series(window.key, dtype=object),
            "transits": loading.transits,
            "undetected_transits": loading.undetected,
        }
    ).infer_objects()
    table.attrs["summary"] = summarise(checked, loading)
    return table


def load_demand(
    arcs: Arcs, demand: Demand, *, theta_per_h: float, hazard_aversion_h: float
) -> Loading:
    """Load a demand table; `cost_h` and `survival` come back in the order of its trips."""
    loaded = load_table(
        arcs, find_forest(arcs), demand.origin, demand.destination, demand.volume,
        theta_per_h=theta_per_h, hazard_aversion_h=hazard_aversion_h,
    )  # fmt: skip
    if loaded is not None:
        return loaded
    return load_by_destination(
        arcs, demand, theta_per_h=theta_per_h, hazard_aversion_h=hazard_aversion_h
    )


def load_by_destination(
    arcs: Arcs, demand: Demand, *, theta_per_h: float, hazard_aversion_h: float
) -> Loading:
    """Do what `load_demand` does by a pass for each destination, in little memory."""
    links = find_links(arcs, hazard_aversion_h=hazard_aversion_h)
    destinations, group = np.unique(demand.destination, return_inverse=True)
    start, order = group_by(group, destinations.size)
    trips = Trips(destinations.astype(np.int32), start, demand.origin[order], demand.volume[order])
    loaded = load_trips(links, trips, theta_per_h=theta_per_h, n_arcs=arcs.tail.size)
    cost, survival = np.empty_like(loaded.cost_h), np.empty_like(loaded.survival)
    cost[order], survival[order] = loaded.cost_h, loaded.survival
    return Loading(loaded.transits, loaded.undetected, cost, survival)


def summarise(demand: Demand, loading: Loading) -> dict[str, float]:
    """Add up a loading: total detected + total undetected = total served (model §5)."""
    routed = np.isfinite(loading.cost_h)
    served = float(demand.volume[routed].sum())
    undetected = float((demand.volume * loading.survival)[routed].sum())
    return {
        "demand": demand.total,
        "served": served,
        "local": demand.local,
        "unserved": float(demand.volume[~routed].sum()),
        "detected": served - undetected,
        "undetected": undetected,
    }


def check_route_choice(theta_per_h: float, hazard_aversion_h: float) -> None:
    """Refuse a θ or κ that is negative or no number."""
    problems = []
    if not theta_per_h >= 0.0:
        problems.append(
            Problem(
                "theta_per_h",
                None,
                f"is {theta_per_h!r}, wanted 0 or more",
                "use inf for least routes only",
            )
        )
    if not 0.0 <= hazard_aversion_h < math.inf:
        problems.append(
            Problem(
                "hazard_aversion_h",
                None,
                f"is {hazard_aversion_h!r}, wanted finite hours, 0 or more",
                "use 0 for travellers who do not know the patrols",
            )
        )
    if problems:
        raise DemandError(problems)


def check_demand(demand: pd.DataFrame, position: Mapping[Hashable, int]) -> Demand:
    """Turn a demand table into positions, or say of every row what is wrong with it."""
    missing = [name for name in DEMAND_COLUMNS if name not in demand.columns]
    if missing:
        raise DemandError(
            Problem(
                "demand",
                None,
                f"has no column {', '.join(missing)}",
                f"the columns are {', '.join(DEMAND_COLUMNS)}",
            )
        )
    origin = _positions(demand["origin"], position)
    destination = _positions(demand["destination"], position)
    volume = pd.to_numeric(demand["transits"], errors="coerce").to_numpy(dtype=np.float64)
    _refuse_rows(demand, origin, destination, volume)
    away = origin != destination
    rows = np.flatnonzero(away).astype(np.int32)
    return Demand(
        origin[away],
        destination[away],
        volume[away],
        rows,
        float(volume.sum()),
        float(volume[~away].sum()),
    )


def _positions(nodes: pd.Series, position: Mapping[Hashable, int]) -> Ints:
    """Return each node's position, −1 where the graph has no such node."""
    code, different = pd.factorize(nodes)
    found = [position.get(node, -1) for node in different.tolist()]
    return np.array([*found, -1], dtype=np.int32)[code]  # no name at all has the code −1


def _refuse_rows(demand: pd.DataFrame, origin: Ints, destination: Ints, volume: Floats) -> None:
    problems = []
    for name, found in (("origin", origin), ("destination", destination)):
        for row in np.flatnonzero(found < 0):
            node = demand[name].iloc[row]
            problems.append(
                Problem(
                    "demand",
                    f"row {row}",
                    f"{name} {node!r} is not a node of the graph",
                    "use the graph's own node names",
                )
            )
    for row in np.flatnonzero(~((volume >= 0.0) & np.isfinite(volume))):
        seen = demand["transits"].iloc[row]
        problems.append(
            Problem(
                "demand",
                f"row {row}",
                f"transits is {seen!r}, wanted a finite number, 0 or more",
                "leave the row out if it is unknown",
            )
        )
    if problems:
        raise DemandError(problems)
