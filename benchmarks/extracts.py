"""Read rivers from an OpenStreetMap extract: what it takes, by the size of the extract.

The extracts are written here, as no large one lies beside the project: dense nodes, a way for ten
of them, every fiftieth a river, the rest buildings, packed as extracts are. GDAL walks through all
of an extract, whatever is asked for, so that what matters is its objects. Run with
``python -m benchmarks.extracts``, millions of nodes after it. Each size is read in a process of its
own, after a small one; memory is the most that it held beyond what it held before.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.memory import added_mb, start_peak_mb
from riskmap.layers.survey import read_as
from tests.protocol_buffers import blob, field, packed, zigzag

MILLIONS = (1.0, 4.0)
NODES_A_WAY, RIVERS = 10, 50
#: Objects in one block of a file.
BLOCK = 8000
_WORDS = (b"", b"waterway", b"river", b"name", "Río".encode(), b"building", b"yes")


def write_extract(path: Path, nodes: int) -> int:
    """Write an extract of so many nodes, and return the number of its ways."""
    rng = np.random.default_rng(0)
    table = field(1, b"".join(field(1, word) for word in _WORDS))
    ways = nodes // NODES_A_WAY
    with path.open("wb") as file:
        file.write(blob(b"OSMHeader", field(4, b"OsmSchema-V0.6") + field(4, b"DenseNodes")))
        for first in range(0, nodes, BLOCK):
            block = table + field(2, field(2, _dense(rng, first, min(BLOCK, nodes - first))))
            file.write(blob(b"OSMData", block))
        for first in range(0, ways, BLOCK):
            group = b"".join(field(3, _way(k)) for k in range(first, min(first + BLOCK, ways)))
            file.write(blob(b"OSMData", table + field(2, group)))
    return ways


def _dense(rng: np.random.Generator, first: int, n: int) -> bytes:
    """Return nodes whose numbers follow each other; each lies some 50 m from the one before."""
    steps = rng.integers(-5000, 5000, (n, 2))
    steps[0] = rng.integers(-180_000_000, 0), rng.integers(-810_000_000, -700_000_000)
    lat, lon = ([zigzag(step) for step in column] for column in steps.T.tolist())
    numbers = [zigzag(first + 1), *[2] * (n - 1)]
    return field(1, packed(numbers)) + field(8, packed(lat)) + field(9, packed(lon))


def _way(k: int) -> bytes:
    tags = ([1, 3], [2, 4]) if k % RIVERS == 0 else ([5], [6])
    refs = [zigzag(k * NODES_A_WAY + 1), *[2] * (NODES_A_WAY - 1)]
    return (
        field(1, k + 1)
        + field(2, packed(tags[0]))
        + field(3, packed(tags[1]))
        + field(8, packed(refs))
    )


def measure(small: Path, path: Path) -> tuple[float, float, int]:
    """Return seconds, added memory (MB) and rows of reading rivers, after a small extract."""
    read_as(small, preset="osm_waterways", layer="rivers", table=None)
    before, started = start_peak_mb(), time.perf_counter()
    rows, findings, _ = read_as(path, preset="osm_waterways", layer="rivers", table=None)
    if rows is None:
        raise RuntimeError(str(findings.problems))
    return time.perf_counter() - started, added_mb(before), len(rows)


def main(*millions: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "small.osm.pbf"
        write_extract(small, 10_000)
        for size in map(float, millions or MILLIONS):
            path = Path(folder) / f"{size:g}.osm.pbf"
            ways = write_extract(path, int(size * 1e6))
            with spawn.Pool(1) as pool:
                seconds, added_mb, rows = pool.apply(measure, (small, path))
            print(
                f"Extract of {size:g} million nodes, {ways} ways, "
                f"{path.stat().st_size / 1e6:.0f} MB\n"
                f"  rivers {seconds:33.1f} s  {rows} rows, {added_mb:.0f} MB of memory"
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
