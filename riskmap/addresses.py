"""Addresses of databases: read strictly, and shown without user and password.

Nothing in here connects. An address that is not well formed is refused without repeating any of it,
because what looks like its host may be half of a password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode

from riskmap.errors import Problem, StudyError, collecting

_SCHEME: Final = re.compile(r"postgres(?:ql)?://", re.ASCII)
#: What people write for a database, in whatever form: it is never taken for the name of a file.
_LIKE_ADDRESS: Final = re.compile(
    r"^\s*(?:postgres(?:ql)?:|pg:|[a-z][a-z0-9+.-]*://)|\bpass(?:word|wd)\s*=",
    re.IGNORECASE | re.ASCII,
)
_REST: Final = re.compile(
    r"""(?:(?P<user>[^:@/?#\[\]]*)(?::(?P<password>[^@/?#\[\]]*))?@)?
        (?P<hosts>(?:(?:[\w.%-]*|\[[0-9a-fA-F:.%]+\])(?::\d{1,5})?)
            (?:,(?:[\w.%-]*|\[[0-9a-fA-F:.%]+\])(?::\d{1,5})?)*)
        (?:/(?P<database>[^/?#@]*))?
        (?:\?(?P<options>[^?#@]*))?""",
    re.VERBOSE | re.ASCII,
)
_BAD_PERCENT: Final = re.compile(r"%(?![0-9a-fA-F]{2})")
_IN_TEXT: Final = re.compile(r"postgres(?:ql)?:/+[^\s'\"]*", re.IGNORECASE | re.ASCII)
#: Options of the address that are riskmap's own, not the server's.
_OWN: Final = ("schema", "table")
#: Options that say which database is meant; the others are not shown.
_SHOWN: Final = ("service", "host", "port", "dbname")

#: Files that hold tables and answer queries.
QUERIED_FILES: Final = (".duckdb", ".ddb", ".parquet", ".geoparquet")
ADDRESS_MEND: Final = (
    "postgresql://user@host/database; write @ : / ? # % in a user or password as "
    "%40 %3A %2F %3F %23 %25, or keep them in a service file (postgresql://?service=name)"
)


@dataclass(frozen=True, slots=True)
class Address:
    """Hold the address of a PostgreSQL database.

    Attributes
    ----------
    conninfo
        As libpq takes it; it may hold a password, so it is never shown.
    shown
        The address without user, password and options.
    schema, table
        The table that is meant, where the address says so (`?schema=gis&table=rios`).
    """

    conninfo: str = field(repr=False)
    shown: str
    schema: str | None = None
    table: str | None = None

    def __str__(self) -> str:
        return self.shown


def is_address(text: str) -> bool:
    """Tell whether a text is meant as the address of a database, well formed or not.

    Examples
    --------
    >>> is_address("postgresql://gis.example/riesgo"), is_address("shapefiles/rivers.shp")
    (True, False)
    """
    return _LIKE_ADDRESS.search(text) is not None


def read_address(text: str, *, place: str, key: str | None = None) -> Address:
    """Read the address of a PostgreSQL database.

    Parameters
    ----------
    text
        ``postgresql://user:password@host:port/database?option=value``; every part may be left out
        and is then found as libpq finds it (service file, environment, password file). `schema`
        and `table` are options of riskmap's own.
    place, key
        What a problem says that it is in.

    Raises
    ------
    StudyError
        Where it is not well formed. Nothing of it is repeated.

    Examples
    --------
    >>> str(read_address("postgresql://ana:secret@gis:5433/riesgo?table=rios", place="here"))
    'postgresql://gis:5433/riesgo'
    """
    found = None
    scheme = _SCHEME.match(text)
    if scheme is not None and not _BAD_PERCENT.search(text):
        found = _REST.fullmatch(text, scheme.end())
    if scheme is None or found is None:
        what = "this is not the address of a PostgreSQL database, as riskmap reads it"
        raise StudyError(Problem(place, key, what, ADDRESS_MEND))
    options = parse_qsl(found["options"] or "", keep_blank_values=True)
    own = {name: value for name, value in options if name in _OWN}
    others = [(name, value) for name, value in options if name not in _OWN]
    start = text[: found.end("database") if found["database"] is not None else found.end("hosts")]
    database = f"/{found['database']}" if found["database"] else ""
    shown = [(name, value) for name, value in others if name in _SHOWN]
    return Address(
        start + _query(others),
        f"postgresql://{found['hosts']}{database}{_query(shown)}",
        own.get("schema") or None,
        own.get("table") or None,
    )


def file_or_address(path: str | Path | Address, *, place: str) -> Path | Address:
    """Return where something is to be written: a file, or a database where its address is given.

    Raises
    ------
    StudyError
        Where an address is not well formed.
    """
    if isinstance(path, str):
        return read_address(path, place=place) if is_address(path) else Path(path)
    return path


def layer_problems(layer: str, path: str, *, table: str | None, query: str | None) -> list[Problem]:
    """Return what is wrong with a layer's path, as far as it is or should be a database."""
    place = f"[layers.{layer}]"
    problems: list[Problem] = []
    if is_address(path):
        with collecting(problems):
            read_address(path, place=place, key="path")
    elif query is not None and not path.lower().endswith(QUERIED_FILES):
        what = "a query is asked of a database"
        mend = f"take it out, or name a postgresql:// address or a file {' '.join(QUERIED_FILES)}"
        problems.append(Problem(place, "query", what, mend))
    if table is not None and query is not None:
        problems.append(Problem(place, "query", "stands beside table", "leave one of them out"))
    return problems


def without_addresses(text: str) -> str:
    """Return a text with every address in it cut to its first word: for messages and `repr`."""
    return _IN_TEXT.sub("postgresql://…", text)


def _query(options: list[tuple[str, str]]) -> str:
    return "?" + urlencode(options).replace("+", "%20") if options else ""
