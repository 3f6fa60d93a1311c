"""The embedded study of Madre de Dios, wherever riskmap is installed.

The files live in the project's top-level folder `data`. A wheel carries them as the package
`riskmap._embedded`; an editable install finds them beside the package.
"""

from __future__ import annotations

from pathlib import Path

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
