"""Time the building of reaches from river lines, and what peers make of the same lines.

Run with ``python -m benchmarks.building``, sizes in thousands after it. The lines are those of
`tests.river_networks`: a true network with every fault at a tenth of its nodes. Figures are the
median of three runs after one that loads the compiled parts. Peers (`benchmarks.network_peers`)
run once, each in a process of its own with a minute's time; lines cut by whoever drew them stay
cut, so that nodes and edges are more than the truth's where nothing is wrong: parts are the test.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas as gpd
import networkx as nx
import numpy as np
import shapely
from pyproj import Geod

from benchmarks.network_peers import PEERS, ask, count_graph
from riskmap.geodesy import line_lengths_km
from riskmap.network.attach import index_water, nearest_places
from riskmap.network.reaches import Reaches, build_reaches, draw_lines
from tests.river_networks import (
    ALL_FAULTS,
    TOLERANCE_M,
    TrueNetwork,
    built_graph,
    differences,
    graph_of,
    grow_rivers,
    rivers_of,
    with_faults,
)

SEED = 20261123


def median_s(run: Callable[[], object], *, times: int = 3) -> float:
    """Return the median of the seconds that some runs take."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def tell(what: str, seconds: float, result: str) -> None:
    print(f"  {what:<44}{seconds:9.3f} s  {result}")


def build(rivers: gpd.GeoDataFrame, truth: TrueNetwork) -> Reaches:
    def run() -> object:
        return build_reaches(rivers, snap_tolerance_m=TOLERANCE_M)

    reaches = run()
    parts = nx.number_connected_components(built_graph(reaches))
    wrong = differences(reaches, truth, within_m=TOLERANCE_M)
    tell("riskmap: build_reaches", median_s(run), f"{parts} part(s); {wrong or 'the true network'}")
    return reaches


def attachment(reaches: Reaches, rng: np.random.Generator) -> None:
    """Attach 10,000 sites, with the index made each time and with it kept; shapely's tree beside.

    The tree's distances are planar degrees, so that it is timed only.
    """
    low, high = reaches.coords.min(axis=0), reaches.coords.max(axis=0)
    lon, lat = rng.uniform(low, high, (10_000, 2)).T
    usable = np.ones(reaches.u.size, dtype=np.bool_)
    index = index_water(reaches, usable)
    anew = median_s(lambda: nearest_places(reaches, lon, lat, usable=usable))
    kept = median_s(lambda: nearest_places(reaches, lon, lat, usable=usable, index=index))
    tell("riskmap: 10,000 sites attached", anew, "")
    tell("riskmap: the same, index kept", kept, "")
    lines = draw_lines(reaches.coords, reaches.offsets)
    sites = shapely.points(lon, lat)

    def by_tree() -> object:
        site, line = shapely.STRtree(lines).query_nearest(sites)
        return shapely.line_locate_point(lines[line], sites[site])

    tell("shapely: nearest line and place on it", median_s(by_tree), "")


def peers(rivers: gpd.GeoDataFrame, truth: TrueNetwork) -> None:
    """Ask each peer in a process of its own, once, and tell what it makes of the lines."""
    true = graph_of(truth.ends, len(truth.place))
    nodes, edges, parts = count_graph(true)
    print(f"  {'once, in a process of its own':<36}{'s':>9}{'ratio':>8}{'MB':>8}")
    print(f"  {'the truth':<36}{'':25}{nodes} nodes, {edges} edges, {parts} part(s)")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rivers.parquet"
        rivers.to_parquet(path)
        own = 0.0
        for peer in PEERS:
            told = ask(peer, path, within_s=60.0)
            if isinstance(told, str):
                print(f"  {peer:<36}{told}")
                continue
            own = own or told["seconds"]
            print(
                f"  {peer:<36}{told['seconds']:9.3f}{told['seconds'] / own:8.1f}"
                f"{told['added_mb']:8.0f}  {told['nodes']} nodes, {told['edges']} edges, "
                f"{told['parts']} part(s)"
            )


def lengths(rivers: gpd.GeoDataFrame) -> None:
    coords, owner = shapely.get_coordinates(rivers.geometry.to_numpy(), return_index=True)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner))])
    geod = Geod(ellps="WGS84")

    def exact() -> np.ndarray:
        return np.array([geod.geometry_length(line) for line in rivers.geometry]) / 1000.0

    found, true = line_lengths_km(coords, offsets), exact()
    error = float(np.abs(found / true - 1.0).max())
    seconds = median_s(lambda: line_lengths_km(coords, offsets))
    tell("riskmap: ellipsoidal lengths", seconds, f"{error:.0e} off pyproj at most")
    tell("pyproj: the same", median_s(exact, times=1), "")


def main() -> None:
    for thousands in [float(a) for a in sys.argv[1:]] or [1.0, 10.0, 100.0]:
        rng = np.random.default_rng(SEED)
        truth = grow_rivers(rng, round(np.sqrt(1000.0 * thousands)), braids=0.01)
        rivers = rivers_of(with_faults(rng, truth, ALL_FAULTS, share=0.1))
        vertices = int(shapely.get_num_coordinates(rivers.geometry.to_numpy()).sum())
        print(f"{len(truth.lines)} true reaches, {len(rivers)} lines, {vertices} vertices")
        reaches = build(rivers, truth)
        attachment(reaches, rng)
        lengths(rivers)
        if thousands <= 100.0:
            peers(rivers, truth)


if __name__ == "__main__":
    main()
