"""Roads and landings: the second mode of travel (model §1).

Roads become reaches of mode 1, noded among themselves and never with rivers: where a road crosses a
river there is a bridge. A landing ties the nearest point of a road to the nearest point of the
water, by a reach of mode 2 that takes its hours and stands for no way.

The reaches of a network that has roads carry two further attributes, `low_kmh` and `high_kmh`: the
speed in each season, NaN on water.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import Geod

from riskmap.errors import NetworkError, Problem
from riskmap.network.arcs import Bools, Floats, Ints
from riskmap.network.attach import nearest_places
from riskmap.network.meetings import part_lines
from riskmap.network.reaches import (
    Reaches,
    build_reaches,
    draw_lines,
    split_reaches,
    turn_reaches,
)
from riskmap.presets import road_speeds_kmh
from riskmap.report import Count, Note

RIVER, ROAD, LANDING = 0, 1, 2
#: Length of a landing whose road and water meet, km: a reach has a length.
NO_WAY_KM = 1e-6
_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class _Ties:
    """Hold the landings that tie a road to water: rows of their table, and the two nodes."""

    row: npt.NDArray[np.intp]
    road: Ints
    water: Ints


def build_roads(roads: gpd.GeoDataFrame, *, snap_tolerance_m: float, road_kmh: float) -> Reaches:
    """Build the reaches of a network of roads; both directions are open.

    Parameters
    ----------
    roads
        Canonical road lines, EPSG:4326, indexed by row number.
    snap_tolerance_m
        Gaps up to this are closed, m.
    road_kmh
        Speed where neither the road's own nor that of its class is known, km/h.

    Raises
    ------
    NetworkError
        Where no line is left.
    """
    unknown = pd.Series(np.nan, index=roads.index)
    kind = roads["road_class"].str.lower()
    speeds = {
        f"{season}_kmh": roads["speed_kmh"].fillna(kind.map(dict(by_class))).fillna(road_kmh)
        for season, by_class in (("low", road_speeds_kmh("low")), ("high", road_speeds_kmh("high")))
    }
    lines = gpd.GeoDataFrame(
        {
            "name": roads["name"],
            "strahler_order": unknown,
            "discharge_m3s": unknown,
            "width_m": unknown,
            # The two speeds pass for those of a current, so that what differs in them stays apart.
            "downstream_kmh": speeds["low_kmh"],
            "upstream_kmh": speeds["high_kmh"],
            "navigable": roads["passable"],
        },
        geometry=roads.geometry,
    )
    try:
        built = build_reaches(
            _parted(lines), snap_tolerance_m=snap_tolerance_m, flow_direction="unknown"
        )
    except NetworkError:
        raise NetworkError(
            Problem("roads", None, "no line is longer than the tolerance", "check the layer")
        ) from None
    none = np.full(built.u.size, np.nan)
    return replace(
        built,
        mode=np.full(built.u.size, ROAD, dtype=np.uint8),
        attributes={
            **built.attributes,
            "low_kmh": built.attributes["downstream_kmh"],
            "high_kmh": built.attributes["upstream_kmh"],
            "downstream_kmh": none,
            "upstream_kmh": none,
        },
        notes=(
            *(replace(note, layer="roads") for note in built.notes),
            *_class_notes(roads, kind, road_kmh),
        ),
    )


def _parted(lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the rows cut where roads share a vertex, as streets that cross do.

    Lanes of one road that are drawn apart are then compared from one such place to the next,
    wherever their lines end.
    """
    shapes, row = shapely.get_parts(lines.geometry.to_numpy(), return_index=True)
    coords, of_part = shapely.get_coordinates(shapes, return_index=True)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(of_part, minlength=shapes.size))])
    coords, offsets, part = part_lines(coords, offsets)
    parted = lines.iloc[row[part]]
    return parted.set_geometry(gpd.GeoSeries(draw_lines(coords, offsets), parted.index, lines.crs))


def _class_notes(roads: gpd.GeoDataFrame, kind: pd.Series, road_kmh: float) -> list[Note]:
    """Report the roads whose speed is assumed because nothing is known of them."""
    blind = roads["speed_kmh"].isna() & ~kind.isin(list(road_speeds_kmh("low")))
    if not blind.any():
        return []
    strange = sorted(set(kind[blind]) - {""})[:5]
    of = f", of class {', '.join(strange)} or none" if strange else ""
    what = f"{Count(blind.sum()):road|roads} without a speed{of}: {road_kmh:g} km/h is assumed"
    mend = "give speed_kmh or road_class, or set road_kmh of [travel]"
    return [Note("defaulted", "roads", None, what, mend, count=int(blind.sum()))]


def lay_beside(water: Reaches, roads: Reaches) -> Reaches:
    """Return two networks as one that nothing joins, in its own order."""
    first = water.node_xy.shape[0]
    return _joined(water, replace(roads, u=roads.u + first, v=roads.v + first))


def _joined(one: Reaches, more: Reaches) -> Reaches:
    """Add reaches whose nodes are numbered after those of the first ones, or among them."""
    names = [*one.attributes, *(name for name in more.attributes if name not in one.attributes)]
    together = Reaches(
        np.concatenate([one.coords, more.coords]),
        np.concatenate([one.offsets, more.offsets[1:] + one.offsets[-1]]),
        np.concatenate([one.u, more.u]).astype(np.int32),
        np.concatenate([one.v, more.v]).astype(np.int32),
        np.concatenate([one.node_xy, more.node_xy]),
        np.concatenate([one.length_km, more.length_km]),
        np.concatenate([one.source_id, more.source_id]),
        np.concatenate([one.name, more.name]),
        np.concatenate([one.mode, more.mode]),
        np.concatenate([one.flow_known, more.flow_known]),
        {
            name: np.concatenate([_attribute(one, more, name), _attribute(more, one, name)])
            for name in names
        },
        (*one.notes, *more.notes),
    )
    return turn_reaches(together, np.zeros(together.u.size, dtype=np.bool_))


def _attribute(reaches: Reaches, other: Reaches, name: str) -> np.ndarray:
    """Return an attribute, or what stands for unknown where only the other network has it."""
    if name in reaches.attributes:
        return reaches.attributes[name]
    if name == "navigable":
        return np.full(reaches.u.size, "both", dtype=object)
    if other.attributes[name].dtype == object:
        return np.full(reaches.u.size, "", dtype=object)
    return np.full(reaches.u.size, np.nan)


def tie_landings(
    reaches: Reaches, landings: gpd.GeoDataFrame | None, *, usable: Bools, tolerance_km: float
) -> Reaches:
    """Tie roads to water at landings.

    Parameters
    ----------
    reaches
        Rivers and roads side by side.
    landings
        Canonical landings, EPSG:4326; None where the study has none.
    usable
        Reaches that boats or vehicles pass, shape (n_reaches,).
    tolerance_km
        How far a landing may be from its road, and from its water.

    Returns
    -------
    Reaches
        Cut at the landings, and with a reach of mode 2 for each, whose `low_kmh` and `high_kmh`
        are its length over its hours.
    """
    if landings is None:
        what = "the study has no landings: no trip can change to a road"
        mend = "add [layers.landings], or take the roads out"
        return replace(reaches, notes=(*reaches.notes, Note("doubtful", "roads", None, what, mend)))
    lon, lat = landings.geometry.x.to_numpy(), landings.geometry.y.to_numpy()
    road = nearest_places(reaches, lon, lat, usable=usable & (reaches.mode == ROAD))
    water = nearest_places(reaches, lon, lat, usable=usable & (reaches.mode == RIVER))
    notes = _far_notes(landings, road.distance_km, water.distance_km, tolerance_km)
    near = np.flatnonzero(np.maximum(road.distance_km, water.distance_km) <= tolerance_km)
    cut, node = split_reaches(
        reaches,
        reach=np.concatenate([road.reach[near], water.reach[near]]),
        measure_km=np.concatenate([road.measure_km[near], water.measure_km[near]]),
    )
    ties = _least(landings, _Ties(near, node[: near.size], node[near.size :]))
    tied = _joined(cut, _transfers(cut, landings, ties)) if ties.row.size else cut
    return replace(tied, notes=(*reaches.notes, *notes, *_double_notes(landings, near, ties)))


def _least(landings: gpd.GeoDataFrame, ties: _Ties) -> _Ties:
    """Keep, of the landings between the same two places, the one that takes the fewest hours."""
    hours = landings["transfer_h"].to_numpy(dtype=np.float64)[ties.row]
    name = pd.factorize(landings["name"].to_numpy(dtype=object), sort=True)[0][ties.row]
    order = np.lexsort((name, hours, ties.water, ties.road))
    pair = np.column_stack([ties.road, ties.water])[order]
    first = np.ones(order.size, dtype=np.bool_)
    first[1:] = (pair[1:] != pair[:-1]).any(axis=1)
    kept = order[first]
    return _Ties(ties.row[kept], ties.road[kept], ties.water[kept])


def _transfers(reaches: Reaches, landings: gpd.GeoDataFrame, ties: _Ties) -> Reaches:
    """Return the reaches of landings: from the road over the landing's place to the water."""
    chosen = landings.iloc[ties.row]
    place = np.column_stack([chosen.geometry.x.to_numpy(), chosen.geometry.y.to_numpy()])
    lines = np.stack([reaches.node_xy[ties.road], place, reaches.node_xy[ties.water]], axis=1)
    ways = [_GEOD.inv(*a.T, *b.T)[2] for a, b in ((lines[:, 0], place), (place, lines[:, 2]))]
    km = np.maximum(np.sum(ways, axis=0) / 1000.0, NO_WAY_KM)
    kmh = km / chosen["transfer_h"].to_numpy(dtype=np.float64)
    n = len(chosen)
    return Reaches(
        lines.reshape(-1, 2),
        np.arange(n + 1, dtype=np.int64) * 3,
        ties.road,
        ties.water,
        np.empty((0, 2)),
        km,
        chosen.index.to_numpy(dtype=np.int32),
        chosen["name"].to_numpy(dtype=object),
        np.full(n, LANDING, dtype=np.uint8),
        np.zeros(n, dtype=np.bool_),
        {"low_kmh": kmh, "high_kmh": kmh},
        (),
    )


def _far_notes(
    landings: gpd.GeoDataFrame, road_km: Floats, water_km: Floats, tolerance_km: float
) -> list[Note]:
    """Report the landings that tie nothing, with what is too far."""
    notes = []
    for k in np.flatnonzero(np.maximum(road_km, water_km) > tolerance_km):
        far = [
            f"{km:.1f} km from {what}" if np.isfinite(km) else f"without any {what}"
            for km, what in ((road_km[k], "a passable road"), (water_km[k], "navigable water"))
            if km > tolerance_km
        ]
        place = landings.geometry.iloc[k]
        notes.append(
            Note(
                "unattached",
                "landings",
                f"row {landings.index[k]}",
                f"lies {' and '.join(far)}, beyond the limit of {tolerance_km:g} km: "
                "nobody changes there",
                "move the landing, or raise landing_tolerance_m of [travel] or max_access_km of "
                "the layer",
                lon=float(place.x),
                lat=float(place.y),
            )
        )
    return notes


def _double_notes(
    landings: gpd.GeoDataFrame, near: npt.NDArray[np.intp], ties: _Ties
) -> list[Note]:
    rest = np.setdiff1d(near, ties.row)
    return [
        Note(
            "mended",
            "landings",
            f"row {landings.index[k]}",
            "ties the same two places as another landing: the one with the fewest hours is taken",
            lon=float(landings.geometry.iloc[k].x),
            lat=float(landings.geometry.iloc[k].y),
        )
        for k in rest
    ]
