"""Run all benchmarks: ``python -m benchmarks``, or ``make bench``."""

from __future__ import annotations

from benchmarks import building, maps, planning, speed, world

if __name__ == "__main__":
    speed.main()
    building.main()
    world.main()
    planning.main()
    maps.main()
