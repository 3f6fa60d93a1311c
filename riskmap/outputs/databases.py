"""Tables in PostGIS: written in one transaction, whole or not at all.

The record of where the rows come from is the table's comment. A table that riskmap did not write is
never replaced.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from riskmap.addresses import Address
from riskmap.errors import OutputError, Problem
from riskmap.postgres import as_sql, session

if TYPE_CHECKING:
    from psycopg import Connection, sql

#: Longest name that PostgreSQL keeps whole, bytes.
NAME_BYTES: Final = 63
#: How long to wait for others who hold the table.
LOCK_TIMEOUT: Final = "60s"

_PLACE: Final = "geometry"
_EXISTING: Final = """
    SELECT c.oid, c.relkind, obj_description(c.oid, 'pg_class') FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s"""
_COLUMNS: Final = """
    SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""
_POSTGIS: Final = """
    SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'postgis'"""


@dataclass(frozen=True, slots=True)
class _Target:
    """Name a table of the database, with what is there already."""

    schema: str
    table: str
    postgis: str
    existing: int | None

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"


def check_database(address: Address, *, name: str, overwrite: bool) -> None:
    """Refuse, before a long run, a table that could not be written after it.

    Parameters
    ----------
    address
        The database.
    name
        The table, where the address names none.
    overwrite
        Whether a table of riskmap's may be replaced.

    Raises
    ------
    OutputError
        Where the database cannot be reached or has no PostGIS, the schema is missing or closed,
        or the table exists and may not be replaced.
    """
    with session(address, place=name, error=OutputError, read_only=True) as connection:
        _find_target(connection, address, name=name, overwrite=overwrite)


def write_database(
    tables: Mapping[str, gpd.GeoDataFrame],
    address: Address,
    *,
    record: Mapping[str, Any],
    overwrite: bool = False,
) -> None:
    """Write tables to PostGIS in one transaction.

    A table that riskmap wrote before, with the same columns, keeps its rights, views and indices:
    its rows are replaced, and whoever reads meanwhile sees the old ones. With other columns it is
    dropped and made anew.

    Parameters
    ----------
    tables
        Rows with a geometry, EPSG:4326, by the name of their table. Where the address names a
        table, the first is called so, and the others begin with that name.
    address
        The database.
    record
        `summary` and `provenance`: they become the table's comment.
    overwrite
        Replace a table of riskmap's.

    Raises
    ------
    OutputError
        Where it cannot be written; nothing is then changed.
    """
    from psycopg import sql

    first = next(iter(tables))
    comment = json.dumps(record, ensure_ascii=False, allow_nan=False)
    with session(address, place=first, error=OutputError, read_only=False) as connection:
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT)))
        for name, table in tables.items():
            own = replace(address, table=f"{address.table}_{name}")
            target = _find_target(
                connection,
                own if address.table and name != first else address,
                name=name,
                overwrite=overwrite,
            )
            _make_room(connection, target, table)
            _fill(connection, target, table)
            connection.execute(
                sql.SQL("COMMENT ON TABLE {} IS {}").format(_named(target), sql.Literal(comment))
            )


def _find_target(
    connection: Connection, address: Address, *, name: str, overwrite: bool
) -> _Target:
    """Find the schema and what stands in the table's place."""
    schema, table = address.schema, address.table or name
    if schema is None and table.count(".") == 1:
        schema, table = table.split(".")
    path, postgis = (connection.execute(as_sql(q)).fetchone() or (None,) for q in
                     ("SELECT current_schema()", _POSTGIS))  # fmt: skip
    schema = schema or path[0]
    place = f"{address} ({schema}.{table})"
    if postgis[0] is None:
        mend = "run CREATE EXTENSION postgis in it, or name another"
        raise OutputError(Problem(place, None, "the database has no PostGIS", mend))
    if any(len(part.encode()) > NAME_BYTES or "\0" in part for part in (schema or "", table)):
        what = f"a name is longer than PostgreSQL keeps ({NAME_BYTES} bytes)"
        raise OutputError(Problem(place, None, what, "name it shorter"))
    _check_schema(connection, schema, place)
    found = connection.execute(_EXISTING, [schema, table]).fetchone()
    if found is not None:
        _check_existing(place, found[1], found[2], overwrite=overwrite)
    return _Target(str(schema), table, postgis[0], found[0] if found else None)


def _check_schema(connection: Connection, schema: str | None, place: str) -> None:
    question = "SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = %s"
    allowed = connection.execute(question, [schema]).fetchone()
    if allowed is None:
        what = "there is no such schema in the database"
        raise OutputError(Problem(place, None, what, "make it first, or name another: ?schema=…"))
    if not allowed[0]:
        mend = "ask who runs the database, or name another: ?schema=…"
        raise OutputError(Problem(place, None, "you may not make tables in the schema", mend))


def _check_existing(place: str, kind: str, comment: str | None, *, overwrite: bool) -> None:
    """Refuse to replace what riskmap did not write, and what it did unless it is told to."""
    if kind not in ("r", "p"):
        what = "exists already, and is not a table"
        raise OutputError(Problem(place, None, what, "name another: ?table=…"))
    if not _is_record(comment):
        what = "exists already, and riskmap did not write it"
        raise OutputError(Problem(place, None, what, "name another: ?table=…, or drop it yourself"))
    if not overwrite:
        raise OutputError(Problem(place, None, "exists already", "add --overwrite to replace it"))


def _is_record(comment: str | None) -> bool:
    """Tell whether the comment of a table is a record such as `write_database` leaves."""
    try:
        return {"summary", "provenance"} <= set(json.loads(comment or "{}"))
    except (ValueError, TypeError):
        return False


def _make_room(connection: Connection, target: _Target, table: gpd.GeoDataFrame) -> None:
    """Empty the table where it has the columns that are wanted, or make it (anew)."""
    from psycopg import sql

    columns = _columns(table)
    if target.existing is not None:
        there = connection.execute(_COLUMNS, [target.existing]).fetchall()
        if [(name, kind.rpartition(".")[2]) for name, kind in there] == columns:
            # Writers wait for each other; readers go on seeing the rows of before.
            lock = sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(_named(target))
            connection.execute(lock)
            connection.execute(sql.SQL("DELETE FROM {}").format(_named(target)))
            return
        connection.execute(sql.SQL("DROP TABLE {}").format(_named(target)))
    typed = [sql.SQL("{} {}").format(sql.Identifier(name), _type(target, kind))
             for name, kind in columns]  # fmt: skip
    first = columns[0][0]
    if table[first].notna().all() and table[first].is_unique:
        typed.append(sql.SQL("PRIMARY KEY ({})").format(sql.Identifier(first)))
    connection.execute(
        sql.SQL("CREATE TABLE {} ({})").format(_named(target), sql.SQL(", ").join(typed))
    )
    connection.execute(
        sql.SQL("CREATE INDEX ON {} USING gist ({})").format(_named(target), sql.Identifier(_PLACE))
    )


def _type(target: _Target, kind: str) -> sql.Composable:
    from psycopg import sql

    if not kind.startswith("geometry"):
        return as_sql(kind)
    return sql.SQL("{}.{}").format(sql.Identifier(target.postgis), as_sql(kind))


def _named(target: _Target) -> sql.Identifier:
    from psycopg import sql

    return sql.Identifier(target.schema, target.table)


def _columns(table: gpd.GeoDataFrame) -> list[tuple[str, str]]:
    """Return the columns with their PostgreSQL types, the place last."""
    kinds = table.geom_type.dropna().unique()
    shape = str(kinds[0]) if len(kinds) == 1 else "Geometry"
    named = [(str(name), _kind_of(table[name])) for name in _attributes(table)]
    return [*named, (_PLACE, f"geometry({shape},4326)")]


def _attributes(table: gpd.GeoDataFrame) -> list[str]:
    return [name for name in table.columns if name != table.geometry.name]


def _kind_of(values: pd.Series) -> str:
    inferred = pd.api.types.infer_dtype(values.dropna(), skipna=True)
    if values.dtype.kind == "f":
        return "double precision"
    if values.dtype.kind == "M":
        return "timestamp without time zone"
    if values.dtype.kind == "b" or inferred == "boolean":
        return "boolean"
    if values.dtype.kind in "iu" or inferred == "integer":
        return "bigint"
    return "double precision" if inferred in ("floating", "mixed-integer-float") else "text"


def _fill(connection: Connection, target: _Target, table: gpd.GeoDataFrame) -> None:
    from psycopg import sql

    names = [name for name, _ in _columns(table)]
    copy = sql.SQL("COPY {} ({}) FROM STDIN").format(
        _named(target), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    with connection.cursor() as cursor, cursor.copy(copy) as out:
        for row in _rows(table):
            out.write_row(row)


def _rows(table: gpd.GeoDataFrame) -> Iterator[tuple[Any, ...]]:
    """Give the rows as plain values, None for what does not exist, places as EWKB."""
    shapes = shapely.set_srid(table.geometry.to_numpy(), 4326)
    places = shapely.to_wkb(shapes, hex=True, include_srid=True)
    columns = [_plain(table[name], _kind_of(table[name])) for name in _attributes(table)]
    return zip(*columns, places, strict=True)


def _plain(values: pd.Series, kind: str) -> list[Any]:
    if kind == "double precision":
        numbers = values.astype("float64")
        return numbers.astype("object").where(np.isfinite(numbers), None).tolist()
    known: list[Any] = [None if gone else value
             for value, gone in zip(values.tolist(), values.isna(), strict=True)]  # fmt: skip
    if kind != "text":
        return known
    # A text in PostgreSQL cannot hold the character 0.
    return [None if value is None else str(value).replace("\0", "") for value in known]
