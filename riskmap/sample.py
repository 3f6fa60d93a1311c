"""The embedded study of Madre de Dios, wherever riskmap is installed.

The files live in the project's top-level folder `data`. A wheel carries them as the package
`riskmap._embedded`; an editable install finds them beside the package.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from riskmap.errors import OutputError, Problem

STUDY_FILE = "study.toml"


def sample_folder() -> Path:
    """Return the folder of the embedded study.

    Raises
    ------
    FileNotFoundError
        Where the installation lacks it.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "_embedded", package.parent / "data"):
        if (folder / STUDY_FILE).is_file():
            return folder
    raise FileNotFoundError(f"the embedded study is missing from {package}: install riskmap again")


def sample_study_file() -> Path:
    """Return the path of the embedded study file."""
    return sample_folder() / STUDY_FILE


def copy_sample(folder: Path) -> Path:
    """Copy the embedded study into a new folder and return the path of its study file.

    Raises
    ------
    OutputError
        Where the folder exists and is not empty, or its parent is missing.
    """
    if folder.exists() and any(folder.iterdir()):
        raise OutputError(
            Problem(str(folder), None, "exists and is not empty", "name a new folder")
        )
    if not folder.resolve().parent.is_dir():
        raise OutputError(
            Problem(str(folder), None, "its parent folder does not exist", "make it first")
        )
    source = sample_folder()
    for name in ("shapefiles", "layers"):
        shutil.copytree(source / name, folder / name, dirs_exist_ok=True)
    for name in (STUDY_FILE, "README.md"):
        shutil.copyfile(source / name, folder / name)
    return folder / STUDY_FILE
