"""Time a whole run: noisy lines in GeoParquet to ranked corridors in GeoParquet and GeoPackage.

Run with ``python -m benchmarks.whole``, sizes in thousands of reaches after it. The lines are those
of `tests.river_networks`, with faults at a tenth of their nodes; 1,000 entry points, 100 venues,
100 posts and 8,800 candidates for checkpoints stand up to a kilometre off the water. Every size
runs in a process of its own, after a small study that loads the compiled parts. Seconds are the
median of three runs (one of a million reaches); memory is the most that the process had held by the
end of each step of its first run, the libraries' 500 MB among it.

Beside it, at 10,000 reaches, the usual way: momepy for the graph, geopandas for the nearest reach,
networkx for routes. It cannot mend lines, so it is given the mended ones. Trips and the hours that
they spend on the water are the same to a thousandth.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd

import riskmap as rm
from benchmarks.scoring import least_routes_by_hand
from riskmap.steps import Steps
from tests.river_networks import ALL_FAULTS, grow_rivers, rivers_of, with_faults

SEED = 20261123
#: What is not mended wholly in every draw of these faults is measured in `benchmarks.building`.
FAULTS = ALL_FAULTS - {"overlaps", "cuts"}
SITES = {"entry_points": 1_000, "venues": 100, "police_posts": 100, "candidates": 8_800}
WARM_UP = 1.0
USUAL_SIZE = 10.0
OUTPUTS = tuple((level, ending) for level in ("reaches", "corridors") for ending in
                ("parquet", "gpkg"))  # fmt: skip
SPEED_KMH, OVERLAND_KMH, BETA_PER_H = 12.5, 3.0, 0.1
#: Who runs goes the quickest way: what networkx can follow too.
STUDY = f"""
[study]
name = "whole"
[layers.rivers]
path = "rivers.parquet"
flow_direction = "unknown"
[travel]
downstream_kmh = {SPEED_KMH}
upstream_kmh = {SPEED_KMH}
overland_kmh = {OVERLAND_KMH}
[routes]
theta_per_h = inf
[[movements]]
name = "entries to venues"
origins = "entry_points"
destinations = "venues"
beta_per_h = {BETA_PER_H}
transits_per_month = 1000.0
"""


def make_study(folder: Path, thousands: float) -> None:
    """Write a study of so many thousand reaches into a folder."""
    rng = np.random.default_rng(SEED)
    truth = grow_rivers(rng, round(np.sqrt(1000.0 * thousands)), braids=0.02)
    lines = with_faults(rng, truth, FAULTS, share=0.1)
    name = [f"Río {k % 500}" for k in range(len(lines))]
    order = rng.integers(1, 6, len(lines)).astype(float)
    rivers = rivers_of(lines, name=name, strahler_order=order)
    rivers[["name", "strahler_order", "geometry"]].to_parquet(folder / "rivers.parquet")
    content = [STUDY]
    for layer, count in SITES.items():
        at = truth.place[rng.integers(0, len(truth.place), count)]
        lon, lat = (at + rng.normal(0.0, 0.004, at.shape)).T
        columns: dict[str, object] = {"name": [f"{layer} {k}" for k in range(count)]}
        if layer == "police_posts":
            columns["patrol_hours"] = np.full(count, 100.0)
        table = gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(lon, lat), crs=4326)
        table.to_parquet(folder / f"{layer}.parquet")
        content.append(f'[layers.{layer}]\npath = "{layer}.parquet"\n')
    (folder / "study.toml").write_text("".join(content), encoding="utf-8")


def run_once(folder: Path) -> tuple[Mapping[str, Mapping[str, float | None]], rm.Result]:
    """Run a study and write its results; return what each step took, and the result."""
    exports = Steps()
    with exports.take("study file"):
        study = rm.Study.from_file(folder / "study.toml")
    result = study.run()
    for level, ending in OUTPUTS:
        with exports.take(f"{level}.{ending}"):
            result.save(folder / f"{level}.{ending}", level=level, overwrite=True)
    return {**result.provenance["steps"], **exports.record()}, result


def measure(folder: Path, warm_up: Path, runs: int) -> str:
    """Return a table of what the steps of a study take; meant for a process of its own."""
    run_once(warm_up)
    taken, totals = [], []
    for _ in range(runs):
        started = time.perf_counter()
        steps, result = run_once(folder)
        totals.append(time.perf_counter() - started)
        taken.append(steps)
        found = f"{len(result.reaches):,} reaches, {len(result.corridors):,} corridors"
        del result
    lines = [found]
    for name, first in taken[0].items():
        seconds = statistics.median(float(steps[name]["seconds"] or 0.0) for steps in taken)
        lines.append(f"  {name:<20}{seconds:9.3f} s{first['peak_mb'] or 0.0:9,.0f} MB")
    lines.append(f"  {'whole run':<20}{statistics.median(totals):9.3f} s")
    return "\n".join(lines)


def usual_way(folder: Path) -> str:
    """Time geopandas, momepy and networkx on the mended reaches, and compare the totals."""
    import momepy

    started = time.perf_counter()
    reaches = gpd.read_parquet(folder / "reaches.parquet")
    plane = reaches.to_crs(reaches.estimate_utm_crs())
    graph = momepy.gdf_to_nx(plane, preserve_index=True)
    for _, _, data in graph.edges(data=True):
        data["travel_time_h"] = data["length_km"] / SPEED_KMH
    starts, ends = (
        _stand_on_graph(gpd.read_parquet(folder / f"{layer}.parquet").to_crs(plane.crs), plane)
        for layer in ("entry_points", "venues")
    )
    flow = least_routes_by_hand(graph, _gravity(graph, starts, ends))
    carried = _flow_of_reaches(graph, flow).reindex(reaches["reach_id"], fill_value=0.0)
    result = reaches.assign(transits=carried.to_numpy())
    result.to_file(folder / "usual.gpkg")
    result.to_parquet(folder / "usual.parquet")
    seconds = time.perf_counter() - started
    hours = [float((t["transits"] * t["length_km"]).sum()) / SPEED_KMH for t in (reaches, result)]
    assert abs(hours[1] / hours[0] - 1.0) < 1e-3, hours
    return f"  {'the usual way':<20}{seconds:9.3f} s  {hours[1]:,.0f} boat hours, riskmap the same"


def _stand_on_graph(sites: gpd.GeoDataFrame, plane: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the node of each site and its hours overland: reaches end where sites stand."""
    near = sites.sjoin_nearest(plane, max_distance=10_000.0)
    near = near[~near.index.duplicated()]
    lines = plane.geometry.loc[near["index_right"]]
    site = gpd.GeoSeries(near.geometry.to_numpy())
    first, last = (
        gpd.GeoSeries([type(site[0])(line.coords[k]) for line in lines]) for k in (0, -1)
    )
    nearer = (site.distance(first) <= site.distance(last)).to_numpy()
    node = [(p.x, p.y) for p in first.where(nearer, last)]
    hours = np.minimum(site.distance(first), site.distance(last)) / 1000.0 / OVERLAND_KMH
    return pd.DataFrame({"node": node, "access_h": hours.to_numpy()})


def _gravity(graph: nx.Graph, starts: pd.DataFrame, ends: pd.DataFrame) -> pd.DataFrame:
    """Share out the trips of equal origins among equal destinations by exp(−β h)."""
    cost = np.full((len(ends), len(starts)), np.inf)
    for k, node in enumerate(ends["node"]):
        hours = nx.single_source_dijkstra_path_length(graph, node, weight="travel_time_h")
        cost[k] = [hours.get(start, np.inf) for start in starts["node"]]
    pull = np.exp(-BETA_PER_H * (cost + ends["access_h"].to_numpy()[:, None]))
    total = pull.sum(axis=0)
    trips = pull / np.where(total > 0.0, total, 1.0) * (1000.0 / len(starts))
    to, start = np.nonzero((trips > 0.0) & (cost > 0.0))
    return pd.DataFrame(
        {
            "origin": starts["node"].to_numpy()[start],
            "destination": ends["node"].to_numpy()[to],
            "transits": trips[to, start],
        }
    )


def _flow_of_reaches(graph: nx.Graph, flow: Mapping[tuple[object, object], float]) -> pd.Series:
    """Return the trips of each reach: of two between the same nodes the shorter carries all."""
    carried: dict[int, float] = {}
    for (u, v), trips in flow.items():
        reach = min(graph[u][v].values(), key=lambda data: data["length_km"])["reach_id"]
        carried[reach] = carried.get(reach, 0.0) + trips
    return pd.Series(carried)


def main() -> None:
    """Print the tables of all sizes."""
    alone = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        warm_up = Path(name) / "warm-up"
        warm_up.mkdir()
        make_study(warm_up, WARM_UP)
        with alone.Pool(1) as process:
            process.apply(measure, (warm_up, warm_up, 1))  # compiles what no earlier run has kept
        for thousands in [float(a) for a in sys.argv[1:]] or [10.0, 100.0, 1000.0]:
            folder = Path(name) / f"{thousands:g}"
            folder.mkdir()
            make_study(folder, thousands)
            runs = 3 if thousands <= 100.0 else 1
            with alone.Pool(1) as process:
                print(process.apply(measure, (folder, warm_up, runs)))
            if thousands == USUAL_SIZE and find_spec("momepy"):
                print(usual_way(folder))


if __name__ == "__main__":
    main()
