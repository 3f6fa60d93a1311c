"""Fixtures for every test: the real layers beside the project, and a small study on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.studies import SmallStudy, write_small_study

if TYPE_CHECKING:
    from distributed import Client

    from tests.postgres import Database, Server

# The same examples every time: a build fails for what changed, not for its luck.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of the real layers; they stay there, and may be absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real layers are not beside the project (../shared/data)")
    return SHARED_DATA


@pytest.fixture
def small_study(tmp_path: Path) -> SmallStudy:
    """Write the small study of `tests.studies` to a fresh folder."""
    return write_small_study(tmp_path)


@pytest.fixture
def make_study(tmp_path: Path) -> Callable[..., SmallStudy]:
    """Return a function that writes the small study with layers changed."""

    def make(**layers: object) -> SmallStudy:
        return write_small_study(tmp_path, **layers)

    return make


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Start a PostgreSQL with PostGIS on loopback, and stop it after the last test."""
    from tests.postgres import running_server

    with running_server() as server:
        yield server


@pytest.fixture
def database(postgres: Server) -> Iterator[Database]:
    """Make an empty database with PostGIS, gone after the test."""
    from tests.postgres import new_database

    with new_database(postgres, "riesgo") as made:
        yield made


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Run a Dask cluster of one thread in this process."""
    from distributed import Client  # heavy, and few tests need it

    with Client(
        processes=False, n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0"
    ) as one:
        yield one
