"""Run all benchmarks: ``python -m benchmarks``, or ``make bench``."""

from __future__ import annotations

from benchmarks import maps, planning, speed

if __name__ == "__main__":
    speed.main()
    planning.main()
    maps.main()
