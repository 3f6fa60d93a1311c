"""The steps of a run, with the time and memory that each took."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

Progress = Callable[[str], None]


class Steps:
    """Tell each step as it begins, and keep what it took.

    Parameters
    ----------
    progress
        Called with the name of each step as it begins.

    Examples
    --------
    >>> steps = Steps()
    >>> with steps.take("layers"):
    ...     pass
    >>> list(steps.record())
    ['layers']
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress or (lambda _step: None)
        self._taken: dict[str, dict[str, float | None]] = {}

    @contextmanager
    def take(self, name: str) -> Iterator[None]:
        """Take one step; what it took is kept when it ends.

        Until then Python looks for no garbage in cycles: to go through a million geometries again
        and again while they are made took a fifth of the time.
        """
        self._progress(name)
        begun = perf_counter()
        with no_collection():
            yield
        self._taken[name] = {
            "seconds": round(perf_counter() - begun, 4),
            "peak_mb": peak_mb(),
        }

    def record(self) -> Mapping[str, Mapping[str, float | None]]:
        """Return seconds, and the most memory (MB) of the process until each step's end."""
        return {name: dict(taken) for name, taken in self._taken.items()}


@contextmanager
def no_collection() -> Iterator[None]:
    """Look for no garbage in cycles until the end, and then not through what was made meanwhile."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()  # all that there is counts as old from now on
            gc.unfreeze()
        gc.enable()


def peak_mb() -> float | None:
    """Return the most memory that this process has held, MB; None where nobody counts it."""
    if sys.platform == "win32":
        return None  # there is no such count there
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss, which begins at the size of the process that started this one.
        held = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if held is not None:
            return round(int(held[1]) * 1024 / 1e6, 1)
    import resource  # absent on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)
