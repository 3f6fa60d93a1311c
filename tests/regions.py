"""Studies of real regions over the layers beside the project; their venues are invented.

The study files stand in `tests/real/studies`, and run as they are where the layers are beside the
project.
"""

from __future__ import annotations

from pathlib import Path

import riskmap as rm

STUDIES = Path(__file__).parent / "real" / "studies"


def madre_de_dios() -> rm.Study:
    """Return the study over the rivers and water areas of the Digital Chart of the World."""
    return rm.Study.from_file(STUDIES / "madre_de_dios.toml")


def ucayali() -> rm.Study:
    """Return the study of Ucayali and Loreto, over the same chart."""
    return rm.Study.from_file(STUDIES / "ucayali.toml")
