"""A file looked at before it stands in a study: what it is, what of it can be used, and how.

Nothing is changed and nothing is written. The lines for the study file that come of it say what a
run would do with the file.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pyogrio

from riskmap.errors import DataError, Problem
from riskmap.layers.columns import canonical_columns
from riskmap.layers.findings import Findings
from riskmap.layers.folding import fold_heading
from riskmap.layers.formats import Place, look_at
from riskmap.layers.geometry import mend_geometry
from riskmap.layers.mapping import apply_preset, find_column
from riskmap.layers.passage import close_rivers
from riskmap.layers.rasters import is_raster, look_at_raster
from riskmap.layers.recognition import geometry_kinds, presets_by_headings, recognise
from riskmap.layers.sources import Source, hash_source, is_there, read_file, to_degrees
from riskmap.layers.tables import SHEET_ERRORS, headings_of, sheets_of
from riskmap.layers.vectors import READ_ERRORS, tables_of
from riskmap.presets.sources import ColumnMap, Preset, known_presets
from riskmap.report import Note
from riskmap.schema import LAYERS
from riskmap.settings import LayerSection

#: Headings that are tried for a canonical column where the source is not known.
_ALIKE = {
    "name": ("name", "nombre", "nom", "nomb", "denominacion", "label", "rio", "toponimia", "nam",
             "descripcion", "e_salud", "dcw_name"),
    "population": ("population", "poblacion", "pobtotal", "pob_total", "habitantes"),
    "strahler_order": ("strahler_order", "ord_stra", "strahler", "orden", "stream_order"),
    "discharge_m3s": ("discharge_m3s", "dis_av_cms", "caudal"),
    "width_m": ("width_m", "width", "ancho", "ancho_m"),
    "status": ("status", "estado_legal"), "category": ("category", "categoria", "anp_cate"),
    "title_status": ("title_status", "d_estado", "estado"),
    "capacity": ("capacity", "capacidad"), "weight": ("weight", "peso"),
    "detected_on": ("detected_on", "fecha", "date", "year", "anio"),
}  # fmt: skip
#: A column of at most so many values is one that rows can be filtered by.
FEW_VALUES = 6
_FITS = {
    "line": ("rivers", "roads", "borders"),
    "point": ("entry_points", "venues", "police_posts", "checkpoints", "landings", "settlements"),
    "polygon": ("water_areas", "mining_areas", "concessions", "protected_areas", "borders"),
}


@dataclass(frozen=True, slots=True)
class Survey:
    """Say what was found in one table of a file.

    Attributes
    ----------
    path, table
        Where it is; table is None where the file holds one only.
    rows, usable
        Rows in the table, and rows that a study would use.
    geometry, crs, box
        Kinds of geometry, name of the CRS, and west, south, east, north in degrees.
    preset, title, licence, about
        The source, as far as it is known, and what to know about it.
    others
        Presets that fit as well.
    layer, layers
        Layer that the rows were tried as, and all that they could be.
    mapped
        Canonical column → where its values come from.
    assumed
        Canonical columns that take their default, with it.
    left
        Columns of the source that nothing is made of.
    kinds
        Columns of few values, with what they hold and how often: what a filter can go by.
    notes
        What was converted, mended, assumed, left out.
    problems
        What could not be read.
    raster
        What a raster holds, "" of a table.
    suggestion, or_else
        Line for the study file, under `[layers]`, "" where no layer takes the rows; and the lines
        for the other layers that the source fits.
    """

    path: str
    table: str | None
    rows: int = 0
    usable: int = 0
    geometry: tuple[str, ...] = ()
    crs: str | None = None
    box: tuple[float, float, float, float] | None = None
    preset: str | None = None
    title: str = ""
    licence: str = ""
    about: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    layer: str | None = None
    layers: tuple[str, ...] = ()
    mapped: tuple[tuple[str, str], ...] = ()
    assumed: tuple[tuple[str, str], ...] = ()
    left: tuple[str, ...] = ()
    kinds: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = ()
    notes: tuple[Note, ...] = ()
    problems: tuple[Problem, ...] = ()
    raster: str = ""
    suggestion: str = ""
    or_else: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold what a person says about the files: preset, layer, table; None is to be found out."""

    preset: str | None = None
    layer: str | None = None
    table: str | None = None


def survey_file(path: Path, asked: Asked) -> list[Survey]:
    """Look at a file, and return a survey of each of its tables.

    Parameters
    ----------
    path
        The file, as it should stand in the study file.
    asked
        What a person says about it.
    """
    findings = Findings(path.name)
    if not is_there(path, findings):
        return [Survey(str(path), None, problems=_problems(path, findings))]
    if is_raster(path):
        return [_survey_raster(path)]
    found = [
        survey for table in _tables(path, asked.table) for survey in _survey(path, table, asked)
    ]
    # a table of an extract or a track log in which nothing is, is not worth a word
    told = [s for s in found if s.rows or not _is_empty(s)]
    return told or found[:1]


def _survey_raster(path: Path) -> Survey:
    """Say what a raster holds, and how a study takes it."""
    try:
        found = look_at_raster(path)
    except DataError as error:
        return Survey(str(path), None, problems=tuple(error.problems))
    lines = ("[[rasters]]", f"path = {json.dumps(str(path), ensure_ascii=False)}", 'use = "report"')
    return Survey(
        str(path), None, crs=found.crs, box=found.box, raster=found.held,
        suggestion="\n".join(lines),
    )  # fmt: skip


def read_as(
    path: Path, *, preset: str | None, layer: str, table: str | None
) -> tuple[gpd.GeoDataFrame | None, Findings, Source | None]:
    """Read a file as a canonical layer; rows that cannot be used are skipped and told.

    Parameters
    ----------
    path
        The file.
    preset
        Its source.
    layer
        Canonical layer.
    table
        Table inside the file.
    """
    findings = Findings(layer)
    if not is_there(path, findings):
        return None, findings, None
    known = None if preset is None else known_presets()[preset]
    section = LayerSection(path=str(path), table=table, preset=preset)
    rows = read_file(path, section, preset=known, findings=findings)
    degrees = None if rows is None else to_degrees(rows, None, findings)
    if degrees is None:
        return None, findings, None
    canonical = _canonical(degrees[0], known, layer, {}, findings)
    if layer == "rivers":
        canonical = close_rivers(canonical, findings)
    source = Source(str(path), hash_source(path), len(canonical), degrees[1])
    return canonical, findings, source


def _is_empty(survey: Survey) -> bool:
    return bool(survey.problems) and all(
        "layer is empty" in problem.what or "no row passes" in problem.what
        for problem in survey.problems
    )


def _tables(path: Path, asked: str | None) -> list[str | None]:
    """Return the tables to look at; [None] where there is one, or where none can be listed."""
    if asked is not None:
        return [asked]
    place = look_at(path, Findings(""))
    if place is None or place.kind in ("text", "parquet"):
        return [None]
    try:
        names = sheets_of(place) if place.kind == "xlsx" else tables_of(place)
    except (*READ_ERRORS, *SHEET_ERRORS):
        return [None]
    if place.kind == "gpx":
        names = [name for name in names if not name.endswith("_points")]
    return [None] if len(names) < 2 else list(names)


def _survey(path: Path, table: str | None, asked: Asked) -> list[Survey]:
    findings = Findings(path.name)
    place = look_at(path, findings, table=table)
    if place is None:
        return [Survey(str(path), table, problems=_problems(path, findings))]
    if asked.preset is not None:
        candidates = [known_presets()[asked.preset]]
    else:
        candidates = _candidates(place, table)
    if place.kind == "osm":
        one_each = [[preset] for preset in candidates if preset.osm_where is not None]
        return [_survey_table(path, table, each, asked) for each in one_each]
    return [_survey_table(path, table, candidates, asked)]


def _candidates(place: Place, table: str | None) -> list[Preset]:
    try:
        if place.kind in ("text", "xlsx"):
            headings, first = headings_of(place, table=table)
            return presets_by_headings(headings, table=table, first=first)
        if place.kind == "parquet":
            return presets_by_headings(pq.read_schema(place.path).names)
        if place.kind == "osm":
            tables = [p for p in known_presets().values() if p.osm_where is not None]
            return [p for p in tables if table in p.recognise.tables]
        name = table if table is not None else tables_of(place)[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            info = pyogrio.read_info(place.location, layer=name)
        headings = [str(field) for field in info["fields"]]
    except (*READ_ERRORS, *SHEET_ERRORS):
        return []
    return presets_by_headings(headings, table=name)


def _survey_table(
    path: Path, table: str | None, candidates: Sequence[Preset], asked: Asked
) -> Survey:
    """Read a table, choose among the presets, and try its rows as the layer that it would be."""
    findings = Findings(path.name)
    section = LayerSection(path=str(path), table=table)
    first = candidates[0] if candidates else None
    rows = read_file(path, section, preset=first, findings=findings)
    if rows is None:
        return Survey(
            str(path), table, notes=tuple(findings.notes), problems=_problems(path, findings),
            preset=first.name if first and asked.preset else None,
        )  # fmt: skip
    fits = list(candidates) if asked.preset else recognise(rows, candidates)
    preset = fits[0] if fits else None
    layer = _layer(preset, asked.layer)
    base = _describe(path, table, rows, preset)
    own = {} if preset else _guesses(rows, layer)
    layers = preset.layers if preset else _possible(rows)
    if layer is None or layer not in LAYERS:
        return _finish(base, findings, others=fits[1:], layers=layers, layer=layer)
    crs = _likely_crs(rows, findings) if rows.crs is None else None
    degrees = to_degrees(rows, crs, findings)
    if degrees is None:
        return _finish(base, findings, others=fits[1:], layers=layers, layer=layer)
    used = _canonical(degrees[0], preset, layer, own, findings)
    mapped, assumed, left = _columns(rows, preset, layer, own)
    line = _suggestion(base, preset, layer, own, crs=crs, findings=findings)
    also = layers if line and preset is not None and asked.layer is None else ()
    return _finish(
        base, findings, others=fits[1:], layers=layers, layer=layer,
        mapped=tuple(mapped), assumed=tuple(assumed), left=tuple(left), usable=len(used),
        suggestion=line, or_else=tuple(
            f"{other}{line.removeprefix(layer)}" for other in also if other != layer
        ),
    )  # fmt: skip


def _describe(
    path: Path, table: str | None, rows: gpd.GeoDataFrame, preset: Preset | None
) -> dict[str, Any]:
    box = None
    if rows.crs is not None and rows.geometry.notna().any():
        west, south, east, north = rows.geometry.to_crs(4326).total_bounds
        box = (float(west), float(south), float(east), float(north))
    code = None if rows.crs is None else rows.crs.to_epsg()
    name = None if rows.crs is None else f"EPSG:{code}" if code else str(rows.crs.name)
    known: dict[str, Any] = {}
    if preset is not None:
        known = {
            "preset": preset.name, "title": preset.title, "licence": preset.licence,
            "about": preset.notes,
        }  # fmt: skip
    return {
        "path": str(path), "table": table, "rows": len(rows), "crs": name, "box": box,
        "geometry": tuple(sorted(geometry_kinds(rows))), "kinds": tuple(_few_values(rows, preset)),
        **known,
    }  # fmt: skip


def _few_values(
    rows: gpd.GeoDataFrame, preset: Preset | None
) -> Iterator[tuple[str, tuple[tuple[str, int], ...]]]:
    """Yield the columns of text that hold a handful of values, each many times.

    Not those by which the preset chooses rows: another filter by them would leave it none.
    """
    chosen = {find_column(rows, keep.column) for keep in preset.keep} if preset is not None else ()
    for name in rows.columns.drop(rows.geometry.name):
        values = rows[name]
        if pd.api.types.is_numeric_dtype(values) or len(values) < FEW_VALUES or name in chosen:
            continue
        held = values.dropna().astype(str)
        counts = held[held.str.strip() != ""].value_counts()
        if 2 <= len(counts) <= min(FEW_VALUES, len(values) // 3):
            yield str(name), tuple((str(value), int(n)) for value, n in counts.items())


def _finish(
    base: dict[str, Any], findings: Findings, *, others: Sequence[Preset], **rest: Any
) -> Survey:
    return Survey(
        **base, **rest, others=tuple(preset.name for preset in others),
        notes=tuple(findings.notes), problems=_problems(Path(base["path"]), findings),
    )  # fmt: skip


def _problems(path: Path, findings: Findings) -> tuple[Problem, ...]:
    """Return the problems, each with the file that it is in, named once."""
    same = (str(path), path.name)
    return tuple(
        replace(found, layer=str(path), feature=None if found.feature in same else found.feature)
        for found in findings.problems
    )


def _canonical(
    rows: gpd.GeoDataFrame,
    preset: Preset | None,
    layer: str,
    own: dict[str, str],
    findings: Findings,
) -> gpd.GeoDataFrame:
    """Return the canonical rows that can be used; what cannot is told as skipped."""
    schema = LAYERS[layer]
    if preset is not None:
        rows = apply_preset(rows, preset, own=own, findings=findings)
    rows = mend_geometry(rows, kinds=schema.geometry, findings=findings)
    table = canonical_columns(rows, schema=schema, columns=own, findings=findings)
    findings.settle(skip=True)
    return table.drop(index=[row for row in findings.unusable if row in table.index])


def _layer(preset: Preset | None, asked: str | None) -> str | None:
    if asked is not None:
        return asked
    if preset is not None:
        return preset.layers[0] if preset.layers else None
    return None


def _possible(rows: gpd.GeoDataFrame) -> tuple[str, ...]:
    kinds = geometry_kinds(rows)
    return _FITS.get(next(iter(kinds)), ()) if len(kinds) == 1 else ()


def _guesses(rows: gpd.GeoDataFrame, layer: str | None) -> dict[str, str]:
    """Return headings that are likely meant for canonical columns of a layer."""
    if layer is None or layer not in LAYERS:
        return {}
    headings = {fold_heading(c): str(c) for c in rows.columns if c != rows.geometry.name}
    found = {}
    for column in LAYERS[layer].columns:
        near = next((headings[n] for n in _ALIKE.get(column.name, ()) if n in headings), None)
        if near is not None and near != column.name and column.kind != "choice":
            found[column.name] = near
    return found


def _columns(
    rows: gpd.GeoDataFrame, preset: Preset | None, layer: str, own: dict[str, str]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[str]]:
    """Return what the columns of a layer come from, which are assumed, and what is left over."""
    rules = preset.columns if preset is not None else {}
    same = {str(c).lower(): str(c) for c in rows.columns if c != rows.geometry.name}
    mapped, assumed, taken = [], [], set()
    for column in LAYERS[layer].columns:
        source = own.get(column.name)
        how = source or ""
        if source is None and column.name in rules:
            rule = rules[column.name]
            source = find_column(rows, rule.sources)
            parts = [c for name in rule.fallback if (c := find_column(rows, [name]))]
            taken |= set(parts)
            how = _how(rule, source, parts)
        elif source is None and column.name in same:
            source = how = same[column.name]
        if how:
            mapped.append((column.name, how))
            taken.add(str(source))
        elif column.default not in ("", None) and column.default == column.default:
            assumed.append((column.name, f"{column.default}"))
    personal = {find_column(rows, [n]) for n in preset.personal} if preset is not None else set()
    names = [str(c) for c in rows.columns if c != rows.geometry.name]
    return mapped, assumed, [n for n in names if n not in taken and n not in personal]


def _how(rule: ColumnMap, source: str | None, parts: Sequence[str]) -> str:
    """Say in a few words how a canonical column is made."""
    if rule.constant is not None:
        return f"{rule.constant!r} for every row"
    said = source or ""
    if source is not None and rule.words:
        said += f" (words to {', '.join(rule.words)})"
    if source is not None and rule.times != 1.0:
        said += f" × {rule.times:g}"
    if source is not None and rule.unknown:
        said += f" ({', '.join(map(str, rule.unknown))} is unknown)"
    if parts:
        said += f", else {' and '.join(parts)}" if said else " and ".join(parts)
    return said


def _likely_crs(rows: gpd.GeoDataFrame, findings: Findings) -> str | None:
    """Return WGS 84 where a file states no CRS and its numbers are degrees; a person decides."""
    west, south, east, north = rows.total_bounds
    if -180.0 <= west <= east <= 180.0 and -90.0 <= south <= north <= 90.0:
        what = (
            "the file states no CRS, and its numbers look like degrees: see crs in the line below"
        )
        findings.tell("doubtful", what, "check it")
        return "EPSG:4326"
    if 100_000.0 < west <= east < 900_000.0 and 7_500_000.0 < south <= north < 10_100_000.0:
        what = "the file states no CRS, and its numbers look like metres of UTM south"
        findings.tell("doubtful", what, "EPSG:32718 is zone 18S, EPSG:32719 is 19S: find out which")
    return None


def _suggestion(
    base: dict[str, Any],
    preset: Preset | None,
    layer: str,
    own: dict[str, str],
    *,
    crs: str | None,
    findings: Findings,
) -> str:
    """Return a line for the study file, under [layers]."""
    table: str | None = base["table"]
    keys = [("path", json.dumps(base["path"], ensure_ascii=False))]
    if crs is not None:
        keys.append(("crs", json.dumps(crs)))
    if table is not None and (preset is None or table not in preset.recognise.tables):
        keys.append(("table", json.dumps(table, ensure_ascii=False)))
    if preset is not None:
        keys.append(("preset", json.dumps(preset.name)))
    if own:
        inner = ", ".join(f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in own.items())
        keys.append(("columns", f"{{ {inner} }}"))
    if findings.unusable:
        keys.append(("unusable_rows", '"skip"'))
    if findings.problems:
        return ""
    return f"{layer} = {{ {', '.join(f'{key} = {value}' for key, value in keys)} }}"


__all__ = ["Asked", "Survey", "read_as", "survey_file"]
