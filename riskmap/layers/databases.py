"""Layers in PostGIS: a table, a view or a query, read in chunks inside a read-only transaction.

Rows are numbered from 0 in the order in which they come: a table's by its primary key, a query's as
it says. What the rows hold is checked in `riskmap.layers.geometry` and `riskmap.layers.columns`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from riskmap.addresses import Address, read_address
from riskmap.errors import DataError, collecting
from riskmap.layers.findings import Findings
from riskmap.postgres import as_sql, session
from riskmap.report import Count
from riskmap.settings import LayerSection

if TYPE_CHECKING:
    from psycopg import Connection, sql

#: Rows that are fetched at a time.
CHUNK_ROWS: Final = 20_000

#: PostgreSQL types that have a column type here; all others are read as text.
_DTYPES: Final = {
    "int2": "Int64",
    "int4": "Int64",
    "int8": "Int64",
    "float4": "float64",
    "float8": "float64",
    "numeric": "float64",
    "bool": "boolean",
}
_PLAIN: Final = ("int2", "int4", "int8", "float8", "bool", "text")
_NAME: Final = re.compile(r'(?:("(?:[^"]|"")+"|[^".]+)\.)?("(?:[^"]|"")+"|[^".]+)')

_POSTGIS: Final = """
    SELECT n.nspname, t.typname, t.oid FROM pg_extension e
    JOIN pg_namespace n ON n.oid = e.extnamespace
    JOIN pg_type t ON t.typnamespace = n.oid AND t.typname IN ('geometry', 'geography')
    WHERE e.extname = 'postgis'"""
_TABLES: Final = """
    SELECT n.nspname, c.relname, pg_table_is_visible(c.oid) AS visible,
        bool_or(t.typname IN ('geometry', 'geography')) AS has_places
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p')
        AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'topology', 'tiger')
        AND c.relname NOT IN ('geometry_columns', 'geography_columns', 'spatial_ref_sys')
    GROUP BY 1, 2, 3 ORDER BY 1, 2"""
_PRIMARY_KEY: Final = """
    SELECT a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
    WHERE i.indisprimary AND n.nspname = %s AND c.relname = %s ORDER BY k.place"""

Table = tuple[str, str]


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """Name a column of what is read, with its PostgreSQL type."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class _Relation:
    """Hold what is read: from where, in which order, which columns, which of them is the place."""

    origin: sql.Composable
    order: sql.Composable
    columns: tuple[TypedColumn, ...]
    place: TypedColumn
    postgis: str


@dataclass(slots=True)
class FetchedRows:
    """Collect the rows that have come."""

    frames: list[pd.DataFrame] = field(default_factory=list)
    shapes: list[Any] = field(default_factory=list)
    srids: Counter[int] = field(default_factory=Counter)
    digests: list[bytes] = field(default_factory=list)
    curved: int = 0
    unreadable: list[int] = field(default_factory=list)
    count: int = 0


def read_database(
    section: LayerSection, findings: Findings
) -> tuple[gpd.GeoDataFrame, str, str] | None:
    """Read the rows of a table or query, as they are, with the database's CRS.

    Parameters
    ----------
    section
        What the study file says about the layer; its path is an address.
    findings
        Takes problems and notes.

    Returns
    -------
    tuple or None
        The rows, numbered from 0; where they come from, without credentials; and a hash of what
        was read, whatever the order of the rows. None where a problem was found.
    """
    found = None
    with collecting(findings.problems):
        address = read_address(section.path, place=findings.layer, key="path")
        with session(address, place=findings.layer, error=DataError, read_only=True) as connection:
            found = _read(connection, address, section, findings)
    return found


def _read(
    connection: Connection, address: Address, section: LayerSection, findings: Findings
) -> tuple[gpd.GeoDataFrame, str, str] | None:
    # A table that others read at the same time would else begin somewhere in its middle.
    connection.execute("SET LOCAL synchronize_seqscans = off")
    table = None
    if section.query is None:
        table = _find_table(connection, _asked(address, section), findings)
        if table is None:
            return None
    relation = _describe(connection, section.query, table, findings)
    if relation is None:
        return None
    rows = _fetch(connection, _select(relation, section.where), relation)
    crs = _crs_of(connection, rows, relation, findings)
    if findings.problems:
        return None
    if not rows.count:
        what = "the layer is empty"
        if section.where is not None:
            what = f"no row passes the filter {section.where!r}"
        findings.refuse(what, "name a table or query that gives features")
        return None
    where = "query" if table is None else ".".join(table)
    return frame_of(rows, crs, findings), f"{address} ({where})", _hash(rows, relation)


def _asked(address: Address, section: LayerSection) -> str | None:
    """Return the table that the study names, in the layer or in the address."""
    name = section.table or address.table
    return f"{address.schema}.{name}" if name and address.schema else name


def _find_table(connection: Connection, asked: str | None, findings: Findings) -> Table | None:
    """Look a table up in the catalogue: what a person wrote never becomes SQL."""
    rows = connection.execute(_TABLES).fetchall()
    shown = {(schema, name): visible for schema, name, visible, _ in rows}
    places = [f"{schema}.{name}" for schema, name, _, has_places in rows if has_places]
    if asked is None:
        if len(places) == 1:
            return next((schema, name) for schema, name, _, has_places in rows if has_places)
        what = f"the database holds {len(places)} tables with places"
        mend = f"add table = one of: {', '.join(places[:20])}" if places else "name a query"
        findings.refuse(what, mend, feature="table")
        return None
    exact = [key for key, visible in shown.items() if visible and key[1] == asked]
    exact += [key for key in shown if ".".join(key) == asked]
    spelled = _NAME.fullmatch(asked)
    if not exact and spelled is not None:
        schema, name = (_unquoted(part) for part in spelled.groups())
        exact = [
            k for k, seen in shown.items() if k[1] == name and (k[0] == schema if schema else seen)
        ]
    if exact:
        return exact[0]
    names = {".".join(key): key[1] for key in shown}
    near = [full for full, name in names.items() if name == asked]
    near = near or get_close_matches(asked, [*names, *names.values()], n=1)
    mend = f"did you mean {near[0]}?" if near else f"one of: {', '.join(places[:20])}"
    findings.refuse(f"no table {asked!r} in the database", mend, feature="table")
    return None


def _unquoted(part: str | None) -> str | None:
    if part is None or not part.startswith('"'):
        return part
    return part[1:-1].replace('""', '"')


def _describe(
    connection: Connection, query: str | None, table: Table | None, findings: Findings
) -> _Relation | None:
    """Ask the server which columns there are, and find the one that holds the places."""
    from psycopg import sql

    spatial = connection.execute(_POSTGIS).fetchall()
    if not spatial:
        findings.refuse(
            "the database has no PostGIS", "run CREATE EXTENSION postgis in it, or name another"
        )
        return None
    kinds = {oid: name for _, name, oid in spatial}
    origin: sql.Composable
    order: sql.Composable = sql.SQL("")
    if table is None:
        # The statement may end in a semicolon or in a comment; it cannot be more than one.
        asked = (query or "").strip().rstrip(";")
        origin = as_sql(f"(\n{asked}\n)")
    else:
        origin = sql.Identifier(*table)
        order = _order(connection, table)
    head = connection.execute(
        sql.SQL("SELECT * FROM {} AS source LIMIT 0").format(origin), binary=True
    )
    columns = tuple(
        TypedColumn(c.name, kinds.get(c.type_code) or _type_name(connection, c.type_code))
        for c in head.description or ()
    )
    names = [column.name for column in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        what = f"the query gives two columns the name {twice[0]!r}"
        findings.refuse(what, "name them apart with AS", feature="query")
        return None
    places = [column for column in columns if column.kind in ("geometry", "geography")]
    if len(places) == 1:
        return _Relation(origin, order, columns, places[0], spatial[0][0])
    if places:
        what = f"has {len(places)} columns with places: {', '.join(c.name for c in places)}"
        mend = "write a query that selects one of them, such as: SELECT name, geom FROM …"
    else:
        what = f"has no column with places; it has: {', '.join(names)}"
        mend = "name a table with a geometry, or make one in a query: ST_MakePoint(lon, lat)"
    findings.refuse(what, mend, feature="query" if table is None else ".".join(table))
    return None


def _type_name(connection: Connection, oid: int) -> str:
    info = connection.adapters.types.get(oid)
    # An array is registered with the type that it is of.
    return info.name if info is not None and info.oid == oid else ""


def _order(connection: Connection, table: Table) -> sql.Composable:
    from psycopg import sql

    keys = [name for (name,) in connection.execute(_PRIMARY_KEY, table).fetchall()]
    if not keys:
        return sql.SQL("")
    return sql.SQL("ORDER BY {}").format(sql.SQL(", ").join(map(sql.Identifier, keys)))


def _select(relation: _Relation, where: str | None) -> sql.Composed:
    """Return the query that is run: places as WKB, and every column of a type that is known."""
    from psycopg import sql

    postgis = sql.Identifier(relation.postgis)
    place = sql.SQL("{}::{}.geometry").format(sql.Identifier(relation.place.name), postgis)
    # Arcs and other curves become the lines that the server draws for them.
    parts: list[sql.Composable] = [
        sql.SQL(template).format(postgis=postgis, place=place)
        for template in (
            "{postgis}.ST_AsBinary({postgis}.ST_CurveToLine({place}))",
            "{postgis}.ST_SRID({place})",
            "{postgis}.ST_HasArc({place})",
        )
    ]
    parts += [_cast(column) for column in _attributes(relation)]
    statement = sql.SQL("SELECT {} FROM {} AS source").format(
        sql.SQL(", ").join(parts), relation.origin
    )
    if where is not None:
        statement += as_sql(f" WHERE (\n{where}\n) ")
    return statement + sql.SQL(" ") + relation.order


def _attributes(relation: _Relation) -> list[TypedColumn]:
    """Return the columns beside the place; none of them may be called like it is here."""
    return [c for c in relation.columns if c != relation.place and c.name != "geometry"]


def _cast(column: TypedColumn) -> sql.Composable:
    from psycopg import sql

    name = sql.Identifier(column.name)
    if column.kind in _PLAIN:
        return name
    return sql.SQL("{}::{}").format(
        name, sql.SQL("float8" if column.kind in ("numeric", "float4") else "text")
    )


def _fetch(connection: Connection, statement: sql.Composed, relation: _Relation) -> FetchedRows:
    """Fetch the rows in chunks, through a cursor that the server keeps."""
    rows = FetchedRows()
    columns = _attributes(relation)
    with connection.cursor(name="riskmap_layer") as cursor:
        cursor.execute(statement, binary=True)
        for chunk in _chunks(cursor):
            take_chunk(rows, chunk, columns)
    return rows


def _chunks(cursor: Any) -> Iterator[list[tuple[Any, ...]]]:
    while chunk := cursor.fetchmany(CHUNK_ROWS):
        yield chunk


def take_chunk(rows: FetchedRows, chunk: list[tuple[Any, ...]], columns: list[TypedColumn]) -> None:
    """Turn a chunk into columns and shapes, so that its Python objects can go."""
    rows.digests += [hashlib.sha256(repr(row).encode()).digest() for row in chunk]
    wkb, srids, curved, *values = zip(*chunk, strict=True)
    shapes = shapely.from_wkb(np.array(wkb, dtype=object), on_invalid="ignore")
    lost = shapely.is_missing(shapes) & np.array([text is not None for text in wkb])
    rows.unreadable += (np.flatnonzero(lost) + rows.count).tolist()
    rows.srids.update(srid for srid in srids if srid is not None)
    rows.curved += sum(map(bool, curved))
    rows.frames.append(
        pd.DataFrame(
            {
                column.name: pd.Series(list(value), dtype=_DTYPES.get(column.kind, "str"))
                for column, value in zip(columns, values, strict=True)
            },
            index=range(len(chunk)),
        )
    )
    rows.shapes.append(shapes)
    rows.count += len(chunk)


def _crs_of(
    connection: Connection, rows: FetchedRows, relation: _Relation, findings: Findings
) -> CRS | None:
    """Return the one CRS of the places, None where the database states none."""
    from psycopg import sql

    if len(rows.srids) > 1:
        seen = ", ".join(
            f"{srid} ({Count(count):row|rows})" for srid, count in sorted(rows.srids.items())
        )
        what = f"{relation.place.name} holds places in several reference systems: SRID {seen}"
        findings.refuse(what, "write a query with ST_Transform(…, 4326)", feature="crs")
        return None
    srid = next(iter(rows.srids), 0)
    if srid == 0:
        return None
    known = sql.SQL("SELECT auth_name, auth_srid, srtext FROM {}.spatial_ref_sys WHERE srid = {}")
    found = connection.execute(
        known.format(sql.Identifier(relation.postgis), sql.Literal(srid))
    ).fetchone()
    authority, code, text = found or ("EPSG", srid, None)
    for spelled in (f"{authority}:{code}", text):
        try:
            return CRS.from_user_input(spelled)
        except CRSError:
            continue
    findings.refuse(f"SRID {srid} is no reference system that is known here",
                    "write a query with ST_Transform(…, 4326)", feature="crs")  # fmt: skip
    return None


def frame_of(rows: FetchedRows, crs: CRS | None, findings: Findings) -> gpd.GeoDataFrame:
    """Return the rows that have come as one table, numbered from 0."""
    if rows.curved:
        findings.tell("converted", "arcs were drawn as lines", count=rows.curved)
    findings.unfit(
        rows.unreadable, "has a geometry of a kind that is not read here", "draw it as a plain one"
    )
    frame = pd.concat(rows.frames, ignore_index=True)
    frame.index.name = "row"
    return gpd.GeoDataFrame(frame, geometry=np.concatenate(rows.shapes), crs=crs)


def _hash(rows: FetchedRows, relation: _Relation) -> str:
    """Return the SHA-256 of what was read; a table has no order, so none counts."""
    digest = hashlib.sha256(repr(_attributes(relation)).encode())
    for row in sorted(rows.digests):
        digest.update(row)
    return digest.hexdigest()
