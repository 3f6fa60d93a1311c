"""What was found while a layer was read: problems, notes, and rows that cannot be used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from riskmap.errors import Problem
from riskmap.report import Count, Note, NoteKind

#: Rows of one layer that are named one by one; the rest is counted.
ROWS_NAMED = 20


@dataclass(slots=True)
class Findings:
    """Collect what is found in one layer.

    Attributes
    ----------
    layer
        Name of the layer.
    problems
        What stops the run.
    notes
        What does not.
    unusable
        Rows that cannot be used: row number → (what is wrong, how to mend it).
    """

    layer: str
    problems: list[Problem] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    unusable: dict[int, tuple[str, str]] = field(default_factory=dict)

    def refuse(self, what: str, mend: str, *, feature: str | None = None) -> None:
        """Note a problem of the layer as a whole, or of a column."""
        self.problems.append(Problem(self.layer, feature, what, mend))

    def tell(
        self,
        kind: NoteKind,
        what: str,
        mend: str = "",
        *,
        feature: str | None = None,
        count: int = 1,
    ) -> None:
        """Note what a reader should know."""
        self.notes.append(Note(kind, self.layer, feature, what, mend, count))

    def tell_rows(self, kind: NoteKind, what: str, rows: Iterable[int], mend: str = "") -> None:
        """Note something that holds for some rows, in one line with their numbers."""
        found = [int(row) for row in rows]
        if found:
            self.tell(kind, what, mend, feature=name_rows(found), count=len(found))

    def unfit(self, rows: Iterable[int], what: str, mend: str) -> None:
        """Note rows that cannot be used; the first reason counts."""
        for row in rows:
            self.unusable.setdefault(int(row), (what, mend))

    def settle(self, *, skip: bool) -> None:
        """Turn the unusable rows into notes where they are skipped, else into problems."""
        named = sorted(self.unusable.items())
        for row, (what, mend) in named[:ROWS_NAMED]:
            if skip:
                self.tell("skipped", what, mend, feature=f"row {row}")
            else:
                self.refuse(what, f'{mend}, or set unusable_rows = "skip"', feature=f"row {row}")
        more = len(named) - ROWS_NAMED
        if more > 0:
            rest = name_rows([row for row, _ in named[ROWS_NAMED:]])
            what = f"{Count(more):more row|more rows} cannot be used"
            if skip:
                self.tell("skipped", what, feature=rest, count=more)
            else:
                self.refuse(what, "mend them likewise", feature=rest)


def name_rows(rows: list[int]) -> str:
    """Say row numbers in few characters: "row 3", "rows 3, 7, 9 and 12 more"."""
    if len(rows) == 1:
        return f"row {rows[0]}"
    shown = ", ".join(str(row) for row in np.sort(rows)[:5])
    more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
    return f"rows {shown}{more}"
