"""The check of a study as text for a data steward: layers, the network's parts, and what to mend.

Notes of one kind stand under one heading, those with one remedy together, with the remedy once.
Data are shown as text: markup in a name is not interpreted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from riskmap.report import Count, Note, NoteKind
from riskmap.results.check import Check, Component

PARTS_SHOWN = 10
#: Lines on one matter in one layer; what is beyond them is counted.
LINES_SHOWN = 8
#: Width of a report that goes into a file.
_FILE_WIDTH = 140
#: How a line ends that counts what is not told, and where all of that can be had.
_MORE = " more"
_WHOLE = (
    "Nothing is cut short with --json. With -o FILE.gpkg every mend is a point of the layer mends, "
    "every site one of the layer sites, with its distance from the water."
)
#: Kinds of notes of which each stands for as many features as it counts.
_COUNTED: frozenset[NoteKind] = frozenset(
    {"unattached", "unreachable", "skipped", "doubtful", "ambiguous", "mended"}
)
#: Kinds of notes in the order in which a steward needs them, and their headings.
_HEADINGS: tuple[tuple[NoteKind, str], ...] = (
    ("unattached", "Not on the water"),
    ("unreachable", "On the water, but no route leads there"),
    ("skipped", "Rows left out"),
    ("doubtful", "Doubtful"),
    ("ambiguous", "Two readings nearly as good"),
    ("defaulted", "Assumed"),
    ("converted", "Converted"),
    ("mended", "Mended"),
    ("notice", "Worth knowing"),
)


def print_check(check: Check) -> None:
    """Print a check for a data steward: layers, sites, parts of the network, notes."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, _FILE_WIDTH)
    console.print(Text(f"{check.study}, {check.season} water", style="bold"))
    console.print(_layers(check))
    console.print(_parts(check.components))
    for line in (*_about_parts(check.components), *_about_roads(check)):
        console.print(Text(line))
    sections = list(note_sections(check.notes))
    for heading, lines in sections:
        console.print()
        console.print(Text(heading, style="bold"))
        for line in lines:
            console.print(Text(f"  {line}"), soft_wrap=True)
    if any(line.endswith(_MORE) for _, lines in sections for line in lines):
        console.print()
        console.print(Text(_WHOLE))


def _layers(check: Check) -> Table:
    table = Table("layer", "features", "CRS", "on the water", "off it", box=SIMPLE_HEAD)
    for name, facts in check.layers.items():
        table.add_row(
            name,
            str(facts["features"]),
            Text(str(facts["crs"])),
            str(check.attached.get(name, "")),
            str(check.unattached.get(name, "")),
        )
    return table


def _parts(components: tuple[Component, ...]) -> Table:
    """Return the parts that have water; roads have a column where there are any."""
    roads = any("road" in part.km_by_mode for part in components)
    table = Table("part", "reaches", "km", *(["of road"] if roads else []), box=SIMPLE_HEAD)
    for heading in ("flow known", "confidence", "water leaves at", "sites"):
        table.add_column(heading)
    wet = [(k, part) for k, part in enumerate(components, start=1) if "river" in part.km_by_mode]
    for k, part in wet[:PARTS_SHOWN]:
        water_km = part.km_by_mode["river"]
        sites = ", ".join(f"{name} {count}" for name, count in sorted(part.sites.items()))
        table.add_row(
            str(k),
            str(part.reaches),
            f"{part.length_km:.1f}",
            *([f"{part.km_by_mode.get('road', 0.0):.1f}"] if roads else []),
            f"{part.flow_known_km / water_km:.0%}",
            _confidence(part),
            _outlet(part),
            sites or "none",
        )
    return table


def _confidence(part: Component) -> str:
    if part.flow_known_km == 0.0:
        return "–"
    return "as drawn" if part.flow_confidence is None else f"{part.flow_confidence:.2f}"


def _outlet(part: Component) -> str:
    if len(part.outlets) > 1:
        return f"{len(part.outlets)} places"
    return ", ".join(f"{degrees:.2f}" for place in part.outlets for degrees in place) or "–"


def _about_parts(components: tuple[Component, ...]) -> Iterator[str]:
    """Say what the table leaves out, roads that no landing ties to water apart."""
    components = tuple(part for part in components if "river" in part.km_by_mode)
    if len(components) > PARTS_SHOWN:
        rest = components[PARTS_SHOWN:]
        rest_km, stranded = sum(p.length_km for p in rest), sum(sum(p.sites.values()) for p in rest)
        yield f"{Count(len(rest)):more part|more parts}, {rest_km:.1f} km; sites there: {stranded}."
    if len(components) > 1:
        km = [part.km_by_mode["river"] for part in components]
        yield (
            f"Part 1 holds {km[0] / sum(km):.0%} of the {sum(km):.0f} km of water; "
            "no trip goes from one part to another."
        )


def _about_roads(check: Check) -> Iterator[str]:
    """Say how long the roads are, how many landings tie them, and which none of them ties."""
    if "road" not in check.modes:
        return
    tied = check.modes.get("landing", {"reaches": 0})["reaches"]
    yield f"Roads: {check.modes['road']['length_km']:.1f} km; landings that tie them: {tied}."
    apart = [part for part in check.components if "river" not in part.km_by_mode]
    if apart:
        km = sum(part.length_km for part in apart)
        yield f"No landing ties {Count(len(apart)):part|parts} of the roads ({km:.1f} km) to water."


def note_sections(notes: Iterable[Note]) -> Iterator[tuple[str, list[str]]]:
    """Return a heading and its lines for every kind of note that there is."""
    found = list(notes)
    for kind, heading in _HEADINGS:
        mine = [note for note in found if note.kind == kind]
        if not mine:
            continue
        lines: list[str] = []
        for (_, remedy), group in groupby(mine, key=lambda note: (note.layer, note.remedy)):
            for _, about in groupby(group, key=_subject):
                lines += _lines(list(about))
            if remedy:
                lines.append(f"→ {remedy}")
        total = f" ({sum(note.count for note in mine)})" if kind in _COUNTED else ""
        yield heading + total, lines


def _subject(note: Note) -> str:
    """Return what was seen at the place or places of a note, "" where it names none."""
    return "" if note.places is None else note.places.what


def _lines(notes: list[Note]) -> Iterator[str]:
    """Return a line for each of the first notes; neighbours that say the same share one."""
    shown = 0
    for k, ((layer, what), same) in enumerate(
        groupby(notes, key=lambda note: (note.layer, note.what))
    ):
        group = list(same)
        if k >= LINES_SHOWN or (group[0].count > 1 and group[0].places is not None):
            break
        shown += len(group)
        features = [note.feature for note in group if note.feature is not None]
        where = ", ".join([layer, " and ".join(dict.fromkeys(features))]) if features else layer
        yield " ".join(f"{where}: {what}".split())
    rest = sum(note.count for note in notes[shown:])
    if rest:
        subject = _subject(notes[-1])
        yield f"{notes[-1].layer}: {subject + ': ' if subject else ''}{rest}{_MORE}"
