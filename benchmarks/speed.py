"""Time what people wait for: commands, and the steps of the embedded study.

Run with ``python -m benchmarks.speed``. Every figure is the median of several runs in one process
(commands: of whole processes, warm), after one run that loads the compiled parts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median

import riskmap as rm
from riskmap import pipeline
from riskmap.layers import read_layers


def seconds(call: Callable[[], object], *, runs: int = 7) -> float:
    """Return the median time of some runs."""
    call()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return median(times)


def commands() -> None:
    """Time the command line as a person waits for it."""
    with tempfile.TemporaryDirectory() as folder:
        for words in (("--help",), ("demo", "-o", folder, "--overwrite")):
            run = [sys.executable, "-m", "riskmap", *words]
            took = seconds(lambda: subprocess.run(run, capture_output=True, check=True), runs=3)  # noqa: B023
            print(f"riskmap {words[0]:<40}{took:10.2f} s")


def steps() -> None:
    """Time the steps of the embedded study."""
    settings = rm.demo_study().settings
    layers = read_layers(settings)
    reaches = pipeline.build_network(settings, layers)
    sited = pipeline.site_layers(settings, layers, reaches)
    scored, _ = pipeline.score_network(settings, layers, sited)
    for what, call in (
        ("reading its layers", lambda: read_layers(settings)),
        ("building its network", lambda: pipeline.build_network(settings, layers)),
        ("attaching its sites", lambda: pipeline.site_layers(settings, layers, reaches)),
        ("scoring it", lambda: pipeline.score_network(settings, layers, sited)),
        ("its tables", lambda: pipeline.assemble_outcome(settings, layers, scored, ())),
    ):
        print(f"embedded study: {what:<32}{1000 * seconds(call):10.1f} ms")


def main() -> None:
    """Print all figures."""
    commands()
    steps()


if __name__ == "__main__":
    main()
