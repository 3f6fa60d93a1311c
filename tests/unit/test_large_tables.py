"""DuckDB files and queries of GeoParquet: only read, only that file, only what is asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import geopandas as gpd
import pandas as pd
import pytest

from riskmap.errors import DataError, StudyError
from riskmap.layers import Layers, read_layers
from riskmap.settings import load_settings
from tests import studies
from tests.studies import SmallStudy
from tests.unit.test_databases import with_layer

EMPTY = "CREATE TABLE vacia AS SELECT * FROM venues WHERE false"


def read(study: SmallStudy, text: str) -> Layers:
    return read_layers(load_settings(with_layer(study, "venues", text)))


def problem(study: SmallStudy, text: str) -> str:
    with pytest.raises(DataError, match=r".") as caught:
        read(study, text)
    (line,) = map(str, caught.value.problems)
    return line


def put(path: Path, *further: str) -> Path:
    venues = studies.venues()
    held = pd.DataFrame(venues.drop(columns="geometry")).assign(geom=venues.geometry.to_wkb())
    with duckdb.connect(str(path)) as file:
        file.register("held", held)
        file.execute("CREATE TABLE venues AS SELECT * FROM held")
        for statement in further:
            file.execute(statement)
    return path


@pytest.fixture
def base(small_study: SmallStudy) -> Path:
    return put(small_study.folder / "oficina.duckdb")


PATH = 'path = "oficina.duckdb"\ncrs = "EPSG:4326"\n'


def test_a_table_is_the_layer_that_it_was_made_from(small_study: SmallStudy, base: Path) -> None:
    from_file = read_layers(load_settings(small_study.path)).tables["venues"]
    columns = ["name", "capacity", "confidence", "geometry"]
    for text in (PATH, f'{PATH}table = "venues"', f'{PATH}table = "main.venues"'):
        layers = read(small_study, text)
        assert layers.tables["venues"][columns].to_dict() == from_file[columns].to_dict()
        assert layers.sources["venues"].path == "oficina.duckdb"


def test_queries_filters_and_types(small_study: SmallStudy, base: Path) -> None:
    for text in (
        f'{PATH}query = "SELECT * FROM venues WHERE capacity < 2; "',
        f'{PATH}query = "FROM venues WHERE capacity < 2 -- small ones"',
        f"{PATH}where = \"name LIKE '%2'\"",
    ):
        assert read(small_study, text).tables["venues"]["name"].tolist() == ["Local 2"]
    odd = (
        "SELECT name, geom, 2.5::DECIMAL(5,2) AS capacity, [1, 2] AS a, {'x': 1} AS b, "
        "DATE '2024-02-29' AS c, 7::TINYINT AS d, NULL::INT AS e, true AS f FROM venues"
    )
    row = read(small_study, f'{PATH}query = "{odd}"').tables["venues"].iloc[0]
    assert (row.capacity, row.a, row.c, row.d, row.f) == (2.5, "[1, 2]", "2024-02-29", 7, True)


def test_geometry_of_its_own_type_is_read_without_an_extension(small_study: SmallStudy) -> None:
    path = small_study.folder / "propia.duckdb"
    with duckdb.connect(str(path)) as file:
        file.execute(
            "CREATE TABLE v AS SELECT 'Local 1' AS name, 'POINT(-70 -12.6)'::GEOMETRY AS place"
        )
    table = read(small_study, 'path = "propia.duckdb"\ncrs = "EPSG:4326"').tables["venues"]
    assert table.geometry.iloc[0].wkt == "POINT (-70 -12.6)"


def test_a_query_of_geoparquet_keeps_its_crs(small_study: SmallStudy) -> None:
    venues = studies.venues().to_crs(32719)
    venues.to_parquet(small_study.folder / "v.parquet", write_covering_bbox=True)
    west = venues.geometry.x.min() + 50.0
    text = (
        f'path = "v.parquet"\nquery = "SELECT name, geometry FROM layer WHERE bbox.xmin > {west}"'
    )
    layers = read(small_study, text)
    assert layers.tables["venues"]["name"].tolist() == ["Local 2"]
    assert layers.sources["venues"].crs == "EPSG:32719"
    assert layers.tables["venues"].geometry.x.tolist() == pytest.approx([-70.0], abs=1e-7)
    renamed = 'path = "v.parquet"\nquery = "SELECT name, geometry AS g FROM layer"'
    assert read(small_study, renamed).sources["venues"].crs == "EPSG:32719"


@pytest.mark.parametrize("crs", [None, "OGC:CRS84"])
def test_geoparquet_says_whether_it_has_a_crs(small_study: SmallStudy, crs: str | None) -> None:
    venues = gpd.GeoDataFrame(studies.venues().set_crs(crs, allow_override=True))
    venues.to_parquet(small_study.folder / "v.parquet")
    text = 'path = "v.parquet"\nquery = "FROM layer"'
    if crs is None:
        assert "states no coordinate reference system" in problem(small_study, text)
    else:
        assert len(read(small_study, text).tables["venues"]) == 2


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM venues RETURNING *",
        "SELECT * FROM venues; DELETE FROM venues",
        "SELECT * FROM venues) AS a; DROP TABLE venues; SELECT * FROM (SELECT 1",
        "COPY venues TO 'OUT'",
        "SELECT * FROM read_text('OUT')",
        "SELECT * FROM 'OUT'",
        "ATTACH 'OUT' AS other",
        "SET enable_external_access = true",
        "INSTALL spatial",
    ],
)
def test_a_query_writes_nothing_and_reads_nothing_else(
    small_study: SmallStudy, base: Path, query: str
) -> None:
    before = base.read_bytes()
    other = small_study.folder / "other.csv"
    other.write_text("secret\n1\n")
    text = query.replace("OUT", str(other))
    line = problem(small_study, f'{PATH}query = "{text}"')
    assert line.startswith("venues, query: ")
    assert "secret" not in line
    assert other.read_text() == "secret\n1\n"
    assert base.read_bytes() == before


def test_what_is_wrong_is_one_line(small_study: SmallStudy, base: Path) -> None:
    put(small_study.folder / "llena.duckdb", EMPTY, "CREATE TABLE sin AS SELECT 1 AS a",
        "CREATE TABLE dos AS SELECT name, geom, geom AS otra FROM venues")  # fmt: skip
    (small_study.folder / "rota.duckdb").write_bytes(base.read_bytes()[:5000])
    (small_study.folder / "nada.duckdb").write_bytes(b"no database" * 1000)
    full = PATH.replace("oficina", "llena")
    for text, line in (
        (PATH.replace("oficina", "otra"), "the file does not exist"),
        (PATH.replace("oficina", "nada"), 'DuckDB says: IO Error: The file "nada.duckdb" exists'),
        (PATH.replace("oficina", "nada"), "(check that the file is whole)"),
        (PATH.replace("oficina", "rota"), "DuckDB says: "),
        (full, "table: the file holds 4 tables (add table = one of: main.dos, main.sin, main.v"),
        (f'{full}table = "venus"', "no table 'venus' in the file (did you mean venues?)"),
        (f'{full}table = "vacia"', "has no column with places"),
        (f'{full}table = "sin"', "has no column with places; it has: a"),
        (f'{full}table = "dos"', "has 2 columns with places: geom, otra"),
        (f'{PATH}where = "false"', "no row passes the filter 'false'"),
        (f'{PATH}where = "true) AS a; DELETE FROM venues; SELECT (1"', "DuckDB says: Parser Error"),
        (f'{PATH}query = "SELECT nada FROM venues"', "query: DuckDB says: Binder Error"),
        (f'{PATH}query = "SELEC 1"', "query: DuckDB says: Parser Error"),
        ('path = "oficina.duckdb"', "states no coordinate reference system"),
    ):
        assert line in problem(small_study, text), text


def test_names_are_taken_as_they_are(small_study: SmallStudy, base: Path) -> None:
    for name in ('a"b', "x; DROP TABLE venues; --", "select", "Ríos 2024"):
        quoted = '"' + name.replace('"', '""') + '"'
        with duckdb.connect(str(base)) as file:
            file.execute(f"CREATE TABLE {quoted} AS SELECT * FROM venues")
        text = f"{PATH}table = '''{name}'''"
        assert len(read(small_study, text).tables["venues"]) == 2


def test_a_query_is_for_databases_and_parquet(small_study: SmallStudy) -> None:
    with pytest.raises(StudyError, match="a query is asked of a database"):
        read(small_study, 'path = "venues.gpkg"\nquery = "SELECT 1"')


def test_without_duckdb_it_says_what_to_install(
    small_study: SmallStudy, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert problem(small_study, PATH) == (
        "venues, path: reading this needs duckdb (pip install 'riskmap[duckdb]')"
    )
