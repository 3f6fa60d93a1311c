"""The places on the map: posts, checkpoints, help, entry points, venues, landings, settlements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from riskmap.outputs.elements.base import MapElement, element_file, is_invented, plain, text_of
from riskmap.outputs.words import Words

if TYPE_CHECKING:
    import geopandas as gpd

# (layer, group, on, columns that its card shows)
_KINDS: Final[tuple[tuple[str, str, bool, tuple[str, ...]], ...]] = (
    ("police_posts", "state", True,
     ("patrol_hours", "effectiveness", "effective_hours", "range_h", "speed_kmh")),
    ("checkpoints", "state", True, ("detection_probability",)),
    ("facilities", "state", True, ("kind",)),
    ("entry_points", "traffic", True, ("kind", "weight")),
    ("venues", "traffic", True, ("capacity", "confidence")),
    ("landings", "traffic", False, ("transfer_h",)),
    ("incidents", "traffic", False, ("date", "kind")),
    ("settlements", "base", True, ("population",)),
)  # fmt: skip


class Sites(MapElement):
    """Places with an icon, a card that opens on a click, and a name where there is room."""

    name: ClassVar[str] = "sites"
    slot: ClassVar[Any] = "over_map"
    # One picture for each kind; shape and colour both differ.
    template: ClassVar[str] = element_file("sites.html")

    def options(self) -> Mapping[str, Any]:
        """Return each result's places by kind: a plan's posts differ from today's."""
        words = self.edition.words
        results = [_places(o.layers.tables, words=words) for o in self.edition.outcomes]
        present = {kind for places in results for kind in places}
        kinds = [{"id": k, "group": group, "on": on} for k, group, on, _ in _KINDS if k in present]
        return {"kinds": kinds, "results": results}


def _places(
    tables: Mapping[str, gpd.GeoDataFrame], *, words: Words
) -> dict[str, list[dict[str, Any]]]:
    return {
        kind: _sites(tables[kind], columns=columns, words=words)
        for kind, _, _, columns in _KINDS
        if len(tables.get(kind, ()))
    }


def _sites(
    table: gpd.GeoDataFrame, *, columns: tuple[str, ...], words: Words
) -> list[dict[str, Any]]:
    table = table.copy()
    if "effective_hours" in columns and {"patrol_hours", "effectiveness"} <= set(table):
        table["effective_hours"] = table["patrol_hours"] * table["effectiveness"]
    if "population" in table:
        table = table.sort_values("population", ascending=False, kind="stable")
    points = table.geometry.representative_point()
    records = table.drop(columns=table.geometry.name).to_dict("records")
    return [
        {
            "at": [plain(point.y, digits=5), plain(point.x, digits=5)],
            "name": words.place(text_of(record.get("name"))),
            "facts": _facts(record, columns),
            "note": text_of(record.get("note")),
            "invented": is_invented(record.get("invented")),
        }
        for point, record in zip(points, records, strict=True)
        if point is not None and not point.is_empty
    ]


def _facts(record: Mapping[Any, Any], columns: tuple[str, ...]) -> dict[str, Any]:
    found = {column: plain(record.get(column), digits=2) for column in columns}
    return {column: value for column, value in found.items() if value not in (None, "")}
