"""Time what people wait for, and the scoring against networkx by hand and scipy's Dijkstra.

Run with ``python -m benchmarks.speed``. Every figure is the median of several runs in one process
(commands: of whole processes, warm), after one run that loads the compiled parts; of
the engine it is the least of seven runs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median

import networkx as nx
import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

import riskmap as rm
from riskmap import pipeline
from riskmap.layers import read_layers
from riskmap.model.blocks import find_forest
from riskmap.model.crossings import links_of_blocks
from riskmap.model.forest import Ends, Flow, cross_blocks, flow_of_movement
from riskmap.network.arcs import Arcs

SEED = 20261123


def seconds(call: Callable[[], object], *, runs: int = 7) -> float:
    """Return the median time of some runs."""
    call()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return median(times)


def commands() -> None:
    """Time the command line as a person waits for it."""
    with tempfile.TemporaryDirectory() as folder:
        for words in (("--help",), ("demo", "-o", folder, "--overwrite")):
            run = [sys.executable, "-m", "riskmap.cli", *words]
            took = seconds(lambda: subprocess.run(run, capture_output=True, check=True), runs=3)  # noqa: B023
            print(f"riskmap {words[0]:<40}{took:10.2f} s")


def steps() -> None:
    """Time the steps of the embedded study."""
    settings = rm.demo_study().settings
    layers = read_layers(settings)
    reaches = pipeline.build_network(settings, layers)
    sited = pipeline.site_layers(settings, layers, reaches)
    scored, _ = pipeline.score_network(settings, layers, sited)
    for what, call in (
        ("reading its layers", lambda: read_layers(settings)),
        ("building its network", lambda: pipeline.build_network(settings, layers)),
        ("attaching its sites", lambda: pipeline.site_layers(settings, layers, reaches)),
        ("scoring it", lambda: pipeline.score_network(settings, layers, sited)),
        ("its tables", lambda: pipeline.assemble_outcome(settings, layers, scored, ())),
    ):
        print(f"embedded study: {what:<32}{1000 * seconds(call):10.1f} ms")


def river(n: int, *, generator: np.random.Generator) -> nx.Graph:
    """Grow a dendritic river of n nodes, with 2 % of side channels."""
    graph = nx.Graph()
    for v in range(1, n):
        u = v - 1 - int(min(generator.geometric(0.5) - 1, v - 1, 59))
        graph.add_edge(u, v, travel_time_h=float(generator.uniform(0.05, 0.5)))
    for u in generator.integers(0, n - 40, n // 50):
        v = int(u + generator.integers(2, 40))
        graph.add_edge(int(u), v, travel_time_h=float(generator.uniform(0.05, 0.5)))
    return graph


def scoring(n: int, *, origins: int, destinations: int) -> None:
    """Time rm.assign against two things that a user would write instead."""
    generator = np.random.default_rng(SEED)
    graph = river(n, generator=generator)
    starts = generator.choice(n, origins, replace=False)
    ends = generator.choice(n, destinations, replace=False)
    demand = pd.DataFrame(
        {
            "origin": np.tile(starts, destinations),
            "destination": np.repeat(ends, origins),
            "transits": generator.gamma(1.0, 1.0, origins * destinations),
        }
    )
    ours = seconds(lambda: rm.assign(graph, demand, theta_per_h=float("inf")), runs=3)
    hand = seconds(lambda: least_routes_by_hand(graph, demand), runs=1)
    edges = np.array([(u, v, h) for u, v, h in graph.edges(data="travel_time_h")])
    matrix = coo_array((edges[:, 2], (edges[:, 0].astype(int), edges[:, 1].astype(int))), (n, n))
    matrix = matrix.tocsr()
    alone = seconds(lambda: dijkstra(matrix, directed=False, indices=ends), runs=3)
    print(
        f"{n} nodes, {origins} origins × {destinations} destinations: "
        f"rm.assign {1000 * ours:.0f} ms; networkx by hand {hand:.2f} s ({hand / ours:.0f} ×); "
        f"scipy's Dijkstra alone {1000 * alone:.0f} ms ({alone / ours:.1f} ×)"
    )
    _same(rm.assign(graph, demand, theta_per_h=float("inf")), least_routes_by_hand(graph, demand))


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


def _same(table: pd.DataFrame, flow: dict[tuple[int, int], float]) -> None:
    ours = dict(zip(zip(table["u"], table["v"], strict=True), table["transits"], strict=True))
    assert all(abs(ours[arc] - value) < 1e-6 for arc, value in flow.items())


def dendritic(n: int, *, generator: np.random.Generator, block: int = 0) -> Arcs:
    """Grow the river of `river` as arrays; `block` more nodes of it stand in one street grid."""
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


def engine(
    n: int,
    *,
    origins: int,
    destinations: int,
    block: int = 0,
    by_hand: bool = False,
    theta_per_h: float = np.inf,
) -> float:
    """Time one scoring of one movement on given arcs, and return the least of its times."""
    generator = np.random.default_rng(SEED)
    arcs = dendritic(n, generator=generator, block=block)
    ends = Ends(
        np.sort(generator.choice(arcs.n_nodes, origins, replace=False)).astype(np.int32),
        generator.gamma(1.0, 1.0, origins),
        np.sort(generator.choice(arcs.n_nodes, destinations, replace=False)).astype(np.int32),
        np.log(generator.gamma(1.0, 1.0, destinations)),
    )
    forest = find_forest(arcs)

    def score() -> Flow:
        inside = links_of_blocks(arcs, forest, hazard_aversion_h=0.0)
        crossings = cross_blocks(forest, inside, [ends], theta_per_h=theta_per_h)
        return flow_of_movement(
            arcs,
            forest,
            inside,
            crossings,
            ends,
            beta_per_h=0.1,
            theta_per_h=theta_per_h,
            hazard_aversion_h=0.0,
        )

    flow = score()
    ours = fastest(score)
    walk = fastest(lambda: find_forest(arcs))
    told = (
        f"{n + block} nodes, {origins} × {destinations} by gravity, θ {theta_per_h:g}: "
        f"scored in {1000 * ours:.1f} ms (blocks and bridges, once a network: {1000 * walk:.1f} ms)"
    )
    if by_hand:
        started = time.perf_counter()
        demand, graph = gravity_by_hand(arcs, ends)
        known = least_routes_by_hand(graph, demand)
        hand = time.perf_counter() - started
        table = pd.DataFrame({"u": arcs.tail, "v": arcs.head, "transits": flow.transits})
        carried = table.groupby(["u", "v"])["transits"].sum().to_dict()
        assert all(abs(carried[arc] - value) < 1e-6 for arc, value in known.items())
        told += f"; networkx by hand {hand:.2f} s ({hand / ours:.0f} ×)"
    print(told)
    return ours


def gravity_by_hand(arcs: Arcs, ends: Ends) -> tuple[pd.DataFrame, nx.Graph]:
    """Share out the trips of a movement by networkx, a Dijkstra search for each destination."""
    graph = nx.Graph()
    for u, v, h in zip(arcs.tail.tolist(), arcs.head.tolist(), arcs.time_h.tolist(), strict=True):
        if h < graph.get_edge_data(u, v, {"travel_time_h": np.inf})["travel_time_h"]:
            graph.add_edge(u, v, travel_time_h=h)
    starts = ends.origin.tolist()
    cost = np.empty((ends.destination.size, ends.origin.size))
    for k, destination in enumerate(ends.destination.tolist()):
        hours = nx.single_source_dijkstra_path_length(graph, destination, weight="travel_time_h")
        cost[k] = [hours[origin] for origin in starts]
    pull = np.exp(ends.log_pull)[:, None] * np.exp(-0.1 * cost)
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


def fastest(call: Callable[[], object], *, runs: int = 7) -> float:
    """Return the least time of some runs: other work on the machine only adds."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)


def engines() -> None:
    """Time the engine by size, and print how its time grows."""
    sizes = (10_000, 100_000, 1_000_000)
    times = [engine(n, origins=1_000, destinations=100, by_hand=n == sizes[0]) for n in sizes]
    growth = np.polyfit(np.log(sizes), np.log(times), 1)[0]
    print(f"its time grows as reaches to the power of {growth:.2f}")
    for n in sizes:
        engine(n, origins=10_000, destinations=10_000)
        engine(n, origins=1_000, destinations=100, theta_per_h=2.0)
        engine(n, origins=10_000, destinations=10_000, theta_per_h=2.0)
    engine(10_000, origins=1_000, destinations=100, block=2_025, by_hand=True)


def main() -> None:
    """Print all figures."""
    commands()
    steps()
    scoring(1_000, origins=100, destinations=100)
    scoring(10_000, origins=1_000, destinations=100)
    engines()


if __name__ == "__main__":
    main()
