"""Read the layers of a study: every problem of every layer is found before the first is raised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np

from riskmap.addresses import is_address
from riskmap.errors import DataError, Problem
from riskmap.layers.columns import canonical_columns
from riskmap.layers.databases import read_database
from riskmap.layers.findings import Findings
from riskmap.layers.geometry import mend_geometry
from riskmap.layers.mapping import apply_preset
from riskmap.layers.mining import main_status, mining_pieces
from riskmap.layers.passage import close_rivers
from riskmap.layers.rasters import attracting_cells
from riskmap.layers.sources import Source, hash_source, read_source, to_degrees
from riskmap.layers.tracks import check_times, keep_times
from riskmap.presets.mining import default_rules, load_rules
from riskmap.presets.sources import known_presets
from riskmap.report import Note
from riskmap.schema import LAYERS, MOVEMENT_LAYERS
from riskmap.settings import Settings

#: A layer farther than this from the rivers' bounding box lies outside their area, degrees.
AREA_MARGIN_DEG = 0.5


@dataclass(frozen=True, slots=True)
class Layers:
    """Hold the layers of a study.

    Attributes
    ----------
    tables
        Canonical tables by layer: EPSG:4326, indexed by row number in the source, every canonical
        column present, further columns of the source as they were.
    sources
        Where each came from.
    notes
        What was mended, converted, assumed or skipped.
    mining_pieces
        Mining areas cut by legal status (`riskmap.layers.mining`), None where there are none.
    """

    tables: Mapping[str, gpd.GeoDataFrame]
    sources: Mapping[str, Source]
    notes: tuple[Note, ...]
    mining_pieces: gpd.GeoDataFrame | None = None

    def sites_table(self, name: str) -> gpd.GeoDataFrame:
        """Return a layer as trips see it: of mining areas the pieces, several with one row."""
        if name == "mining_areas" and self.mining_pieces is not None:
            return self.mining_pieces
        return self.tables[name]


def read_layers(settings: Settings) -> Layers:
    """Read and check every layer that a study names.

    Raises
    ------
    DataError
        With every problem of every layer.
    """
    tables, sources, findings = {}, {}, []
    for name in (name for name in LAYERS if name in settings.layers):
        found = Findings(name)
        findings.append(found)
        read = _read_layer(settings, name, found)
        if read is not None:
            tables[name], sources[name] = read
    problems = [problem for found in findings for problem in found.problems]
    doubts, outside = _outside_notes(tables)
    problems += outside
    if problems:
        raise DataError(problems)
    notes = [note for found in findings for note in found.notes]
    cells = attracting_cells(settings, tables["rivers"])
    if cells is not None:
        tables["rasters"] = cells
    if "mining_areas" not in tables:
        return Layers(tables, sources, (*notes, *doubts))
    own = settings.mining.rules
    rules = default_rules() if own is None else load_rules(settings.folder / own)
    pieces, derived = mining_pieces(tables, rules=rules)
    tables["mining_areas"] = main_status(tables["mining_areas"], pieces)
    return Layers(tables, sources, (*notes, *doubts, *derived), pieces)


def _read_layer(
    settings: Settings, name: str, findings: Findings
) -> tuple[gpd.GeoDataFrame, Source] | None:
    schema, section = LAYERS[name], settings.layers[name]
    read = _read_rows(settings, name, findings)
    if read is None:
        return None
    rows, crs, shown, sha256 = read
    if section.preset is not None:
        preset = known_presets()[section.preset]
        rows = apply_preset(rows, preset, own=section.columns, findings=findings)
        if findings.problems:
            return None
    if name == "patrol_tracks":
        rows = keep_times(rows)
    rows = mend_geometry(rows, kinds=schema.geometry, findings=findings)
    table = canonical_columns(rows, schema=schema, columns=section.columns, findings=findings)
    if name == "rivers":
        table = close_rivers(table, findings)
    if name == "patrol_tracks":
        check_times(table, findings)
    findings.settle(skip=section.unusable_rows == "skip")
    table = table.drop(index=[row for row in findings.unusable if row in table.index])
    if table.empty and not findings.problems:
        findings.refuse("no row can be used", "see the rows that were skipped")
    return table, Source(shown, sha256, len(table), crs)


def _read_rows(
    settings: Settings, name: str, findings: Findings
) -> tuple[gpd.GeoDataFrame, str, str, str] | None:
    """Return the rows in degrees, the name of their CRS, where they come from, and its hash."""
    section = settings.layers[name]
    if is_address(section.path):
        fetched = read_database(section, findings)
        degrees = fetched and to_degrees(fetched[0], section.crs, findings)
        return degrees and fetched and (*degrees, *fetched[1:])
    path = settings.path_of(name)
    read = read_source(path, section, findings)
    return read and (*read, section.path, hash_source(path))


def _outside_notes(
    tables: Mapping[str, gpd.GeoDataFrame],
) -> tuple[list[Note], list[Problem]]:
    """Find layers that lie wholly outside the rivers' area, swapped axes above all."""
    notes: list[Note] = []
    problems: list[Problem] = []
    rivers = tables.get("rivers")
    if rivers is None or rivers.empty:
        return notes, problems
    area = rivers.total_bounds
    west, south, east, north = area
    for name, table in tables.items():
        if name == "rivers" or table.empty:
            continue
        box = table.bounds.to_numpy()
        if _any_inside(box, area):
            continue
        swapped = _any_inside(box[:, [1, 0, 3, 2]], area)
        low, high = box[:, :2].min(axis=0), box[:, 2:].max(axis=0)
        what = (
            f"lies wholly outside the rivers' area: longitudes {low[0]:.1f} to {high[0]:.1f}, "
            f"latitudes {low[1]:.1f} to {high[1]:.1f}; the rivers {west:.1f} to {east:.1f}, "
            f"{south:.1f} to {north:.1f}"
        )
        if swapped:
            mend = "longitude and latitude look swapped, in this layer or in the rivers"
            problems.append(Problem(name, None, what, mend))
        elif name in (*MOVEMENT_LAYERS, "police_posts", "checkpoints", "candidates"):
            problems.append(Problem(name, None, what, "name a layer of the same region"))
        else:
            mend = "take the layer out, or name one of the same region"
            notes.append(Note("doubtful", name, None, what, mend))
    return notes, problems


def _any_inside(boxes: np.ndarray, area: np.ndarray) -> bool:
    """Tell whether any box touches the area with its margin."""
    west, south, east, north = area
    margin = AREA_MARGIN_DEG
    touches = (
        (boxes[:, 0] <= east + margin)
        & (boxes[:, 2] >= west - margin)
        & (boxes[:, 1] <= north + margin)
        & (boxes[:, 3] >= south - margin)
    )
    return bool(touches.any())
