"""Build the rivers of the whole world: a real large case, and what it takes.

The rivers are those of the World Data Bank II in GSHHG, 44,000 pieces cut at each whole degree, as
Debian's package ``gmt-gshhg-full`` has them; here they are cut on into some 300,000 reaches. Run
with ``python -m benchmarks.world``; where the file is not there it says so and ends.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmarks.memory import added_mb, start_peak_mb
from riskmap.geodesy import line_lengths_km
from riskmap.network.direction import infer_direction
from riskmap.network.joining import label_places
from riskmap.network.parts import parts_of_network
from riskmap.network.reaches import build_reaches
from tests.river_networks import ATTRIBUTES

PATH = Path("/usr/share/gmt-gshhg/binned_river_f.nc")
TOLERANCE_M = 50.0
#: Segments of a line between two cuts.
STRIDE = 8
#: Units in which places are counted from the south-west corner of their one-degree bin.
_UNITS = 65535.0


def read_world(path: Path) -> list[np.ndarray]:
    """Return the pieces of the world's rivers, degrees, as they stand in the file."""
    import h5py

    with h5py.File(path) as file:
        first_segment = file["Id_of_first_segment_in_a_bin"][:]
        segments = file["N_segments_in_a_bin"][:].astype(np.int64)
        first = file["Id_of_first_point_in_a_segment"][:].astype(np.int64)
        points = file["N_points_for_a_segment"][:].view(np.uint16).astype(np.int64)
        x = file["Relative_longitude_from_SW_corner_of_bin"][:].view(np.uint16) / _UNITS
        y = file["Relative_latitude_from_SW_corner_of_bin"][:].view(np.uint16) / _UNITS
    lines = []
    for cell in np.flatnonzero(segments):
        west, south = (cell % 360 + 180) % 360 - 180, 89 - cell // 360
        for k in range(first_segment[cell], first_segment[cell] + segments[cell]):
            at = slice(first[k], first[k] + points[k])
            lines.append(np.column_stack([west + x[at], south + y[at]]))
    return lines


def cut_lines(lines: list[np.ndarray], stride: int) -> gpd.GeoDataFrame:
    """Return canonical rivers: every line cut at each vertex whose number the stride divides."""
    pieces = [line[k : k + stride + 1] for line in lines for k in range(0, len(line) - 1, stride)]
    owner = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    shapes = shapely.linestrings(np.concatenate(pieces), indices=owner)
    return gpd.GeoDataFrame({"name": "", **ATTRIBUTES}, geometry=shapes, crs=4326,
                            index=range(len(pieces)))  # fmt: skip


def parts_of_exact_ends(lines: np.ndarray) -> int:
    """Count the parts of lines that are joined where their ends are exactly the same."""
    ends = shapely.get_coordinates([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])
    u, v = label_places(ends).reshape(2, -1)
    n = int(max(u.max(), v.max())) + 1
    return int(connected_components(coo_array((np.ones(u.size), (u, v)), (n, n)))[0])


def main() -> None:
    if not PATH.exists():
        print(f"World: skipped, there is no {PATH} (Debian: gmt-gshhg-full)")
        return
    if find_spec("h5py") is None:
        print("World: skipped, h5py is not installed (pip install riskmap[bench])")
        return
    rivers = cut_lines(read_world(PATH), STRIDE)
    coords, owner = shapely.get_coordinates(rivers.geometry.to_numpy(), return_index=True)
    km = line_lengths_km(coords, np.concatenate([[0], np.cumsum(np.bincount(owner))])).sum()
    exact = parts_of_exact_ends(rivers.geometry.to_numpy())
    print(f"World: {len(rivers)} lines, {len(coords)} vertices, {km:.0f} km, {exact} parts")
    build_reaches(rivers.iloc[:1000], snap_tolerance_m=TOLERANCE_M)  # loads the compiled parts
    before_mb, started = start_peak_mb(), time.perf_counter()
    reaches = build_reaches(rivers, snap_tolerance_m=TOLERANCE_M, flow_direction="inferred")
    seconds, more_mb = time.perf_counter() - started, added_mb(before_mb)
    parts = np.unique(parts_of_network(reaches)[reaches.u]).size
    print(
        f"  build_reaches {seconds:26.1f} s  {reaches.u.size} reaches, {parts} parts, "
        f"{reaches.length_km.sum():.0f} km, {1000.0 * more_mb / len(rivers):.1f} KB a line"
    )
    started = time.perf_counter()
    told = infer_direction(reaches)
    seconds = time.perf_counter() - started
    known = told.length_km[told.flow_known].sum() / told.length_km.sum()
    print(f"  infer_direction {seconds:24.1f} s  known for {known:.0%} of the length")


if __name__ == "__main__":
    main()
