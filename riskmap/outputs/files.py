"""Files written whole or not at all, and never over another without being told to."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from riskmap.errors import OutputError, Problem

TABLE_ENDINGS = (".csv", ".geojson", ".gpkg", ".parquet", ".json", ".xlsx")


def check_outputs(*paths: Path, overwrite: bool) -> None:
    """Refuse outputs whose folder is missing, or that exist and may not be replaced.

    Raises
    ------
    OutputError
        One problem for each path.
    """
    problems = []
    for path in paths:
        if not path.resolve().parent.is_dir():
            problems.append(
                Problem(
                    str(path), None, f"the folder {path.parent} does not exist", "make it first"
                )
            )
        elif path.is_dir():
            problems.append(Problem(str(path), None, "is a folder", "name a file"))
        elif path.exists() and not overwrite:
            problems.append(
                Problem(str(path), None, "exists already", "add --overwrite to replace it")
            )
    if problems:
        raise OutputError(problems)


@contextmanager
def whole_file(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path beside `path`, and put it in place when the block ends well.

    Raises
    ------
    OutputError
        Where the file cannot be written; nothing is left behind.
    """
    check_outputs(path, overwrite=overwrite)
    try:
        with tempfile.TemporaryDirectory(prefix=".riskmap-", dir=path.resolve().parent) as folder:
            part = Path(folder) / path.name
            yield part
            with part.open("rb+") as written:
                os.fsync(written.fileno())
            part.replace(path)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            Problem(str(path), None, f"cannot be written: {error.strerror or error}", "")
        ) from error


def write_whole(path: Path, content: bytes, *, overwrite: bool) -> None:
    """Write bytes to a file, whole or not at all; see `whole_file`."""
    with whole_file(path, overwrite=overwrite) as part:
        part.write_bytes(content)
