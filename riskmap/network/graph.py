"""The window to networkx: graphs in, graphs out, and the only place that turns ids into positions.

Nothing is computed on a networkx graph; see `riskmap.network.arcs` for the arrays that are.
"""

from __future__ import annotations

import itertools
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
    tail, head, key, time_h, hazard = _edges(graph, problems)
    if problems:
        raise DemandError(problems)
    if not graph.is_directed():  # each edge is followed by its way back
        tail, head = (
            list(itertools.chain.from_iterable(zip(one, other, strict=True)))
            for one, other in ((tail, head), (head, tail))
        )
        key = list(itertools.chain.from_iterable(zip(key, key, strict=True)))
        time_h, hazard = np.repeat(time_h, 2), np.repeat(hazard, 2)
        edge = np.repeat(np.arange(len(tail) // 2, dtype=np.int32), 2)
    else:
        edge = _pair_directed(tail, head, key)
    tails = np.fromiter(map(position.__getitem__, tail), dtype=np.int32, count=len(tail))
    heads = np.fromiter(map(position.__getitem__, head), dtype=np.int32, count=len(head))
    hazard = hazard + checkpoint_hazard(q)[tails]
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


def _edges(
    graph: AnyGraph, problems: list[Problem]
) -> tuple[list[Hashable], list[Hashable], list[Hashable], Floats, Floats]:
    """Return tail, head, key, time and hazard of every edge, in the graph's order."""
    multi = graph.is_multigraph()
    view = cast("Any", graph).edges
    records = list(view(keys=True, data=True) if multi else view(data=True))
    if not records:
        return [], [], [], np.empty(0), np.empty(0)
    tail, head, *keys, data = map(list, zip(*records, strict=True))
    key = keys[0] if multi else [0] * len(tail)
    time_h = _numbers([values.get("travel_time_h") for values in data])
    hazard = _numbers([values.get("hazard", 0.0) for values in data])
    badly_timed, badly_watched = ~((time_h > 0.0) & (time_h < math.inf)), ~(hazard >= 0.0)
    for i in np.flatnonzero(badly_timed | badly_watched):
        u, v, values = tail[i], head[i], data[i]
        if badly_timed[i]:
            problems.append(_edge_problem(u, v, "travel_time_h", values, "finite hours above 0"))
        if badly_watched[i]:
            problems.append(_edge_problem(u, v, "hazard", values, "0 or more"))
    return tail, head, key, time_h, hazard


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


def _numbers(values: list[object]) -> Floats:
    """Return numbers, NaN for what is none."""
    if set(map(type, values)) <= {float, int, np.float64}:
        return np.array(values, dtype=np.float64)
    return np.array([_number(value) for value in values], dtype=np.float64)


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
