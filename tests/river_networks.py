"""True river networks, and the faults that people's lines have.

A network is a tree that drains to one corner of a jittered grid, with braids: second channels, the
mirror image of the first, between the same two nodes. Lines wander, never nearer to each other than
many tolerances but where they meet.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import networkx as nx
import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from riskmap.geodesy import metres_per_degree
from riskmap.network.reaches import Reaches

TOLERANCE_M = 50.0
#: A step of the grid, degrees: some sixty tolerances.
STEP_DEG = 0.027
ALL_FAULTS = frozenset(
    {"offsets", "gaps", "tees", "copies", "redigitised", "overlaps", "overshoots", "cuts"}
)
ATTRIBUTES = {
    "strahler_order": np.nan, "discharge_m3s": np.nan, "width_m": np.nan,
    "downstream_kmh": np.nan, "upstream_kmh": np.nan, "navigable": "both",
}  # fmt: skip


@dataclass(frozen=True)
class TrueNetwork:
    """Hold places of nodes, both nodes of each reach (upstream first) and the lines."""

    place: np.ndarray
    ends: np.ndarray
    lines: list[np.ndarray]


def grow_rivers(
    rng: np.random.Generator, side: int, *, braids: float = 0.05, latitude: float = -12.0
) -> TrueNetwork:
    """Grow a network with side² nodes."""
    n = side * side
    node = np.arange(n).reshape(side, side)
    across = np.column_stack([node[:-1].ravel(), node[1:].ravel()])
    along = np.column_stack([node[:, :-1].ravel(), node[:, 1:].ravel()])
    links = np.concatenate([across, along])
    weight = 0.1 + rng.random(len(links))
    tree = minimum_spanning_tree(coo_array((weight, links.T), (n, n)).tocsr())
    down = breadth_first_order(tree, 0, directed=False)[1]
    up = np.flatnonzero(down >= 0)
    ends = np.column_stack([up, down[up]])
    island = rng.random(len(ends)) < braids
    step = STEP_DEG * np.array([1.0 / np.cos(np.radians(latitude)), 1.0])
    grid = np.column_stack(np.divmod(np.arange(n), side)) + rng.uniform(-0.12, 0.12, (n, 2))
    place = np.array([-70.0, latitude]) + step * grid
    lines = [
        _wander(rng, place[u], place[v], step, bends=1 if braided else 2)
        for (u, v), braided in zip(ends, island, strict=True)
    ]
    lines += [_mirror(lines[k]) for k in np.flatnonzero(island)]
    return TrueNetwork(place, np.concatenate([ends, ends[island]]), lines)


def _wander(
    rng: np.random.Generator, a: np.ndarray, b: np.ndarray, step: np.ndarray, *, bends: int
) -> np.ndarray:
    t = np.linspace(0.0, 1.0, int(rng.integers(5, 40)))[:, None]
    normal = ((b - a) / step)[::-1] * np.array([-1.0, 1.0]) * step
    height = rng.uniform(0.04, 0.05) * rng.choice([-1.0, 1.0])
    line = a * (1.0 - t) + b * t + height * np.sin(bends * np.pi * t) * normal
    line[0], line[-1] = a, b
    return line


def _mirror(line: np.ndarray) -> np.ndarray:
    t = np.linspace(0.0, 1.0, len(line))[:, None]
    return 2.0 * (line[0] * (1.0 - t) + line[-1] * t) - line


def rivers_of(lines: list[np.ndarray], **columns: object) -> gpd.GeoDataFrame:
    """Return lines as a canonical table of rivers."""
    sizes = [len(line) for line in lines]
    owner = np.repeat(np.arange(len(lines)), sizes)
    shapes = shapely.linestrings(np.concatenate(lines), indices=owner)
    table = {"name": "", **ATTRIBUTES, **columns}
    return gpd.GeoDataFrame(table, geometry=shapes, crs=4326, index=range(len(lines)))


def metres_at(place: np.ndarray) -> np.ndarray:
    return np.array([float(m) for m in metres_per_degree(place[1])])


def shifted(rng: np.random.Generator, place: np.ndarray, metres: float) -> np.ndarray:
    """Return a place moved in a random direction."""
    turn = rng.uniform(0.0, 2.0 * np.pi)
    return place + metres * np.array([np.cos(turn), np.sin(turn)]) / metres_at(place)


def with_faults(
    rng: np.random.Generator,
    truth: TrueNetwork,
    faults: frozenset[str] = ALL_FAULTS,
    *,
    share: float = 0.3,
    tolerance_m: float = TOLERANCE_M,
) -> list[np.ndarray]:
    """Return the lines of a network as people have them, in some order.

    Every two ends of one node stay within the tolerance of each other: all are off by up to half
    of it, or one is off by nearly all of it.
    """
    lines: dict[int, np.ndarray] = {k: line.copy() for k, line in enumerate(truth.lines)}
    through: list[np.ndarray] = []
    at: list[list[int]] = [[] for _ in truth.place]
    for k, (u, v) in enumerate(truth.ends.tolist()):
        at[u].append(k)
        at[v].append(k)
    for node, mine in enumerate(at):
        if len(mine) < 2 or rng.random() > share:
            continue
        kinds = sorted(faults & {"offsets", "gaps", "tees", "overlaps", "overshoots"})
        if kinds:
            kind = kinds[int(rng.integers(len(kinds)))]
            _spoil(rng, truth, node, mine, kind, lines, through, tolerance_m)
    found = [*lines.values(), *through]
    found += _copies(rng, found, faults, share)
    if "cuts" in faults:
        found = [part for line in found for part in _cut_somewhere(rng, line, share)]
    order = rng.permutation(len(found))
    return [found[k][::-1] if rng.random() < 0.3 else found[k] for k in order]


def _spoil(
    rng: np.random.Generator,
    truth: TrueNetwork,
    node: int,
    mine: list[int],
    kind: str,
    lines: dict[int, np.ndarray],
    through: list[np.ndarray],
    tolerance_m: float,
) -> None:
    """Put one kind of fault at a node."""
    mine = [k for k in mine if k in lines]
    ends = {k: 0 if truth.ends[k, 0] == node else -1 for k in mine}
    if kind == "offsets":
        for k in mine:
            far = rng.uniform(0.0, 0.49) * tolerance_m
            lines[k][ends[k]] = shifted(rng, truth.place[node], far)
    elif kind == "gaps" and mine:
        k = mine[int(rng.integers(len(mine)))]
        lines[k][ends[k]] = _back(lines[k], ends[k], rng.uniform(0.5, 0.98) * tolerance_m)
    elif kind == "tees" and len(mine) >= 3:
        _join_through(mine[:2], node, truth, lines, through)
        for k in mine[2:]:
            far = rng.uniform(0.0, 0.49) * tolerance_m
            lines[k][ends[k]] = shifted(rng, truth.place[node], far)
    elif kind == "overshoots" and len(mine) >= 3:
        _join_through(mine[:2], node, truth, lines, through)
        for k in mine[2:]:
            far = rng.uniform(0.0, 0.49) * tolerance_m
            lines[k][ends[k]] = _back(lines[k], ends[k], -far)
    elif kind == "overlaps" and len(mine) >= 2:
        a, b = mine[:2]
        lines[a] = _run_on(rng, lines[a], ends[a], lines[b], ends[b])


def _back(line: np.ndarray, end: int, metres: float) -> np.ndarray:
    """Return the end of a line moved back along its last segment (forth where negative)."""
    inner = line[1 if end == 0 else -2]
    way = (inner - line[end]) * metres_at(line[end])
    return line[end] + metres * way / np.hypot(*way) / metres_at(line[end])


def _join_through(
    pair: list[int],
    node: int,
    truth: TrueNetwork,
    lines: dict[int, np.ndarray],
    through: list[np.ndarray],
) -> None:
    """Make one line of two that pass a node, without a vertex there."""
    before, after = lines.pop(pair[0]), lines.pop(pair[1])
    if truth.ends[pair[0], 0] == node:
        before = before[::-1]
    if truth.ends[pair[1], 0] != node:
        after = after[::-1]
    along = 0.02 * (after[1] - before[-2])
    near = [truth.place[node] - along, truth.place[node] + along]
    through.append(np.vstack([before[:-1], near, after[1:]]))


def _run_on(
    rng: np.random.Generator, line: np.ndarray, end: int, other: np.ndarray, other_end: int
) -> np.ndarray:
    """Return a line that runs on past its end along another, a few metres beside it."""
    ahead = other if other_end == 0 else other[::-1]
    beyond = ahead[1 : max(2, len(ahead) // 3)].copy()
    beyond += rng.normal(0.0, 2.0, beyond.shape) / metres_at(beyond[0])
    return np.vstack([beyond[::-1], line]) if end == 0 else np.vstack([line, beyond])


def _copies(
    rng: np.random.Generator, lines: list[np.ndarray], faults: frozenset[str], share: float
) -> list[np.ndarray]:
    """Return exact second copies, and second digitisations a few metres off."""
    copies = []
    for line in lines:
        if "copies" in faults and rng.random() < 0.2 * share:
            copies.append(line.copy())
        if "redigitised" in faults and rng.random() < 0.2 * share:
            t = np.linspace(0.0, 1.0, 2 * len(line) - 1)
            own = np.linspace(0.0, 1.0, len(line))
            copy = np.column_stack([np.interp(t, own, line[:, k]) for k in (0, 1)])
            copy[1:-1] += rng.normal(0.0, 2.0, copy[1:-1].shape) / metres_at(line[0])
            copies.append(copy)
    return copies


def _cut_somewhere(rng: np.random.Generator, line: np.ndarray, share: float) -> list[np.ndarray]:
    """Return a line whole, or cut at one of its vertices or between two."""
    if rng.random() > share:
        return [line]
    k = int(rng.integers(1, len(line)))
    if rng.random() < 0.5 and k < len(line) - 1:
        return [line[: k + 1], line[k:]]
    t = rng.uniform(0.2, 0.8)
    place = line[k - 1] * (1.0 - t) + line[k] * t
    return [np.vstack([line[:k], place]), np.vstack([place, line[k:]])]


def graph_of(ends: np.ndarray, n_nodes: int) -> nx.MultiGraph:
    """Return nodes and edges as a multigraph."""
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(n_nodes))
    graph.add_edges_from(ends.tolist())
    return graph


def built_graph(reaches: Reaches) -> nx.MultiGraph:
    return graph_of(np.column_stack([reaches.u, reaches.v]), len(reaches.node_xy))


def contracted(graph: nx.MultiGraph) -> nx.MultiGraph:
    """Return a graph without its pass-through nodes."""
    bare = nx.MultiGraph(graph)
    for node in list(bare.nodes):
        ends = [v for _, v in bare.edges(node)]
        if len(ends) == 2 and node not in ends:
            bare.remove_node(node)
            bare.add_edge(*ends)
    return bare


def differences(reaches: Reaches, truth: TrueNetwork, *, within_m: float) -> list[str]:
    """Say where a built network is not the true one; nodes are matched by place.

    Both networks are compared without pass-through nodes, where lines may be cut at will.
    """
    built = contracted(built_graph(reaches))
    true = contracted(graph_of(truth.ends, len(truth.place)))
    names = np.array(list(true.nodes))
    tree = shapely.STRtree(shapely.points(truth.place[names]))
    match, wrong = {}, []
    for node in built.nodes:
        place = reaches.node_xy[node]
        k = int(tree.nearest(shapely.points(place)))
        away = np.hypot(*((truth.place[names[k]] - place) * metres_at(place)))
        if away > within_m:
            wrong.append(f"node at {place}: {away:.0f} m from a true one")
        match[node] = int(names[k])
    twice = len(match) - len(set(match.values()))
    if twice or len(match) != len(names):
        wrong.append(f"{len(match)} nodes, {twice} of them doubled, where {len(names)} are true")
    edges = sorted(tuple(sorted((match[u], match[v]))) for u, v in built.edges())
    if edges != sorted(tuple(sorted(e)) for e in true.edges()):
        wrong.append(f"{len(edges)} edges, {true.number_of_edges()} true, not the same")
    return wrong
