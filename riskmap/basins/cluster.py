"""The Dask cluster that basins are scored on: one that runs, or a local one of our own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from riskmap.errors import OutputError, Problem

if TYPE_CHECKING:
    from distributed import Client

#: How long a cluster may take to answer.
_ANSWER_S = 10


@contextmanager
def connect(scheduler: str | None = None) -> Iterator[Client]:
    """Give a client of a running cluster, or of a local one that ends with the block.

    Parameters
    ----------
    scheduler
        Address, such as "tcp://10.0.0.5:8786"; None for a local cluster, one process a core.

    Raises
    ------
    OutputError
        Where Dask is not installed, or no cluster answers at the address.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        what, mend = "a run by basin needs Dask", "pip install 'riskmap[cluster]'"
        raise OutputError(Problem("cluster", None, what, mend)) from None
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=_ANSWER_S)
        except (OSError, ValueError) as error:
            what = f"no cluster answers at {scheduler}"
            mend = "start one with dask scheduler, or leave --scheduler out"
            raise OutputError(Problem("cluster", None, what, mend)) from error
        with client:
            yield client
        return
    with (
        LocalCluster(
            host="127.0.0.1", threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=40
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client
