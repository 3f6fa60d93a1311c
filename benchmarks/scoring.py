"""Time the scoring of one movement by size, and what a user would write instead.

Run with ``python -m benchmarks.scoring``. Dendritic rivers with 2 % of side channels; 1,000 origins
and 100 destinations (at 1,000 nodes a tenth of each), trips by gravity on least routes, the one
case that the others can follow. riskmap shares out the trips and loads them twice, as transits and
undetected transits; the others are given the trips and load them once: networkx by a search for
each destination, AequilibraE by all-or-nothing (from the destinations, which are fewer; travel
times are the same both ways). scipy's and igraph's searches alone are no assignment yet. Flows are
checked against networkx. Least of seven runs of riskmap, of three (one, where slow) of the others.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple

import networkx as nx
import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

import riskmap as rm
from riskmap.model.blocks import Forest, find_forest
from riskmap.model.crossings import links_of_blocks
from riskmap.model.forest import Ends, Flow, cross_blocks, flow_of_movement
from riskmap.network.arcs import Arcs, Floats

SEED = 20261123
BETA_PER_H = 0.1
SIZES = (1_000, 10_000, 100_000, 1_000_000)
#: Largest networks that the others are timed on.
BY_HAND, SEARCHES, ALL_OR_NOTHING = 10_000, 100_000, 10_000


class Case(NamedTuple):
    """Hold a network and the ends of one movement."""

    arcs: Arcs
    ends: Ends


def make_case(n: int, *, origins: int, destinations: int, block: int = 0) -> Case:
    """Draw a network of n nodes, and where trips start and end."""
    generator = np.random.default_rng(SEED)
    arcs = dendritic(n, generator=generator, block=block)
    starts = generator.choice(arcs.n_nodes, origins, replace=False)
    production = generator.gamma(1.0, 1.0, origins)
    ends = generator.choice(arcs.n_nodes, destinations, replace=False)
    pull = np.log(generator.gamma(1.0, 1.0, destinations))
    return Case(
        arcs,
        Ends(np.sort(starts).astype(np.int32), production, np.sort(ends).astype(np.int32), pull),
    )


def dendritic(n: int, *, generator: np.random.Generator, block: int = 0) -> Arcs:
    """Grow a river of n nodes, 2 % of its edges side channels; `block` more stand in one grid."""
    v = np.arange(1, n)
    u = v - 1 - np.minimum(np.minimum(generator.geometric(0.5, n - 1) - 1, v - 1), 59)
    across = generator.integers(0, n - 40, n // 50)
    side = int(np.sqrt(block))
    cell = n + np.arange(side * side).reshape(side, side)
    first = np.concatenate([u, across, cell[:, :-1].ravel(), cell[:-1].ravel(), [0][:side]])
    last = np.concatenate(
        [v, across + generator.integers(2, 40, n // 50), cell[:, 1:].ravel(), cell[1:].ravel()]
        + ([[n]] if side else [])
    )
    edge = np.arange(first.size, dtype=np.int32)
    hours = generator.uniform(0.05, 0.5, edge.size)
    hazard = generator.uniform(0.0, 0.01, edge.size)
    total = n + side * side
    return Arcs(
        total,
        np.concatenate([first, last]).astype(np.int32),
        np.concatenate([last, first]).astype(np.int32),
        np.concatenate([edge, edge]),
        np.concatenate([hours, hours]),
        np.concatenate([hazard, hazard]),
        np.ones(total),
    )


def score(case: Case, forest: Forest, *, theta_per_h: float = np.inf) -> Flow:
    """Score a movement as riskmap does; its forest is kept from one scoring to the next."""
    inside = links_of_blocks(case.arcs, forest, hazard_aversion_h=0.0)
    crossings = cross_blocks(forest, inside, [case.ends], theta_per_h=theta_per_h)
    return flow_of_movement(
        case.arcs, forest, inside, crossings, case.ends,
        beta_per_h=BETA_PER_H, theta_per_h=theta_per_h, hazard_aversion_h=0.0,
    )  # fmt: skip


def gravity_by_hand(case: Case) -> tuple[pd.DataFrame, nx.Graph]:
    """Share out the trips of a movement by networkx, a Dijkstra search for each destination."""
    arcs, ends = case
    graph = nx.Graph()
    for u, v, h in zip(arcs.tail.tolist(), arcs.head.tolist(), arcs.time_h.tolist(), strict=True):
        if h < graph.get_edge_data(u, v, {"travel_time_h": np.inf})["travel_time_h"]:
            graph.add_edge(u, v, travel_time_h=h)
    starts = ends.origin.tolist()
    cost = np.empty((ends.destination.size, ends.origin.size))
    for k, destination in enumerate(ends.destination.tolist()):
        hours = nx.single_source_dijkstra_path_length(graph, destination, weight="travel_time_h")
        cost[k] = [hours[origin] for origin in starts]
    pull = np.exp(ends.log_pull)[:, None] * np.exp(-BETA_PER_H * cost)
    transits = pull / pull.sum(axis=0) * ends.production
    away = ends.destination[:, None] != ends.origin[None, :]
    to, start = np.nonzero(away)
    demand = pd.DataFrame(
        {
            "origin": ends.origin[start],
            "destination": ends.destination[to],
            "transits": transits[to, start],
        }
    )
    return demand, graph


def least_routes_by_hand(graph: nx.Graph, demand: pd.DataFrame) -> dict[tuple[int, int], float]:
    """Load all trips on their least routes, a Dijkstra search for each destination."""
    flow: dict[tuple[int, int], float] = {}
    for destination, trips in demand.groupby("destination"):
        before, hours = nx.dijkstra_predecessor_and_distance(
            graph, destination, weight="travel_time_h"
        )
        through = dict.fromkeys(hours, 0.0)
        for origin, transits in zip(trips["origin"], trips["transits"], strict=True):
            through[origin] += transits
        for node in sorted(hours, key=hours.__getitem__, reverse=True):
            if node != destination and through[node]:
                onward = before[node][0]
                through[onward] += through[node]
                flow[node, onward] = flow.get((node, onward), 0.0) + through[node]
    return flow


def searches(case: Case) -> dict[str, float]:
    """Time the least times to all destinations, and nothing else, by scipy and by igraph."""
    arcs, goals = case
    one = np.unique(arcs.edge, return_index=True)[1]
    u, v, hours = arcs.tail[one], arcs.head[one], arcs.time_h[one]
    order = np.argsort(hours, kind="stable")
    _, first = np.unique((np.minimum(u, v) * arcs.n_nodes + np.maximum(u, v))[order],
                         return_index=True)  # fmt: skip
    kept = order[first]  # scipy adds parallel edges up
    matrix = coo_array((hours[kept], (u[kept], v[kept])), (arcs.n_nodes,) * 2).tocsr()
    ends = goals.destination
    found = {
        "scipy, Dijkstra alone": fastest(
            lambda: dijkstra(matrix, directed=False, indices=ends), runs=3
        )
    }
    if find_spec("igraph"):
        import igraph

        graph = igraph.Graph(n=arcs.n_nodes, edges=np.column_stack([u, v]))
        found["igraph, Dijkstra alone"] = fastest(
            lambda: graph.distances(ends.tolist(), weights=hours), runs=1
        )
    return found


def all_or_nothing(case: Case, demand: pd.DataFrame) -> tuple[float, Floats]:
    """Time AequilibraE's all-or-nothing, the network prepared; return its loads by edge."""
    from aequilibrae.matrix import AequilibraeMatrix
    from aequilibrae.paths import AssignmentResults, Graph, allOrNothing

    arcs, one = case.arcs, np.unique(case.arcs.edge, return_index=True)[1]
    graph = Graph()
    graph.mode = "c"
    graph.network = pd.DataFrame(
        {
            "link_id": np.arange(1, one.size + 1),
            "a_node": arcs.tail[one] + 1,
            "b_node": arcs.head[one] + 1,
            "direction": 0,
            "hours": arcs.time_h[one],
        }
    )
    zones = np.union1d(case.ends.origin, case.ends.destination).astype(np.int64)
    trips = np.zeros((zones.size, zones.size))
    start, goal = (np.searchsorted(zones, demand[end]) for end in ("origin", "destination"))
    trips[goal, start] = demand["transits"]
    matrix = AequilibraeMatrix()
    matrix.create_empty(zones=zones.size, matrix_names=["trips"], memory_only=True)
    matrix.index = zones + 1
    matrix.matrix["trips"][:, :] = trips
    matrix.computational_view(["trips"])
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        graph.prepare_graph(zones + 1)
        graph.set_graph("hours")
        graph.set_blocked_centroid_flows(False)
        results = AssignmentResults()
        results.prepare(graph, matrix)
        seconds = fastest(lambda: allOrNothing("trips", matrix, graph, results).execute(), runs=3)
    return seconds, results.get_load_results()["trips_tot"].to_numpy()


def fastest(call: Callable[[], object], *, runs: int = 7) -> float:
    """Return the least time of some runs: other work on the machine only adds."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)


def tell(what: str, seconds: float, ours: float) -> None:
    print(f"  {what:<44}{1000.0 * seconds:12.1f} ms{seconds / ours:10.1f} x")


def compare(n: int, *, origins: int, destinations: int, block: int = 0) -> float:
    """Time one size, and return what riskmap takes."""
    case = make_case(n, origins=origins, destinations=destinations, block=block)
    forest = find_forest(case.arcs)
    flow = score(case, forest)
    ours = fastest(lambda: score(case, forest))
    grid = f", {block:,} of them in one street grid" if block else ""
    print(f"{case.arcs.n_nodes:,} nodes{grid}; {origins:,} x {destinations:,}")
    tell("riskmap, gravity and both flows", ours, ours)
    spread = fastest(lambda: score(case, forest, theta_per_h=2.0))
    tell("  over several routes, theta 2 per hour", spread, ours)
    tell("  blocks and bridges, once a network", fastest(lambda: find_forest(case.arcs)), ours)
    if destinations > 100:
        return ours
    if n <= BY_HAND:
        _by_hand(case, flow, ours)
    if n <= SEARCHES:
        for what, seconds in searches(case).items():
            tell(what, seconds, ours)
    return ours


def _by_hand(case: Case, flow: Flow, ours: float) -> None:
    """Time those who are given the trips, and hold riskmap's flows to theirs."""
    started = time.perf_counter()
    demand, graph = gravity_by_hand(case)
    known = least_routes_by_hand(graph, demand)
    tell("networkx by hand, gravity too", time.perf_counter() - started, ours)
    arcs = case.arcs
    table = pd.DataFrame({"u": arcs.tail, "v": arcs.head, "transits": flow.transits})
    carried = table.groupby(["u", "v"])["transits"].sum().to_dict()
    assert all(abs(carried[arc] - value) < 1e-6 for arc, value in known.items())
    plain = rm.assign(graph, demand, theta_per_h=float("inf"))
    mine = dict(zip(zip(plain["u"], plain["v"], strict=True), plain["transits"], strict=True))
    assert all(abs(mine[arc] - value) < 1e-6 for arc, value in known.items())
    again = fastest(lambda: rm.assign(graph, demand, theta_per_h=float("inf")), runs=3)
    tell("rm.assign, from networkx graph to table", again, ours)
    if find_spec("aequilibrae") and case.arcs.n_nodes <= ALL_OR_NOTHING:
        seconds, loads = all_or_nothing(case, demand)
        both = np.bincount(arcs.edge, flow.transits)
        assert np.abs(loads - both).max() < 1e-6
        tell("AequilibraE, all-or-nothing", seconds, ours)


def main() -> None:
    """Print the tables, and how the time grows."""
    print("\nScoring one movement")
    times = [
        compare(n, origins=min(1_000, n // 10), destinations=min(100, n // 100)) for n in SIZES
    ]
    growth = np.polyfit(np.log(SIZES[1:]), np.log(times[1:]), 1)[0]
    print(f"its time grows as nodes to the power of {growth:.2f}")
    for n in SIZES[1:]:
        compare(n, origins=10_000, destinations=10_000)
    compare(10_000, origins=1_000, destinations=100, block=2_025)


if __name__ == "__main__":
    main()
