"""What a run reports without stopping: mends, defaults, skips, sites that water does not reach.

Nothing is dropped, guessed or reprojected in silence: it becomes a `Note`. What stops a run is a
`riskmap.errors.Problem`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

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


#: Places of one finding that have a note each; the others share one.
_TOLD = 20


class Count(int):
    """A number with its noun, in any language: the format says "one|many".

    Examples
    --------
    >>> f"{Count(1):area lies|areas lie} in others", "{n:resultado|resultados}".format(n=Count(3))
    ('1 area lies in others', '3 resultados')
    """

    def __format__(self, form: str) -> str:
        one, bar, many = form.partition("|")
        if not bar:
            return int(self).__format__(form)
        return f"{int(self)} {one if self == 1 else many}"


class Places(NamedTuple):
    """Hold features of which one thing was seen, and where, in degrees of WGS 84."""

    what: str
    feature: Sequence[str]
    lon: Sequence[float]
    lat: Sequence[float]


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
    places
        The place or places in full, where there may be many of one kind.
    """

    kind: NoteKind
    layer: str
    feature: str | None
    what: str
    remedy: str = ""
    count: int = 1
    lon: float | None = None
    lat: float | None = None
    places: Places | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        where = self.layer if self.feature is None else f"{self.layer}, {self.feature}"
        mend = f" ({self.remedy})" if self.remedy else ""
        return " ".join(f"{self.kind}: {where}: {self.what}{mend}".split())

    def at_places(self) -> Iterator[tuple[str, str, float, float]]:
        """Return what was seen, of which feature, and the place, for each place of the note."""
        if self.lon is not None and self.lat is not None:
            what = self.what if self.places is None else self.places.what
            yield what, self.feature or "", self.lon, self.lat
        elif self.places is not None:
            what, *columns = self.places
            for feature, lon, lat in zip(*columns, strict=True):
                yield what, feature, lon, lat


def notes_at(kind: NoteKind, layer: str, *, places: Places, remedy: str = "") -> list[Note]:
    """Return notes on places, in their order: one for each of the first, one for all the rest."""
    what = places.what
    each = list(zip(places.feature, places.lon, places.lat, strict=True))
    notes = [
        Note(
            kind, layer, feature, f"{what} at {lon:.5f}, {lat:.5f}", remedy,
            lon=lon, lat=lat, places=Places(what, [feature], [lon], [lat]),
        )
        for feature, lon, lat in each[:_TOLD]
    ]  # fmt: skip
    more = len(each) - _TOLD
    if more > 0:
        rest = Places(what, places.feature[_TOLD:], places.lon[_TOLD:], places.lat[_TOLD:])
        notes.append(Note(kind, layer, None, f"{what}: {more} more", remedy, more, places=rest))
    return notes
