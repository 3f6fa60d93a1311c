"""Which known source a table comes from: told by its columns, the values in them, its geometry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import geopandas as gpd
import pandas as pd

from riskmap.layers.mapping import TAGS, find_column, matches, values_of
from riskmap.presets.sources import Preset, known_presets

_KINDS = {
    "Point": "point", "MultiPoint": "point", "LineString": "line", "LinearRing": "line",
    "MultiLineString": "line", "Polygon": "polygon", "MultiPolygon": "polygon",
}  # fmt: skip


def geometry_kinds(rows: gpd.GeoDataFrame) -> set[str]:
    """Return the kinds of geometry in a table: point, line, polygon."""
    return {_KINDS.get(str(kind), "other") for kind in rows.geom_type.dropna().unique()}


def presets_by_headings(
    headings: Sequence[str], *, table: str | None = None, first: Sequence[str] = ()
) -> list[Preset]:
    """Return the presets whose columns a table has, the one with most of them first.

    Parameters
    ----------
    headings
        Names of the columns.
    table
        Name of the table inside the file.
    first
        Fields of the first line, where a text file may have no headings at all.
    """
    empty = pd.DataFrame(columns=list(headings))
    found = [
        preset
        for preset in known_presets().values()
        if _has_columns(empty, preset) or _is_bare(preset, first)
        if not preset.recognise.tables or _may_be_in(preset, table)
    ]
    return sorted(found, key=lambda p: (-_weight(empty, p), p.name))


def recognise(rows: gpd.GeoDataFrame, candidates: Iterable[Preset]) -> list[Preset]:
    """Return those candidates whose values and geometry a table has, the likeliest first.

    Parameters
    ----------
    rows
        Rows of the source, as they were read.
    candidates
        Presets to choose among.
    """
    kinds = geometry_kinds(rows)
    found = [
        preset
        for preset in candidates
        if (preset.geometry in kinds or not kinds) and _has_values(rows, preset)
    ]
    return sorted(found, key=lambda p: (-_weight(rows, p), p.name))


def _has_columns(rows: pd.DataFrame, preset: Preset) -> bool:
    wanted = preset.recognise.columns
    if not wanted:
        return False
    if any(find_column(rows, [name]) for name in preset.recognise.absent):
        return False
    # an extract may keep the column among its other tags: the values will tell
    tagged = preset.osm_where is not None and find_column(rows, TAGS) is not None
    return tagged or all(_either(rows, entry) is not None for entry in wanted)


def _either(rows: pd.DataFrame, entry: str) -> str | None:
    return find_column(rows, entry.split("|"))


def _is_bare(preset: Preset, first: Sequence[str]) -> bool:
    """Tell a file without headings by its number of fields and a first one of digits."""
    return bool(preset.header) and len(first) == len(preset.header) and first[0].strip().isdigit()


def _may_be_in(preset: Preset, table: str | None) -> bool:
    """Tell whether the table is one in which the source can be, where its format fixes them."""
    fixed = {"lines", "points", "multipolygons", "multilinestrings", "tracks", "routes",
             "waypoints", "track_points", "route_points"}  # fmt: skip
    return table is None or table not in fixed or table in preset.recognise.tables


def _has_values(rows: gpd.GeoDataFrame, preset: Preset) -> bool:
    for entry, patterns in preset.recognise.values_.items():
        column = _either(rows, entry)
        if column is not None and not matches(values_of(rows, column), patterns).any():
            return False
    columns = preset.recognise.columns
    return all(_either(rows, entry) is not None for entry in columns) or bool(preset.header)


def _weight(rows: pd.DataFrame, preset: Preset) -> int:
    """Return how many columns of a table a preset speaks of."""
    named = [name for rule in preset.columns.values() for name in (*rule.sources, *rule.fallback)]
    known = {find_column(rows, [name]) for name in named}
    entries = sum(_either(rows, entry) is not None for entry in preset.recognise.columns)
    return 3 * entries + 2 * len(preset.recognise.values_) + len(known - {None})
