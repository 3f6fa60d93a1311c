"""Mends: what was changed in river lines, by kind and place, for the report."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from riskmap.network.arcs import Floats, Ints
from riskmap.report import Note, Places, notes_at


@dataclass(slots=True)
class Mends:
    """Collect the places of mends by kind; `row` is the row number of each line, −1 if derived."""

    row: Ints
    places: dict[str, list[tuple[Ints, Floats]]] = field(default_factory=dict)

    def add(self, what: str, line: npt.NDArray[np.integer], places: Floats) -> None:
        """Note mends of one kind on lines, at places in degrees, shape (n, 2)."""
        if line.size:
            self.places.setdefault(what, []).append((self.row[line], places))

    def notes(self) -> tuple[Note, ...]:
        """Return the mends for the report, in order of place."""
        notes: list[Note] = []
        for what, parts in sorted(self.places.items()):
            row = np.concatenate([r for r, _ in parts])
            xy = np.concatenate([p for _, p in parts])
            order = np.lexsort((row, xy[:, 1], xy[:, 0]))
            feature = [f"row {r}" if r >= 0 else "centre line" for r in row[order].tolist()]
            places = Places(what, feature, *xy[order].T.tolist())
            notes += notes_at("mended", "rivers", places=places)
        return tuple(notes)
