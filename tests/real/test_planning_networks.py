"""Checkpoints on two networks of the literature, against every choice counted.

The 25-node network of Simchi-Levi and Berman (1988), each pair once, and Sioux Falls. Routes are
listed here by networkx and by a search of this file, choices by their bits; nothing of riskmap is
used to count.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import numpy as np
import numpy.typing as npt
import oracle
import pandas as pd
import pytest

from riskmap.planning.checkpoints import CheckpointPlan, plan_checkpoints

pytestmark = pytest.mark.real
INF = math.inf
DELTAS = [0.0, 0.1, 0.25, 0.5, 1.0]
Masks = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Town:
    """A network with its demand; the bit of a node is its place in the graph."""

    graph: nx.Graph
    demand: pd.DataFrame

    def plan(self, **asked: object) -> CheckpointPlan:
        return plan_checkpoints(self.graph, self.demand, **asked)

    def bits(self, nodes: list[int]) -> int:
        place = {node: i for i, node in enumerate(self.graph)}
        return sum(1 << place[node] for node in nodes)

    def choices(self, count: int) -> Masks:
        bits = [1 << i for i in range(len(self.graph))]
        return np.array([sum(some) for some in itertools.combinations(bits, count)])


@pytest.fixture(scope="module")
def networks(shared_data: Path) -> Path:
    folder = shared_data / "networks"
    if not folder.is_dir():
        pytest.skip("the benchmark networks are not beside the project")
    return folder


def read_node25(folder: Path) -> Town:
    graph = nx.Graph()
    with (folder / "node25_edges.csv").open(encoding="utf-8-sig") as file:
        for u, v, length in itertools.islice(csv.reader(file), 1, None):
            graph.add_edge(int(u), int(v), travel_time_h=float(length))
    flows = pd.read_csv(folder / "node25_flows.csv", index_col=0, encoding="utf-8-sig")
    pairs = itertools.combinations(range(1, 26), 2)
    rows = [(u, v, float(flows.loc[u, str(v)])) for u, v in pairs]
    return Town(graph, pd.DataFrame(rows, columns=["origin", "destination", "transits"]))


def read_sioux_falls(folder: Path) -> Town:
    """Read it in its own unit, whole minutes, so that networkx sees every tie."""
    graph = nx.DiGraph()
    net = (folder / "siouxfalls_net.tntp").read_text().split("<END OF METADATA>")[1]
    for line in net.splitlines():
        fields = line.strip().rstrip(";").split()
        if fields and fields[0].isdigit():
            graph.add_edge(int(fields[0]), int(fields[1]), travel_time_h=float(fields[4]))
    rows, origin = [], 0
    trips = (folder / "siouxfalls_trips.tntp").read_text().split("<END OF METADATA>")[1]
    for line in trips.splitlines():
        if line.startswith("Origin"):
            origin = int(line.split()[1])
            continue
        for pair in filter(str.strip, line.split(";")):
            destination, volume = pair.split(":")
            rows.append((origin, int(destination), float(volume)))
    return Town(graph, pd.DataFrame(rows, columns=["origin", "destination", "transits"]))


@pytest.fixture(scope="module", params=[read_node25, read_sioux_falls], ids=["node25", "sioux"])
def town(request: pytest.FixtureRequest, networks: Path) -> Town:
    return request.param(networks)  # type: ignore[no-any-return]


# --- routes that stay ----------------------------------------------------------------------------
def least_ways(town: Town, *, ends: bool) -> dict[int, float]:
    """Return the transits by the nodes passed, tied routes sharing equally."""
    found: dict[int, float] = defaultdict(float)
    for origin, destination, volume in town.demand.itertuples(index=False, name=None):
        if volume == 0 or origin == destination:
            continue
        paths = list(nx.all_shortest_paths(town.graph, origin, destination, "travel_time_h"))
        for path in paths:
            found[town.bits(path if ends else path[1:-1])] += volume / len(paths)
    return found


def best_choice(town: Town, ways: dict[int, float], *, count: int, q: float) -> float:
    """Count what every choice intercepts; return the most."""
    total = np.zeros(math.comb(len(town.graph), count))
    choices = town.choices(count)
    for way, transits in ways.items():
        total += transits * (1 - (1 - q) ** np.bitwise_count(choices & way))
    return float(total.max())


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("q", [1.0, 0.6])
def test_exact_is_the_best_of_all_choices(town: Town, q: float, *, ends: bool) -> None:
    ways = least_ways(town, ends=ends)
    for count in (1, 2, 3):
        asked = {"count": count, "detection_probability": q, "ends_count": ends}
        exact, greedy = town.plan(method="exact", **asked), town.plan(**asked)
        best = best_choice(town, ways, count=count, q=q)
        assert exact.intercepted == pytest.approx(best, rel=1e-9)
        assert exact.gap == 0.0
        assert 0.63 * best <= greedy.intercepted <= best * (1 + 1e-9)
        assert greedy.intercepted >= best * (1 - greedy.gap) * (1 - 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("q", [1.0, 0.6, 0.2])
@pytest.mark.parametrize("count", [4, 5])
def test_exact_is_the_best_of_very_many_choices(
    town: Town, count: int, q: float, *, ends: bool
) -> None:
    asked = {"count": count, "detection_probability": q, "ends_count": ends}
    best = best_choice(town, least_ways(town, ends=ends), count=count, q=q)
    exact = town.plan(method="exact", **asked)
    assert exact.intercepted == pytest.approx(best, rel=1e-9)
    assert exact.gap == 0.0
    assert town.plan(**asked).intercepted >= 0.63 * best


@pytest.mark.slow
@pytest.mark.parametrize(("theta", "kappa"), [(2.0, 0.0), (0.5, 0.7)])
def test_exact_is_the_best_where_travellers_spread_over_routes(
    networks: Path, theta: float, kappa: float
) -> None:
    """With hazards and a checkpoint that exist, on the routes that the oracle lists."""
    town = read_node25(networks)
    for number, (_, _, data) in enumerate(town.graph.edges(data=True)):
        data["hazard"] = (number % 4) * 0.1
    town.graph.nodes[14]["detection_probability"] = 0.5
    ways: dict[int, float] = defaultdict(float)
    for origin, destination, volume in town.demand.itertuples(index=False, name=None):
        for route in oracle.list_routes(town.graph, origin, destination, theta=theta, kappa=kappa):
            nodes = [origin, *(arc.v for arc in route.arcs)]
            ways[town.bits(nodes)] += volume * route.probability * route.survival
    for q in (1.0, 0.4):
        asked = {"detection_probability": q, "theta_per_h": theta, "hazard_aversion_h": kappa}
        for count in (1, 3):
            exact = town.plan(count=count, method="exact", **asked)
            best = best_choice(town, ways, count=count, q=q)
            assert exact.intercepted == pytest.approx(best, rel=1e-9)


# --- travellers who go round ---------------------------------------------------------------------
def ways_within(town: Town, delta: float, *, ends: bool) -> list[tuple[float, Masks]]:
    """Return for each trip its volume, and the nodes of every way that it would take.

    A way that passes all nodes of another is left out: whatever stops the other stops it.
    """
    reverse = town.graph.reverse() if town.graph.is_directed() else town.graph
    found = []
    for destination, trips in town.demand.groupby("destination"):
        togo = nx.single_source_dijkstra_path_length(reverse, destination, weight="travel_time_h")
        for row in trips.itertuples():
            if row.origin == destination or row.transits == 0:
                continue
            limit = togo[row.origin] * (1 + delta) * (1 + 1e-9)
            paths = simple_paths(town.graph, row.origin, destination, togo, limit)
            masks = {town.bits(path if ends else path[1:-1]) for path in paths}
            least = [m for m in masks if not any(n != m and n & m == n for n in masks)]
            found.append((row.transits, np.array(least)))
    return found


def simple_paths(
    graph: nx.Graph, origin: int, destination: int, togo: dict[int, float], limit: float
) -> Iterator[list[int]]:
    stack = [([origin], 0.0)]
    while stack:
        path, hours = stack.pop()
        if path[-1] == destination:
            yield path
            continue
        for node, data in graph[path[-1]].items():
            spent = hours + data["travel_time_h"]
            if node not in path and spent + togo[node] <= limit:
                stack.append(([*path, node], spent))


def best_against(town: Town, ways: list[tuple[float, Masks]], count: int) -> float:
    choices = town.choices(count)
    total = np.zeros(choices.size)
    for volume, masks in ways:
        caught = np.ones(choices.size, dtype=bool)
        for mask in masks:
            caught &= (choices & mask) != 0
        total += volume * caught
    return float(total.max())


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("delta", [0.0, 0.25])
def test_evasive_is_the_best_against_all_ways_round(
    town: Town, delta: float, *, ends: bool
) -> None:
    ways = ways_within(town, delta, ends=ends)
    for count in (1, 2, 3):
        check_evasive(town, ways, count=count, delta=delta, ends=ends)


@pytest.mark.slow
@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("delta", DELTAS)
def test_evasive_is_the_best_of_very_many_choices(town: Town, delta: float, *, ends: bool) -> None:
    ways = ways_within(town, delta, ends=ends)
    for count in (2, 3, 4, 5):
        check_evasive(town, ways, count=count, delta=delta, ends=ends)


def check_evasive(
    town: Town, ways: list[tuple[float, Masks]], *, count: int, delta: float, ends: bool
) -> None:
    plan = town.plan(count=count, method="evasive", tolerance=delta, ends_count=ends)
    assert plan.intercepted == pytest.approx(best_against(town, ways, count), rel=1e-9)
    assert plan.gap == 0.0
    assert plan.intercepted <= plan.intercepted_if_routes_stay * (1 + 1e-9)
    caught = sum(volume for volume, _ in ways) - plan.routes_round["transits"].sum()
    assert caught == pytest.approx(plan.intercepted, rel=1e-9)


@pytest.mark.slow
def test_evasion_leaves_less_the_longer_ways_are_taken(town: Town) -> None:
    plans = [town.plan(count=3, method="evasive", tolerance=delta) for delta in DELTAS]
    caught = [plan.intercepted for plan in plans]
    assert caught == sorted(caught, reverse=True)
