"""What a run reports without stopping: mends, defaults, skips, sites that water does not reach.

Nothing is dropped, guessed or reprojected in silence: it becomes a `Note`. What stops a run is a
`riskmap.errors.Problem`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NoteKind = Literal[
    "mended",  # changed without a guess: rings, third coordinates, repeated points, gaps closed
    "defaulted",  # a documented default stands in for a missing column or value
    "skipped",  # a row left out because the layer says `unusable_rows = "skip"`
    "converted",  # another CRS, encoding or unit
    "unattached",  # a site too far from navigable water
    "ambiguous",  # two readings nearly as good; the one taken is named
    "unreachable",  # on the water, but no route leads there
    "doubtful",  # used as it is, and probably wrong
    "notice",  # worth knowing
]


@dataclass(frozen=True, slots=True)
class Note:
    """State one thing that a reader of the result should know.

    Attributes
    ----------
    kind
        What happened.
    layer
        Layer, or part of the run, that it happened in.
    feature
        Row number (from 0) or identifier; None where it is the whole.
    what
        What was seen and done.
    remedy
        What the reader can do about it, where there is something.
    count
        Number of features that the note stands for.
    lon, lat
        Place, in degrees of WGS 84, where there is one.
    """

    kind: NoteKind
    layer: str
    feature: str | None
    what: str
    remedy: str = ""
    count: int = 1
    lon: float | None = None
    lat: float | None = None

    def __str__(self) -> str:
        where = self.layer if self.feature is None else f"{self.layer}, {self.feature}"
        mend = f" ({self.remedy})" if self.remedy else ""
        return " ".join(f"{self.kind}: {where}: {self.what}{mend}".split())
