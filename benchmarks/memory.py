"""Memory that a step adds: the most that the process holds while it runs."""

from __future__ import annotations

from pathlib import Path

from riskmap.steps import peak_mb


def start_peak_mb() -> float:
    """Forget the most memory that was held so far (Linux), and return what is held now, MB."""
    forget = Path("/proc/self/clear_refs")
    if forget.exists():
        forget.write_text("5", encoding="ascii")
    return peak_mb() or 0.0


def added_mb(before: float) -> float:
    """Return how much more than before the process has held since then at most, MB."""
    return (peak_mb() or 0.0) - before
