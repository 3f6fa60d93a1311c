"""Layers: what is mended, what is assumed, and one line for everything that is wrong."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, Point, Polygon, box

from riskmap.errors import DataError
from riskmap.layers import Layers, read_layers
from riskmap.settings import load_settings
from tests import studies
from tests.studies import SmallStudy

Make = Callable[..., SmallStudy]


def read(study: SmallStudy) -> Layers:
    return read_layers(load_settings(study.write().path))


def problems(study: SmallStudy) -> list[str]:
    with pytest.raises(DataError, match=r".") as caught:
        read(study)
    return [str(problem) for problem in caught.value.problems]


def test_a_clean_study_is_read_whole(small_study: SmallStudy) -> None:
    layers = read(small_study)
    assert list(layers.tables) == [
        "rivers", "entry_points", "venues", "mining_areas", "police_posts", "settlements",
    ]  # fmt: skip
    rivers = layers.tables["rivers"]
    assert rivers["strahler_order"].tolist() == [3.0, 1.0, 3.0]
    assert rivers["navigable"].tolist() == ["both"] * 3
    assert np.isnan(rivers["discharge_m3s"]).all()
    assert layers.sources["venues"].features == 2
    assert layers.sources["venues"].path == "venues.gpkg"
    assert len(layers.sources["rivers"].sha256) == 64


def test_a_missing_column_takes_its_default_and_says_so(make_study: Make) -> None:
    posts = studies.police_posts()[["name", "geometry"]]
    layers = read(make_study(police_posts=posts))
    row = layers.tables["police_posts"].iloc[0]
    assert (row.patrol_hours, row.range_h, row.decay_h, row.effectiveness) == (60, 2, 1, 0.5)
    told = [str(note) for note in layers.notes if note.layer == "police_posts"]
    assert any("no column patrol_hours: 60 is assumed" in text for text in told)


def test_row_numbers_are_those_of_the_source_under_a_filter(make_study: Make) -> None:
    study = make_study()
    study.keys["venues"] = "where = \"name = 'Local 2'\""
    assert read(study).tables["venues"].index.tolist() == [1]


def test_hash_changes_with_the_attributes_of_a_shapefile(make_study: Make) -> None:
    before = read(make_study()).sources["rivers"].sha256
    rivers = studies.rivers()
    rivers.loc[0, "name"] = "Otro"
    assert read(make_study(rivers=rivers)).sources["rivers"].sha256 != before


def test_another_crs_is_converted_and_told(make_study: Make) -> None:
    layers = read(make_study(venues=studies.venues().to_crs(32719)))
    x = layers.tables["venues"].geometry.x.to_numpy()
    assert x == pytest.approx([-70.001, -70.0], abs=1e-7)
    assert any("from EPSG:32719 to EPSG:4326" in str(note) for note in layers.notes)


def test_an_invalid_area_is_mended_and_told(make_study: Make) -> None:
    bow = Polygon([(-69.95, -12.36), (-69.9, -12.32), (-69.9, -12.36), (-69.95, -12.32)])
    mining = studies.mining_areas().set_geometry([bow], crs=4326)
    layers = read(make_study(mining_areas=mining))
    shape = layers.tables["mining_areas"].geometry.iloc[0]
    assert shape.is_valid
    assert shape.area > 0.0
    assert "mended: mining_areas, row 0: invalid rings were mended" in map(str, layers.notes)


def test_third_coordinates_and_repeated_points_are_mended(make_study: Make) -> None:
    rivers = studies.rivers()
    rivers.loc[0, "geometry"] = LineString([(-70, -12, 5), (-70, -12, 5), (-70, -12.4, 3)])
    layers = read(make_study(rivers=rivers))
    assert not shapely.has_z(layers.tables["rivers"].geometry.to_numpy()).any()
    told = " ".join(str(note) for note in layers.notes)
    assert "third coordinates were left out" in told
    assert "repeated points were left out" in told


def _with_shape(layer: Callable[[], gpd.GeoDataFrame], shape: object) -> gpd.GeoDataFrame:
    table = layer()
    table.geometry = gpd.GeoSeries([shape, *table.geometry.iloc[1:]], crs=4326)
    return table


@pytest.mark.parametrize(
    ("layer", "table", "message"),
    [
        ("venues", _with_shape(studies.venues, None), "venues, row 0: has no geometry"),
        (
            "venues",
            _with_shape(studies.venues, Point()),
            r"venues, row 0: has (an empty geometry|no geometry)",
        ),
        (
            "venues",
            _with_shape(studies.venues, Point(float("nan"), -12.0)),
            "venues, row 0: has a coordinate that is not a number",
        ),
        (
            "rivers",
            _with_shape(studies.rivers, LineString([(-70, -12), (-70, -12)])),
            "rivers, row 0: is a line without length",
        ),
        (
            "venues",
            studies.venues().set_geometry([box(0, 0, 1, 1)] * 2, crs=4326),
            "venues: holds areas, points are wanted",
        ),
        (
            "venues",
            studies.venues().assign(confidence=[70.0, 0.5]),
            r"venues, row 0: confidence is 70, out of range \(0 to 1\)",
        ),
        (
            "police_posts",
            studies.police_posts().assign(effectiveness=[70.0]),
            r"police_posts, row 0: effectiveness is 70, out of range \(0 to 1\)",
        ),
        (
            "police_posts",
            studies.police_posts().assign(decay_h=[0.0]),
            "police_posts, row 0: decay_h is 0, out of range",
        ),
        (
            "venues",
            studies.venues().assign(capacity=[float("nan"), 1.0]),
            "venues, row 0: capacity has no value",
        ),
        (
            "venues",
            studies.venues().assign(capacity=["big", "2"]),
            "venues, row 0: capacity is 'big', which is not a number",
        ),
        (
            "venues",
            studies.venues().assign(capacity=["big", "small"]),
            "venues, capacity: column capacity is not numeric",
        ),
        (
            "mining_areas",
            studies.mining_areas().assign(status=["legalish"]),
            "mining_areas, row 0: status is 'legalish', not one of: authorised",
        ),
        (
            "mining_areas",
            studies.mining_areas().assign(detected_on=["soon"]),
            "mining_areas, row 0: detected_on is 'soon', which is not a day",
        ),
        (
            "venues",
            studies.venues().assign(name=["Same", "Same"]),
            "venues, rows 0, 1: the name 'Same' stands more than once",
        ),
        (
            "entry_points",
            studies.points(name=["a"], x=[-12.1], y=[-70.0]),
            "entry_points: lies wholly outside the rivers' area.*look swapped",
        ),
        (
            "entry_points",
            studies.points(name=["a"], x=[10.0], y=[50.0]),
            "entry_points: lies wholly outside the rivers' area.*same region",
        ),
        (
            "venues",
            studies.venues().set_crs(None, allow_override=True),
            "venues, crs: the layer states no coordinate reference system",
        ),
        (
            "venues",
            studies.venues().to_crs(32719).set_crs(4326, allow_override=True),
            "venues, crs: coordinates such as .* are not degrees",
        ),
        ("venues", studies.venues().iloc[:0], "venues, .*: the layer is empty"),
    ],
)
def test_one_line_says_what_is_wrong(
    make_study: Make, layer: str, table: gpd.GeoDataFrame, message: str
) -> None:
    found = problems(make_study(**{layer: table}))
    assert len(found) == 1, found
    assert "\n" not in found[0]
    assert re.search(message, found[0]), found[0]


def test_a_file_that_is_not_there(small_study: SmallStudy) -> None:
    small_study.file("venues").rename(small_study.folder / "venuess.gpkg")
    (line,) = problems(small_study)
    assert "venues.gpkg: the file does not exist (did you mean venuess.gpkg?)" in line


@pytest.mark.parametrize("ending", [".shx", ".dbf"])
def test_a_shapefile_without_a_part(small_study: SmallStudy, ending: str) -> None:
    small_study.file("rivers").with_suffix(ending).unlink()
    (line,) = problems(small_study)
    assert f"the shapefile lacks its {ending} part" in line


def test_a_shapefile_without_prj_needs_a_crs(small_study: SmallStudy) -> None:
    small_study.file("rivers").with_suffix(".prj").unlink()
    (line,) = problems(small_study)
    assert "rivers, crs: the layer states no coordinate reference system" in line
    small_study.keys["rivers"] += '\ncrs = "EPSG:4326"'
    assert any("the study says EPSG:4326" in str(n) for n in read(small_study).notes)


def test_a_stated_crs_is_never_overridden(small_study: SmallStudy) -> None:
    small_study.keys["venues"] = 'crs = "EPSG:32719"'
    (line,) = problems(small_study)
    assert "the study says EPSG:32719, the layer says EPSG:4326" in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"not a geopackage", "is named .gpkg, and holds text"),
        (b"SQLite format 3\x00" + b"\0" * 200, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read(small_study: SmallStudy, content: bytes, message: str) -> None:
    small_study.file("venues").write_bytes(content)
    (line,) = problems(small_study)
    assert message in line


def test_a_truncated_shapefile(small_study: SmallStudy) -> None:
    shp = small_study.file("rivers")
    shp.write_bytes(shp.read_bytes()[:120])
    assert any("rivers" in line for line in problems(small_study))


def test_a_filter_that_is_not_one(small_study: SmallStudy) -> None:
    small_study.keys["venues"] = 'where = "nothing = = 3"'
    (line,) = problems(small_study)
    assert "the filter 'nothing = = 3' cannot be used" in line


def test_a_mapped_column_that_is_missing(small_study: SmallStudy) -> None:
    small_study.keys["venues"] = 'columns = { capacity = "capacidad" }'
    (line,) = problems(small_study)
    assert "no column 'capacidad' (for capacity) (did you mean 'capacity'?)" in line


def test_unusable_rows_are_skipped_and_listed_where_the_layer_says_so(make_study: Make) -> None:
    study = make_study(venues=studies.venues().assign(confidence=[70.0, 0.5]))
    study.keys["venues"] = 'unusable_rows = "skip"'
    layers = read(study)
    assert layers.tables["venues"].index.tolist() == [1]
    assert any(
        str(note).startswith("skipped: venues, row 0: confidence is 70") for note in layers.notes
    )


def test_all_problems_are_told_at_once(make_study: Make) -> None:
    study = make_study(
        venues=studies.venues().assign(confidence=[70.0, -1.0]),
        police_posts=studies.police_posts().assign(effectiveness=[7.0]),
    )
    study.file("settlements").unlink()
    assert len(problems(study)) == 4


def test_several_tables_in_a_file_want_a_name(make_study: Make) -> None:
    study = make_study()
    shutil.copy(study.file("venues"), study.folder / "both.gpkg")
    studies.entry_points().to_file(study.folder / "both.gpkg", layer="ports", engine="pyogrio")
    study.file("venues").unlink()
    (study.folder / "both.gpkg").rename(study.file("venues").with_name("venues2.gpkg"))
    text = study.path.read_text("utf-8").replace("venues.gpkg", "venues2.gpkg")
    study.path.write_text(text, "utf-8")
    with pytest.raises(DataError, match=r"holds 2 tables.*add table = one of: venues, ports"):
        read_layers(load_settings(study.path))
    study.path.write_text(
        text.replace('"venues2.gpkg"', '"venues2.gpkg"\ntable = "venues"'), "utf-8"
    )
    assert len(read_layers(load_settings(study.path)).tables["venues"]) == 2
