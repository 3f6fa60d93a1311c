"""A PostgreSQL with PostGIS of the tests' own: on loopback, in a temporary folder, stopped after.

It is Debian's (`make test` installs it). PostgreSQL refuses to run as root, so that root hands the
folder to the system's user `postgres`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import psycopg
import pytest
from psycopg import sql

USER = "oficina"
#: Nothing else in this project spells like it, so that it is found wherever it leaks.
PASSWORD = "Zx9qSecreto7Kw"  # noqa: S105


@dataclass(frozen=True)
class Server:
    """Hold where the server listens; every database has PostGIS."""

    port: int

    def address(self, database: str = "postgres", *, more: str = "") -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}{more}"

    def shown(self, database: str) -> str:
        return f"postgresql://127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(self.address(database), autocommit=True)


@dataclass(frozen=True)
class Database:
    """Hold an empty database with PostGIS."""

    server: Server
    name: str

    @property
    def address(self) -> str:
        return self.server.address(self.name)

    @property
    def shown(self) -> str:
        return self.server.shown(self.name)

    def do(self, *statements: str) -> None:
        with self.server.connect(self.name) as connection:
            for statement in statements:
                connection.execute(statement)

    def ask(self, statement: str) -> list[tuple]:
        with self.server.connect(self.name) as connection:
            return connection.execute(statement).fetchall()

    def put(self, table: gpd.GeoDataFrame, *name: str, srid: int | None = None) -> None:
        """Make a table of a GeoDataFrame, with the primary key `fid`."""
        srid = srid if srid is not None else int(table.crs.to_epsg())
        kinds = {"f": "float8", "i": "int8", "b": "bool"}
        columns = [c for c in table.columns if c != "geometry"]
        typed = sql.SQL(", ").join(
            sql.SQL("{} {}").format(
                sql.Identifier(c), sql.SQL(kinds.get(table[c].dtype.kind, "text"))
            )
            for c in columns
        )
        with self.server.connect(self.name) as connection:
            connection.execute(
                sql.SQL("CREATE TABLE {} (fid serial PRIMARY KEY, {}, geom geometry)").format(
                    sql.Identifier(*name), typed
                )
            )
            for values, shape in zip(
                table[columns].itertuples(index=False), table.geometry, strict=True
            ):
                connection.execute(
                    sql.SQL("INSERT INTO {} ({}, geom) VALUES ({}, {})").format(
                        sql.Identifier(*name),
                        sql.SQL(", ").join(map(sql.Identifier, columns)),
                        sql.SQL(", ").join(map(sql.Literal, values)),
                        sql.Literal(shape and f"SRID={srid};{shape.wkt}"),
                    )
                )


def program(name: str) -> str:
    """Return a program of the server, wherever the system keeps it."""
    found = [
        shutil.which(name),
        *map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))),
    ]
    found = [path for path in found if path]
    if not found:
        pytest.fail(
            f"{name} is missing: make test installs it (postgresql and its PostGIS)", pytrace=False
        )
    return str(Path(found[-1]).resolve())


@contextmanager
def running_server() -> Iterator[Server]:
    """Start a server in a fresh folder, and stop it."""
    folder = Path(tempfile.mkdtemp(prefix="riskmap-postgres-"))
    # Root cannot run it, and its own folders are closed to others.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    as_child = ["setpriv", "--pdeathsig", "INT"]
    if as_user:
        as_child += ["--reuid", "postgres", "--regid", "postgres", "--init-groups"]
    data, password = folder / "data", folder / "password"
    try:
        password.write_text(PASSWORD)
        if as_user:
            for path in (folder, password):
                shutil.chown(path, "postgres")
        _do([*as_user, program("initdb"), "-D", data, "-U", USER, "-A", "scram-sha-256",
             "--pwfile", password, "--no-sync", "-E", "UTF8", "--locale", "C"], folder)  # fmt: skip
        port = _free_port()
        options = [
            "-c", "listen_addresses=127.0.0.1", "-p", port, "-c", "unix_socket_directories=",
            "-c", "fsync=off", "-c", "max_connections=30",
        ]  # fmt: skip
        # Tests that are killed take the server with them.
        command = [*as_child, program("postgres"), "-D", data, *options]
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(
                [str(part) for part in command], cwd=folder, stdout=log, stderr=log
            )
        try:
            _wait_for(Server(port), server, folder / "log")
            _make_pattern(Server(port))
            yield Server(port)
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait(timeout=60)
    finally:
        shutil.rmtree(folder)


@contextmanager
def new_database(server: Server, name: str) -> Iterator[Database]:
    """Make a database with PostGIS, and drop it."""
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE places")
    try:
        yield Database(server, name)
    finally:
        with server.connect() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _make_pattern(server: Server) -> None:
    """Make the database that the others are copies of: PostGIS takes its time."""
    with server.connect() as connection:
        connection.execute("CREATE DATABASE places")
    with server.connect("places") as connection:
        try:
            connection.execute("CREATE EXTENSION postgis")
        except psycopg.errors.FeatureNotSupported:
            pytest.fail("PostGIS is missing: make test installs it", pytrace=False)


def _wait_for(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60.0
    while time.monotonic() < until and process.poll() is None:
        try:
            server.connect().close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the server did not start: {log.read_text()}", pytrace=False)


def _do(command: list[object], folder: Path) -> None:
    # A server that starts keeps its parent's pipes open: its words go to a file.
    with (folder / "said").open("w+") as said:
        done = subprocess.run(
            [str(part) for part in command], cwd=folder, stdout=said, stderr=said, check=False
        )
        said.seek(0)
        if done.returncode:
            pytest.fail(f"{command}: {said.read()}", pytrace=False)


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])
