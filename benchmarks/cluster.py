"""Time a large study cut into bundles: on a Dask cluster here, and by plain processes.

Run with ``python -m benchmarks.cluster``, the size in thousands of reaches after it. Both ways do
the same bundles, with as many processes as there are cores, after one bundle that loads the
compiled parts; the least of three runs each, in turn. One basin of all reaches, cut at bridges.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.whole import make_study
from riskmap.basins.cluster import connect
from riskmap.basins.parts import cut_bundles, score_bundle, write_bundle
from riskmap.basins.pieces import whole_study
from riskmap.basins.run import score_bundles
from riskmap.layers import read_layers
from riskmap.pipeline import build_network, police_network, site_layers
from riskmap.settings import Settings
from riskmap.steps import Steps, peak_mb
from riskmap.study import Study

BUNDLES = 12
RUNS = 3


def leave_bundles(settings: Settings, folder: Path, *, most_reaches: int) -> list[Path]:
    """Read, build and cut a study, tell what that took, and leave its bundles in a folder."""
    steps = Steps()
    with steps.take("layers"):
        layers = read_layers(settings)
    with steps.take("network"):
        reaches = build_network(settings, layers)
    with steps.take("sites"):
        sited = site_layers(settings, layers, reaches)
    with steps.take("patrols"):
        policing, _ = police_network(settings, layers, sited)
    homes = []
    with steps.take("bundles"):
        whole = whole_study(settings, sited, policing)
        for number, bundle in enumerate(cut_bundles(whole, layers, most_reaches=most_reaches)):
            homes.append(folder / f"{number:05d}")
            write_bundle(bundle, homes[-1])
    for name, record in steps.record().items():
        print(f"  {name:<28}{record['seconds']:9.2f} s{record['peak_mb']:9,.0f} MB")
    return homes


def fresh(homes: list[Path]) -> list[Path]:
    """Forget what was done."""
    for home in homes:
        shutil.rmtree(home / "done", ignore_errors=True)
    return homes


def seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def compare(homes: list[Path]) -> None:
    """Have the bundles done both ways, in turn."""
    cores = os.cpu_count() or 1
    names = [str(home) for home in homes]
    plain, dask = [], []
    with (
        ProcessPoolExecutor(cores, mp_context=multiprocessing.get_context("spawn")) as pool,
        connect() as client,
    ):
        for _ in range(RUNS + 1):
            fresh(homes)
            plain.append(seconds(lambda: list(pool.map(score_bundle, names))))
            fresh(homes)
            dask.append(seconds(lambda: score_bundles(homes, client)))
        most = max(value or 0.0 for value in client.run(peak_mb).values())
    one, other = min(plain[1:]), min(dask[1:])
    print(f"  {len(homes)} bundles, {cores} plain processes{one:9.2f} s")
    print(f"  the same on Dask{other:21.2f} s, {100.0 * (other / one - 1.0):+.0f} %")
    print(f"  most that a worker held{most:14,.0f} MB")


def main(thousands: float = 100.0) -> None:
    """Print all figures."""
    print(f"\nA basin of {thousands:g} thousand reaches in bundles")
    with tempfile.TemporaryDirectory() as folder:
        make_study(Path(folder), thousands)
        settings = Study.from_file(Path(folder) / "study.toml").settings
        most = int(1000.0 * thousands / BUNDLES * 1.5)
        compare(leave_bundles(settings, Path(folder) / "bundles", most_reaches=most))


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
