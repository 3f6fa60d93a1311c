"""`riskmap.assign` on two networks of the literature, read in place: 24 and 25 real nodes.

Sioux Falls: 76 one-way links, 360,600 trips a day (Transportation Networks for Research). The
25-node network of Simchi-Levi and Berman (1988): 43 edges, 300 pairs, 67 of them with tied ways.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections import Counter
from pathlib import Path

import networkx as nx
import oracle
import pandas as pd
import pytest

import riskmap as rm

pytestmark = pytest.mark.real
INF = math.inf
Network = tuple[nx.Graph, pd.DataFrame]
MINUTES = 1 / 60  # Sioux Falls states minutes


@pytest.fixture(scope="module")
def networks(shared_data: Path) -> Path:
    folder = shared_data / "networks"
    if not folder.is_dir():
        pytest.skip("the benchmark networks are not beside the project")
    return folder


@pytest.fixture(scope="module")
def sioux_falls(networks: Path) -> tuple[nx.DiGraph, pd.DataFrame]:
    graph = nx.DiGraph()
    net = (networks / "siouxfalls_net.tntp").read_text().split("<END OF METADATA>")[1]
    for line in net.splitlines():
        fields = line.strip().rstrip(";").split()
        if fields and fields[0].isdigit():
            graph.add_edge(int(fields[0]), int(fields[1]), travel_time_h=float(fields[4]) * MINUTES)
    rows, origin = [], 0
    trips = (networks / "siouxfalls_trips.tntp").read_text().split("<END OF METADATA>")[1]
    for line in trips.splitlines():
        if line.startswith("Origin"):
            origin = int(line.split()[1])
            continue
        for pair in filter(str.strip, line.split(";")):
            destination, volume = pair.split(":")
            rows.append((origin, int(destination), float(volume)))
    return graph, pd.DataFrame(rows, columns=["origin", "destination", "transits"])


@pytest.fixture(scope="module")
def node25(networks: Path) -> tuple[nx.Graph, pd.DataFrame]:
    graph = nx.Graph()
    with (networks / "node25_edges.csv").open(encoding="utf-8-sig") as file:
        for u, v, length in itertools.islice(csv.reader(file), 1, None):
            graph.add_edge(int(u), int(v), travel_time_h=float(length))
    flows = pd.read_csv(networks / "node25_flows.csv", index_col=0, encoding="utf-8-sig")
    pairs = itertools.combinations(range(1, 26), 2)
    rows = [(u, v, float(flows.loc[u, str(v)])) for u, v in pairs]
    return graph, pd.DataFrame(rows, columns=["origin", "destination", "transits"])


def by_arc(table: pd.DataFrame, column: str = "transits") -> dict[tuple[int, int, int], float]:
    keys = zip(table["u"], table["v"], table["key"], strict=True)
    return dict(zip(keys, table[column], strict=True))


def test_the_files_are_the_networks_that_they_say(sioux_falls: Network, node25: Network) -> None:
    graph, demand = sioux_falls
    assert (len(graph), graph.number_of_edges()) == (24, 76)
    assert demand["transits"].sum() == 360_600
    graph, demand = node25
    assert (len(graph), graph.number_of_edges(), len(demand)) == (25, 43, 300)


def test_sioux_falls_on_least_routes_takes_the_least_time(sioux_falls: Network) -> None:
    """All or nothing: the hours travelled are each trip's least time, by networkx."""
    graph, demand = sioux_falls
    table = rm.assign(graph, demand, theta_per_h=INF)
    hours = dict(nx.all_pairs_dijkstra_path_length(graph, weight="travel_time_h"))
    least = sum(hours[row.origin][row.destination] * row.transits for row in demand.itertuples())
    travelled = sum(
        graph.edges[u, v]["travel_time_h"] * n for (u, v, _), n in by_arc(table).items()
    )
    assert travelled == pytest.approx(least, rel=1e-12)
    assert table.attrs["summary"]["served"] == pytest.approx(360_600)
    assert table.attrs["summary"]["unserved"] == 0.0


@pytest.mark.slow
@pytest.mark.parametrize(("theta", "kappa"), [(INF, 0.0), (30.0, 0.0), (6.0, 0.05), (0.0, 0.0)])
def test_sioux_falls_agrees_with_every_route_listed(
    sioux_falls: Network, theta: float, kappa: float
) -> None:
    graph, demand = sioux_falls
    watched = graph.copy()
    for number, (_, _, data) in enumerate(watched.edges(data=True)):
        data["hazard"] = (number % 5) * 0.05
    nx.set_node_attributes(watched, {10: 0.3, 16: 0.5}, "detection_probability")
    table = rm.assign(watched, demand, theta_per_h=theta, hazard_aversion_h=kappa)
    rows = list(demand.itertuples(index=False, name=None))
    listed = oracle.assign(watched, rows, theta=theta, kappa=kappa)
    assert by_arc(table) == pytest.approx(listed.transits, rel=1e-9, abs=1e-7)
    undetected = by_arc(table, "undetected_transits")
    assert undetected == pytest.approx(listed.undetected, rel=1e-9, abs=1e-7)
    assert table.attrs["summary"] == pytest.approx(listed.summary, rel=1e-9)


def test_node25_shares_ties_path_by_path(node25: Network) -> None:
    """networkx lists the least ways of each pair; 67 pairs have several, which share equally."""
    graph, demand = node25
    expected: Counter[tuple[int, int, int]] = Counter()
    tied = 0
    for origin, destination, volume in demand.itertuples(index=False, name=None):
        paths = list(nx.all_shortest_paths(graph, origin, destination, weight="travel_time_h"))
        tied += len(paths) > 1
        for u, v in itertools.chain.from_iterable(map(itertools.pairwise, paths)):
            expected[(u, v, 0)] += volume / len(paths)
    assert tied == 67
    table = rm.assign(graph, demand, theta_per_h=INF)
    flow = by_arc(table)
    assert flow == pytest.approx({arc: expected[arc] for arc in flow}, rel=1e-9)


@pytest.mark.parametrize("theta", [0.0, 0.5, 2.0])
def test_node25_agrees_with_every_route_listed(node25: Network, theta: float) -> None:
    graph, demand = node25
    rows = list(demand.itertuples(index=False, name=None))
    listed = oracle.assign(graph, rows, theta=theta)
    table = rm.assign(graph, demand, theta_per_h=theta)
    assert by_arc(table) == pytest.approx(listed.transits, rel=1e-9, abs=1e-9)


@pytest.mark.slow
def test_node25_is_the_same_water_however_finely_it_is_cut(node25: Network) -> None:
    graph, demand = node25
    fine, halves = nx.Graph(), {}
    for u, v, data in graph.edges(data=True):
        steps = [u, *((u, v, step) for step in range(4)), v]
        for a, b in itertools.pairwise(steps):
            fine.add_edge(a, b, travel_time_h=data["travel_time_h"] / 5)
            halves[(a, b)] = (u, v, 0)
            halves[(b, a)] = (v, u, 0)
    whole = by_arc(rm.assign(graph, demand, theta_per_h=1.0))
    pieces = rm.assign(fine, demand, theta_per_h=1.0)
    for u, v, transits in zip(pieces["u"], pieces["v"], pieces["transits"], strict=True):
        assert transits == pytest.approx(whole[halves[(u, v)]], rel=1e-9, abs=1e-9)
