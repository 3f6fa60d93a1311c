"""Mending: a true network with faults injected is built as it was, node for node."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString

from riskmap.network.reaches import Reaches, build_reaches

TOLERANCE_M = 50.0
#: A step of the grid that the networks stand on: sixty tolerances.
STEP_DEG = 0.027
DEGREE_M = 110_600.0
_ATTRIBUTES = {
    "strahler_order": np.nan, "discharge_m3s": np.nan, "width_m": np.nan,
    "downstream_kmh": np.nan, "upstream_kmh": np.nan, "navigable": "both",
}  # fmt: skip
law = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class Truth:
    """Hold a network on a jittered grid: a spanning tree with a few braids."""

    graph: nx.Graph
    place: dict[int, np.ndarray]
    line: dict[tuple[int, int], np.ndarray]


def true_network(rng: np.random.Generator, side: int) -> Truth:
    grid = nx.convert_node_labels_to_integers(nx.grid_2d_graph(side, side))
    for u, v in grid.edges:
        grid.edges[u, v]["weight"] = rng.random()
    graph = nx.minimum_spanning_tree(grid)
    others = [e for e in grid.edges if not graph.has_edge(*e)]
    for k in rng.permutation(len(others))[: max(1, len(others) // 20)]:
        graph.add_edge(*others[k])
    base = np.array([-70.0, -12.0])
    place = {
        n: base + STEP_DEG * (np.array(divmod(n, side)) + rng.uniform(-0.2, 0.2, 2))
        for n in graph.nodes
    }
    line = {}
    for u, v in graph.edges:
        bends = np.linspace(0, 1, 6)[1:-1, None]
        inner = place[u] * (1 - bends) + place[v] * bends
        inner += rng.uniform(-0.03, 0.03, inner.shape) * STEP_DEG
        line[u, v] = np.vstack([place[u], inner, place[v]])
    return Truth(graph, place, line)


def rivers_of(lines: list[np.ndarray]) -> gpd.GeoDataFrame:
    shapes = [LineString(xy) for xy in lines]
    return gpd.GeoDataFrame({"name": "", **_ATTRIBUTES}, geometry=shapes, crs=4326,
                            index=range(len(shapes)))  # fmt: skip


def shifted(rng: np.random.Generator, metres: float) -> np.ndarray:
    turn = rng.uniform(0, 2 * np.pi)
    return metres / DEGREE_M * np.array([np.cos(turn), np.sin(turn)])


def faulty(rng: np.random.Generator, truth: Truth) -> list[np.ndarray]:
    """Return the lines of a network with ends off, tees without a vertex, and second copies."""
    lines = {edge: xy.copy() for edge, xy in truth.line.items()}
    for edge, xy in lines.items():
        for end in (0, -1):
            if truth.graph.degree[edge[end]] > 1:
                xy[end] += shifted(rng, rng.uniform(0, 0.5) * TOLERANCE_M * 0.98)
    through, rest = [], dict(lines)
    for node in truth.graph.nodes:
        mine = [e for e in rest if node in e]
        if truth.graph.degree[node] >= 3 and len(mine) >= 2 and rng.random() < 0.5:
            through.append(_tee(rest, mine[:2], node, truth))
    copies = [_copy(rng, xy) for xy in rest.values() if rng.random() < 0.15]
    turned = [xy[::-1] if rng.random() < 0.5 else xy for xy in rest.values()]
    return [*turned, *through, *copies]


def _tee(
    rest: dict[tuple[int, int], np.ndarray], edges: list[tuple[int, int]], node: int, truth: Truth
) -> np.ndarray:
    """Join two lines into one that passes a node without a vertex there."""
    before, after = (rest.pop(e) for e in edges)
    if edges[0][0] == node:
        before = before[::-1]
    if edges[1][1] == node:
        after = after[::-1]
    along = (after[1] - before[-2]) * 0.02
    near = [truth.place[node] - along, truth.place[node] + along]
    return np.vstack([before[:-1], near, after[1:]])


def _copy(rng: np.random.Generator, xy: np.ndarray) -> np.ndarray:
    """Return a second digitisation: other vertices, a few metres off."""
    t = np.linspace(0, 1, 2 * len(xy) - 1)
    at = np.linspace(0, 1, len(xy))
    copy = np.column_stack([np.interp(t, at, xy[:, k]) for k in (0, 1)])
    copy[1:-1] += rng.normal(0, 2.0 / DEGREE_M, copy[1:-1].shape)
    return copy


def built_graph(reaches: Reaches) -> nx.MultiGraph:
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(len(reaches.node_xy)))
    graph.add_edges_from(zip(reaches.u.tolist(), reaches.v.tolist(), strict=True))
    return graph


def contracted(graph: nx.Graph) -> nx.MultiGraph:
    """Return a graph without its pass-through nodes."""
    bare = nx.MultiGraph(graph)
    for node in list(bare.nodes):
        ends = [v for _, v in bare.edges(node)]
        if len(ends) == 2 and node not in ends:
            bare.remove_node(node)
            bare.add_edge(*ends)
    return bare


def assert_same(reaches: Reaches, truth: Truth, *, metres: float) -> None:
    """Match the nodes by place, then compare every edge."""
    built, true = contracted(built_graph(reaches)), contracted(truth.graph)
    assert built.number_of_nodes() == true.number_of_nodes()
    names = list(true.nodes)
    places = np.array([truth.place[n] for n in names])
    match = {}
    for node in built.nodes:
        away = np.hypot(*((places - reaches.node_xy[node]) * DEGREE_M).T)
        assert away.min() <= metres
        match[node] = names[int(away.argmin())]
    assert len(set(match.values())) == len(match)
    edges = sorted(tuple(sorted((match[u], match[v]))) for u, v in built.edges())
    assert edges == sorted(tuple(sorted(e)) for e in true.edges())


@law
@given(st.integers(0, 2**32), st.integers(3, 7))
def test_faults_within_the_tolerance_are_mended(seed: int, side: int) -> None:
    rng = np.random.default_rng(seed)
    truth = true_network(rng, side)
    reaches = build_reaches(rivers_of(faulty(rng, truth)), snap_tolerance_m=TOLERANCE_M)
    assert_same(reaches, truth, metres=TOLERANCE_M)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_large_network_with_faults_is_mended(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = true_network(rng, 100)
    reaches = build_reaches(rivers_of(faulty(rng, truth)), snap_tolerance_m=TOLERANCE_M)
    assert_same(reaches, truth, metres=TOLERANCE_M)


@law
@given(st.integers(0, 2**32), st.integers(2, 5))
def test_gaps_of_twice_the_tolerance_stay_apart(seed: int, side: int) -> None:
    rng = np.random.default_rng(seed)
    truth = true_network(rng, side)
    lines = []
    for xy in truth.line.values():
        short = xy.copy()
        for end, inner in ((0, 1), (-1, -2)):
            inward = (xy[inner] - xy[end]) / np.hypot(*(xy[inner] - xy[end]))
            short[end] = xy[end] + 2.0 * TOLERANCE_M / DEGREE_M * inward
        lines.append(short)
    # Two lines that leave a node at a small angle may still be near each other: ask the truth.
    reaches = build_reaches(rivers_of(lines), snap_tolerance_m=TOLERANCE_M)
    metres = [[LineString(xy * DEGREE_M * [np.cos(np.radians(12)), 1]) for xy in lines]][0]
    near = nx.Graph()
    near.add_nodes_from(range(len(lines)))
    near.add_edges_from(
        (i, j)
        for i in range(len(lines))
        for j in range(i)
        if metres[i].distance(metres[j]) <= TOLERANCE_M
    )
    parts = nx.number_connected_components(built_graph(reaches))
    assert parts == nx.number_connected_components(near)


@law
@given(st.integers(0, 2**32), st.integers(2, 6), st.randoms(use_true_random=False))
def test_rows_and_cuts_make_no_difference(seed: int, side: int, random: object) -> None:
    rng = np.random.default_rng(seed)
    lines = faulty(rng, true_network(rng, side))
    whole = build_reaches(rivers_of(lines), snap_tolerance_m=TOLERANCE_M)
    pieces = []
    for xy in lines:
        k = random.randrange(1, len(xy) - 1)
        pieces += [xy[: k + 1], xy[k:]] if random.random() < 0.4 else [xy]
    random.shuffle(pieces)
    cut = build_reaches(rivers_of(pieces), snap_tolerance_m=TOLERANCE_M)
    a, b = contracted(built_graph(whole)), contracted(built_graph(cut))
    assert a.number_of_nodes() == b.number_of_nodes()
    assert a.number_of_edges() == b.number_of_edges()
    assert cut.length_km.sum() == pytest.approx(whole.length_km.sum(), rel=1e-9)


def test_channels_side_by_side_never_touch() -> None:
    """Two channels 60 m apart, with a tolerance of 50 m."""
    t = np.linspace(0, 1, 20)
    first = np.column_stack([-70 + 0.1 * t, -12 + 0.003 * np.sin(9 * t)])
    second = first + np.array([0.0, 60.0 / DEGREE_M])
    reaches = build_reaches(rivers_of([first, second]), snap_tolerance_m=TOLERANCE_M)
    assert nx.number_connected_components(built_graph(reaches)) == 2


def test_a_mirrored_braid_is_not_a_second_copy() -> None:
    """Two channels round an island, of one length and with one centre."""
    t = np.linspace(0, 1, 21)
    north = np.column_stack([-70 + 0.05 * t, -12 + 0.01 * np.sin(np.pi * t)])
    south = np.column_stack([-70 + 0.05 * t, -12 - 0.01 * np.sin(np.pi * t)])
    reaches = build_reaches(rivers_of([north, south]), snap_tolerance_m=TOLERANCE_M)
    assert built_graph(reaches).number_of_edges() == 2


def test_lines_that_cross_meet() -> None:
    a = np.array([[-70.0, -12.0], [-69.9, -12.1]])
    b = np.array([[-69.9, -12.0], [-70.0, -12.1]])
    reaches = build_reaches(rivers_of([a, b]), snap_tolerance_m=TOLERANCE_M)
    assert reaches.u.size == 4
    assert any("a crossing became a node" in note.what for note in reaches.notes)
