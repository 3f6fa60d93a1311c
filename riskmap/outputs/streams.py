"""Tables with geometry as streams of Arrow batches, for files: never copied whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely

from riskmap.network.arcs import Geometries
from riskmap.threads import ahead

#: Rows that are turned into well-known binary at a time; also those of a row group.
BATCH_ROWS = 1 << 16
_SINGLE = [shapely.GeometryType[name] for name in ("POINT", "LINESTRING", "POLYGON")]
_MULTIPLE: Mapping[str, Callable[..., Geometries]] = {
    "MultiPoint": shapely.multipoints,
    "MultiLineString": shapely.multilinestrings,
    "MultiPolygon": shapely.multipolygons,
}


def write_parquet(table: gpd.GeoDataFrame, path: Path) -> None:
    """Write a table as GeoParquet 1.0, with row groups of `BATCH_ROWS`."""
    stream = _stream(table)
    about = {**(stream.schema.metadata or {}), b"geo": json.dumps(_geo(table)).encode()}
    schema = stream.schema.with_metadata(about)
    with pq.ParquetWriter(path, schema) as file:
        for batch in ahead(stream):
            file.write_batch(batch)


def write_geopackage(
    table: gpd.GeoDataFrame, path: Path, *, layer: str, kind: str | None = None
) -> None:
    """Write a table as a layer of a GeoPackage, beside those that it has.

    Parameters
    ----------
    table
        Rows with a geometry.
    path
        The file.
    layer
        What the layer is called.
    kind
        Kind of its geometries, such as "Point"; by default that of the first row, its multiple
        kind where some row is of that, and lines where there is none.
    """
    if kind is None:
        kinds = table.geom_type.dropna()
        kind = next(iter(kinds), "LineString")
        kind = f"Multi{kind}" if (kinds == f"Multi{kind}").any() else kind
    pyogrio.write_arrow(
        _stream(table, multiple=_MULTIPLE.get(kind)),
        path,
        layer=layer,
        driver="GPKG",
        geometry_name=table.geometry.name,
        geometry_type=kind,
        crs=table.crs.to_wkt(),
        append=False,
    )


def _stream(
    table: gpd.GeoDataFrame, *, multiple: Callable[..., Geometries] | None = None
) -> pa.RecordBatchReader:
    """Return the rows in batches, the geometry last, as well-known binary.

    Where it is given, `multiple` makes collections of the geometries that are none.
    """
    name = table.geometry.name
    rows = pa.Table.from_pandas(pd.DataFrame(table.drop(columns=name)), preserve_index=False)
    for k, field in enumerate(rows.schema):
        if pa.types.is_null(field.type):  # no row has a value, and GDAL wants to know its kind
            rows = rows.set_column(k, field.name, rows.column(k).cast(pa.string()))
    shapes = table.geometry.to_numpy()
    single = np.isin(shapely.get_type_id(shapes), _SINGLE)
    if multiple is not None and single.any():
        shapes = shapes.copy()
        shapes[single] = multiple(shapes[single], indices=np.arange(single.sum()))

    def batches() -> Iterator[pa.RecordBatch]:
        for k in range(0, len(shapes), BATCH_ROWS):
            places = pa.array(shapely.to_wkb(shapes[k : k + BATCH_ROWS]), type=pa.binary())
            part = rows.slice(k, BATCH_ROWS).append_column(name, places)
            yield from part.combine_chunks().to_batches()

    schema = rows.schema.append(pa.field(name, pa.binary()))
    return pa.RecordBatchReader.from_batches(schema, batches())


def _geo(table: gpd.GeoDataFrame) -> dict[str, object]:
    """Return what GeoParquet says of its places."""
    kinds = sorted(table.geom_type.dropna().unique())
    about: dict[str, object] = {
        "encoding": "WKB",
        "geometry_types": kinds,
        "crs": table.crs.to_json_dict(),
    }
    if kinds:
        about["bbox"] = table.total_bounds.tolist()
    name = table.geometry.name
    return {"version": "1.0.0", "primary_column": name, "columns": {name: about}}
