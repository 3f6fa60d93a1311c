"""Time two real regions: rivers and water areas of the Digital Chart of the World, and roads.

The layers lie beside the project (``../shared/data``) and are read in place; the study files stand
in ``tests/real/studies``. Run with ``python -m benchmarks.charts``, names of regions after it;
where the layers are not there it says so and ends. `riskmap rank` is timed as a process of its own,
from the files to a GeoPackage of corridors, the start of Python among it. Seconds are the least of
three runs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from riskmap.geodesy import line_lengths_km
from riskmap.layers import read_layers
from riskmap.network.reaches import build_reaches
from riskmap.network.roads import RIVER, ROAD
from riskmap.pipeline import build_network
from tests import regions

Built = TypeVar("Built")
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
LAND = ("roads", "landings")
NAMES = ("madre_de_dios", "ucayali")
RUNS = 3
_COMMAND = "from riskmap.cli import main; main()"


def least_seconds(build: Callable[[], Built]) -> tuple[float, Built]:
    """Return the least time of some runs, and what the last one gave."""
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        built = build()
        seconds.append(time.perf_counter() - started)
    return min(seconds), built


def rank(study: Path, output: Path) -> None:
    """Run `riskmap rank` as a process of its own."""
    command = [sys.executable, "-c", _COMMAND, "rank", str(study), "-o", str(output), "--overwrite"]
    subprocess.run(command, check=True, capture_output=True)


def time_region(name: str) -> None:
    """Print what the network and the ranking of a region take."""
    settings = getattr(regions, name)().settings
    layers = read_layers(settings)
    rivers = layers.tables["rivers"]
    lines_s, alone = least_seconds(
        lambda: build_reaches(rivers, snap_tolerance_m=settings.travel.snap_tolerance_m)
    )
    dry = {name: table for name, table in layers.tables.items() if name not in LAND}
    water_s, _ = least_seconds(lambda: build_network(settings, replace(layers, tables=dry)))
    whole_s, whole = least_seconds(lambda: build_network(settings, layers))
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "corridors.gpkg"
        rank_s, _ = least_seconds(lambda: rank(regions.STUDIES / f"{name}.toml", output))
    km = [whole.length_km[whole.mode == mode].sum() for mode in (RIVER, ROAD)]
    drawn = line_lengths_km(alone.coords, alone.offsets).sum()
    print(f"{name}: {len(rivers)} river lines, {drawn:.0f} km")
    print(f"  build_reaches {lines_s:26.2f} s  {alone.u.size} reaches of the river lines")
    print(f"  with water areas {water_s:23.2f} s  centre lines and directions of flow among it")
    print(
        f"  with roads and landings {whole_s:16.2f} s  {whole.u.size} reaches: "
        f"{km[0]:.0f} km of water, {km[1]:.0f} km of roads"
    )
    print(f"  riskmap rank {rank_s:27.2f} s  from the files to corridors.gpkg")


def main(*names: str) -> None:
    if not DATA.is_dir():
        print("Charts: skipped, the layers are not beside the project (../shared/data)")
        return
    for name in names or NAMES:
        time_region(name)


if __name__ == "__main__":
    main(*sys.argv[1:])
