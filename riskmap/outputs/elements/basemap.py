"""The quiet base map, made of the study's own layers: no tile is asked of anyone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import numpy.typing as npt
import shapely

from riskmap.outputs.elements.base import MapElement, OutcomeLike, is_made_up, plain, text_of
from riskmap.outputs.payload import pack_lines

if TYPE_CHECKING:
    import geopandas as gpd

_TOLERANCE_DEG: Final = 2e-4  # about 20 m: areas are the background of a regional map
_LABELS_PER_RIVER: Final = 8
_ROADS: Final = ("1", "road", "2", "landing")

_WATER: Final = {"color": "#8db8d2", "width": 1.5, "name": "key_river"}
_ROAD: Final = {"color": "#a8a6a2", "width": 1.2, "name": "key_road"}
_TRAVELLED: Final = {"color": "#77736c", "width": 2.6, "name": "key_road_travelled"}
#: Roads with less than this share of the busiest reach's transits are drawn as any road.
_TRAVELLED_FROM: Final = 0.01
PATROL_STYLES: Final = (
    {"color": "#b9d3ee", "width": 5, "name": "patrol_little"},
    {"color": "#6a9fd8", "width": 7, "name": "patrol_some"},
    {"color": "#1f5fa8", "width": 9, "name": "patrol_much"},
)
_PATROL_EDGES_H_PER_KM: Final = (0.5, 2.0)  # effective hours a month on each kilometre

_STATUS: Final = ("authorised", "informal", "illegal", "unknown")


def _area(color: str, fill: str, **more: Any) -> dict[str, Any]:
    return {"color": color, "fillColor": fill, "weight": 1, "fillOpacity": 0.35, **more}


# (layer, group, on, open lines, names shown, styles by class)
_AREAS: Final[tuple[tuple[str, str, bool, bool, bool, tuple[dict[str, Any], ...]], ...]] = (
    ("water_areas", "base", True, False, False,
     (_area("#8db8d2", "#c9dfec", weight=0.6, fillOpacity=1, name="key_water_area"),)),
    ("protected_areas", "base", True, False, True,
     (_area("#4f8a5b", "#cfe6cf", dashArray="5 3", name="key_protected"),)),
    ("concessions", "traffic", False, False, False,
     (_area("#8c7a55", "#e9dfc6", dashArray="1 3", name="key_concession"),)),
    ("mining_areas", "traffic", True, False, True, (
        _area("#7d6a4d", "#d9cbb0", fillOpacity=0.5, name="mining_authorised"),
        _area("#7d6a4d", "#c2a878", fillOpacity=0.55, dashArray="4 2", name="mining_informal"),
        _area("#5a3a1e", "#a3763f", fillOpacity=0.6, name="mining_illegal"),
        _area("#7d6a4d", "#bfb19a", fillOpacity=0.5, dashArray="1 2", name="mining_unknown"),
    )),
    ("borders", "base", True, True, False,
     ({"color": "#6b5f73", "weight": 1.6, "dashArray": "9 4 2 4", "name": "key_border"},)),
)  # fmt: skip


class BaseMap(MapElement):
    """Water, roads, patrolled water, areas, borders, and the names of rivers and areas."""

    name: ClassVar[str] = "basemap"

    def options(self) -> Mapping[str, Any]:
        """Return areas as rings of (lat, lon), names with their places, and the lines' styles."""
        tables = self.edition.first.layers.tables
        areas = [
            _area_layer(spec, tables[spec[0]]) for spec in _AREAS if len(tables.get(spec[0], ()))
        ]
        return {
            "areas": areas,
            "riverNames": _river_names(self.edition.first.reaches),
            "lines": self._line_layers(),
            "patrol": [f"rm-patrol-{k}" for k in range(len(self.edition.outcomes))],
            "patrolStyles": PATROL_STYLES,
        }

    def late(self) -> Mapping[str, bytes]:
        """Return the water, the roads, and each result's patrolled water."""
        reaches = self.edition.first.reaches
        road = _is_road(reaches)
        blobs = {"rm-water": _pack(reaches[~road])}
        if road.any():
            blobs["rm-roads"] = _pack_roads(reaches, road)
        for k, outcome in enumerate(self.edition.outcomes):
            blobs[f"rm-patrol-{k}"] = _patrolled(outcome)
        return blobs

    def _line_layers(self) -> list[dict[str, Any]]:
        water = {"id": "rivers", "blob": "rm-water", "styles": [_WATER]}
        road = {"id": "roads", "blob": "rm-roads", "styles": [_ROAD, _TRAVELLED]}
        present = [water, road] if _is_road(self.edition.first.reaches).any() else [water]
        return [{"group": "base", "on": True, **item} for item in present]


def lat_lon(coords: npt.NDArray[np.float64]) -> list[list[float]]:
    """Return (x, y) as Leaflet's (lat, lon): the only place where the order turns."""
    flipped: list[list[float]] = np.round(coords[:, ::-1], 5).tolist()
    return flipped


def _is_road(reaches: gpd.GeoDataFrame) -> npt.NDArray[np.bool_]:
    if "mode" not in reaches:
        return np.zeros(len(reaches), bool)
    found: npt.NDArray[np.bool_] = reaches["mode"].astype(str).isin(_ROADS).to_numpy(bool)
    return found


def _pack(reaches: gpd.GeoDataFrame) -> bytes:
    zeros = np.zeros(len(reaches), np.int64)
    return pack_lines(np.asarray(reaches["geometry"], dtype=object), owner=zeros, kind=zeros)


def _pack_roads(reaches: gpd.GeoDataFrame, road: npt.NDArray[np.bool_]) -> bytes:
    """Return the roads, those that trips go on in a class of their own."""
    transits = np.nan_to_num(reaches["transits"].to_numpy(float))
    travelled = transits[road] > _TRAVELLED_FROM * transits.max(initial=0.0)
    lines = np.asarray(reaches["geometry"], dtype=object)[road]
    return pack_lines(lines, owner=np.zeros(lines.size, np.int64), kind=travelled.astype(np.int64))


def _patrolled(outcome: OutcomeLike) -> bytes:
    table = outcome.reaches
    hours = table["patrol_hours"].to_numpy(float)
    some = np.nan_to_num(hours) > 0
    per_km = hours[some] / np.maximum(table["length_km"].to_numpy(float)[some], 1e-6)
    kind = np.searchsorted(_PATROL_EDGES_H_PER_KM, per_km)
    geometry = np.asarray(table["geometry"], dtype=object)[some]
    return pack_lines(geometry, owner=np.zeros(len(kind), np.int64), kind=kind)


def _area_layer(spec: tuple[Any, ...], table: gpd.GeoDataFrame) -> dict[str, Any]:
    layer, group, on, is_open, named, styles = spec
    shapes = shapely.simplify(np.asarray(table["geometry"], dtype=object), _TOLERANCE_DEG)
    names = _column(table, "name")
    statuses = _column(table, "status")
    titles = _column(table, "title_status")
    features = []
    for shape, name, status, title in zip(shapes, names, statuses, titles, strict=True):
        if shape is None or shape.is_empty:
            continue
        style = _STATUS.index(status) if len(styles) > 1 and status in _STATUS else len(styles) - 1
        detail = [f"status_{status}"] if layer == "mining_areas" and status in _STATUS else []
        features.append({
            "rings": _open_lines(shape) if is_open else _rings(shape),
            "style": style,
            "name": " · ".join(part for part in (name, title) if part),
            "detail": detail or None,
            **(_label(shape) if named and name and not is_made_up(layer, name) else {}),
        })  # fmt: skip
    return {"id": layer, "group": group, "on": on, "open": is_open, "named": named,
            "styles": styles, "features": features}  # fmt: skip


def _column(table: gpd.GeoDataFrame, column: str) -> list[str]:
    return [text_of(v) for v in table[column]] if column in table else [""] * len(table)


def _rings(shape: Any) -> list[list[list[list[float]]]]:
    polygons = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    return [
        [lat_lon(shapely.get_coordinates(ring)) for ring in (part.exterior, *part.interiors)]
        for part in polygons
    ]


def _open_lines(shape: Any) -> list[list[list[float]]]:
    # A border given as an area is drawn as its outline.
    lines = shape.boundary if shape.geom_type.endswith("Polygon") else shape
    return [lat_lon(shapely.get_coordinates(part)) for part in shapely.get_parts(lines)]


def _label(shape: Any) -> dict[str, Any]:
    """Return where the area's name stands, and the zoom from which the area is wide enough."""
    west, _, east, _ = shape.bounds
    wide_px = 80
    zoom = math.ceil(math.log2(wide_px * 360 / (256 * max(east - west, 1e-6))))
    point = shape.representative_point()
    return {"label": [round(point.y, 5), round(point.x, 5)], "fromZoom": zoom}


def _river_names(reaches: gpd.GeoDataFrame) -> list[list[Any]]:
    """Return [lat, lon, name], the longest river first, several places for each."""
    if "name" not in reaches:
        return []
    table = reaches.loc[~_is_road(reaches), ["name", "length_km", "geometry"]]
    table = table[table["name"].map(text_of) != ""]
    totals = table.groupby("name")["length_km"].sum().sort_values(ascending=False, kind="stable")
    longest = table.sort_values("length_km", ascending=False, kind="stable").groupby("name")
    chosen = longest.head(_LABELS_PER_RIVER)
    order = {name: k for k, name in enumerate(totals.index)}
    chosen = chosen.sort_values("name", key=lambda s: s.map(order), kind="stable")
    places = shapely.line_interpolate_point(
        shapely.get_geometry(np.asarray(chosen["geometry"], dtype=object), 0), 0.5, normalized=True
    )
    return [
        [plain(p.y, digits=5), plain(p.x, digits=5), text_of(n)]
        for p, n in zip(places, chosen["name"], strict=True)
        if p is not None and not p.is_empty
    ]
