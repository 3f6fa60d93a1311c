"""Results in PostGIS: whole or not at all, never over what is not riskmap's, and no password in
any byte.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
from shapely.geometry import LineString

from riskmap.addresses import read_address
from riskmap.cli import main
from riskmap.errors import OutputError, StudyError
from riskmap.layers import read_layers
from riskmap.outputs import databases
from riskmap.outputs.tables import write_rows
from riskmap.settings import load_settings
from riskmap.study import Result, Study
from tests import studies
from tests.postgres import PASSWORD, Database
from tests.studies import SmallStudy, write_small_study
from tests.unit.test_databases import keys, with_layer

RECORD = {"summary": {}, "provenance": {"riskmap": "0"}}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return Study.from_file(write_small_study(tmp_path_factory.mktemp("small")).path).run()


def read_back(database: Database, table: str) -> gpd.GeoDataFrame:
    with database.server.connect(database.name) as connection:
        cursor = connection.execute(f"SELECT *, ST_AsBinary(geometry) AS wkb FROM {table}")
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    shapes = [shapely.from_wkb(row.pop("wkb")) for row in rows]
    return gpd.GeoDataFrame([{k: v for k, v in row.items() if k != "geometry"} for row in rows],
                            geometry=shapes, crs=4326)  # fmt: skip


def some_rows(count: int = 3, **columns: Any) -> gpd.GeoDataFrame:
    lines = [LineString([(-70, -12), (-70, -12.1 - n / 1000)]) for n in range(count)]
    return gpd.GeoDataFrame({"rank": range(1, count + 1), **columns}, geometry=lines, crs=4326)


def write(database: Database, table: gpd.GeoDataFrame, *, overwrite: bool = False) -> None:
    address = read_address(database.address, place="here")
    write_rows(table, address, name="corridors", record=RECORD, overwrite=overwrite)


def problem(action: Callable[[], None]) -> str:
    with pytest.raises(OutputError, match=r".") as caught:
        action()
    (line,) = map(str, caught.value.problems)
    assert PASSWORD not in line
    return line


@pytest.mark.parametrize("level", ["corridors", "reaches", "routes"])
def test_a_table_comes_back_as_it_went(result: Result, database: Database, level: Any) -> None:
    result.save(database.address, level=level)
    sent, back = getattr(result, level), read_back(database, level)
    assert list(back.columns) == list(sent.columns)
    assert shapely.equals_exact(back.geometry.to_numpy(), sent.geometry.to_numpy(), 0.0).all()
    for name in sent.columns.drop("geometry"):
        if sent[name].dtype.kind in "fib":
            np.testing.assert_array_equal(back[name].to_numpy(sent[name].dtype), sent[name])
        else:
            came, went = (table[name].astype(object).tolist() for table in (back, sent))
            assert [v for v in came if v == v and v is not None] == [
                v for v in went if v == v and v is not None
            ]
            assert back[name].isna().tolist() == sent[name].isna().tolist()
    srid, kind = database.ask(
        f"SELECT srid, type FROM geometry_columns WHERE f_table_name = '{level}'"
    )[0]
    assert (srid, kind) == (4326, "LINESTRING")
    keys_of = database.ask(
        f"SELECT indexdef FROM pg_indexes WHERE tablename = '{level}' ORDER BY indexdef"
    )
    assert ["gist" in key for (key,) in keys_of] == [True, False]
    record = json.loads(database.ask(f"SELECT obj_description('{level}'::regclass)")[0][0])
    assert record["provenance"]["study"] == "Small"
    assert record["summary"]["demand"] > 0


def test_what_was_written_is_a_layer_for_the_next_study(
    result: Result, small_study: SmallStudy, database: Database
) -> None:
    result.save(database.address, level="reaches")
    text = keys(database.address, 'table = "reaches"')
    again = read_layers(load_settings(with_layer(small_study, "rivers", text)))
    assert again.tables["rivers"].geometry.tolist() == result.reaches.geometry.tolist()


def test_what_is_not_a_number_is_null(database: Database) -> None:
    nan, inf = float("nan"), float("inf")
    rows = some_rows(hours=[1.5, nan, inf], post=["Río 'Ño'\t\n\\N", None, "a\0b"], n=[1, None, 3])
    rows.loc[2, "geometry"] = None
    write(database, rows)
    back = database.ask("SELECT hours, post, n, geometry IS NULL FROM corridors ORDER BY rank")
    assert back == [
        (1.5, "Río 'Ño'\t\n\\N", 1, False), (None, None, None, False), (None, "ab", 3, True),
    ]  # fmt: skip


def test_an_empty_table_is_a_table(database: Database) -> None:
    write(database, some_rows().head(0))
    assert database.ask("SELECT count(*) FROM corridors") == [(0,)]


def test_a_table_that_exists_is_not_replaced_unless_told(database: Database) -> None:
    write(database, some_rows())
    line = problem(lambda: write(database, some_rows(5)))
    assert line == (
        f"{database.shown} (public.corridors): exists already (add --overwrite to replace it)"
    )
    write(database, some_rows(5), overwrite=True)
    assert database.ask("SELECT count(*) FROM corridors") == [(5,)]


def test_rights_and_views_outlive_new_rows(database: Database) -> None:
    write(database, some_rows())
    database.do("CREATE VIEW primeros AS SELECT * FROM corridors WHERE rank <= 2")
    before = database.ask("SELECT 'corridors'::regclass::oid")
    write(database, some_rows(4), overwrite=True)
    assert database.ask("SELECT 'corridors'::regclass::oid") == before
    assert database.ask("SELECT count(*) FROM primeros") == [(2,)]


def test_other_columns_make_a_new_table_unless_something_hangs_on_it(database: Database) -> None:
    write(database, some_rows())
    write(database, some_rows(extra=["a", "b", "c"]), overwrite=True)
    assert database.ask("SELECT extra FROM corridors ORDER BY rank") == [("a",), ("b",), ("c",)]
    database.do("CREATE VIEW primeros AS SELECT * FROM corridors")
    line = problem(lambda: write(database, some_rows(), overwrite=True))
    assert "other objects depend on it (drop what hangs on the table first" in line
    assert database.ask("SELECT count(*) FROM primeros") == [(3,)]


@pytest.mark.parametrize(
    "made",
    [
        "CREATE TABLE corridors (a int)",
        "CREATE VIEW corridors AS SELECT 1 AS a",
        "CREATE TABLE corridors (a int); COMMENT ON TABLE corridors IS '[1, 2]'",
        "CREATE TABLE corridors (a int); COMMENT ON TABLE corridors IS 'rutas de 2019'",
    ],
)
def test_what_riskmap_did_not_write_is_never_replaced(database: Database, made: str) -> None:
    database.do(made)
    line = problem(lambda: write(database, some_rows(), overwrite=True))
    assert "exists already, and " in line
    assert "name another: ?table=…" in line
    there = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'corridors'"
    assert database.ask(there) == [(1,)]


@pytest.mark.parametrize(
    ("options", "table"),
    [
        ("?schema=gis", 'gis."corridors"'),
        ("?table=gis.riesgo", "gis.riesgo"),
        ("?schema=gis&table=riesgo.2024", 'gis."riesgo.2024"'),
        ("?table=a%22b%3B%20DROP%20TABLE%20x%3B%20--", 'public."a""b; DROP TABLE x; --"'),
        ("?table=%25s%7B%7D", 'public."%s{}"'),
    ],
)
def test_the_address_names_schema_and_table(database: Database, options: str, table: str) -> None:
    database.do("CREATE SCHEMA gis", "CREATE TABLE x (a int)")
    address = read_address(database.address + options, place="here")
    for overwrite in (False, True):
        write_rows(some_rows(), address, name="corridors", record=RECORD, overwrite=overwrite)
        assert database.ask(f"SELECT count(*) FROM {table}") == [(3,)]
    assert database.ask("SELECT count(*) FROM x") == [(0,)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("?schema=nada", "there is no such schema in the database (make it first"),
        ("?table=" + "x" * 64, "a name is longer than PostgreSQL keeps (63 bytes)"),
        ("?table=a%00b", "a name is longer than PostgreSQL keeps"),
        ("?schema=pg_catalog", "permission denied"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_one_line(
    database: Database, options: str, said: str
) -> None:
    address = read_address(database.address + options, place="here")
    assert said in problem(lambda: write_rows(some_rows(), address, name="c", record=RECORD))


def test_without_the_right_to_write_it_says_so_before_the_run(database: Database) -> None:
    database.do("DROP ROLE IF EXISTS lector", f"CREATE ROLE lector LOGIN PASSWORD '{PASSWORD}'")
    address = read_address(database.address.replace("oficina:", "lector:"), place="here")
    line = problem(lambda: databases.check_database(address, name="corridors", overwrite=True))
    assert "you may not make tables in the schema (ask who runs the database" in line


def test_a_database_without_postgis_says_so(database: Database) -> None:
    database.do("DROP EXTENSION postgis CASCADE")
    assert "the database has no PostGIS" in problem(lambda: write(database, some_rows()))


def test_further_tables_are_written_with_the_first_or_not_at_all(database: Database) -> None:
    rows = {"plan": some_rows(), "displaced": some_rows(2)}
    for options, names in (
        ("", rows),
        ("?table=p", {"p": rows["plan"], "p_displaced": rows["displaced"]}),
    ):
        address = read_address(database.address + options, place="here")
        databases.write_database(rows, address, record=RECORD)
        for name, table in names.items():
            assert database.ask(f"SELECT count(*) FROM {name}") == [(len(table),)]
    database.do("DROP TABLE plan")
    address = read_address(database.address, place="here")
    line = problem(lambda: databases.write_database(rows, address, record=RECORD))
    assert "(public.displaced): exists already" in line
    assert database.ask("SELECT to_regclass('plan') IS NULL") == [(True,)]


def test_a_malformed_address_is_refused_from_python(result: Result) -> None:
    with pytest.raises(StudyError, match="not the address of a PostgreSQL database") as caught:
        result.save(f"postgresql://u:{PASSWORD}@@h/d")
    assert PASSWORD not in str(caught.value)


def test_an_address_where_a_path_is_wanted_is_not_repeated_with_its_password(
    small_study: SmallStudy, riskmap: Callable[..., Run]
) -> None:
    address = f"postgresql://u:{PASSWORD}@127.0.0.1/d"
    for words in (
        ["check", address],
        ["import", address],
        ["demo", "-o", address],
        ["plan", small_study.path, "--checkpoints", 1, "--candidates", address,
         "-o", small_study.folder / "p.csv"],
        ["rank", small_study.path, "--by-basin", "-o", address],
    ):  # fmt: skip
        done = riskmap(*words)
        assert done.status in (1, 2), words
        assert PASSWORD not in done.said, words


# Interrupted


def _cut(monkeypatch: pytest.MonkeyPatch, action: Callable[[], None]) -> None:
    """Do something after half of the rows have gone."""
    rows = databases._rows

    def halved(table: gpd.GeoDataFrame) -> Iterator[tuple[Any, ...]]:
        for number, row in enumerate(rows(table)):
            if number == len(table) // 2:
                action()
            yield row

    monkeypatch.setattr(databases, "_rows", halved)


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize("columns", ["same", "other"])
def test_a_connection_that_is_killed_in_mid_write_leaves_all_as_it_was(
    database: Database, monkeypatch: pytest.MonkeyPatch, existing: bool, columns: str
) -> None:
    if existing:
        write(database, some_rows())

    def kill() -> None:
        killed = database.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'riskmap'"
        )
        assert killed == [(True,)]

    _cut(monkeypatch, kill)
    rows = some_rows(50_000) if columns == "same" else some_rows(50_000, extra="x")
    line = problem(lambda: write(database, rows, overwrite=True))
    assert "the connection was lost" in line
    assert "try again; nothing was half written" in line
    assert_as_before(database, existing=existing)


@pytest.mark.parametrize("existing", [False, True])
def test_an_interrupt_in_mid_write_leaves_all_as_it_was(
    database: Database, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    if existing:
        write(database, some_rows())

    def interrupt() -> None:
        raise KeyboardInterrupt

    _cut(monkeypatch, interrupt)
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        write(database, some_rows(1000, extra="x"), overwrite=True)
    assert_as_before(database, existing=existing)


def assert_as_before(database: Database, *, existing: bool) -> None:
    there = database.ask("SELECT to_regclass('corridors') IS NOT NULL")
    assert there == [(existing,)]
    if existing:
        assert database.ask("SELECT count(*) FROM corridors") == [(3,)]


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_is_killed_in_mid_write_leaves_all_as_it_was(
    result: Result, database: Database, small_study: SmallStudy, sent: signal.Signals
) -> None:
    result.save(database.address)
    before = database.ask("SELECT * FROM corridors ORDER BY rank")
    database.do(
        "CREATE FUNCTION espera() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN PERFORM pg_sleep(20); RETURN NEW; END$$",
        "CREATE TRIGGER lento BEFORE INSERT ON corridors FOR EACH ROW EXECUTE FUNCTION espera()",
    )
    command = [sys.executable, "-m", "riskmap", "rank", small_study.path,
               "-o", database.address, "--overwrite"]  # fmt: skip
    process = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    asked = (
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'riskmap' "
        "AND wait_event = 'PgSleep'"
    )
    until = time.monotonic() + 60
    while not database.ask(asked) and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(sent)
    out, err = process.communicate(timeout=30)
    assert process.returncode != 0
    assert PASSWORD not in out + err
    database.do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'riskmap'")  # fmt: skip
    assert database.ask("SELECT * FROM corridors ORDER BY rank") == before


def test_readers_see_the_rows_of_before_until_all_are_there(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(database, some_rows())
    seen: list[Any] = []
    _cut(monkeypatch, lambda: seen.extend(database.ask("SELECT count(*) FROM corridors")))
    write(database, some_rows(10), overwrite=True)
    assert seen == [(3,)]
    assert database.ask("SELECT count(*) FROM corridors") == [(10,)]


def test_two_writers_wait_for_each_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(database, some_rows())
    second = threading.Thread(target=lambda: write(database, some_rows(7), overwrite=True))
    _cut(monkeypatch, lambda: second.is_alive() or second.ident or second.start())
    write(database, some_rows(20), overwrite=True)
    second.join(timeout=30)
    assert database.ask("SELECT count(*) FROM corridors") == [(7,)]


# The command line, and every byte that it leaves


@dataclass(frozen=True)
class Run:
    status: int
    said: str


@pytest.fixture
def riskmap(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Run]:
    """Return a function that runs the command line here: what is imported need not be again."""

    def run(*args: object) -> Run:
        monkeypatch.setattr(sys, "argv", ["riskmap", *map(str, args)])
        with pytest.raises(SystemExit, match=r"^\d*$") as ended:
            main()
        return Run(int(ended.value.code or 0), "".join(capfd.readouterr()))

    return run


def bytes_of(path: Path) -> bytes:
    """Return all that a file says, what is packed in it included."""
    raw = path.read_bytes()
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as book:
            raw += b"".join(book.read(name) for name in book.namelist())
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        raw += repr(table.to_pylist()).encode() + repr(table.schema.metadata).encode()
    return raw


@pytest.mark.slow
def test_no_byte_of_any_output_holds_the_password(
    small_study: SmallStudy, database: Database, tmp_path: Path, riskmap: Callable[..., Run]
) -> None:
    for name, ending in small_study.endings.items():
        rows = gpd.read_file(small_study.folder / f"{name}{ending}", engine="pyogrio")
        database.put(rows, f"capa_{name}")
    text = small_study.path.read_text("utf-8")
    for name, ending in small_study.endings.items():
        text = text.replace(
            f'path = "{name}{ending}"', f'path = "{database.address}"\ntable = "capa_{name}"'
        )
    study = small_study.path
    study.write_text(text, "utf-8")
    folder = tmp_path / "out"
    folder.mkdir()
    said = [
        riskmap(*words)
        for words in (
            ["rank", study, "-o", database.address],
            ["rank", study, "-o", f"{database.address}?table=tramos", "--level", "reaches"],
            *(["rank", study, "-o", folder / f"c{ending}"]
              for ending in (".csv", ".geojson", ".gpkg", ".parquet", ".json", ".xlsx")),
            ["map", study, "-o", folder / "map.html"],
            ["check", study, "-o", folder / "check.gpkg"],
            ["check", study, "--json"],
            ["plan", study, "--checkpoints", 1, "-o", database.address],
            ["graph", study, "-o", folder / "graph.graphml"],
            ["compare", study, study, "-o", database.address],
        )
    ]  # fmt: skip
    assert [done.said for done in said if done.status] == []
    refused = [
        riskmap("rank", study, "-o", database.address),
        riskmap("rank", study, "-o", f"{database.address}?schema=nada"),
        riskmap("rank", study, "-o", f"postgresql://u:{PASSWORD}@@h/d"),
        riskmap("map", study, "-o", database.address),
        riskmap("graph", study, "-o", f"postgresql://u:{PASSWORD}@h"),
    ]
    assert [done.status for done in refused] == [1, 1, 2, 2, 2]
    for done in (*said, *refused):
        assert PASSWORD not in done.said
        assert "Traceback" not in done.said
    assert len(list(folder.iterdir())) == 13
    for path in folder.iterdir():
        assert PASSWORD.encode() not in bytes_of(path), path
        assert b"oficina" not in bytes_of(path), path
    for (table,) in database.ask(
        "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE n.nspname = 'public' AND relkind = 'r'"
    ):
        comment = database.ask(f"SELECT obj_description('{table}'::regclass)")[0][0]
        assert PASSWORD not in f"{comment}{database.ask(f'SELECT * FROM {table}')}"
    sources = json.loads((folder / "c.json").read_text("utf-8"))["provenance"]["layers"]
    assert sources["rivers"]["path"] == f"{database.shown} (public.capa_rivers)"


@pytest.mark.slow
def test_a_study_in_a_database_ranks_as_the_one_in_files(
    small_study: SmallStudy, database: Database
) -> None:
    from_files = Study.from_file(small_study.path).run().corridors
    for name in small_study.endings:
        table = studies.LAYERS[name]()
        database.put(table, name)
        with_layer(small_study, name, keys(database.address, f'table = "{name}"'))
        small_study.write = lambda: small_study  # type: ignore[method-assign]
    from_database = Study.from_file(small_study.path).run().corridors
    assert from_database.drop(columns="geometry").equals(from_files.drop(columns="geometry"))
