"""The places on the map: posts, checkpoints, entry points, venues, landings, settlements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from riskmap.outputs.elements.base import MapElement, is_invented, plain, text_of

if TYPE_CHECKING:
    import geopandas as gpd

# (layer, group, on, columns that its card shows)
_KINDS: Final[tuple[tuple[str, str, bool, tuple[str, ...]], ...]] = (
    ("police_posts", "state", True,
     ("patrol_hours", "effectiveness", "effective_hours", "range_h", "speed_kmh")),
    ("checkpoints", "state", True, ("detection_probability",)),
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
    template: ClassVar[str] = """<svg class="rm-symbols" aria-hidden="true" focusable="false">
<symbol id="rm-i-police_posts" viewBox="0 0 24 24"><path d="M12 1.5 21 5v7c0 5.4-4 9-9 10.5C7 21 3 17.4 3 12V5z" fill="#0b4a8f" stroke="#fff" stroke-width="1.5"/><path d="M12 6.2l1.7 3.6 3.9.5-2.9 2.7.8 3.9-3.5-1.9-3.5 1.9.8-3.9-2.9-2.7 3.9-.5z" fill="#fff"/></symbol>
<symbol id="rm-i-checkpoints" viewBox="0 0 24 24"><rect x="3" y="3" width="18" height="18" rx="3" fill="#0b4a8f" stroke="#fff" stroke-width="1.5"/><path d="M6.5 12h11" stroke="#fff" stroke-width="3.4"/></symbol>
<symbol id="rm-i-entry_points" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10" fill="#20262e" stroke="#fff" stroke-width="1.5"/><path d="M6 12h9M11.5 7.5 16 12l-4.5 4.5" fill="none" stroke="#fff" stroke-width="2.4"/></symbol>
<symbol id="rm-i-venues" viewBox="0 0 24 24"><path d="M12 1.8 22.2 12 12 22.2 1.8 12z" fill="#b0126b" stroke="#fff" stroke-width="1.5"/><circle cx="12" cy="12" r="3" fill="#fff"/></symbol>
<symbol id="rm-i-landings" viewBox="0 0 24 24"><circle cx="12" cy="12" r="9" fill="#fff" stroke="#20262e" stroke-width="2"/><path d="M12 6v11M8 13c0 3 8 3 8 0M9 9h6" fill="none" stroke="#20262e" stroke-width="1.8"/></symbol>
<symbol id="rm-i-incidents" viewBox="0 0 24 24"><path d="M6 6l12 12M18 6 6 18" stroke="#fff" stroke-width="6"/><path d="M6 6l12 12M18 6 6 18" stroke="#8a1c1c" stroke-width="3.2"/></symbol>
<symbol id="rm-i-settlements" viewBox="0 0 24 24"><circle cx="12" cy="12" r="5" fill="#fff" stroke="#3c4650" stroke-width="2.6"/></symbol>
</svg>"""

    def options(self) -> Mapping[str, Any]:
        """Return each result's places by kind: a plan's posts differ from today's."""
        results = [self._places(outcome.layers.tables) for outcome in self.edition.outcomes]
        present = {kind for places in results for kind in places}
        kinds = [{"id": k, "group": group, "on": on} for k, group, on, _ in _KINDS if k in present]
        return {"kinds": kinds, "results": results}

    @staticmethod
    def _places(tables: Mapping[str, gpd.GeoDataFrame]) -> dict[str, list[dict[str, Any]]]:
        return {
            kind: _sites(tables[kind], columns=columns)
            for kind, _, _, columns in _KINDS
            if len(tables.get(kind, ()))
        }


def _sites(table: gpd.GeoDataFrame, *, columns: tuple[str, ...]) -> list[dict[str, Any]]:
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
            "name": text_of(record.get("name")),
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
