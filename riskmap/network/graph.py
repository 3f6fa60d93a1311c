"""The window to networkx: graphs in, graphs out, and the only place that turns ids into positions.

Nothing is computed on a networkx graph; see `riskmap.network.arcs` for the arrays that are.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import networkx as nx
import numpy as np

from riskmap.errors import DemandError, Problem
from riskmap.network.arcs import Arcs, Floats, Ints, checkpoint_hazard

AnyGraph: TypeAlias = "nx.Graph[Hashable]"


@dataclass(frozen=True, slots=True)
class GraphArcs:
    """Hold the arcs of a networkx graph and the way back to its names.

    Attributes
    ----------
    arcs
        The arrays.
    position
        Node of the graph → position.
    tail, head, key
        For each arc, in the graph's order: nodes and edge key (0 in a simple graph). An undirected
        edge gives two rows, one after the other.
    """

    arcs: Arcs
    position: Mapping[Hashable, int]
    tail: list[Hashable]
    head: list[Hashable]
    key: list[Hashable]


def arcs_of_graph(graph: AnyGraph) -> GraphArcs:
    """Read a networkx graph into arcs.

    Parameters
    ----------
    graph
        A `Graph` (each edge is two arcs), `DiGraph`, or a multigraph of either. Edges carry
        `travel_time_h` (hours, > 0) and optionally `hazard` (≥ 0, may be infinite); nodes
        optionally `detection_probability` (0 to 1).

    Raises
    ------
    DemandError
        Where a value is missing or out of range; every such edge and node is named.
    """
    problems: list[Problem] = []
    position = {node: i for i, node in enumerate(graph.nodes)}
    q = _node_values(graph, problems)
    rows = _edge_rows(graph, problems)
    if problems:
        raise DemandError(problems)
    tail = [row[0] for row in rows]
    head = [row[1] for row in rows]
    key = [row[2] for row in rows]
    tails = np.array([position[u] for u in tail], dtype=np.int32)
    heads = np.array([position[v] for v in head], dtype=np.int32)
    edge = _pair_directed(tail, head, key) if graph.is_directed() else _pair_undirected(rows)
    time_h = np.array([row[3] for row in rows], dtype=np.float64)
    hazard = np.array([row[4] for row in rows], dtype=np.float64)
    hazard = hazard + checkpoint_hazard(q)[tails] if rows else hazard
    arcs = Arcs(len(position), tails, heads, edge, time_h, hazard, 1.0 - q)
    return GraphArcs(arcs, position, tail, head, key)


def _node_values(graph: AnyGraph, problems: list[Problem]) -> Floats:
    """Return each node's detection probability, 0 where it has none."""
    values = np.zeros(graph.number_of_nodes())
    for i, (node, data) in enumerate(cast("Any", graph).nodes(data=True)):
        given = data.get("detection_probability")
        if given is None:
            continue
        value = _number(given)
        if not 0.0 <= value <= 1.0:
            problems.append(
                Problem(
                    "graph",
                    f"node {node!r}",
                    f"detection_probability is {given!r}, wanted 0 to 1",
                    "give a share, such as 0.3",
                )
            )
        values[i] = value
    return values


def _edge_rows(
    graph: AnyGraph, problems: list[Problem]
) -> list[tuple[Hashable, Hashable, Hashable, float, float]]:
    """Return (tail, head, key, time, hazard) of every arc, in the graph's order."""
    multi = graph.is_multigraph()
    view = cast("Any", graph).edges
    edges = view(keys=True, data=True) if multi else view(data=True)
    rows = []
    for record in edges:
        u, v, data = record[0], record[1], record[-1]
        key = record[2] if multi else 0
        time_h = _number(data.get("travel_time_h"))
        hazard = _number(data.get("hazard", 0.0))
        if not 0.0 < time_h < math.inf:
            problems.append(_edge_problem(u, v, "travel_time_h", data, "finite hours above 0"))
        if not hazard >= 0.0:
            problems.append(_edge_problem(u, v, "hazard", data, "0 or more"))
        rows.append((u, v, key, time_h, hazard))
        if not graph.is_directed():
            rows.append((v, u, key, time_h, hazard))
    return rows


def _edge_problem(
    u: Hashable, v: Hashable, name: str, data: Mapping[str, object], wanted: str
) -> Problem:
    seen = f"{name} is {data[name]!r}" if name in data else f"{name} is missing"
    return Problem(
        "graph", f"edge {u!r} – {v!r}", f"{seen}, wanted {wanted}", f"set {name} on every edge"
    )


def _number(value: object) -> float:
    """Return a number, or NaN for what is none: range checks refuse it."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        return math.nan
    return float(value)


def _pair_undirected(rows: list[tuple[Hashable, Hashable, Hashable, float, float]]) -> Ints:
    return np.repeat(np.arange(len(rows) // 2, dtype=np.int32), 2)


def _pair_directed(tail: list[Hashable], head: list[Hashable], key: list[Hashable]) -> Ints:
    """Give opposite arcs one edge: those with the same key first, then in the graph's order."""
    edge = np.full(len(tail), -1, dtype=np.int32)
    by_ends: dict[tuple[Hashable, Hashable], list[int]] = {}
    for arc, ends in enumerate(zip(tail, head, strict=True)):
        by_ends.setdefault(ends, []).append(arc)
    edges = 0
    for arc, (u, v) in enumerate(zip(tail, head, strict=True)):
        if edge[arc] >= 0:
            continue
        edge[arc] = edges
        if u != v:
            back = [other for other in by_ends.get((v, u), []) if edge[other] < 0]
            same = [other for other in back if key[other] == key[arc]]
            taken = {key[other] for other in by_ends[(u, v)] if edge[other] < 0}
            rest = [other for other in back if key[other] not in taken]
            for other in (same or rest)[:1]:
                edge[other] = edges
        edges += 1
    return edge
