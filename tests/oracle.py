"""Slow and obvious oracles of the model, written from the text of model.md and from nothing else.

Everything here lists what it counts: each route of each trip, each sample point of each reach.
Generalized times add up as exact fractions, so that no order of additions can make or break a tie;
what the caller's own numbers were rounded by (a reach cut in five) stays under `ROUNDING`.
Nothing here imports riskmap.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import networkx as nx

Node = Hashable
ArcId = tuple[Node, Node, Any]
TIE = Fraction(1, 10**9)  # relative, model §4
ROUNDING = Fraction(1, 10**12)  # relative; least times closer than this are equal


# --- the graph, read arc by arc ------------------------------------------------------------------
@dataclass(frozen=True)
class Arc:
    """One direction of travel; `edge` is shared with the opposite arc, where there is one."""

    u: Node
    v: Node
    key: Any
    edge: int
    hours: Fraction
    hazard: float  # with the checkpoint at u

    @property
    def id(self) -> ArcId:
        return (self.u, self.v, self.key)


def read_arcs(graph: nx.Graph) -> list[Arc]:
    """List the arcs of any networkx graph, in its order, with the edges they belong to."""
    rows = _rows(graph)
    edge_of = _pair_opposite(rows) if graph.is_directed() else {row[:4]: row[3] for row in rows}
    arcs = []
    for u, v, key, number, data in rows:
        q = graph.nodes[u].get("detection_probability", 0.0)
        checkpoint = math.inf if q == 1 else -math.log1p(-q)
        arcs.append(
            Arc(
                u=u,
                v=v,
                key=key,
                edge=edge_of[(u, v, key, number)],
                hours=Fraction(data["travel_time_h"]),
                hazard=data.get("hazard", 0.0) + checkpoint,
            )
        )
    return arcs


def _rows(graph: nx.Graph) -> list[tuple[Node, Node, Any, int, dict[str, Any]]]:
    """One row for each arc: its ends, its key (0 where the graph has none), its edge's number."""
    edges = graph.edges(keys=True, data=True) if graph.is_multigraph() else graph.edges(data=True)
    rows = []
    for number, edge in enumerate(edges):
        u, v, data = edge[0], edge[1], edge[-1]
        key = edge[2] if graph.is_multigraph() else 0
        rows.append((u, v, key, number, data))
        if not graph.is_directed() and u != v:
            rows.append((v, u, key, number, data))
    return rows


def _pair_opposite(
    rows: Sequence[tuple[Node, Node, Any, int, dict[str, Any]]],
) -> dict[tuple[Node, Node, Any, int], int]:
    """Opposite arcs are one edge: the same key first, then in order; a loop is its own edge."""
    left: dict[tuple[Node, Node], dict[Any, int]] = defaultdict(dict)
    for u, v, key, number, _ in rows:
        left[(u, v)][key] = number
    edge_of = {(u, v, key, number): number for u, v, key, number, _ in rows}
    for u, v in list(left):
        if u == v:
            continue
        there, back = left[(u, v)], left.get((v, u), {})
        same = [(key, key) for key in there if key in back]
        rest = zip(
            [key for key in there if key not in back],
            [key for key in back if key not in there],
            strict=False,
        )
        for key, opposite in itertools.chain(same, rest):
            number = min(there[key], back[opposite])
            edge_of[(u, v, key, there[key])] = number
            edge_of[(v, u, opposite, back[opposite])] = number
    return edge_of


def decision_nodes(graph: nx.Graph, arcs: Sequence[Arc]) -> set[Node]:
    """Nodes whose number of incident edges is not two; a loop comes to its node twice."""
    ends = {(arc.edge, frozenset((arc.u, arc.v))) for arc in arcs}
    count = dict.fromkeys(graph.nodes, 0)
    for _, pair in ends:
        for node in pair:
            count[node] += 2 if len(pair) == 1 else 1
    return {node for node, edges in count.items() if edges != 2}


def generalized_time(arc: Arc, kappa: float) -> Fraction | None:
    """`t + κ h` in hours; None where it is infinite."""
    if kappa == 0:
        return arc.hours
    if math.isinf(arc.hazard):
        return None
    return arc.hours + Fraction(kappa) * Fraction(arc.hazard)


def least_times(arcs: Sequence[Arc], destination: Node, kappa: float) -> dict[Node, Fraction]:
    """Least generalized time from each node that reaches the destination."""
    into = defaultdict(list)
    for arc in arcs:
        g = generalized_time(arc, kappa)
        if g is not None:
            into[arc.v].append((arc.u, g))
    least: dict[Node, Fraction] = {}
    order = itertools.count()
    queue = [(Fraction(0), next(order), destination)]
    while queue:
        d, _, node = heapq.heappop(queue)
        if node in least:
            continue
        least[node] = d
        for before, g in into[node]:
            heapq.heappush(queue, (d + g, next(order), before))
    return least


# --- links and routes (§4) -----------------------------------------------------------------------
@dataclass(frozen=True)
class Link:
    """A chain of arcs between two nodes where links begin and end."""

    arcs: tuple[Arc, ...]
    g: Fraction

    @property
    def end(self) -> Node:
        return self.arcs[-1].v


@dataclass(frozen=True)
class Route:
    """One route of one trip; `survival` is that of the whole trip."""

    arcs: tuple[Arc, ...]
    g: Fraction
    probability: float
    survival: float


def links_from(node: Node, arcs: Sequence[Arc], ends: set[Node], kappa: float) -> list[Link]:
    """Follow every arc that leaves the node until a node of `ends`, never turning back."""
    leaving = defaultdict(list)
    for arc in arcs:
        leaving[arc.u].append(arc)
    links = []
    for first in leaving[node]:
        chain: list[Arc] | None = [first]
        while chain and chain[-1].v not in ends:
            onward = [a for a in leaving[chain[-1].v] if a.edge != chain[-1].edge]
            assert len(onward) <= 1, "a pass-through node has two edges"
            chain = chain + onward if onward else None
        if chain:
            times = [generalized_time(arc, kappa) for arc in chain]
            if None not in times:
                links.append(Link(tuple(chain), sum(times, Fraction(0))))
    return links


def list_routes(
    graph: nx.Graph,
    origin: Node,
    destination: Node,
    *,
    theta: float,
    kappa: float = 0.0,
    origin_ends_links: bool = True,
) -> list[Route]:
    """List every route of a trip over efficient links, with its probability and survival.

    `origin_ends_links` False is the other reading of §4, in which a link may pass the trip's own
    origin: a traveller may then turn round at a decision node and come back through it.
    """
    arcs = read_arcs(graph)
    d = least_times(arcs, destination, kappa)
    if origin not in d:
        return []
    ends = decision_nodes(graph, arcs) | {destination}
    if origin_ends_links:
        ends = ends | {origin}

    def onward(node: Node) -> list[tuple[Link, ...]]:
        if node == destination:
            return [()]
        return [
            (link, *rest)
            for link in links_from(node, arcs, ends, kappa)
            if link.end in d and d[link.end] < d[node] * (1 - ROUNDING)
            for rest in onward(link.end)
        ]

    chains = onward(origin)
    times = [sum((link.g for link in links), Fraction(0)) for links in chains]
    weights = _weights(times, d[origin], theta)
    q = graph.nodes[destination].get("detection_probability", 0.0)
    routes = []
    for links, g, weight in zip(chains, times, weights, strict=True):
        path = tuple(arc for link in links for arc in link.arcs)
        hazard = math.fsum(arc.hazard for arc in path)
        routes.append(Route(path, g, weight / math.fsum(weights), math.exp(-hazard) * (1 - q)))
    return routes


def _weights(times: Sequence[Fraction], least: Fraction, theta: float) -> list[float]:
    """`exp(-θ (g - d))`; θ = ∞: one for each route tied with the least."""
    if math.isinf(theta):
        return [1.0 if g <= least * (1 + TIE) else 0.0 for g in times]
    return [math.exp(-theta * float(g - least)) for g in times]


# --- scores (§5) ---------------------------------------------------------------------------------
@dataclass(frozen=True)
class Assigned:
    """Expected transits a month by arc `(u, v, key)`, and where the demand went."""

    transits: dict[ArcId, float]
    undetected: dict[ArcId, float]
    summary: dict[str, float]


Demand = Iterable[tuple[Node, Node, float]]


def assign(
    graph: nx.Graph,
    demand: Demand,
    *,
    theta: float,
    kappa: float = 0.0,
    origin_ends_links: bool = True,
) -> Assigned:
    """Load each trip of the demand on each of its routes, one by one."""
    names = [arc.id for arc in read_arcs(graph)]
    transits, undetected = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    summary = dict.fromkeys(
        ("demand", "served", "local", "unserved", "detected", "undetected"), 0.0
    )
    for origin, destination, volume in demand:
        summary["demand"] += volume
        if origin == destination:
            summary["local"] += volume
            continue
        routes = list_routes(
            graph,
            origin,
            destination,
            theta=theta,
            kappa=kappa,
            origin_ends_links=origin_ends_links,
        )
        if not routes:
            summary["unserved"] += volume
            continue
        summary["served"] += volume
        for route in routes:
            share = volume * route.probability
            summary["undetected"] += share * route.survival
            summary["detected"] += share * (1 - route.survival)
            for arc in route.arcs:
                transits[arc.id] += share
                undetected[arc.id] += share * route.survival
    return Assigned(transits, undetected, summary)


def detected_total(
    graph: nx.Graph,
    demand: Demand,
    *,
    theta: float,
    kappa: float,
    extra: Mapping[ArcId, float],
) -> float:
    """Total of detected transits with `extra` hazard on some arcs, routes and demand held."""
    total = 0.0
    for origin, destination, volume in demand:
        if origin == destination:
            continue
        for route in list_routes(graph, origin, destination, theta=theta, kappa=kappa):
            more = math.fsum(extra.get(arc.id, 0.0) for arc in route.arcs)
            total += volume * route.probability * (1 - route.survival * math.exp(-more))
    return total


def interceptions_per_100_patrol_hours(
    graph: nx.Graph,
    demand: Sequence[tuple[Node, Node, float]],
    *,
    theta: float,
    kappa: float,
    arc_speeds_kmh: Mapping[ArcId, float],
    detection_per_meeting: float,
    period_h: float,
    standard_speed_kmh: float,
    step_h: float = 1e-2,
) -> float:
    """Central difference of the detected total in the patrol hours of the reach of these arcs."""

    def detected(hours: float) -> float:
        extra = {
            arc: detection_per_meeting * hours / period_h * standard_speed_kmh / speed
            for arc, speed in arc_speeds_kmh.items()
        }
        return detected_total(graph, demand, theta=theta, kappa=kappa, extra=extra)

    return 100 * (detected(step_h) - detected(-step_h)) / (2 * step_h)


# --- demand (§2) ---------------------------------------------------------------------------------
@dataclass(frozen=True)
class Site:
    """An origin or destination: its node (None: not attached), access leg, weight or attraction."""

    node: Node | None
    access_h: float
    weight: float


@dataclass(frozen=True)
class Gravity:
    """Transits a month between sites, `(position of origin, position of destination)`."""

    trips: dict[tuple[int, int], float]
    local: float
    unserved: float


def gravity(
    graph: nx.Graph,
    origins: Sequence[Site],
    destinations: Sequence[Site],
    *,
    volume: float,
    beta: float,
    kappa: float = 0.0,
) -> Gravity:
    """Share the volume of each origin over the destinations that it reaches."""
    arcs = read_arcs(graph)
    nodes = {site.node for site in destinations if site.node is not None}
    least = {node: least_times(arcs, node, kappa) for node in nodes}
    all_weight = math.fsum(site.weight for site in origins)
    trips: dict[tuple[int, int], float] = {}
    local = unserved = 0.0
    for i, origin in enumerate(origins):
        produced = volume * origin.weight / all_weight
        pulls = {
            j: (site.weight, origin.access_h + float(least[site.node][origin.node]) + site.access_h)
            for j, site in enumerate(destinations)
            if site.node is not None and site.weight > 0 and origin.node in least[site.node]
        }
        if not pulls:
            unserved += produced
            continue
        nearest = min(c for _, c in pulls.values())  # cancels; keeps exp from underflow
        pull = {j: a * math.exp(-beta * (c - nearest)) for j, (a, c) in pulls.items()}
        for j, value in pull.items():
            volume_ij = produced * value / math.fsum(pull.values())
            if destinations[j].node == origin.node:
                local += volume_ij
            else:
                trips[(i, j)] = volume_ij
    return Gravity(trips, local, unserved)


# --- patrols (§3) --------------------------------------------------------------------------------
@dataclass(frozen=True)
class Post:
    """A post at a node of the water, with its overland leg in hours."""

    node: Node
    access_h: float
    patrol_hours: float
    effectiveness: float
    speed_kmh: float
    range_h: float
    decay_h: float


def patrol_hours(
    reaches: Sequence[tuple[Node, Node, float]], post: Post, *, samples: int = 20_000
) -> list[float]:
    """Effective hours of a post on each reach `(u, v, length_km)`, by the midpoint rule."""
    water = nx.MultiGraph()
    water.add_node(post.node)
    for u, v, length_km in reaches:
        water.add_edge(u, v, hours=length_km / post.speed_kmh)
    reached = nx.single_source_dijkstra_path_length(water, post.node, weight="hours")
    shares = []
    for u, v, length_km in reaches:
        if u not in reached:
            shares.append(0.0)
            continue
        total = 0.0
        for sample in range(samples):
            x = (sample + 0.5) / samples * length_km
            t = post.access_h + min(
                reached[u] + x / post.speed_kmh, reached[v] + (length_km - x) / post.speed_kmh
            )
            if t <= post.range_h:
                total += math.exp(-t / post.decay_h)
        shares.append(total * length_km / samples)
    everywhere = math.fsum(shares)
    if everywhere == 0:
        return shares
    hours = post.effectiveness * post.patrol_hours
    return [hours * share / everywhere for share in shares]


def arc_hazard(
    hours_by_post: Iterable[tuple[float, float]],
    *,
    arc_speed_kmh: float,
    detection_per_meeting: float,
    period_h: float,
) -> float:
    """`ε Σ_p (hours_rp / P) (v_p / v_a)` from `(effective hours on the reach, post's speed)`."""
    return math.fsum(
        detection_per_meeting * hours / period_h * speed / arc_speed_kmh
        for hours, speed in hours_by_post
    )


# --- corridors (§6) ------------------------------------------------------------------------------
@dataclass(frozen=True)
class Stretch:
    """What a corridor's chaining needs of a reach; it flows from `u` to `v`."""

    u: Node
    v: Node
    transits: float
    name: str = ""


def chain_corridors(
    reaches: Sequence[Stretch], *, border_nodes: Iterable[Node] = (), fraction: float = 0.25
) -> set[frozenset[int]]:
    """Chain the reaches (by position) that carry traffic, each chain upwards from its lower end.

    For water that flows one way along each chain; where it meets head on the text is silent.
    """
    carrying = {i: reach for i, reach in enumerate(reaches) if reach.transits > 0}
    at = defaultdict(list)
    for i, reach in carrying.items():
        at[reach.u].append(i)
        at[reach.v].append(i)
    borders = set(border_nodes)

    def above(i: int) -> int | None:
        node = carrying[i].u
        if node in borders or len(at[node]) != 2:
            return None
        (other,) = [k for k in at[node] if k != i] or [i]
        joined = carrying[other].v == node and carrying[other].name == carrying[i].name
        return other if joined and other != i else None

    lower_ends = carrying.keys() - {above(i) for i in carrying}
    chains = set()
    for lowest in lower_ends:
        chain, reach = [lowest], above(lowest)
        while reach is not None:
            base = carrying[chain[0]].transits
            if abs(carrying[reach].transits - base) > fraction * base:
                chains.add(frozenset(chain))
                chain = []
            chain.append(reach)
            reach = above(reach)
        chains.add(frozenset(chain))
    return chains
