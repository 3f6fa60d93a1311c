"""What peers make of river lines: one peer, in a process of its own.

Run by `benchmarks.building` as ``python -m benchmarks.network_peers PEER FILE``; the answer is one
line of JSON. Reading the lines, projecting them for peers that want metres and importing the peer
come before the clock starts. Peers get their own defaults, and the tolerance where they take one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmarks.memory import added_mb, start_peak_mb

TOLERANCE_M = 50.0
#: World Mercator: good enough for peers that want a plane.
PLANE = 3395

#: Nodes, edges and connected parts.
Counts = tuple[int, int, int]
Work = Callable[[], Counts]


def count_lines(lines: np.ndarray) -> Counts:
    """Count what lines make that meet where their ends are exactly the same."""
    from riskmap.network.joining import label_places

    ends = shapely.get_coordinates([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])
    u, v = label_places(ends).reshape(2, -1)
    n = int(max(u.max(), v.max())) + 1
    parts = connected_components(coo_array((np.ones(u.size), (u, v)), (n, n)))[0]
    return n, len(lines), int(parts)


def count_graph(graph: nx.Graph) -> Counts:
    bare = nx.Graph(graph)
    return len(graph), graph.number_of_edges(), nx.number_connected_components(bare)


def riskmap(rivers: gpd.GeoDataFrame) -> Work:
    from riskmap.network.parts import parts_of_network
    from riskmap.network.reaches import build_reaches

    build_reaches(rivers.iloc[:1000], snap_tolerance_m=TOLERANCE_M)  # loads the compiled parts

    def work() -> Counts:
        reaches = build_reaches(rivers, snap_tolerance_m=TOLERANCE_M)
        return len(reaches.node_xy), reaches.u.size, int(parts_of_network(reaches).max()) + 1

    return work


def momepy(rivers: gpd.GeoDataFrame) -> Work:
    import momepy

    plane = rivers.to_crs(PLANE)
    return lambda: count_graph(momepy.gdf_to_nx(plane))


def osmnx(rivers: gpd.GeoDataFrame) -> Work:
    """Take nodes and edges as given: here exact ends, found before the clock starts."""
    import osmnx

    from riskmap.network.joining import label_places

    lines = rivers.geometry.to_numpy()
    ends = shapely.get_coordinates([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])
    label = label_places(ends)
    xy = ends[np.unique(label, return_index=True)[1]]
    nodes = gpd.GeoDataFrame(
        {"x": xy[:, 0], "y": xy[:, 1]}, geometry=shapely.points(xy), crs=rivers.crs
    )
    u, v = label.reshape(2, -1)
    key = rivers.groupby([u, v]).cumcount().to_numpy()
    edges = rivers.set_index([u, v, key])
    edges.index.names = ["u", "v", "key"]
    return lambda: count_graph(osmnx.convert.graph_from_gdfs(nodes, edges).to_undirected())


def cityseer(rivers: gpd.GeoDataFrame) -> Work:
    from cityseer.tools import io

    plane = rivers.to_crs(PLANE)
    return lambda: count_graph(io.nx_from_generic_geopandas(plane))


def snkit(rivers: gpd.GeoDataFrame) -> Work:
    import snkit

    plane = rivers.to_crs(PLANE)[["geometry"]]

    def work() -> Counts:
        network = snkit.network.add_endpoints(snkit.Network(edges=plane))
        network = snkit.network.split_edges_at_nodes(network, tolerance=TOLERANCE_M)
        network = snkit.network.add_topology(snkit.network.add_ids(network))
        edges = network.edges[["from_id", "to_id"]].to_numpy()
        graph = nx.MultiGraph()
        graph.add_nodes_from(network.nodes["id"])
        graph.add_edges_from(edges.tolist())
        return count_graph(graph)

    return work


def neatnet(rivers: gpd.GeoDataFrame) -> Work:
    import neatnet

    plane = rivers.to_crs(PLANE)[["geometry"]]

    def work() -> Counts:
        closed = neatnet.close_gaps(plane, TOLERANCE_M)
        return count_lines(neatnet.fix_topology(closed).geometry.to_numpy())

    return work


def spaghetti(rivers: gpd.GeoDataFrame) -> Work:
    """Build without the components, which take quadratic time; they are counted here."""
    import spaghetti

    plane = rivers.to_crs(PLANE)

    def work() -> Counts:
        network = spaghetti.Network(in_data=plane, extractgraph=False, w_components=False)
        u, v = np.array(network.arcs).T
        n = int(max(u.max(), v.max())) + 1
        parts = connected_components(coo_array((np.ones(u.size), (u, v)), (n, n)))[0]
        return n, u.size, int(parts)

    return work


def shapely_node(rivers: gpd.GeoDataFrame) -> Work:
    lines = shapely.multilinestrings(rivers.geometry.to_numpy())
    return lambda: count_lines(shapely.get_parts(shapely.node(lines)))


def shapely_union(rivers: gpd.GeoDataFrame) -> Work:
    """Snap to a grid of the tolerance, 1 m at most: coarser ones fold lines on themselves."""
    lines = rivers.geometry.to_numpy()
    return lambda: count_lines(shapely.get_parts(shapely.union_all(lines, grid_size=1e-5)))


PEERS: dict[str, Callable[[gpd.GeoDataFrame], Work]] = {
    "riskmap.build_reaches": riskmap,
    "momepy.gdf_to_nx": momepy,
    "osmnx.graph_from_gdfs": osmnx,
    "cityseer": cityseer,
    "neatnet.close_gaps, fix_topology": neatnet,
    "snkit": snkit,
    "spaghetti.Network": spaghetti,
    "shapely.node": shapely_node,
    "shapely.union_all": shapely_union,
}


def ask(peer: str, path: Path, *, within_s: float) -> dict[str, float] | str:
    """Run a peer in a process of its own; return its answer, or why there is none."""
    command = [sys.executable, "-m", "benchmarks.network_peers", peer, str(path)]
    try:
        # What comes before the clock starts is given as long again.
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=2.0 * within_s, check=False
        )
    except subprocess.TimeoutExpired:
        return f"not within {within_s:.0f} s"
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer if answer["seconds"] <= within_s else f"not within {within_s:.0f} s"


def main() -> None:
    warnings.simplefilter("ignore")
    peer, path = sys.argv[1:]
    try:
        work = PEERS[peer](gpd.read_parquet(path))
    except ModuleNotFoundError as error:
        sys.exit(f"skipped: {error.name} is not installed (pip install riskmap[bench])")
    before = start_peak_mb()
    started = time.perf_counter()
    nodes, edges, parts = work()
    seconds = time.perf_counter() - started
    added = added_mb(before)
    print(json.dumps({"seconds": seconds, "added_mb": added, "nodes": nodes, "edges": edges,
                      "parts": parts}))  # fmt: skip


if __name__ == "__main__":
    main()
