"""Who cannot get out: venues and mining areas by their hours to the nearest help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from riskmap.outputs.elements.base import MapElement, is_made_up, plain, text_of
from riskmap.outputs.words import Words

if TYPE_CHECKING:
    import pandas as pd

#: Hours from which a ring has its colour; the last is for those whom nothing reaches.
CLASSES: Final[tuple[tuple[float, str], ...]] = (
    (0.0, "#2b8c5a"), (2.0, "#c9a227"), (6.0, "#c4421a"), (float("inf"), "#3b0f2b"),
)  # fmt: skip


class Access(MapElement):
    """Rings round venues and mining areas; a click tells hours by kind of help and season."""

    name: ClassVar[str] = "access"

    def options(self) -> Mapping[str, Any]:
        """Return each result's sites with their hours, and the classes of the rings."""
        return {
            "classes": [{"from": plain(low), "color": color} for low, color in CLASSES],
            "results": [_rows(o.sites, self.edition.words) for o in self.edition.outcomes],
        }


def _rows(table: pd.DataFrame, words: Words) -> list[dict[str, Any]]:
    columns = [str(column) for column in table.columns]
    kinds = [name.removeprefix("nearest_") for name in columns if name.startswith("nearest_")]
    return [_row(record, kinds, words) for record in table.to_dict("records")] if kinds else []


def _row(record: Mapping[Any, Any], kinds: list[str], words: Words) -> dict[str, Any]:
    hours = plain(record["hours_to_help"], digits=2)
    low = [k for k, (least, _) in enumerate(CLASSES) if hours is not None and hours >= least]
    name, layer, point = text_of(record["name"]), record["layer"], record["geometry"]
    return {
        "at": [plain(point.y, digits=5), plain(point.x, digits=5)],
        "name": words.layer(layer) if is_made_up(layer, name) else words.place(name),
        "kind": layer,
        "hours": hours,
        "class": max(low) if low else len(CLASSES) - 1,
        "cutOff": bool(record["cut_off"]),
        "help": [
            {
                "kind": words.table.get(f"facility_{kind}", kind.replace("_", " ")),
                "nearest": words.place(text_of(record[f"nearest_{kind}"])),
                **{
                    way + season.capitalize(): plain(
                        record[f"hours_{way}_{kind}_{season}_water"], digits=2
                    )
                    for way in ("to", "from")
                    for season in ("low", "high")
                },
            }
            for kind in kinds
        ],
    }
