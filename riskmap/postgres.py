"""Sessions with a PostgreSQL database, and its errors as one line each, without credentials.

User and password come from the address, a service file, a password file or the environment, as
libpq finds them. What is asked of the database is in `riskmap.layers.databases` and
`riskmap.outputs.databases`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from riskmap.addresses import Address
from riskmap.errors import Problem, RiskmapError

if TYPE_CHECKING:
    from psycopg import Connection, Error, sql

#: How long a server may take to answer, where the address does not say (`connect_timeout`), s.
CONNECT_TIMEOUT_S: Final = 15

_LOST: Final = "the connection was lost"
_MENDS: Final = {
    "25006": "a layer is only read: write a query that selects",
    "28000": "check the user and its password: address, service file, PGPASSWORD, ~/.pgpass",
    "28P01": "check the user and its password: address, service file, PGPASSWORD, ~/.pgpass",
    "2BP01": "drop what hangs on the table first, such as a view, or name another table",
    "3D000": "check the name of the database",
    "42501": "ask who runs the database for that right",
    "42601": "write it as PostgreSQL takes it, one statement without a semicolon",
    "42703": "check the names of the columns",
    "42P01": "check the names of the tables",
    "55P03": "somebody holds the table: try again when they have closed it",
    "57014": "the server stopped it: ask for less, or for more time",
}
#: What libpq says before there is a session, when errors have no code yet.
_SAID: Final = (
    ("password", "28P01", ""),
    ("service", "", "check PGSERVICEFILE or ~/.pg_service.conf"),
    ("does not exist", "3D000", ""),
    ("", "", "check the host and the port, and that the server runs"),
)


@contextmanager
def session(
    address: Address, *, place: str, error: type[RiskmapError], read_only: bool
) -> Iterator[Connection]:
    """Open one transaction: it is committed when the block ends well, and undone when it does not.

    Parameters
    ----------
    address
        The database.
    place
        Layer or output that a problem is told of.
    error
        What a failure of the database is raised as.
    read_only
        Whether the database refuses to write in it.

    Raises
    ------
    RiskmapError
        The `error` that was asked for, in one line without credentials.
    """
    psycopg = _driver(place, error)
    secrets = [os.environ.get("PGPASSWORD", ""), *_password_of(address)]
    options = {"application_name": "riskmap", "client_encoding": "UTF8"}
    if "connect_timeout" not in address.conninfo and "PGCONNECT_TIMEOUT" not in os.environ:
        options["connect_timeout"] = str(CONNECT_TIMEOUT_S)
    try:
        with psycopg.connect(address.conninfo, **options) as connection:
            secrets.append(connection.info.password)
            connection.read_only = read_only
            yield connection
    except psycopg.Error as found:
        what, mend = _words(found, secrets)
        raise error(Problem(place, str(address), what, mend)) from None
    except UnicodeError:
        what = "the database holds text that is not what its encoding says"
        mend = "mend the text, or ask who runs the database"
        raise error(Problem(place, str(address), what, mend)) from None


def as_sql(text: str) -> sql.SQL:
    """Return a piece of SQL that a person wrote; what is only a name goes by `sql.Identifier`."""
    from psycopg import sql

    return sql.SQL(text)


def _driver(place: str, error: type[RiskmapError]) -> ModuleType:
    try:
        return import_module("psycopg")
    except ImportError:
        what = "reading from and writing to PostgreSQL needs psycopg"
        raise error(Problem(place, None, what, "pip install 'riskmap[postgis]'")) from None


def _password_of(address: Address) -> list[str]:
    """Return the password of an address as it is written and as it is meant."""
    login, at, _ = address.conninfo.partition("@")
    _, colon, written = login.partition("://")[2].partition(":")
    return [written, unquote(written)] if at and colon else []


def _words(found: Error, secrets: list[str]) -> tuple[str, str]:
    """Return what a database's error says, and how to mend it."""
    said = found.diag.message_primary or str(found)
    code = found.sqlstate or ""
    mend = _MENDS.get(code, "")
    if found.diag.message_primary is None:  # libpq speaks, not the server
        if "connection failed" not in said and "connection is bad" not in said:
            return _LOST, "try again; nothing was half written"
        said = said.rpartition("failed: ")[2]
        _, code, mend = next(entry for entry in _SAID if entry[0] in said.lower())
        mend = mend or _MENDS[code]
    elif code.startswith(("08", "57P")):
        said, mend = f"{_LOST}: {said}", "try again; nothing was half written"
    for secret in secrets:
        if secret:
            said = said.replace(secret, "…")
    return f"the database says: {' '.join(said.split())[:300]}", mend
