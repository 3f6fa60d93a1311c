"""Tables as files: the ending chooses the format, the provenance goes with it.

Columns and rows are made in `riskmap.results`; here they are only written. JSON is strict: what
does not exist is null. In a spreadsheet every text is text, never a formula.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import shapely
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from riskmap.addresses import Address
from riskmap.errors import OutputError, Problem
from riskmap.outputs.databases import write_database
from riskmap.outputs.files import TABLE_ENDINGS, check_outputs, whole_file
from riskmap.outputs.qgis import style_geopackage
from riskmap.outputs.rasters import write_raster
from riskmap.outputs.streams import write_geopackage, write_parquet
from riskmap.results.access import places_of_help
from riskmap.results.outcome import Outcome

Level = Literal["corridors", "reaches", "routes", "sites"]
Record = Mapping[str, Any]
Tables = Mapping[str, gpd.GeoDataFrame]

#: Decimals of degrees in text formats: a centimetre.
DECIMALS = 7
#: One value as strict JSON in one line.
_line_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
#: Rows of a sheet, and characters of a cell, that a spreadsheet can hold.
SHEET_ROWS = 1_048_576
CELL_CHARACTERS = 32_767


def write_table(
    outcome: Outcome,
    path: Path | Address,
    *,
    level: Level = "corridors",
    top: int | None = None,
    overwrite: bool = False,
) -> None:
    """Write one of the tables of an outcome, with its provenance.

    Provenance is inside a `.json`, and in a second sheet of an `.xlsx`; for every other format it
    stands beside the file, as `FILE.provenance.json`.

    Parameters
    ----------
    outcome
        The outcome.
    path
        File to write: .csv, .geojson, .gpkg, .parquet, .json or .xlsx, of corridors also .tif (the
        score on a grid); or a database.
    level
        Which table.
    top
        Only so many rows: the first ranked corridors, the reaches with most undetected transits,
        the routes with most transits, the sites that are farthest from help.
    overwrite
        Replace a file that exists.

    Raises
    ------
    OutputError
        Where the folder is missing, the file exists, or the ending is unknown; for the sites also
        where the study names no place of help.
    """
    if isinstance(path, Path) and path.suffix.lower() == ".tif":
        _write_grid(outcome, path, level=level, top=top, overwrite=overwrite)
        return
    if level == "sites" and not places_of_help(outcome.settings, outcome.layers):
        raise OutputError(_no_help(outcome))
    table = table_of(outcome, level=level, top=top)
    write_rows(
        table,
        path,
        name=level,
        record=record_of(outcome),
        language=outcome.language,
        overwrite=overwrite,
    )


def _write_grid(
    outcome: Outcome, path: Path, *, level: Level, top: int | None, overwrite: bool
) -> None:
    """Write the corridors' scores as a raster."""
    if level != "corridors":
        mend = "leave --level out, or choose another ending"
        raise OutputError(Problem(str(path), None, f"a grid of {level} cannot be written", mend))
    table = table_of(outcome, level=level, top=top)
    write_raster(table, path, record=record_of(outcome), overwrite=overwrite)


def write_rows(
    table: gpd.GeoDataFrame,
    path: Path | Address,
    *,
    name: str,
    record: Mapping[str, Any],
    further: Mapping[str, gpd.GeoDataFrame] | None = None,
    language: Literal["es", "en"] = "en",
    overwrite: bool = False,
) -> None:
    """Write any table with a record of where it comes from; see `write_table`.

    Further tables are layers of the same .gpkg, sheets of the .xlsx, lists in the .json, tables of
    the database; for other formats files beside it, `FILE.NAME.ending`.

    Parameters
    ----------
    table
        Rows with a geometry, EPSG:4326.
    path
        File to write, or a database.
    name
        What the rows are; the name of the layer, sheet or list.
    record
        `summary` and `provenance`.
    further
        More tables of the same result, by name.
    language
        Of what columns and legends are called where a GeoPackage is opened in QGIS.
    overwrite
        Replace a file that exists.

    Raises
    ------
    OutputError
        Where the folder is missing, the file exists, or the ending is unknown.
    """
    if isinstance(path, Address):
        rows = {name: table, **(further or {})}
        write_database(rows, path, record=record, overwrite=overwrite)
        return
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        endings = " ".join(TABLE_ENDINGS)
        raise OutputError(
            Problem(str(path), None, f"{path.suffix!r} names no format", f"one of: {endings}")
        )
    tables = {name: table, **(further or {})}
    if path.suffix.lower() not in (".json", ".xlsx", ".gpkg"):
        tables = {name: table}
        files = {path.with_name(f"{path.stem}.{key}{path.suffix}"): key for key in further or {}}
        check_outputs(path, *files, overwrite=overwrite)
        for file, key in files.items():
            write_rows((further or {})[key], file, name=key, record=record, overwrite=overwrite)
    with whole_file(path, overwrite=overwrite) as part:
        write(tables, part, record)
        if path.suffix.lower() == ".gpkg":
            style_geopackage(part, tables, language=language)
        if path.suffix.lower() not in (".json", ".xlsx"):
            beside = path.with_name(f"{path.name}.provenance.json")
            with whole_file(beside, overwrite=True) as sidecar:
                sidecar.write_text(_json(record), encoding="utf-8")


def table_of(outcome: Outcome, *, level: Level, top: int | None = None) -> gpd.GeoDataFrame:
    """Return a table of an outcome, or its `top` rows."""
    if level == "routes":
        return outcome.routes if top is None else outcome.top_routes(top)
    table: gpd.GeoDataFrame = getattr(outcome, level)
    if level == "sites":
        table = table.sort_values(
            "hours_to_help", ascending=False, na_position="first", kind="stable"
        )
    if top is None:
        return table
    if level == "reaches":
        table = table.sort_values("undetected_transits", ascending=False, kind="stable")
    return table.head(top)


def _no_help(outcome: Outcome) -> Problem:
    least = outcome.settings.access.effective_post_from
    return Problem(
        "facilities",
        None,
        f"the study names no place of help, and no post has an effectiveness of {least:g} or more",
        "name a layer [layers.facilities], or lower [access] effective_post_from",
    )


def record_of(outcome: Outcome) -> dict[str, Any]:
    """Return the totals of an outcome and what it was made from."""
    return {"summary": dict(outcome.summary), "provenance": dict(outcome.provenance)}


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1)


def _with_wkt(table: gpd.GeoDataFrame, *, decimals: int = DECIMALS) -> pd.DataFrame:
    """Return the table with its geometry as well-known text."""
    text = pd.DataFrame(table.drop(columns="geometry"))
    text["geometry"] = shapely.to_wkt(table.geometry.to_numpy(), rounding_precision=decimals)
    return text


def _first(tables: Tables) -> tuple[str, gpd.GeoDataFrame]:
    return next(iter(tables.items()))


def _write_csv(tables: Tables, path: Path, _record: Record) -> None:
    _, table = _first(tables)
    _with_wkt(table).to_csv(path, index=False, encoding="utf-8", lineterminator="\n")


def _write_geojson(tables: Tables, path: Path, _record: Record) -> None:
    name, table = _first(tables)
    features = [
        f'{{"type": "Feature", "properties": {_line_json(properties)}, "geometry": {geometry}}}'
        for properties, geometry in zip(
            _records(pd.DataFrame(table.drop(columns="geometry"))),
            _geometries(table),
            strict=True,
        )
    ]
    collection = {"type": "FeatureCollection", "name": name, "features": features}
    path.write_text(_lines_json(collection, ("features",)), encoding="utf-8")


def _write_json(tables: Tables, path: Path, record: Record) -> None:
    content: dict[str, Any] = {"summary": record["summary"]}
    for name, table in tables.items():
        rows = _records(pd.DataFrame(table.drop(columns="geometry")))
        content[name] = [
            f'{_line_json(row)[:-1]}, "geometry": {geometry}}}'
            for row, geometry in zip(rows, _geometries(table), strict=True)
        ]
    content["provenance"] = record["provenance"]
    path.write_text(_lines_json(content, tuple(tables)), encoding="utf-8")


def _write_gpkg(tables: Tables, path: Path, _record: Record) -> None:
    for name, table in tables.items():
        write_geopackage(table, path, layer=name)


def _write_parquet(tables: Tables, path: Path, _record: Record) -> None:
    _, table = _first(tables)
    write_parquet(table, path)


def _write_xlsx(tables: Tables, path: Path, record: Record) -> None:
    book = openpyxl.Workbook(write_only=True)
    for name, table in tables.items():
        if len(table) >= SHEET_ROWS:
            raise OutputError(
                Problem(str(path), None, f"{len(table)} rows do not fit a sheet", "write a .gpkg")
            )
        sheet = book.create_sheet(name)
        text = _with_wkt(table, decimals=5)
        sheet.append([str(column) for column in text.columns])
        for row in _records(text):
            sheet.append([_cell(sheet, value) for value in row.values()])
    about = book.create_sheet("provenance")
    for key, value in _flat(record):
        about.append([_cell(about, key), _cell(about, value)])
    book.save(path)


def _cell(sheet: Any, value: object) -> object:
    """Return a value for a sheet; text stays text, even where it begins like a formula."""
    if not isinstance(value, str):
        return value
    shown = ILLEGAL_CHARACTERS_RE.sub("", value)
    if len(shown) > CELL_CHARACTERS:
        shown = "(too long for a cell: see another format)"
    cell = WriteOnlyCell(sheet, value=shown)
    cell.data_type = "s"
    return cell


def _flat(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, object]]:
    """Return nested keys as "layers.rivers.crs" with their values; those of a list by number."""
    flat: list[tuple[str, object]] = []
    for key, value in content.items():
        if isinstance(value, Mapping):
            flat += _flat(value, f"{prefix}{key}.")
        elif isinstance(value, (list, tuple)):
            flat += _flat({str(k): part for k, part in enumerate(value, 1)}, f"{prefix}{key}.")
        else:
            flat.append((f"{prefix}{key}", value))
    return flat


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as plain Python values, None for what does not exist."""
    columns = {str(name): _plain(table[name]) for name in table.columns}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(values: pd.Series) -> list[Any]:
    """Return a column as plain Python values."""
    if values.dtype.kind == "f":
        numbers = values.to_numpy()
        return [v if np.isfinite(v) else None for v in numbers.tolist()]
    return [None if value is None or value is pd.NA or value != value else value
            for value in values.tolist()]  # fmt: skip


def _geometries(table: gpd.GeoDataFrame) -> list[str]:
    """Return the geometries as GeoJSON, rounded to a centimetre."""
    rounded = shapely.transform(table.geometry.to_numpy(), lambda xy: np.round(xy, DECIMALS))
    return ["null" if text is None else text for text in shapely.to_geojson(rounded)]


def _lines_json(content: Mapping[str, Any], rows: tuple[str, ...]) -> str:
    """Return strict JSON; of some lists each row, JSON already, is on a line of its own."""
    parts = []
    for key, value in content.items():
        name = json.dumps(key)
        if key in rows:
            lines = ",\n".join(value)
            parts.append(f"{name}: [\n{lines}\n]")
        else:
            parts.append(f"{name}: {_line_json(value)}")
    return "{" + ",\n".join(parts) + "}\n"


_WRITERS: Mapping[str, Callable[[Tables, Path, Record], None]] = {
    ".csv": _write_csv,
    ".geojson": _write_geojson,
    ".gpkg": _write_gpkg,
    ".parquet": _write_parquet,
    ".json": _write_json,
    ".xlsx": _write_xlsx,
}
