"""Layers in PostGIS: read as the same layers in files are, read only, and without a word of the
password.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import Point

from riskmap.errors import DataError, RiskmapError, StudyError
from riskmap.layers import Layers, databases, read_layers
from riskmap.settings import load_settings
from tests import studies
from tests.postgres import PASSWORD, USER, Database, Server, new_database
from tests.studies import SmallStudy


def keys(address: str, *more: str) -> str:
    return "\n".join([f'path = "{address}"', *more])


def with_layer(study: SmallStudy, layer: str, text: str) -> Path:
    """Write the study with one layer described by other lines."""
    whole = study.write().path.read_text("utf-8")
    head, _, tail = whole.partition(f"[layers.{layer}]\n")
    rest = tail[tail.find("[layers.") :] if "[layers." in tail else ""
    study.path.write_text(f"{head}[layers.{layer}]\n{text}\n{rest}", "utf-8")
    return study.path


def read(study: SmallStudy, layer: str, text: str) -> Layers:
    return read_layers(load_settings(with_layer(study, layer, text)))


def problem(study: SmallStudy, layer: str, text: str) -> str:
    with pytest.raises(RiskmapError, match=r".") as caught:
        read(study, layer, text)
    (line,) = map(str, caught.value.problems)
    assert PASSWORD not in line
    return line


@pytest.fixture
def venues(database: Database) -> Database:
    database.put(studies.venues(), "venues")
    return database


def test_a_table_is_the_layer_that_it_was_made_from(
    small_study: SmallStudy, venues: Database
) -> None:
    from_file = read_layers(load_settings(small_study.path))
    layers = read(small_study, "venues", keys(venues.address, 'table = "venues"'))
    columns = ["name", "capacity", "confidence", "geometry"]
    assert (
        layers.tables["venues"][columns].to_dict() == from_file.tables["venues"][columns].to_dict()
    )
    assert layers.tables["venues"].index.tolist() == [0, 1]
    source = layers.sources["venues"]
    assert (source.path, source.features, source.crs) == (
        f"{venues.shown} (public.venues)", 2, "EPSG:4326",
    )  # fmt: skip
    assert len(source.sha256) == 64


def test_the_rivers_of_a_database_give_the_same_reaches(
    small_study: SmallStudy, database: Database
) -> None:
    """A table's rows are numbered by its key, whatever order they lie in on the disk."""
    database.put(studies.rivers(), "gis rios")
    database.do('UPDATE "gis rios" SET name = name WHERE fid = 1')  # moves the first row to the end
    text = keys(database.address, 'table = "gis rios"')
    rivers = read(small_study, "rivers", text).tables["rivers"]
    assert rivers.geometry.tolist() == studies.rivers().geometry.tolist()
    assert rivers["strahler_order"].tolist() == [3.0, 1.0, 3.0]


def test_the_hash_is_of_what_was_read(small_study: SmallStudy, venues: Database) -> None:
    text = keys(venues.address, 'query = "SELECT name, capacity, geom FROM venues"')
    first = read(small_study, "venues", text).sources["venues"].sha256
    venues.do("UPDATE venues SET name = name WHERE fid = 1")
    assert read(small_study, "venues", text).sources["venues"].sha256 == first
    venues.do("UPDATE venues SET capacity = 9 WHERE fid = 1")
    assert read(small_study, "venues", text).sources["venues"].sha256 != first


def test_chunks_do_not_change_what_is_read(
    small_study: SmallStudy, venues: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = keys(venues.address, 'table = "venues"')
    whole = read(small_study, "venues", text)
    monkeypatch.setattr(databases, "CHUNK_ROWS", 1)
    pieces = read(small_study, "venues", text)
    assert pieces.tables["venues"].equals(whole.tables["venues"])
    assert pieces.sources == whole.sources


def test_a_query_a_view_and_a_filter(small_study: SmallStudy, venues: Database) -> None:
    venues.do("CREATE SCHEMA gis", "CREATE VIEW gis.todas AS SELECT * FROM venues ORDER BY fid")
    for text in (
        keys(venues.address, 'query = "SELECT * FROM venues WHERE capacity < 2;  "'),
        keys(venues.address, 'query = "SELECT * FROM venues WHERE capacity < 2 -- small ones"'),
        keys(venues.address, 'table = "gis.todas"', "where = \"name LIKE '%2' -- the second\""),
        keys(f"{venues.address}?schema=gis&table=todas", 'where = "capacity < 2"'),
    ):
        assert read(small_study, "venues", text).tables["venues"]["name"].tolist() == ["Local 2"]


def test_the_only_table_with_places_needs_no_name(
    small_study: SmallStudy, venues: Database
) -> None:
    venues.do("CREATE TABLE notas (texto text)")
    assert len(read(small_study, "venues", keys(venues.address)).tables["venues"]) == 2
    venues.do("CREATE TABLE otra AS SELECT * FROM venues")
    line = problem(small_study, "venues", keys(venues.address))
    assert line == (
        "venues, table: the database holds 2 tables with places "
        "(add table = one of: public.otra, public.venues)"
    )


def test_every_type_is_read_or_is_text(small_study: SmallStudy, database: Database) -> None:
    database.do(
        """CREATE TABLE v AS SELECT 'Local 1'::varchar(20) AS name, 2.50::numeric(5,2) AS capacity,
        0.5::real AS confidence, 7::smallint AS a, NULL::int AS b, true AS c,
        '2024-02-29'::date AS d, 'infinity'::timestamp AS e, '{"x": 1}'::jsonb AS f,
        ARRAY[1,2] AS g, gen_random_uuid() AS h, '\\x00ff'::bytea AS i, 'río'::char(5) AS j,
        interval '1 month' AS k, 'NaN'::numeric AS l, 9007199254740993 AS m,
        ST_Point(-70.0, -12.6, 4326) AS geom"""
    )
    table = read(small_study, "venues", keys(database.address)).tables["venues"]
    row = table.iloc[0]
    assert (row["name"], row.capacity, row.confidence, row.a) == ("Local 1", 2.5, 0.5, 7)
    assert (row.c, row.d, row.e, row.g, row.m) == (
        True, "2024-02-29", "infinity", "{1,2}", 9007199254740993,
    )  # fmt: skip
    assert table["b"].isna().all()


@pytest.mark.parametrize("srid", [32719, 5387, 3857])
def test_the_crs_of_the_database_is_kept(
    small_study: SmallStudy, database: Database, srid: int
) -> None:
    database.put(studies.venues().to_crs(srid), "venues")
    layers = read(small_study, "venues", keys(database.address))
    x = layers.tables["venues"].geometry.x.to_numpy()
    assert x == pytest.approx([-70.001, -70.0], abs=1e-7)
    assert layers.sources["venues"].crs == f"EPSG:{srid}"
    assert any(f"from EPSG:{srid} to EPSG:4326" in str(note) for note in layers.notes)


def test_a_reference_system_of_the_databases_own(
    small_study: SmallStudy, database: Database
) -> None:
    database.put(studies.venues().to_crs(32719), "venues")
    database.do(
        "INSERT INTO spatial_ref_sys SELECT 990001, 'OFICINA', 1, srtext, proj4text "
        "FROM spatial_ref_sys WHERE srid = 32719",
        "UPDATE venues SET geom = ST_SetSRID(geom, 990001)",
    )
    layers = read(small_study, "venues", keys(database.address))
    assert layers.sources["venues"].crs == "EPSG:32719"


def test_geography_curves_and_third_coordinates(
    small_study: SmallStudy, database: Database
) -> None:
    database.do(
        "CREATE TABLE posts (name text, geog geography(PointZ, 4326))",
        "INSERT INTO posts VALUES ('A', 'SRID=4326;POINT Z (-70.005 -12.15 300)')",
        "CREATE TABLE bends (name text, geom geometry)",
        "INSERT INTO bends VALUES ('Río Alto', ST_GeomFromText("
        "'CIRCULARSTRING(-70 -12, -70.1 -12.2, -70 -12.8)', 4326))",
    )
    posts = read(small_study, "police_posts", keys(database.address, 'table = "posts"'))
    assert posts.tables["police_posts"].geometry.iloc[0] == Point(-70.005, -12.15)
    layers = read(small_study, "rivers", keys(database.address, 'table = "bends"'))
    assert layers.tables["rivers"].geometry.iloc[0].geom_type == "LineString"
    assert any("arcs were drawn as lines" in str(note) for note in layers.notes)


def test_places_without_a_srid_take_the_studys(small_study: SmallStudy, database: Database) -> None:
    database.put(studies.venues(), "venues", srid=0)
    line = problem(small_study, "venues", keys(database.address))
    assert "venues, crs: the layer states no coordinate reference system" in line
    text = keys(database.address, 'crs = "EPSG:4326"')
    assert read(small_study, "venues", text).sources["venues"].crs == "EPSG:4326"


def test_rows_that_cannot_be_used_are_named(small_study: SmallStudy, venues: Database) -> None:
    venues.do("UPDATE venues SET geom = NULL WHERE fid = 2")
    line = problem(small_study, "venues", keys(venues.address))
    assert line.startswith("venues, row 1: has no geometry")
    venues.do("UPDATE venues SET geom = 'SRID=4326;TIN(((0 0 0,0 1 0,1 1 0,0 0 0)))' WHERE fid = 2")
    assert problem(small_study, "venues", keys(venues.address)).startswith("venues, row 1: has a ")


@pytest.fixture(scope="module")
def crowded(postgres: Server) -> Iterator[Database]:
    """Make a database with all that can be wrong in one; the tests only read it."""
    with new_database(postgres, "llena") as made:
        made.put(studies.venues(), "venues")
        made.do(
            "CREATE SCHEMA lejos",
            "CREATE TABLE lejos.otro AS SELECT * FROM venues",
            "CREATE TABLE sin_nada (texto text)",
            "CREATE TABLE vacia (name text, geom geometry(Point, 4326))",
            "CREATE TABLE dos AS SELECT name, geom, ST_Centroid(geom) AS centro FROM venues",
            "CREATE TABLE mixta AS SELECT name, CASE WHEN fid = 1 THEN geom "
            "ELSE ST_Transform(geom, 32719) END AS geom FROM venues",
        )
        yield made


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('table = "venus"', "table: no table 'venus' in the database (did you mean venues?)"),
        ('table = "otro"', "table: no table 'otro' in the database (did you mean lejos.otro?)"),
        ('table = "sin_nada"', "public.sin_nada: has no column with places; it has: texto"),
        ('table = "vacia"', "venues: the layer is empty"),
        ('where = "false"\ntable = "venues"', "venues: no row passes the filter 'false'"),
        ('table = "dos"', "venues, public.dos: has 2 columns with places: geom, centro"),
        (
            'table = "mixta"',
            (
                "crs: geom holds places in several reference systems: SRID 4326 (1 row), "
                "32719 (1 row) (write a query with ST_Transform(…, 4326))"
            ),
        ),
        (
            'query = "SELECT v.*, w.* FROM venues v, venues w"',
            "the query gives two columns the name 'capacity' (name them apart with AS)",
        ),
        ('query = "SELECT"', "query: has no column with places"),
        (
            'query = "FROM venues"',
            'syntax error at or near "FROM" (write it as PostgreSQL takes it',
        ),
        ('query = "SELECT nada FROM venues"', "does not exist (check the names of the columns)"),
        ('query = "SELECT * FROM nada"', "does not exist (check the names of the tables)"),
        ('query = "SELECT 1/0 AS x, geom FROM venues"', "division by zero"),
        ('where = "nada > 3"\ntable = "venues"', 'column "nada" does not exist'),
    ],
)
def test_what_is_wrong_is_one_line(
    small_study: SmallStudy, crowded: Database, text: str, line: str
) -> None:
    assert line in problem(small_study, "venues", keys(crowded.address, text))


WRITING = [
    "INSERT INTO venues (name) VALUES ('x') RETURNING *",
    "WITH w AS (DELETE FROM venues RETURNING *) SELECT * FROM w",
    "SELECT * FROM venues; DELETE FROM venues",
    "SELECT * FROM venues) AS a; COMMIT; DELETE FROM venues; SELECT * FROM (SELECT 1",
    "SELECT * FROM venues) AS a; DROP TABLE venues; --",
    "SELECT borra() AS n, geom FROM venues",
    "SELECT set_config('transaction_read_only', 'off', true), borra(), geom FROM venues",
    "SELECT nextval('venues_fid_seq'), geom FROM venues",
]


def test_a_query_that_writes_writes_nothing(small_study: SmallStudy, venues: Database) -> None:
    venues.do(
        "CREATE FUNCTION borra() RETURNS int LANGUAGE plpgsql AS "
        "$$BEGIN DELETE FROM venues; RETURN 1; END$$"
    )
    sequence = venues.ask("SELECT last_value FROM venues_fid_seq")
    for query in WRITING:
        line = problem(small_study, "venues", keys(venues.address, f'query = "{query}"'))
        assert line.startswith(f"venues, {venues.shown}: the database says: ")
        assert venues.ask("SELECT count(*) FROM venues") == [(2,)]
    where = 'where = "true) AS a; DELETE FROM venues; SELECT (\'"'
    problem(small_study, "venues", keys(venues.address, 'table = "venues"', where))
    assert venues.ask("SELECT count(*) FROM venues") == [(2,)]
    assert venues.ask("SELECT last_value FROM venues_fid_seq") == sequence


def test_a_table_may_have_any_name(small_study: SmallStudy, venues: Database) -> None:
    names = ['a"b', "a.b", "x; DROP TABLE venues; --", "Ríos Año 2024", "%s", "select", "a'b", "{}"]
    for name in names:
        venues.put(studies.venues(), name)
        quoted = '"public"."' + name.replace('"', '""') + '"'
        for asked in (name, f"public.{name}", quoted):
            text = keys(venues.address, f"table = '''{asked}'''")
            assert len(read(small_study, "venues", text).tables["venues"]) == 2
    assert venues.ask("SELECT count(*) FROM venues") == [(2,)]


def test_columns_may_have_any_name(small_study: SmallStudy, database: Database) -> None:
    odd = studies.venues().rename(columns={"name": 'el "nombre" %s', "capacity": "geometry2"})
    database.put(odd, "v")
    text = keys(database.address, "columns = { name = 'el \"nombre\" %s' }")
    assert read(small_study, "venues", text).tables["venues"]["name"].tolist() == [
        "Local 1", "Local 2",
    ]  # fmt: skip


# Credentials


@pytest.mark.parametrize(
    ("login", "said"),
    [
        (f"{USER}:Wrong{PASSWORD}", "password authentication failed"),
        (f"nadie:{PASSWORD}", "password authentication failed"),
        (USER, "no password supplied"),
    ],
)
def test_a_wrong_password_is_one_line_without_it(
    small_study: SmallStudy,
    venues: Database,
    login: str,
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    address = venues.address.replace(f"{USER}:{PASSWORD}", login)
    line = problem(small_study, "venues", keys(address))
    assert line.startswith(f"venues, {venues.shown}: the database says: ")
    assert said in line
    assert "check the user and its password: address, service file, PGPASSWORD, ~/.pgpass" in line
    assert PASSWORD not in caplog.text


def test_no_server_and_no_database_are_one_line(small_study: SmallStudy, venues: Database) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        line = problem(small_study, "venues", keys(f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/x"))
    assert "Connection refused" in line
    assert "check the host and the port, and that the server runs" in line
    line = problem(small_study, "venues", keys(venues.address.replace("/riesgo", "/nada")))
    assert 'database "nada" does not exist (check the name of the database)' in line


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://u:{PASSWORD}@@127.0.0.1/x",
        f"postgresql://u:a/{PASSWORD}@127.0.0.1/x",
        f"postgresql://u:a?{PASSWORD}@127.0.0.1/x",
        f"postgresql://u:a#{PASSWORD}@127.0.0.1/x",
        f"postgresql://u:%zz{PASSWORD}@127.0.0.1/x",
        f"postgresql:/u:{PASSWORD}@127.0.0.1/x",
        f"PostgreSQL://u:{PASSWORD}@127.0.0.1/x",
        f"mysql://u:{PASSWORD}@127.0.0.1/x",
        f"PG:host=127.0.0.1 password={PASSWORD}",
        f"host=127.0.0.1 password={PASSWORD}",
    ],
)
def test_an_address_that_is_not_well_formed_is_not_repeated(
    small_study: SmallStudy, address: str
) -> None:
    path = with_layer(small_study, "venues", keys(address))
    with pytest.raises(StudyError, match="not the address of a PostgreSQL database") as caught:
        load_settings(path)
    assert PASSWORD not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


def test_a_password_is_found_in_files_and_the_environment(
    small_study: SmallStudy, venues: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = venues.server.port
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    bare = f"postgresql://{USER}@127.0.0.1:{port}/riesgo"
    assert len(read(small_study, "venues", keys(bare)).tables["venues"]) == 2
    monkeypatch.delenv("PGPASSWORD")
    kept = tmp_path / "pgpass"
    kept.write_text(f"127.0.0.1:{port}:*:{USER}:{PASSWORD}\n")
    kept.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(kept))
    assert len(read(small_study, "venues", keys(bare)).tables["venues"]) == 2
    monkeypatch.delenv("PGPASSFILE")
    services = tmp_path / "services.conf"
    services.write_text(
        f"[oficina]\nhost=127.0.0.1\nport={port}\ndbname=riesgo\nuser={USER}\npassword={PASSWORD}\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    layers = read(small_study, "venues", keys("postgresql://?service=oficina"))
    assert layers.sources["venues"].path == "postgresql://?service=oficina (public.venues)"
    line = problem(small_study, "venues", keys("postgresql://?service=otra"))
    assert 'definition of service "otra" not found (check PGSERVICEFILE' in line
    services.write_text(services.read_text().replace(PASSWORD, f"x{PASSWORD}"))
    problem(small_study, "venues", keys("postgresql://?service=oficina"))


def test_a_query_that_says_the_password_aloud_is_cut(
    small_study: SmallStudy, venues: Database
) -> None:
    query = "SELECT 'ITS'::int AS n, geom FROM venues".replace("ITS", PASSWORD)
    line = problem(small_study, "venues", keys(venues.address, f'query = "{query}"'))
    assert 'invalid input syntax for type integer: "…"' in line


def test_settings_are_printed_without_the_password(
    small_study: SmallStudy, venues: Database
) -> None:
    settings = load_settings(with_layer(small_study, "venues", keys(venues.address)))
    for shown in (repr(settings), str(settings), repr(settings.layers["venues"])):
        assert PASSWORD not in shown
        assert "postgresql://…" in shown


def test_a_connection_that_is_cut_while_reading_is_one_line(
    small_study: SmallStudy, venues: Database
) -> None:
    query = "SELECT name, geom, pg_sleep(30)::text AS s FROM venues"
    seen: list[str] = []
    reader = threading.Thread(
        target=lambda: seen.append(
            problem(small_study, "venues", keys(venues.address, f'query = "{query}"'))
        )
    )
    reader.start()
    while not venues.ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'riskmap' AND wait_event = 'PgSleep'"
    ):
        pass
    reader.join(timeout=30)
    assert seen
    assert "the connection was lost" in seen[0]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('path = "venues.gpkg"\nquery = "SELECT 1"', "[layers.venues], query: a query is asked of"),
        (
            'path = "postgresql://h/d"\ntable = "a"\nquery = "SELECT 1"',
            "[layers.venues], query: stands beside table (leave one of them out)",
        ),
    ],
)
def test_keys_that_do_not_go_together(small_study: SmallStudy, text: str, line: str) -> None:
    with pytest.raises(StudyError, match=r".") as caught:
        load_settings(with_layer(small_study, "venues", text))
    assert line in str(caught.value)


def test_a_database_without_postgis_says_so(small_study: SmallStudy, database: Database) -> None:
    database.do("CREATE TABLE t (name text)", "DROP EXTENSION postgis CASCADE")
    line = problem(small_study, "venues", keys(database.address, 'table = "t"'))
    assert line.startswith("venues: the database has no PostGIS (run CREATE EXTENSION postgis")


def test_postgis_may_live_in_a_schema_of_its_own(
    small_study: SmallStudy, database: Database
) -> None:
    database.do(
        "DROP EXTENSION postgis CASCADE",
        "CREATE SCHEMA espacial",
        "CREATE EXTENSION postgis SCHEMA espacial",
        "CREATE TABLE v AS SELECT 'Local 1' AS name, "
        "espacial.ST_SetSRID(espacial.ST_MakePoint(-70, -12.6), 4326) AS geom",
    )
    assert read(small_study, "venues", keys(database.address)).sources["venues"].crs == "EPSG:4326"


@pytest.mark.slow
def test_a_large_table_is_read_in_bounded_pieces(
    small_study: SmallStudy, database: Database
) -> None:
    database.do(
        "CREATE TABLE s AS SELECT 'S' || n AS name, n AS population, "
        "ST_Point(-70.0 + 0.1 * random(), -12.4 + 0.1 * random(), 4326) AS geom "
        "FROM generate_series(1, 100000) AS n"
    )
    table = read(small_study, "settlements", keys(database.address)).tables["settlements"]
    assert isinstance(table, gpd.GeoDataFrame)
    assert sorted(table["population"]) == list(np.arange(1.0, 100001.0))


def test_without_the_driver_it_says_what_to_install(
    small_study: SmallStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(DataError, match=r"needs psycopg \(pip install 'riskmap\[postgis\]'\)"):
        read(small_study, "venues", keys("postgresql://127.0.0.1/x"))


def test_candidates_of_a_plan_from_a_database(small_study: SmallStudy, venues: Database) -> None:
    settings = load_settings(small_study.path).with_layer("candidates", venues.address)
    table = read_layers(settings).tables["candidates"]
    assert len(table) == len(studies.venues())
    assert (table["cost"] == 1.0).all()
