"""Run all benchmarks: ``python -m benchmarks``, or ``make bench``."""

from __future__ import annotations

from benchmarks import (
    building,
    charts,
    cluster,
    draws,
    extracts,
    maps,
    planning,
    scoring,
    speed,
    tracks,
    whole,
    world,
)

if __name__ == "__main__":
    speed.main()
    scoring.main()
    building.main()
    tracks.main()
    draws.main()
    whole.main()
    cluster.main()
    world.main()
    charts.main()
    extracts.main()
    planning.main()
    maps.main()
