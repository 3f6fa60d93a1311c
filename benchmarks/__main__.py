"""Run all benchmarks: ``python -m benchmarks``, or ``make bench``."""

from __future__ import annotations

from benchmarks import building, maps, planning, speed

if __name__ == "__main__":
    speed.main()
    building.main()
    planning.main()
    maps.main()
