"""Access to help: how far venues and mining areas are from whoever could help (docs/access.md).

The places of help are the posts that are effective enough and the layer of facilities, by kind.
Hours are by the study's craft with both overland legs, in both seasons and both directions; where
it is nearer on foot, straight over land. Traffic and patrols play no part in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from pyproj import Geod
from scipy.spatial import KDTree

from riskmap.layers import Layers
from riskmap.network.arcs import Floats, Ints, group_by
from riskmap.network.borders import find_crossings
from riskmap.network.reaches import Reaches
from riskmap.network.shortest import least_costs
from riskmap.network.sites import Sites, sites_of_layer, stand_on_water
from riskmap.network.travel import ReachArcs, build_arcs, reach_speeds
from riskmap.settings import Season, Settings

POST_KIND = "police_post"
SEASONS: tuple[Season, ...] = get_args(Season)
_EARTH_KM = 6371.0088
_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class Help:
    """Hold the places of help of one kind: rows of a layer, and their names by row."""

    kind: str
    layer: str
    names: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class _Hours:
    """Hold hours of one kind in one season, by site (or cell): out to help, and help's way in.

    `helper` is the row of the place that is nearest on the way out, −1 where there is none.
    """

    out: Floats
    into: Floats
    helper: Ints


def places_of_help(settings: Settings, layers: Layers) -> tuple[Help, ...]:
    """Return the places of help of a study by kind: effective posts first, then facilities.

    A post counts from `[access] effective_post_from` on, if it has patrol hours at all.
    """
    found = []
    posts = layers.tables.get("police_posts")
    if posts is not None:
        able = (posts["effectiveness"] >= settings.access.effective_post_from) & (
            posts["patrol_hours"] * posts["effectiveness"] > 0.0
        )
        found.append(Help(POST_KIND, "police_posts", posts.loc[able, "name"].to_dict()))
    facilities = layers.tables.get("facilities")
    if facilities is not None:
        kinds = facilities["kind"].map(kind_key)
        for kind in sorted(set(kinds)):
            names = facilities.loc[kinds == kind, "name"].to_dict()
            found.append(Help(str(kind), "facilities", names))
    return tuple(place for place in found if place.names)


def kind_key(kind: object) -> str:
    """Return a kind of facility as part of a column's name.

    Examples
    --------
    >>> kind_key("Puesto de Salud"), kind_key("")
    ('puesto_de_salud', 'facility')
    """
    bare = unicodedata.normalize("NFKD", str(kind)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", bare).strip("_") or "facility"


def access_table(settings: Settings, layers: Layers, reaches: Reaches) -> gpd.GeoDataFrame:
    """Return the hours between every venue or mining area and help, one row for each.

    Parameters
    ----------
    settings
        The study: craft, speeds, limits of access, navigability, `[access]`.
    layers
        Its layers.
    reaches
        Its network.

    Returns
    -------
    GeoDataFrame
        EPSG:4326; `layer`, `row`, `name`; for each kind of help `nearest_KIND` (in the study's
        season), `hours_to_KIND_low_water`, `hours_to_KIND_high_water` (out), and
        `hours_from_KIND_…` (help's way in), NaN where there is no way; `hours_to_help`, the way
        out to whatever is nearest in the worse season; `cut_off`, whether that is longer than
        `[access] cut_off_h` or there is no way. Of a mining area the hours are those that half of
        it is within, by weight; it is shown as a point inside it.
    """
    ends = [name for name in ("venues", "mining_areas") if name in layers.tables]
    sites = [_sites(settings, layers, name) for name in ends]
    helps = places_of_help(settings, layers)
    by_season = {season: _season_hours(settings, layers, reaches, season, sites, helps)
                 for season in SEASONS}  # fmt: skip
    tables = [
        _layer_table(settings, layers.tables[s.layer], s, helps,
                     {season: hours[k] for season, hours in by_season.items()})
        for k, s in enumerate(sites)
    ]  # fmt: skip
    if not tables:
        return gpd.GeoDataFrame({"layer": [], "row": [], "name": []}, geometry=[], crs=4326)
    return gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), crs="EPSG:4326")


def _sites(settings: Settings, layers: Layers, name: str) -> Sites:
    return sites_of_layer(
        name,
        layers.sites_table(name),
        cell_km=settings.mining.cell_km,
        status_weights=dict(settings.mining.status_weights),
    )


def _season_hours(
    settings: Settings,
    layers: Layers,
    reaches: Reaches,
    season: Season,
    sites: Sequence[Sites],
    helps: Sequence[Help],
) -> list[list[_Hours]]:
    """Return the hours in a season, for each layer of sites and each kind of help."""
    speeds = reach_speeds(
        reaches,
        travel=settings.travel,
        season=season,
        limits=getattr(settings.navigability, season),
    )
    standing = [
        *sites,
        *(_sites(settings, layers, name) for name in sorted({h.layer for h in helps})),
    ]
    sited = stand_on_water(
        reaches,
        standing,
        crossings=find_crossings(reaches, None),
        usable=speeds.navigable,
        max_access_km={s.layer: settings.max_access_km(s.layer) for s in standing},
    )
    cut = sited.reaches
    speeds = reach_speeds(
        cut, travel=settings.travel, season=season, limits=getattr(settings.navigability, season)
    )
    network = build_arcs(
        cut,
        speeds,
        hazard_km=np.zeros(cut.u.size),
        detection_probability=np.zeros(len(cut.node_xy)),
    )
    ways = [_ways(settings, network, _of_kind(sited.sites[h.layer], h)) for h in helps]
    return [[_hours(settings, sited.sites[s.layer], way) for way in ways] for s in sites]


def _of_kind(places: Sites, help_: Help) -> Sites:
    """Return the places of one kind of help."""
    mine = np.isin(places.row, list(help_.names))
    return Sites(
        places.layer,
        places.row[mine],
        places.lon[mine],
        places.lat[mine],
        places.weight[mine],
        places.node[mine],
        places.distance_km[mine],
    )


@dataclass(frozen=True, slots=True)
class _Ways:
    """Hold the hours by water between every node and one kind of help, legs of help included.

    `helper` is the row of the place that is nearest on the way out, −1 where no way leads.
    """

    places: Sites
    out: Floats
    into: Floats
    helper: Ints


def _ways(settings: Settings, network: ReachArcs, places: Sites) -> _Ways:
    wet = places.node >= 0
    walk_h = places.distance_km[wet] / settings.travel.overland_kmh
    arcs, node = network.arcs, places.node[wet]
    found = []
    for tail, head in ((arcs.head, arcs.tail), (arcs.tail, arcs.head)):  # out is against the arcs
        start, order = group_by(tail, arcs.n_nodes)
        found.append(least_costs(start, head[order], arcs.time_h[order], node, walk_h, np.inf))
    (out, source), (into, _) = found
    helper = np.append(places.row[wet], -1)[source]
    return _Ways(places, out, into, helper.astype(np.int32))


def _hours(settings: Settings, sites: Sites, ways: _Ways) -> _Hours:
    """Return the hours between sites and one kind of help, by water or straight over land."""
    on = sites.node >= 0
    leg_h = np.where(on, sites.distance_km / settings.travel.overland_kmh, np.inf)
    at = np.where(on, sites.node, 0)
    out, into = ways.out[at] + leg_h, ways.into[at] + leg_h
    helper = np.where(np.isfinite(out), ways.helper[at], -1)
    land_h, nearest = _over_land(settings, sites, ways.places)
    helper = np.where(land_h < out, nearest, helper).astype(np.int32)
    return _Hours(np.minimum(out, land_h), np.minimum(into, land_h), helper)


def _over_land(settings: Settings, sites: Sites, places: Sites) -> tuple[Floats, Ints]:
    """Return the hours straight over land to the nearest place, and its row, within the limit."""
    tree = KDTree(_on_sphere(places.lon, places.lat))
    near = np.asarray(tree.query(_on_sphere(sites.lon, sites.lat))[1])
    metres = _GEOD.inv(sites.lon, sites.lat, places.lon[near], places.lat[near])[2]
    km = np.asarray(metres) / 1000.0
    walkable = km <= settings.max_access_km(sites.layer)
    hours = np.where(walkable, km / settings.travel.overland_kmh, np.inf)
    return hours, places.row[near]


def _on_sphere(lon: Floats, lat: Floats) -> Floats:
    """Return places as points on a sphere, km: nearest there is nearest on the ground."""
    x, y = np.radians(lon), np.radians(lat)
    return _EARTH_KM * np.column_stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)])


def _layer_table(
    settings: Settings,
    table: gpd.GeoDataFrame,
    sites: Sites,
    helps: Sequence[Help],
    hours: Mapping[Season, Sequence[_Hours]],
) -> gpd.GeoDataFrame:
    """Return the rows of one layer."""
    columns: dict[str, object] = {
        "layer": sites.layer,
        "row": table.index.to_numpy(),
        "name": table["name"].to_numpy(dtype=object),
    }
    best = {season: np.full(len(table), np.inf) for season in SEASONS}
    for k, place in enumerate(helps):
        own = hours[settings.study.season][k]
        _, cell = _middle(table, sites, own.out)
        columns[f"nearest_{place.kind}"] = [
            place.names.get(int(own.helper[c]), "") for c in cell
        ]  # fmt: skip
        for way in ("to", "from"):
            for season in SEASONS:
                which = hours[season][k]
                middle, _ = _middle(table, sites, which.out if way == "to" else which.into)
                columns[f"hours_{way}_{place.kind}_{season}_water"] = _known(middle)
    for season in SEASONS if helps else ():
        nearest = np.min([which.out for which in hours[season]], axis=0)
        best[season] = _middle(table, sites, nearest)[0]
    worse = np.maximum(*best.values())
    columns["hours_to_help"] = _known(worse)
    columns["cut_off"] = worse > settings.access.cut_off_h
    points = table.geometry.representative_point()
    return gpd.GeoDataFrame(columns, geometry=points.to_numpy(), crs="EPSG:4326")


def _middle(
    table: gpd.GeoDataFrame, sites: Sites, hours: Floats
) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Return, for each row, the hours that half of its weight is within, and the cell there."""
    weight = pd.Series(sites.weight).groupby(sites.row).transform("sum").to_numpy()
    weight = np.where(weight > 0.0, sites.weight, 1.0)
    order = np.lexsort((hours, sites.row))
    share = pd.Series(weight[order]).groupby(sites.row[order])
    reached = share.cumsum().to_numpy() >= 0.5 * share.transform("sum").to_numpy()
    rows, first = np.unique(sites.row[order][reached], return_index=True)
    cell = order[np.flatnonzero(reached)[first]]
    at = np.searchsorted(rows, table.index.to_numpy())
    return hours[cell[at]], cell[at]


def _known(hours: Floats) -> Floats:
    return np.where(np.isfinite(hours), hours, np.nan)
