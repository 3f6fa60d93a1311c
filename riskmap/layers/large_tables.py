"""Tables in DuckDB files, and queries of them and of GeoParquet: only what is asked for is read.

DuckDB's own extensions are never fetched: places are taken as well-known binary. The database is
opened to be read, a query is one SELECT, and it reaches no other file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import geopandas as gpd
import pyarrow.parquet as pq
import shapely
from pyproj import CRS

from riskmap.layers.databases import CHUNK_ROWS, FetchedRows, TypedColumn, frame_of, take_chunk
from riskmap.layers.findings import Findings
from riskmap.settings import LayerSection

DUCKDB_FILES: Final = (".duckdb", ".ddb")

_INTEGERS: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
_FLOATS: Final = ("FLOAT", "DOUBLE", "DECIMAL")
_BROKEN: Final = "check that the file is whole"
_MEND: Final = "write one SELECT as DuckDB takes it; a Parquet file is called layer in it"


def is_large_table(path: Path, section: LayerSection) -> bool:
    """Tell whether a file is read by DuckDB: one of its own, or Parquet with a query."""
    return section.query is not None or path.suffix.lower() in DUCKDB_FILES


def read_large_table(
    path: Path, section: LayerSection, findings: Findings
) -> gpd.GeoDataFrame | None:
    """Read a table of a DuckDB file, or the answer to a query.

    Parameters
    ----------
    path
        A file that exists: .duckdb, .ddb, .parquet or .geoparquet.
    section
        What the study file says about the layer.
    findings
        Takes problems and notes.

    Returns
    -------
    GeoDataFrame or None
        The rows, numbered from 0 as they come, with the CRS that the file states; None where a
        problem was found.
    """
    try:
        duckdb = import_module("duckdb")
    except ImportError:
        findings.refuse(
            "reading this needs duckdb", "pip install 'riskmap[duckdb]'", feature="path"
        )
        return None
    try:
        with closing(_open(duckdb, path)) as connection:
            return _read(duckdb, connection, path, section, findings)
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        for whole in (str(path.resolve()), str(path)):
            said = said.replace(whole, path.name)
        feature = "query" if section.query is not None else str(path)
        mend = _BROKEN if isinstance(error, duckdb.IOException) else _MEND
        findings.refuse(f"DuckDB says: {said[:300]}", mend, feature=feature)
        return None


def _open(duckdb: ModuleType, path: Path) -> Any:
    """Open the file so that nothing can be written, fetched, or read beside it."""
    alone = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    if path.suffix.lower() in DUCKDB_FILES:
        connection = duckdb.connect(str(path), read_only=True, config=alone)
    else:
        connection = duckdb.connect(config=alone)
        quoted = str(path).replace("'", "''")
        connection.execute(f"SET allowed_paths = ['{quoted}']")
        connection.execute("SET enable_geoparquet_conversion = false")
        connection.execute(f"CREATE TEMP VIEW layer AS SELECT * FROM read_parquet('{quoted}')")  # noqa: S608
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _read(
    duckdb: ModuleType, connection: Any, path: Path, section: LayerSection, findings: Findings
) -> gpd.GeoDataFrame | None:
    origin = _origin(connection, section, findings)
    if origin is None or not _is_one_select(duckdb, connection, origin, section, findings):
        return None
    columns = [
        TypedColumn(name, kind)
        for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {origin}").fetchall()  # noqa: S608
    ]
    place = _place_of(connection, origin, columns, findings)
    if place is None:
        return None
    others = [
        TypedColumn(column.name, _kind(column.kind))
        for column in columns
        if column != place and column.name != "geometry"
    ]
    rows = FetchedRows()
    answer = connection.execute(_statement(origin, place, others, where=section.where))
    for chunk in _chunks(answer):
        take_chunk(rows, [(row[0], None, False, *row[1:]) for row in chunk], others)
    if not rows.count:
        what = "the layer is empty"
        if section.where is not None:
            what = f"no row passes the filter {section.where!r}"
        findings.refuse(what, "name a table or query that gives features", feature=str(path))
        return None
    return frame_of(rows, _crs_of(path, place), findings)


def _origin(connection: Any, section: LayerSection, findings: Findings) -> str | None:
    """Return what is selected from: the query, or a table that is there under that very name."""
    if section.query is not None:
        return f"(\n{section.query.strip().rstrip(';')}\n)"
    listed = "SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2"
    tables = {f"{schema}.{name}": (schema, name) for schema, name in
              connection.execute(listed).fetchall()}  # fmt: skip
    asked = section.table
    if asked is None and len(tables) == 1:
        return _quoted(*next(iter(tables.values())))
    found = [key for full, key in tables.items() if asked in (full, key[1])]
    if len(found) == 1:
        return _quoted(*found[0])
    if asked is None:
        what, mend = (
            f"the file holds {len(tables)} tables",
            f"add table = one of: {', '.join(tables)}",
        )
    else:
        near = get_close_matches(asked, [name for _, name in tables.values()], n=1)
        what = f"no table {asked!r} in the file" if not found else f"several tables {asked!r}"
        mend = f"did you mean {near[0]}?" if near and not found else f"one of: {', '.join(tables)}"
    findings.refuse(what, mend, feature="table")
    return None


def _quoted(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def _is_one_select(
    duckdb: ModuleType, connection: Any, origin: str, section: LayerSection, findings: Findings
) -> bool:
    """Refuse what is more than one SELECT once it stands in its place."""
    texts = [f"SELECT * FROM {origin} AS source", section.query or "SELECT 1"]  # noqa: S608
    if section.where is not None:
        texts.append(f"{texts[0]} WHERE (\n{section.where}\n)")
    for text in texts:
        statements = connection.extract_statements(text)
        if [s.type for s in statements] != [duckdb.StatementType.SELECT]:
            feature = "where" if section.query is None else "query"
            findings.refuse("is not one SELECT: a layer is only read", _MEND, feature=feature)
            return False
    return True


def _place_of(
    connection: Any, origin: str, columns: list[TypedColumn], findings: Findings
) -> TypedColumn | None:
    """Find the column with the places: of type GEOMETRY, or of well-known binary."""
    places = [
        column
        for column in columns
        if column.kind.startswith("GEOMETRY")
        or (column.kind == "BLOB" and _holds_places(connection, origin, column.name))
    ]
    if len(places) == 1:
        return places[0]
    if places:
        what = f"has {len(places)} columns with places: {', '.join(c.name for c in places)}"
        mend = "write a query that selects one of them"
    else:
        what = f"has no column with places; it has: {', '.join(c.name for c in columns)}"
        mend = "store places as well-known binary (ST_AsWKB)"
    findings.refuse(what, mend, feature="table")
    return None


def _holds_places(connection: Any, origin: str, name: str) -> bool:
    column = _quoted(name)
    first = f"SELECT {column} FROM {origin} AS source WHERE {column} IS NOT NULL LIMIT 1"  # noqa: S608
    found = connection.execute(first).fetchone()
    return found is not None and shapely.from_wkb(bytes(found[0]), on_invalid="ignore") is not None


def _kind(duckdb_type: str) -> str:
    """Return the kind that `riskmap.layers.databases` knows a type by; all others are text."""
    word = duckdb_type.split("(")[0]
    if word in _INTEGERS and "[" not in duckdb_type:
        return "int8"
    if word in _FLOATS and "[" not in duckdb_type:
        return "float8"
    return "bool" if duckdb_type == "BOOLEAN" else "text"


def _statement(
    origin: str, place: TypedColumn, others: list[TypedColumn], *, where: str | None
) -> str:
    casts = {"int8": "", "bool": "", "float8": "::DOUBLE", "text": "::VARCHAR"}
    shape = _quoted(place.name)
    parts = [f"ST_AsWKB({shape})::BLOB" if place.kind.startswith("GEOMETRY") else shape]
    parts += [f"{_quoted(column.name)}{casts[column.kind]}" for column in others]
    condition = "" if where is None else f" WHERE (\n{where}\n)"
    return f"SELECT {', '.join(parts)} FROM {origin} AS source{condition}"  # noqa: S608


def _chunks(answer: Any) -> Iterator[list[tuple[Any, ...]]]:
    while chunk := answer.fetchmany(CHUNK_ROWS):
        yield chunk


def _crs_of(path: Path, place: TypedColumn) -> CRS | None:
    """Return the CRS that the file states for its places."""
    if path.suffix.lower() in DUCKDB_FILES:
        stated = place.kind.partition("(")[2].rstrip(")").strip("'")
        return CRS.from_user_input(stated) if stated else None
    about = json.loads((pq.read_schema(path).metadata or {}).get(b"geo", b"{}"))
    columns = about.get("columns", {})
    column = columns.get(place.name) or columns.get(about.get("primary_column"))
    if column is None:
        return None
    # GeoParquet: longitude and latitude where the key is left out, unknown where it is null.
    stated = column.get("crs", "OGC:CRS84")
    return None if stated is None else CRS.from_user_input(stated)
