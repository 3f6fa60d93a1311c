"""The ranked corridors: rows of the list, classes of the map, compressed lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskmap.outputs.elements.base import MapElement, OutcomeLike, ReasonLike, plain, text_of
from riskmap.outputs.elements.matching import match_corridors
from riskmap.outputs.payload import pack_lines
from riskmap.outputs.words import Words

# From light to dark in even steps of lightness, so that the order reads in any kind of colour
# vision and in grey; the width tells the class a second time.
CLASSES: Final[tuple[tuple[float, str, float], ...]] = (
    (0.0, "#fbd27a", 2.0),
    (10.0, "#f59b4c", 3.2),
    (25.0, "#dd513a", 4.6),
    (50.0, "#932667", 6.2),
    (75.0, "#33095e", 8.0),
)
CASING: Final = "#4a4f57"
HALO: Final = "#00b3c4"
_WEAK_EVIDENCE: Final = ("none", "partial")


class Corridors(MapElement):
    """Corridors coloured by undetected transits, on one scale for all the results shown.

    The risk score of a result is relative to its own largest corridor; where several results are
    compared, the class is relative to the largest of them all, so that a colour means one number
    of transits on the whole page.
    """

    name: ClassVar[str] = "corridors"

    def options(self) -> Mapping[str, Any]:
        """Return the classes and, for each result, its rows in order of rank."""
        full = self._full()
        return {
            "classes": [{"from": low, "color": color, "width": w} for low, color, w in CLASSES],
            "casing": CASING,
            "halo": HALO,
            "full": plain(full, digits=2),
            "results": [
                {
                    "lines": f"rm-corridors-{k}",
                    "rows": _rows(outcome, full=full, words=self.edition.words),
                    "same": self._same(outcome),
                }
                for k, outcome in enumerate(self.edition.outcomes)
            ],
        }

    def early(self) -> Mapping[str, bytes]:
        """Return each result's corridor lines; a line's owner is its row in the list."""
        return {
            f"rm-corridors-{k}": _lines(outcome) for k, outcome in enumerate(self.edition.outcomes)
        }

    def _same(self, outcome: OutcomeLike) -> list[list[int]]:
        """Return, for each result, where in it each of an outcome's corridors stands (-1: not)."""
        if len(self.edition.outcomes) == 1:
            return []
        mine = _shapes(outcome)
        others = (_shapes(other) for other in self.edition.outcomes)
        return [match_corridors(mine, theirs).tolist() for theirs in others]

    def _full(self) -> float:
        largest = [
            outcome.corridors["undetected_transits"].max() for outcome in self.edition.outcomes
        ]
        return float(np.nan_to_num(max(largest, default=0.0)))


def ranked(outcome: OutcomeLike) -> pd.DataFrame:
    """Return the corridors in order of rank."""
    table: pd.DataFrame = outcome.corridors.sort_values("rank", kind="stable")
    return table


def _shapes(outcome: OutcomeLike) -> npt.NDArray[np.object_]:
    return np.asarray(ranked(outcome)["geometry"], dtype=object)


def _lines(outcome: OutcomeLike) -> bytes:
    geometry = _shapes(outcome)
    return pack_lines(geometry, owner=np.arange(len(geometry)), kind=np.zeros(len(geometry), "u1"))


def _rows(outcome: OutcomeLike, *, full: float, words: Words) -> list[dict[str, Any]]:
    table = ranked(outcome).drop(columns="geometry")
    lows = np.array([low for low, _, _ in CLASSES])
    share = 100.0 * np.nan_to_num(table["undetected_transits"].to_numpy(float)) / (full or 1.0)
    # A score that rounds to a class's edge is in that class for the eye and for the legend.
    classes = np.searchsorted(lows, np.round(share, 6), side="right") - 1
    records = table.to_dict("records")
    return [
        {
            **_row(record, cls=int(cls), words=words),
            **_why(record, outcome.reasons.get(record["corridor_id"]), words=words),
        }
        for record, cls in zip(records, classes, strict=True)
    ]


def _row(record: Mapping[Any, Any], *, cls: int, words: Words) -> dict[str, Any]:
    numbers = {
        "score": "risk_score", "km": "length_km", "hours": "travel_hours", "transits": "transits",
        "undetected": "undetected_transits", "detection": "detection_probability",
        "gain": "interceptions_per_100_patrol_hours", "postHours": "hours_to_nearest_post",
        "rankLow": "rank_p05", "rankMiddle": "rank_p50", "rankHigh": "rank_p95",
        "topTen": "top10_probability",
    }  # fmt: skip
    evidence = text_of(record.get("evidence"))
    return {
        "id": text_of(record["corridor_id"]),
        "rank": int(record["rank"]),
        "name": text_of(record["name"]),
        "post": words.place(text_of(record.get("nearest_post"))),
        "class": cls,
        "evidence": evidence if evidence in _WEAK_EVIDENCE else None,
        **{key: plain(record.get(column)) for key, column in numbers.items()},
    }


def _why(record: Mapping[Any, Any], reason: ReasonLike | None, *, words: Words) -> dict[str, Any]:
    if reason is None:
        areas = text_of(record.get("protected_area"))
        return {"origins": [], "sites": [], "posts": [], "borders": [],
                "areas": [areas] if areas else []}  # fmt: skip

    def pairs(items: Any) -> list[list[Any]]:
        return [[words.place(text_of(name)), plain(value)] for name, value in items]

    return {
        "origins": pairs(reason.origins),
        "sites": pairs(reason.sites),
        "posts": pairs(reason.posts),
        "borders": [text_of(name) for name in reason.borders],
        "areas": [text_of(name) for name in reason.protected_areas],
    }
