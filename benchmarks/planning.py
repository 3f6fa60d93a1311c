"""Time the planning of checkpoints: exact, evasive and greedy, and spopt where it is installed.

Run with ``python -m benchmarks.planning``. Every figure is of one run of the whole call, from a
networkx graph and a demand table to the plan, after one small call that loads the compiled parts.
spopt (MCLP, its default solver) is given the matrix of trips and candidates ready made, so that it
solves the same thing; only its model and solver are timed. Beside the whole call stands what the
exact program takes from that same matrix.
"""

from __future__ import annotations

import time
from importlib.util import find_spec

import networkx as nx
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from riskmap.planning.checkpoints import plan_checkpoints
from riskmap.planning.covering import solve_choice
from riskmap.planning.means import unpriced
from riskmap.planning.siting import choose_greedily, improve_by_swaps
from riskmap.planning.ways import Ways, merge_ways

SEED = 20261123


def river(n: int, *, chords: int, generator: np.random.Generator) -> nx.Graph:
    """Grow a dendritic river of n nodes with a few side channels; each joins one of the last 60."""
    graph = nx.Graph()
    for v in range(1, n):
        u = v - 1 - int(min(generator.geometric(0.5) - 1, v - 1, 59))
        graph.add_edge(u, v, travel_time_h=float(generator.uniform(0.1, 1.0)))
    for u in generator.integers(0, n - 40, chords):
        v = int(u + generator.integers(2, 40))
        if not graph.has_edge(int(u), v):
            graph.add_edge(int(u), v, travel_time_h=float(generator.uniform(0.1, 1.0)))
    return graph


def streets(side: int, *, generator: np.random.Generator) -> nx.Graph:
    """Make a grid of whole times: many routes tie, few nodes are on many of them."""
    graph = nx.convert_node_labels_to_integers(nx.grid_2d_graph(side, side))
    for _, _, data in graph.edges(data=True):
        data["travel_time_h"] = float(generator.integers(1, 5))
    return graph


def trips(graph: nx.Graph, n: int, *, generator: np.random.Generator) -> pd.DataFrame:
    pairs = generator.choice(len(graph), size=(2 * n, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]][:n]
    transits = generator.gamma(1.0, 10.0, len(pairs))
    return pd.DataFrame({"origin": pairs[:, 0], "destination": pairs[:, 1], "transits": transits})


def plan(what: str, graph: nx.Graph, demand: pd.DataFrame, **asked: object) -> float:
    """Plan, print what came of it, and return the seconds that it took."""
    started = time.perf_counter()
    found = plan_checkpoints(graph, demand, **asked)
    seconds = time.perf_counter() - started
    print(f"{what:<58}{seconds:8.2f} s  {found.intercepted_share:7.2%}  gap {found.gap:6.2%}")
    return seconds


def exact_500_by_2000(generator: np.random.Generator) -> None:
    networks = {
        "river, 25 side channels": river(500, chords=25, generator=generator),
        "river, 250 side channels": river(500, chords=250, generator=generator),
        "streets, many ties": streets(23, generator=generator),
    }
    for name, graph in networks.items():
        demand = trips(graph, 2000, generator=generator)
        some = list(graph)[:500]
        for count in (5, 10, 20):
            for q in (1.0, 0.5):
                asked = {"count": count, "detection_probability": q, "candidates": some}
                plan(f"exact, {name}, k {count}, q {q}", graph, demand, method="exact", **asked)
        plan(f"greedy, {name}, k 10", graph, demand, count=10)
        for delta in (0.0, 0.25):
            asked = {"count": 5, "method": "evasive", "tolerance": delta}
            plan(f"evasive, {name}, k 5, tolerance {delta}", graph, demand, **asked)


def greedy_on_a_large_river(generator: np.random.Generator) -> None:
    graph = river(100_001, chords=100, generator=generator)
    origins = generator.choice(len(graph), 1000, replace=False)
    destinations = generator.choice(len(graph), 100, replace=False)
    demand = pd.DataFrame(
        {
            "origin": np.tile(origins, 100),
            "destination": np.repeat(destinations, 1000),
            "transits": generator.gamma(1.0, 10.0, 100_000),
        }
    )
    for ends in (True, False):
        name = f"greedy, 100k reaches, 100k trips, k 10, ends count: {ends}"
        plan(name, graph, demand, count=10, ends_count=ends)


def against_spopt(generator: np.random.Generator) -> None:
    if find_spec("spopt") is None:
        print("spopt is not installed: no comparison")
        return
    import pulp
    from spopt.locate import MCLP

    for n_nodes, n_trips, count in ((50, 1000, 8), (200, 10_000, 15), (500, 2000, 10)):
        graph = river(n_nodes, chords=n_nodes // 10, generator=generator)
        demand = trips(graph, n_trips, generator=generator)
        name = f"exact, {n_nodes} candidates, {n_trips} trips, k {count}"
        ours = plan(name, graph, demand, count=count, method="exact")
        cost = np.ones((n_trips, n_nodes))
        paths = dict(nx.all_pairs_dijkstra_path(graph, weight="travel_time_h"))
        for row, trip in enumerate(demand.itertuples()):
            cost[row, paths[trip.origin][trip.destination]] = 0.0
        started = time.perf_counter()
        model = MCLP.from_cost_matrix(
            cost, demand["transits"].to_numpy(), service_radius=0.5, p_facilities=count
        )
        solved = model.solve(pulp.PULP_CBC_CMD(msg=False))
        theirs = time.perf_counter() - started
        share = solved.problem.objective.value() / demand["transits"].sum()
        print(f"    spopt, MCLP with CBC: {theirs:.2f} s, {share:.2%}; {theirs / ours:.0f} times")
        given, mine = from_matrix(cost < 0.5, demand["transits"].to_numpy(), count=count)
        print(f"    the same matrix: {mine:.2f} s, {given:.2%}; {theirs / mine:.0f} times")


def places_within_a_radius(generator: np.random.Generator) -> None:
    """Cover demand by places within a radius: there many demands have the same candidates."""
    if find_spec("spopt") is None:
        return
    import pulp
    from spopt.locate import MCLP

    for n_demands, n_places, count, radius in ((10_000, 50, 8, 0.1), (10_000, 200, 15, 0.06)):
        where, places = generator.random((n_demands, 2)), generator.random((n_places, 2))
        weight = generator.integers(1, 100, n_demands).astype(np.float64)
        away = np.hypot(*(where[:, None] - places[None]).transpose(2, 0, 1))
        given, mine = from_matrix(away <= radius, weight, count=count)
        started = time.perf_counter()
        model = MCLP.from_cost_matrix(away, weight, service_radius=radius, p_facilities=count)
        solved = model.solve(pulp.PULP_CBC_CMD(msg=False))
        theirs = time.perf_counter() - started
        share = solved.problem.objective.value() / weight.sum()
        what = f"covering, {n_places} places, {n_demands} demands, k {count}"
        print(f"  {what}: {mine:.3f} s, {given:.2%}")
        print(f"    spopt, MCLP with CBC: {theirs:.2f} s, {share:.2%}; {theirs / mine:.0f} times")


def from_matrix(
    seen: npt.NDArray[np.bool_], transits: npt.NDArray[np.float64], *, count: int
) -> tuple[float, float]:
    """Solve the exact program from a matrix of trips and candidates; return share and seconds."""
    started = time.perf_counter()
    ways = merge_ways(Ways(sp.csr_array(seen.astype(np.float64)), transits, 1.0))
    means = unpriced(count, seen.shape[1])
    start, _ = choose_greedily(ways.values, means=means)
    deadline = time.monotonic() + 60.0
    start = improve_by_swaps(ways.values, start, means=means, deadline=deadline)
    best = solve_choice(ways, start, means=means, deadline=deadline)
    return best.value / transits.sum(), time.perf_counter() - started


def main() -> None:
    generator = np.random.default_rng(SEED)
    small = streets(4, generator=generator)
    for method in ("greedy", "exact", "evasive"):
        for ends in (True, False):
            demand = trips(small, 5, generator=generator)
            plan(f"warm-up, {method}", small, demand, count=2, method=method, ends_count=ends)
    against_spopt(generator)
    places_within_a_radius(generator)
    exact_500_by_2000(generator)
    greedy_on_a_large_river(generator)


if __name__ == "__main__":
    main()
