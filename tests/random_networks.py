"""Small random networks for the laws: trees with chords, braids, one-way arcs, loops, checkpoints.

Times are quarters of an hour, so that many ways tie; a law must hold in ties as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import networkx as nx
import pandas as pd
from hypothesis import strategies as st
from oracle import ArcId, Assigned

import riskmap as rm

DIRECTED = (nx.DiGraph, nx.MultiDiGraph)
KINDS = (nx.Graph, nx.MultiGraph, *DIRECTED)
THETAS = (0.0, 0.5, 3.0, float("inf"))

hours = st.integers(1, 12).map(lambda quarters: quarters / 4)
hazards = st.sampled_from([0.0, 0.0, 0.1, 0.25, 1.0, 3.0])
ways = st.sampled_from(["both", "both", "both", "uneven", "there", "back"])


@dataclass(frozen=True, repr=False)
class Case:
    """A network, its trips `(origin, destination, transits)`, and how travellers choose."""

    graph: nx.Graph
    trips: tuple[tuple[int, int, float], ...]
    theta: float
    kappa: float

    def __repr__(self) -> str:
        kind = type(self.graph).__name__
        multi = {"keys": True} if self.graph.is_multigraph() else {}
        edges = list(self.graph.edges(data=True, **multi))
        nodes = dict(self.graph.nodes(data=True))
        return f"{kind} {edges} {nodes} {self.trips} θ={self.theta} κ={self.kappa}"

    @property
    def demand(self) -> pd.DataFrame:
        return pd.DataFrame(list(self.trips), columns=["origin", "destination", "transits"])

    def on(self, graph: nx.Graph) -> Case:
        return replace(self, graph=graph)


def flows(case: Case) -> Assigned:
    """Run `riskmap.assign` and read its table by arc."""
    table = rm.assign(case.graph, case.demand, theta_per_h=case.theta, hazard_aversion_h=case.kappa)
    keys = list(zip(table["u"], table["v"], table["key"], strict=True))
    return Assigned(
        dict(zip(keys, table["transits"], strict=True)),
        dict(zip(keys, table["undetected_transits"], strict=True)),
        table.attrs["summary"],
    )


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    kinds: tuple[type[nx.Graph], ...] = KINDS,
    thetas: tuple[float, ...] = THETAS,
    kappas: tuple[float, ...] = (0.0, 0.7),
    loops: bool = True,
    two_way: bool = False,
) -> Case:
    """Draw a case: a tree, then chords, parallel reaches and loops, then checkpoints and trips."""
    graph = draw(st.sampled_from(kinds))()
    count = draw(st.integers(2, 8))
    graph.add_nodes_from(range(count))
    node = st.integers(0, count - 1)
    # Mostly chains: each node hangs on the one before it or, now and then, on any earlier one.
    for v in range(1, count):
        u = v - 1 if draw(st.booleans()) else draw(st.integers(0, v - 1))
        _join(draw, graph, u, v, two_way=two_way)
    for u, v in draw(st.lists(st.tuples(node, node), max_size=5)):
        if u != v or loops:
            _join(draw, graph, u, v, two_way=two_way)
    kappa = draw(st.sampled_from(kappas))
    qs = st.sampled_from([0.1, 0.5, 0.9] if kappa else [0.1, 0.5, 0.9, 1.0])
    for v, q in draw(st.dictionaries(node, qs, max_size=3)).items():
        graph.nodes[v]["detection_probability"] = q
    volumes = st.sampled_from([0.0, 1.0, 2.5, 40.0])
    trips = draw(st.lists(st.tuples(node, node, volumes), min_size=1, max_size=5))
    return Case(graph, tuple(trips), draw(st.sampled_from(thetas)), kappa)


def _join(draw: st.DrawFn, graph: nx.Graph, u: int, v: int, *, two_way: bool) -> None:
    """Add one reach; on a directed graph as a pair of arcs, even or uneven, or as a lone arc."""
    there = {"travel_time_h": draw(hours), "hazard": draw(hazards)}
    if there["hazard"] == 0.0:
        del there["hazard"]  # optional
    if not graph.is_directed():
        graph.add_edge(u, v, **there)
        return
    way = "uneven" if two_way else draw(ways)
    back = {"travel_time_h": draw(hours), "hazard": draw(hazards)} if way == "uneven" else there
    if way != "back":
        graph.add_edge(u, v, **there)
    if way != "there":
        graph.add_edge(v, u, **back)


def cut(graph: nx.Graph, arc: ArcId, share: float) -> tuple[nx.Graph, int, dict[ArcId, ArcId]]:
    """Cut the edge of an arc in two at a new node; also return which half stands for the whole.

    The mapping leads from each arc of the cut graph to the arc that it came from.
    """
    u, v, key = arc
    middle = max(graph.nodes) + 1
    result = graph.__class__()
    result.add_nodes_from(graph.nodes(data=True))
    source: dict[ArcId, ArcId] = {}
    pair = {(u, v, key), (v, u, opposite_key(graph, u, v, key))}
    multi = graph.is_multigraph()
    for edge in graph.edges(keys=True, data=True) if multi else graph.edges(data=True):
        a, b, data = edge[0], edge[1], edge[-1]
        k = edge[2] if multi else 0
        halves = [(a, b, 1.0)]
        if (a, b, k) in pair:
            part = share if a == u else 1 - share
            halves = [(a, middle, part), (middle, b, 1 - part)]
        for x, y, part in halves:
            scaled = {name: value * part for name, value in data.items()}
            # Keys stay, so that opposite arcs still pair up.
            result.add_edge(x, y, **({"key": k} if multi else {}), **scaled)
            source[(x, y, k)] = (a, b, k)
            if not graph.is_directed():
                source[(y, x, k)] = (b, a, k)
    return result, middle, source


def opposite_key(graph: nx.Graph, u: int, v: int, key: int) -> int | None:
    """Key of the arc opposite to `(u, v, key)` in these networks; None for a lone arc."""
    if not graph.is_directed():
        return key
    if not graph.is_multigraph():
        return 0 if graph.has_edge(v, u) else None
    there, back = (set(graph[a][b]) if graph.has_edge(a, b) else set() for a, b in ((u, v), (v, u)))
    if key in back:
        return key
    lone = [k for k in graph[u][v] if k not in back]
    rest = [k for k in graph[v][u] if k not in there] if back else []
    return dict(zip(lone, rest, strict=False)).get(key)
