"""Time what people wait for, and the scoring against networkx by hand and scipy's Dijkstra.

Run with ``python -m benchmarks.speed``. Every figure is the median of several runs in one process
(commands: of whole processes, warm), after one run that loads the compiled parts.
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
        f"{n} nodes, {origins} origins × {destinations} destinations: rm.assign {ours:.2f} s; "
        f"networkx by hand {hand:.2f} s ({hand / ours:.0f} ×); "
        f"scipy's Dijkstra alone {alone:.2f} s ({alone / ours:.1f} ×)"
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


def main() -> None:
    """Print all figures."""
    commands()
    steps()
    scoring(1_000, origins=100, destinations=100)
    scoring(10_000, origins=1_000, destinations=100)


if __name__ == "__main__":
    main()
