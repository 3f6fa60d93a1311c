"""Vector files as GDAL reads them, and Parquet: rows with geometry, in the CRS of the file.

Rows keep their number in the file as index, whatever a filter leaves out.
"""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

from riskmap.layers.coordinates import place_rows
from riskmap.layers.findings import Findings
from riskmap.layers.formats import Place
from riskmap.presets.sources import Preset

READ_ERRORS = (
    DataLayerError,
    DataSourceError,
    FeatureError,
    FieldError,
    GeometryError,
    UnicodeDecodeError,
    ValueError,
)
#: Tables of a GPX file, the fullest first; the points of tracks carry the times.
_GPX_TABLES = ("tracks", "routes", "waypoints")
#: Rows whose places are made at a time.
_BATCH_ROWS = 1 << 16
_EPSG_4326 = {"authority": "EPSG", "code": 4326}
_OF_QGIS = ("layer_styles", "qgis_projects")


def tables_of(place: Place) -> list[str]:
    """Return the names of the tables in a file.

    Raises
    ------
    pyogrio.errors.DataSourceError
        Where no driver opens it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = [str(name) for name in pyogrio.list_layers(place.location)[:, 0]]
    # QGIS keeps its styles and projects beside the layers that people mean.
    return [name for name in names if name not in _OF_QGIS] or names


def read_vector(
    place: Place,
    *,
    table: str | None,
    where: str | None,
    preset: Preset | None,
    findings: Findings,
) -> gpd.GeoDataFrame | None:
    """Read one table of a file; None where a problem was found.

    Parameters
    ----------
    place
        The file.
    table
        Table that the study names.
    where
        Filter that the study gives, as GDAL takes it.
    preset
        What is known about the source: its usual table, its filter for extracts.
    findings
        Takes problems and what the driver warns of.
    """
    name = _table(place, table, preset, findings)
    if name is None:
        return None
    if place.kind == "osm" and preset is not None and preset.osm_where is not None:
        where = preset.osm_where if where is None else f"({preset.osm_where}) AND ({where})"
    if place.kind == "gpx":
        return _read_gpx(place, name, findings)
    return _read(place, name, where, findings)


def _table(
    place: Place, asked: str | None, preset: Preset | None, findings: Findings
) -> str | None:
    """Return the name of the table inside the file that holds the layer."""
    try:
        names = tables_of(place)
    except READ_ERRORS as error:
        findings.refuse(
            f"cannot be read as a vector layer: {reason(error, place.path)}",
            "check that the file is whole and of a format that GDAL reads",
            feature=str(place.path),
        )
        return None
    if place.member is not None and asked in (place.member, PurePosixPath(place.member).stem):
        asked = None if len(names) == 1 else asked
    if asked is not None:
        if asked in names:
            return asked
        mend = f"one of: {', '.join(names)}"
        findings.refuse(f"no table {asked!r} in {place.path.name}", mend, feature="table")
        return None
    return _only_table(place, names, preset, findings)


def _only_table(
    place: Place, names: Sequence[str], preset: Preset | None, findings: Findings
) -> str | None:
    if len(names) == 1:
        return names[0]
    if not names:
        findings.refuse("the file holds no layer", "export it again", feature=str(place.path))
        return None
    usual = preset.recognise.tables if preset is not None else ()
    usual = usual or (_GPX_TABLES if place.kind == "gpx" else ())
    known = [name for name in (*usual, place.path.stem) if name in names]
    if known:
        return known[0]
    findings.refuse(
        f"{place.path.name} holds {len(names)} tables",
        f"add table = one of: {', '.join(names)}",
        feature="table",
    )
    return None


def _read(
    place: Place, table: str, where: str | None, findings: Findings
) -> gpd.GeoDataFrame | None:
    """Read a table with row numbers as index; what the driver warns of becomes a note."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            rows = _read_text(place, table, where, findings)
            # an extract has no rows of its own: what passes the filter is numbered
            whole = where is None or place.kind == "osm"
            numbered = rows if whole else _all_ids(place, table)
    except READ_ERRORS as error:
        if (where is not None and "where" in str(error).lower()) or "SQL" in str(error):
            _refuse_filter(where, findings)
        else:
            findings.refuse(
                f"cannot be read: {reason(error, place.path)}",
                "export it again",
                feature=str(place.path),
            )
        return None
    for text in sorted({reason(w.message, place.path) for w in caught}):
        findings.tell("doubtful", f"the reader says: {text}")
    if not isinstance(rows, gpd.GeoDataFrame):
        findings.refuse(
            "the table has no geometry", "name a layer with places", feature=str(place.path)
        )
        return None
    if rows.empty:
        what = "the layer is empty" if where is None else f"no row passes the filter {where!r}"
        findings.refuse(what, "name a layer that holds features", feature=str(place.path))
        return None
    position = pd.Series(np.arange(len(numbered)), index=numbered.index)
    rows.index = pd.Index(position.loc[rows.index].to_numpy(dtype=np.int64), name="row")
    return rows


def _read_text(place: Place, table: str, where: str | None, findings: Findings) -> pd.DataFrame:
    """Read a table; text that is not in the encoding that the file states is read anew."""
    try:
        rows: pd.DataFrame = pyogrio.read_dataframe(
            place.location, layer=table, where=where, fid_as_index=True
        )
    except UnicodeDecodeError:
        rows = pyogrio.read_dataframe(
            place.location, layer=table, where=where, fid_as_index=True, encoding="cp1252"
        )
        findings.tell(
            "converted",
            "the text is not in the encoding that the file states: read as Windows-1252",
        )
    return rows


def _all_ids(place: Place, table: str) -> pd.DataFrame:
    """Return the ids of all rows, so that a filtered row keeps its number in the source."""
    ids: pd.DataFrame = pyogrio.read_dataframe(
        place.location, layer=table, columns=[], read_geometry=False, fid_as_index=True
    )
    return ids


def _read_gpx(place: Place, table: str, findings: Findings) -> gpd.GeoDataFrame | None:
    """Read a GPX table; tracks take their times, as third coordinate, from their points."""
    rows = _read(place, table, None, findings)
    if rows is None or table != "tracks":
        return rows
    points = _read(place, "track_points", None, Findings(findings.layer))
    if points is None or "time" not in points or points["time"].isna().all():
        findings.tell("notice", "the track points carry no times")
        return rows
    times = pd.to_datetime(points["time"], utc=True, errors="coerce")
    epoch = (times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(milliseconds=1)
    part = points["track_fid"].to_numpy(), points["track_seg_id"].to_numpy()
    xyz = np.column_stack([points.geometry.x, points.geometry.y, epoch])
    lines: dict[int, list[shapely.LineString]] = {}
    for (track, _), at in pd.Series(range(len(points))).groupby(list(part)):
        timed = xyz[at.to_numpy()][np.isfinite(xyz[at.to_numpy()]).all(axis=1)]
        if len(timed) > 1:
            lines.setdefault(int(str(track)), []).append(shapely.LineString(timed))
    shapes = [shapely.MultiLineString(lines[i]) if i in lines else None for i in range(len(rows))]
    start, end = (times.groupby(points["track_fid"]).agg(how) for how in ("min", "max"))
    number = pd.Series(range(len(rows)), index=rows.index)
    timed_rows = rows.assign(start_time=number.map(start), end_time=number.map(end))
    findings.tell("notice", "times of tracks come from their points", count=len(rows))
    return timed_rows.set_geometry(gpd.GeoSeries(shapes, index=rows.index, crs=4326))


def read_parquet(
    place: Place, *, preset: Preset | None, crs: str | None, findings: Findings
) -> gpd.GeoDataFrame | None:
    """Read GeoParquet, or a Parquet table with columns of coordinates.

    Parameters
    ----------
    place
        The file.
    preset
        What is known about the source.
    crs
        CRS that the study states.
    findings
        Takes problems and notes.
    """
    try:
        raw = io.BytesIO(place.read_bytes()) if place.member else place.path
        about = json.loads((pq.read_schema(raw).metadata or {}).get(b"geo", b"null"))
        rows = pd.read_parquet(raw) if about is None else _read_geoparquet(raw, about)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        findings.refuse(
            f"cannot be read as Parquet: {reason(error, place.path)}",
            "export it again",
            feature=str(place.path),
        )
        return None
    if rows.empty:
        findings.refuse(
            "the layer is empty", "name a layer that holds features", feature=str(place.path)
        )
        return None
    rows = rows.reset_index(drop=True)
    if isinstance(rows, gpd.GeoDataFrame):
        return rows
    known = preset.places if preset is not None else None
    x, y = (known.x, known.y) if known else ((), ())
    return place_rows(rows, x=x, y=y, crs=crs, findings=findings)


def _read_geoparquet(raw: Path | io.BytesIO, about: Any) -> pd.DataFrame:
    """Read GeoParquet; where it says EPSG:4326, its CRS is not put together from its parts.

    PROJ looks for the names of all of them, which takes longer than a small layer.
    """
    name = about.get("primary_column")
    columns = about.get("columns", {})
    column = columns.get(name, {})
    crs = column.get("crs") or {}
    rows: pd.DataFrame
    plain = column.get("encoding") == "WKB" and crs.get("id") == _EPSG_4326
    if not plain or len(columns) > 1 or "covering" in column:
        rows = gpd.read_parquet(raw)
        return rows
    with pq.ParquetFile(raw) as file:
        rows = file.read([other for other in file.schema_arrow.names if other != name]).to_pandas()
        # Never all places twice: as they stand in the file, and as they are read.
        batches = file.iter_batches(_BATCH_ROWS, columns=[name])
        parts = [shapely.from_wkb(b.column(0).to_numpy(zero_copy_only=False)) for b in batches]
    shapes = np.concatenate([np.empty(0, dtype=object), *parts])
    rows[name] = gpd.GeoSeries(shapes, index=rows.index, crs=4326)
    rows = gpd.GeoDataFrame(rows, geometry=name)
    return rows


def filter_rows(rows: gpd.GeoDataFrame, where: str, findings: Findings) -> gpd.GeoDataFrame | None:
    """Filter rows that were read whole, with a filter as GDAL takes it."""
    plain = pd.DataFrame(rows.drop(columns=rows.geometry.name)).assign(row_=range(len(rows)))
    held = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the copy in memory has no ending
            pyogrio.write_dataframe(plain, held, driver="GPKG", layer="rows")
            kept = pyogrio.read_dataframe(
                held.getvalue(), where=where, columns=["row_"], read_geometry=False
            )
    except READ_ERRORS:
        _refuse_filter(where, findings)
        return None
    if kept.empty:
        what = f"no row passes the filter {where!r}"
        findings.refuse(what, "write another filter", feature="where")
        return None
    return rows.iloc[kept["row_"].to_numpy()]


def _refuse_filter(where: str | None, findings: Findings) -> None:
    mend = "write it as GDAL takes it, such as: ORD_STRA >= 3"
    findings.refuse(f"the filter {where!r} cannot be used", mend, feature="where")


def reason(error: object, path: Path) -> str:
    """Say a driver's message in one line, with the file's name in place of its whole path."""
    text = " ".join(str(error).split()).replace(str(path), path.name)
    text = (
        re.sub(r"Error occurred in \S+(?: at line \d+|:\d+)?[;.,]?", "", text).strip() or "broken"
    )
    return text.split("; It might help")[0][:200]
