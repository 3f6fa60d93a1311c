"""Sites: every point and polygon of the study that has to stand on the water (model §1).

Layers become sites with a place and a weight, sites become nodes: the reaches are cut where sites
attach and where a border is crossed. What is too far from navigable water is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from riskmap.network.arcs import Bools, Floats, Ints
from riskmap.network.attach import Places, nearest_places
from riskmap.network.borders import Crossings
from riskmap.network.cells import grid_cells
from riskmap.network.reaches import Reaches, split_reaches
from riskmap.report import Note


@dataclass(frozen=True, slots=True)
class Sites:
    """Hold the sites of one layer; the cells of one polygon or raster share a row.

    Attributes
    ----------
    layer
        Name of the layer.
    row
        Row number in the layer.
    lon, lat
        Place, degrees; of a cell its centroid.
    weight
        O of an origin, A of a destination; 1 for posts, checkpoints and candidates.
    node
        Node of the network, −1 where none is near enough (or before attaching).
    distance_km
        Overland leg; infinite where there is no navigable water.
    """

    layer: str
    row: Ints
    lon: Floats
    lat: Floats
    weight: Floats
    node: Ints
    distance_km: Floats


def sites_of_layer(
    layer: str, table: gpd.GeoDataFrame, *, cell_km: float, status_weights: Mapping[str, float]
) -> Sites:
    """Turn a layer into sites: points as they are, polygons as grid cells.

    Parameters
    ----------
    layer
        Name of the layer; it decides what the weight is (model §2).
    table
        Its canonical table.
    cell_km
        Side of the grid cells.
    status_weights
        Weight of a mining area by its legal status.
    """
    row = table.index.to_numpy(dtype=np.int32)
    weight = _weights(layer, table, status_weights)
    if layer == "mining_areas":
        cells = grid_cells(table.geometry, cell_km=cell_km)
        at = cells.polygon
        return _unattached(layer, row[at], cells.lon, cells.lat, cells.area_ha * weight[at])
    if layer == "rasters":  # the cells of one raster are one site, as those of a mining area
        first = np.unique(table["name"].astype(str), return_index=True, return_inverse=True)
        row = row[first[1]][first[2]]
    points = table.geometry
    return _unattached(layer, row, points.x.to_numpy(), points.y.to_numpy(), weight)


def _weights(layer: str, table: gpd.GeoDataFrame, status_weights: Mapping[str, float]) -> Floats:
    """Return O or A of each row; of a mining area A for one hectare."""
    weight = pd.Series(1.0, index=table.index)
    if layer == "venues":
        weight = table["capacity"] * table["confidence"]
    elif layer == "mining_areas":
        weight = table["status"].map(dict(status_weights)) * table["confidence"]
    elif layer in ("entry_points", "rasters"):
        weight = table["weight"]
    return np.asarray(weight, dtype=np.float64)


def _unattached(layer: str, row: Ints, lon: Floats, lat: Floats, weight: Floats) -> Sites:
    node = np.full(row.size, -1, dtype=np.int32)
    return Sites(layer, row, lon, lat, weight, node, np.full(row.size, np.inf))


@dataclass(frozen=True, slots=True)
class Sited:
    """Hold a network cut at its sites and border crossings.

    Attributes
    ----------
    reaches
        The reaches, cut.
    sites
        The sites with their nodes, by layer.
    border_nodes
        For each node, whether a border is crossed there.
    notes
        Sites that are too far from navigable water.
    """

    reaches: Reaches
    sites: Mapping[str, Sites]
    border_nodes: Bools
    notes: tuple[Note, ...]


def stand_on_water(
    reaches: Reaches,
    sites: Sequence[Sites],
    *,
    crossings: Crossings,
    usable: Bools,
    max_access_km: Mapping[str, float],
    position_error_m: Mapping[str, float] | None = None,
) -> Sited:
    """Attach all sites to usable reaches, and cut the reaches there.

    Parameters
    ----------
    reaches
        The network.
    sites
        The sites of every layer.
    crossings
        Where borders are crossed.
    usable
        Reaches that sites can be attached to.
    max_access_km
        Longest overland leg, km, by layer.
    position_error_m
        How far off the sites of a layer may be, m; 0 by default.
    """
    lon = np.concatenate([s.lon for s in sites])
    lat = np.concatenate([s.lat for s in sites])
    errors = position_error_m or {}
    error = np.concatenate([np.full(s.row.size, errors.get(s.layer, 0.0)) for s in sites])
    places = nearest_places(reaches, lon, lat, usable=usable, position_error_km=error / 1000.0)
    limit = np.concatenate([np.full(s.row.size, max_access_km[s.layer]) for s in sites])
    near = places.distance_km <= limit
    cut, nodes = split_reaches(
        reaches,
        reach=np.concatenate([places.reach[near], crossings.reach]),
        measure_km=np.concatenate([places.measure_km[near], crossings.measure_km]),
    )
    node = np.full(lon.size, -1, dtype=np.int32)
    node[near] = nodes[: int(near.sum())]
    border = np.zeros(cut.node_xy.shape[0], dtype=np.bool_)
    border[nodes[int(near.sum()) :]] = True
    ends = np.cumsum([s.row.size for s in sites])[:-1]
    parts = zip(sites, np.split(node, ends), np.split(places.distance_km, ends), strict=True)
    attached = {s.layer: replace(s, node=n, distance_km=d) for s, n, d in parts}
    notes = [
        note
        for s in attached.values()
        if s.layer != "rasters"  # a grid reaches beyond the water by its nature
        for note in _far_notes(s, max_access_km[s.layer])
    ]
    for s, mine in zip(sites, np.split(np.arange(lon.size), ends), strict=True):
        if s.layer not in (
            "mining_areas",
            "rasters",
        ):  # the cells of an area press on all the water around it
            notes += _rival_notes(attached[s.layer], reaches, places, mine)
    return Sited(cut, attached, border, tuple(notes))


def _rival_notes(
    sites: Sites, reaches: Reaches, places: Places, mine: npt.NDArray[np.intp]
) -> list[Note]:
    """Report sites on the water that have another water nearly as near."""

    def name(reach: int) -> str:
        return str(reaches.name[reach]) or "a river without a name"

    def other(one: int, rival: int) -> str:
        same = reaches.name[one] and reaches.name[one] == reaches.name[rival]
        return "another stretch of it" if same else f"another water ({name(rival)})"

    return [
        Note(
            "ambiguous",
            sites.layer,
            f"row {sites.row[s]}",
            f"stands {places.distance_km[k]:.1f} km from {name(places.reach[k])}, and "
            f"{other(places.reach[k], places.rival[k])} is {places.rival_km[k]:.1f} km away: the "
            "nearer one is taken",
            "move the site if people use the other",
            lon=float(sites.lon[s]),
            lat=float(sites.lat[s]),
        )
        for s, k in enumerate(mine)
        if sites.node[s] >= 0 and places.rival[k] >= 0
    ]


def _far_notes(sites: Sites, limit_km: float) -> list[Note]:
    """Report each row that stands off the water, wholly or in part."""
    off = sites.node < 0
    rows, of = np.unique(sites.row, return_inverse=True)
    far, cells = np.bincount(of[off], minlength=rows.size), np.bincount(of)
    weight = np.maximum(np.bincount(of, sites.weight), np.finfo(float).tiny)
    shares = np.bincount(of, sites.weight * off) / weight
    km = np.full(rows.size, np.inf)
    np.minimum.at(km, of[off], sites.distance_km[off])
    notes = []
    for k in np.flatnonzero(far):
        shown = f"{shares[k]:.0%}" if shares[k] >= 0.01 else "less than 1%"
        part = "lies" if far[k] == cells[k] else f"lies with {shown} of its area"
        notes.append(
            Note(
                "unattached",
                sites.layer,
                f"row {rows[k]}",
                f"{part} {km[k]:.1f} km from navigable water, "
                f"beyond the limit of {limit_km:g} km: its trips are not on the water",
                "raise max_access_km of [travel] or of the layer if people do walk that far",
            )
        )
    return notes
