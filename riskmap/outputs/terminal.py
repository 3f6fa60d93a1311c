"""What people read in the terminal: rankings and plans on standard output, the rest beside.

Data are shown as text: markup in a name is not interpreted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from riskmap.outputs.advice import Advice
from riskmap.planning.compare import Comparison
from riskmap.report import Count, Note
from riskmap.results.outcome import Outcome

ROWS_SHOWN = 10
#: Notes of one kind and layer beyond this number are counted, not listed.
NOTES_SHOWN = 5
#: Columns of advice up to this width are not folded.
NARROW = 12
_LEGEND = (
    "undet.: transits a month that nobody detects on their whole trip. det.: chance of detection. "
    "h post: hours from the nearest post. gain: interceptions for 100 more patrol hours a month."
)
_STEPS = {
    "layers": "reading the layers",
    "network": "building the network",
    "sites": "putting sites on the water",
    "scores": "scoring",
    "corridors": "ranking corridors",
}


@contextmanager
def show_progress() -> Iterator[Callable[[str], None]]:
    """Show the step that a run is at, on standard error, where a person looks on."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _step: None
        return
    with console.status("starting") as status:
        yield lambda step: status.update(_STEPS.get(step, step))


def print_notes(notes: Iterable[Note]) -> None:
    """Print notes on standard error, a few of each kind and a count of the rest."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    shown: Counter[tuple[str, str]] = Counter()
    rest: Counter[tuple[str, str]] = Counter()
    for note in notes:
        about = note.kind, note.layer
        shown[about] += 1
        if shown[about] <= NOTES_SHOWN:
            console.print(Text(str(note)))
        else:
            rest[about] += note.count
    for (kind, layer), more in rest.items():
        console.print(Text(f"{kind}: {layer}: {more} more (riskmap check --json has them all)"))


def print_timings(steps: Mapping[str, Mapping[str, float | None]]) -> None:
    """Print on standard error what each step took, and the whole."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("step")
    for heading in ("s", "peak MB"):
        table.add_column(heading, justify="right")
    for name, taken in steps.items():
        peak = taken["peak_mb"]
        table.add_row(name, f"{taken['seconds']:.3f}", "" if peak is None else f"{peak:.0f}")
    table.add_row("all", f"{sum(taken['seconds'] or 0.0 for taken in steps.values()):.3f}", "")
    Console(stderr=True, highlight=False).print(table)


def print_ranking(outcome: Outcome) -> None:
    """Print the first corridors and the totals."""
    console = Console(highlight=False)
    relative = " (relative volumes)" if outcome.relative else ""
    console.print(Text(f"{outcome.study_name}, {outcome.season} water{relative}", style="bold"))
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("corridor", overflow="fold", ratio=1)
    for heading in ("risk", "km", "undet.", "det.", "h post", "gain"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in outcome.corridors.head(ROWS_SHOWN).itertuples():
        table.add_row(
            str(row.rank),
            Text(str(row.name)),
            f"{row.risk_score:.0f}",
            f"{row.length_km:.0f}",
            f"{row.undetected_transits:.0f}",
            f"{row.detection_probability:.0%}",
            f"{row.hours_to_nearest_post:.1f}" if np.isfinite(row.hours_to_nearest_post) else "–",
            f"{row.interceptions_per_100_patrol_hours:.1f}",
        )
    console.print(table)
    console.print(Text(_totals(outcome)))
    console.print(Text(_LEGEND, style="dim"))


def _totals(outcome: Outcome) -> str:
    s = outcome.summary
    return (
        f"{Count(len(outcome.corridors)):corridor|corridors}. "
        f"Of {s['demand']:,.0f} transits a month "
        f"{s['served']:,.0f} use the water, {s['local']:,.0f} are local, "
        f"{s['unserved']:,.0f} find no route; {s['detected']:,.0f} are detected, "
        f"{s['undetected']:,.0f} are not."
    )


def print_advice(advice: Advice) -> None:
    """Print what a plan says: where, what it gains, what the other side will do, how sure."""
    console = Console(highlight=False)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("#", justify="right", no_wrap=True)
    widths = [max(map(len, column)) for column in zip(*advice.rows, strict=True)]
    for heading, width in zip(advice.heads, widths, strict=False):
        if width > NARROW:
            table.add_column(heading, overflow="fold", ratio=1, min_width=NARROW)
        else:
            table.add_column(heading, justify="right", no_wrap=True)
    for k, row in enumerate(advice.rows, start=1):
        table.add_row(str(k), *map(Text, row))
    console.print(Text(advice.title, style="bold"))
    console.print(table)
    for line in advice.lines:
        console.print(Text(line))


def print_comparison(comparison: Comparison) -> None:
    """Print the corridors that changed most, and what did it."""
    console = Console(highlight=False)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("corridor", overflow="fold", ratio=1)
    for heading in ("rank", "undet. before", "after", "change"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("why", no_wrap=True)
    for row in comparison.corridors.head(ROWS_SHOWN).itertuples():
        name = row.name_after if isinstance(row.name_after, str) else row.name_before
        ranks = [f"{r:.0f}" if r == r else "–" for r in (row.rank_before, row.rank_after)]
        before, after = (
            f"{v:.0f}" if v == v else "–"
            for v in (row.undetected_transits_before, row.undetected_transits_after)
        )
        table.add_row(
            Text(str(name)), " → ".join(ranks), before, after, f"{row.change:+.0f}", row.why
        )
    console.print(table)
    trends = comparison.corridors["trend"].value_counts()
    told = ", ".join(f"{trends.get(t, 0)} {t}" for t in ("rose", "fell", "steady"))
    console.print(Text(f"Stretches of water: {told}."))
