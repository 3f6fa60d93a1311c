"""Tables in Arrow batches: what is read back is what was written, however many batches it took."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from riskmap.outputs import streams
from riskmap.outputs.streams import write_geopackage, write_parquet


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> gpd.GeoDataFrame:
    """Return eleven lines, in batches of four; one has no place, one column no value."""
    monkeypatch.setattr(streams, "BATCH_ROWS", 4)
    n = 11
    lines = shapely.linestrings(np.random.default_rng(1).uniform(-70.0, -69.0, (n, 3, 2)))
    lines[5] = None
    return gpd.GeoDataFrame(
        {
            "number": np.arange(n, dtype=np.int32),
            "km": np.where(np.arange(n) % 3 == 0, np.nan, np.arange(n) / 7.0),
            "name": ["Río Inambari", None, "", *["x"] * (n - 3)],
            "nothing": [None] * n,
            "border": np.arange(n) % 2 == 0,
        },
        geometry=lines,
        crs="EPSG:4326",
    )


def _same(found: gpd.GeoDataFrame, table: gpd.GeoDataFrame) -> None:
    assert found.crs == table.crs
    assert found.columns.tolist() == table.columns.tolist()
    assert found.geometry.to_wkb().tolist() == table.geometry.to_wkb().tolist()
    for name in ("number", "km", "border"):
        np.testing.assert_array_equal(found[name], table[name])
    assert found["name"].fillna("-").tolist() == table["name"].fillna("-").tolist()
    assert found["nothing"].isna().all()


@pytest.mark.parametrize("rows", [11, 8, 3, 0])
def test_parquet_holds_what_was_written(table: gpd.GeoDataFrame, tmp_path: Path, rows: int) -> None:
    write_parquet(table.head(rows), tmp_path / "a.parquet")
    _same(gpd.read_parquet(tmp_path / "a.parquet"), table.head(rows))
    assert pq.read_metadata(tmp_path / "a.parquet").num_row_groups == -(-rows // 4)
    about = json.loads(pq.read_schema(tmp_path / "a.parquet").metadata[b"geo"])["columns"]
    if rows:
        assert about["geometry"]["bbox"] == table.head(rows).total_bounds.tolist()


@pytest.mark.parametrize("rows", [11, 3, 0])
def test_a_geopackage_holds_layers_side_by_side(
    table: gpd.GeoDataFrame, tmp_path: Path, rows: int
) -> None:
    points = table.set_geometry(table.geometry.representative_point())
    write_geopackage(table.head(rows), tmp_path / "a.gpkg", layer="lines")
    write_geopackage(points.head(0), tmp_path / "a.gpkg", layer="points", kind="Point")
    assert pyogrio.list_layers(tmp_path / "a.gpkg").tolist() == [
        ["lines", "LineString"],
        ["points", "Point"],
    ]
    _same(gpd.read_file(tmp_path / "a.gpkg", layer="lines"), table.head(rows))


def test_single_and_multiple_geometries_of_a_layer_become_multiple(
    table: gpd.GeoDataFrame, tmp_path: Path
) -> None:
    shapes = table.geometry.to_numpy()
    shapes[7] = shapely.multilinestrings([[shapes[7]]])[0]
    write_geopackage(table.set_geometry(shapes, crs=4326), tmp_path / "a.gpkg", layer="lines")
    found = gpd.read_file(tmp_path / "a.gpkg", layer="lines")
    assert set(found.geom_type.dropna()) == {"MultiLineString"}
    assert shapely.get_parts(found.geometry.dropna()).size == len(table) - 1
