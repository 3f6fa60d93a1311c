"""Reasons with names: who sends traffic to a corridor, who patrols it, what it touches (§6)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from riskmap.layers import Layers
from riskmap.model.demand import SitesOnWater, site_parts
from riskmap.model.descent import Parts, Walks, descend
from riskmap.model.reasons import End, walks_to_reasons
from riskmap.model.scores import Movement
from riskmap.network.arcs import Floats, Geometries
from riskmap.network.borders import outlines
from riskmap.results.scored import Scored

#: Names with their shares, largest first.
Shares = tuple[tuple[str, float], ...]

#: A site with a smaller share of a corridor's traffic is not named as a reason.
SMALLEST_SHARE = 0.005
#: A share of a corridor's traffic that is nothing.
NOTHING = 1e-13
#: Cells of the table of corridors by sites that is held at once.
MOST_CELLS = 2**22
ENDS: tuple[End, End] = ("origins", "destinations")
#: A post with fewer effective hours a month on a corridor is not named.
SMALLEST_HOURS = 0.05
#: Rounding of a place on a border, degrees (a decimetre).
ON_BORDER_DEG = 1e-6


@dataclass(frozen=True, slots=True)
class Reason:
    """Say why a corridor ranks where it does; shares are of its traffic, 0 to 1.

    Attributes
    ----------
    origins, sites
        (name, share) of the entry points that its traffic comes from and of the sites that it goes
        to, largest first.
    posts
        (name, effective patrol hours a month) of the posts that patrol it, most hours first.
    borders, protected_areas
        Names of what it touches.
    """

    origins: Shares
    sites: Shares
    posts: tuple[tuple[str, float], ...]
    borders: tuple[str, ...]
    protected_areas: tuple[str, ...]


def explain_corridors(scored: Scored, layers: Layers, lines: Geometries) -> list[Reason]:
    """Return the reasons of every corridor, by its number.

    Parameters
    ----------
    scored
        The scored network.
    layers
        The layers that its sites come from.
    lines
        Geometry of each corridor, EPSG:4326.
    """
    shares = _shares(scored, layers)
    origins, sites = shares["origins"], shares["destinations"]
    posts = _post_hours(scored, layers)
    borders = _borders_crossed(scored, layers.tables.get("borders"))
    areas = _areas_touched(lines, layers.tables.get("protected_areas"))
    return [Reason(origins[c], sites[c], posts[c], borders[c], areas[c]) for c in range(lines.size)]


def _borders_crossed(scored: Scored, borders: gpd.GeoDataFrame | None) -> list[tuple[str, ...]]:
    """Return the names of the borders that are crossed where each corridor begins or ends."""
    chains = scored.chains
    names: list[set[str]] = [set() for _ in range(chains.upstream_node.size)]
    if borders is not None and not borders.empty:
        labels = borders["name"].astype(str).to_numpy()
        tree = shapely.STRtree(outlines(borders.geometry.to_numpy()))
        for node in (chains.upstream_node, chains.downstream_node):
            at = np.flatnonzero(scored.border_nodes[node])
            places = np.asarray(shapely.points(scored.reaches.node_xy[node[at]]))
            # The place was computed from the border, and lies on it to rounding only.
            pairs = tree.query(places, predicate="dwithin", distance=ON_BORDER_DEG)
            for corridor, border in zip(at[pairs[0]], pairs[1], strict=True):
                names[corridor].add(labels[border])
    return [tuple(sorted(found)) for found in names]


def _shares(scored: Scored, layers: Layers) -> dict[End, list[Shares]]:
    """Return (name, share) of the sites of each end, over all movements, for each corridor."""
    corridor = scored.chains.corridor[scored.network.reach]
    km = scored.reaches.length_km[scored.network.reach]
    on = corridor >= 0
    amount = (km * scored.scores.transits)[on]
    n = scored.chains.start.size - 1
    whole = np.bincount(corridor[on], amount, minlength=n).astype(np.float64)
    if not whole.size:
        return {end: [] for end in ENDS}
    walks = walks_to_reasons(scored.scores, corridor=corridor, km=km)
    return {end: _of_end(scored, layers, end, walks[end], whole) for end in ENDS}


def _of_end(scored: Scored, layers: Layers, end: End, walks: Walks, whole: Floats) -> list[Shares]:
    """Walk from every corridor, some corridors at once, and name who has a share of the whole."""
    sites = [_sites_of(movement.movement, end) for movement in scored.scores.movements]
    keys = pd.MultiIndex.from_tuples(
        sorted({(layer, int(row)) for layer, own, _ in sites for row in np.unique(own.row)})
    )
    names = np.array(
        [str(layers.tables[layer]["name"].loc[row]) for layer, row in keys], dtype=object
    )
    parts, once = _parts(walks, keys, sites)
    # Who stands in one place only is found whole, or left out whole.
    too_little = np.where(once & ~walks.two_ways, SMALLEST_SHARE / (2 * len(sites)), NOTHING)
    least = np.log(whole * too_little)
    told: list[Shares] = []
    at_once = max(1, MOST_CELLS // max(len(keys), 1))
    for first in range(0, whole.size, at_once):
        some = whole[first : first + at_once]
        table = np.zeros((some.size, len(keys)))
        descend(walks, parts, least=least, first=first, table=table)
        told += _named(table / some[:, None], names)
    return told


def _sites_of(movement: Movement, end: End) -> tuple[str, SitesOnWater, float]:
    """Return layer and sites of one end, and the β with which their overland legs count."""
    if end == "origins":
        return movement.origin_layer, movement.origins, 0.0
    return movement.destination_layer, movement.destinations, movement.beta_per_h


def _parts(
    walks: Walks, keys: pd.MultiIndex, sites: list[tuple[str, SitesOnWater, float]]
) -> tuple[Parts, bool]:
    """Return what part of the trips of each place each site has, and whether all stand but once."""
    found = []
    for m, (layer, own, beta) in enumerate(sites):
        nodes = np.unique(own.node[own.node >= 0])
        position, part = site_parts(own, nodes=nodes, beta_per_h=beta)
        on = position >= 0
        rows = pd.MultiIndex.from_arrays([[layer] * int(on.sum()), own.row[on]])
        place = walks.forest.place[nodes[position[on]]]
        table = pd.DataFrame({"place": place, "key": keys.get_indexer(rows), m: part[on]})
        found.append(table.groupby(["place", "key"]).sum())
    together = pd.concat(found, axis=1).fillna(0.0).sort_index()
    at = together.index.get_level_values("place")
    start = np.searchsorted(at, np.arange(walks.forest.node.size + 1)).astype(np.int32)
    key = together.index.get_level_values("key")
    parts = np.ascontiguousarray(together.to_numpy())
    return Parts(start, key.to_numpy(dtype=np.int32), parts), key.is_unique


def _named(shares: Floats, names: npt.NDArray[np.object_]) -> list[Shares]:
    """Return (name, share) row by row, largest first; ties by name."""
    row, key = np.nonzero(shares >= SMALLEST_SHARE)
    share, name = shares[row, key], names[key]
    order = np.lexsort((name.astype(str), -share, row))
    pairs = list(zip(name[order].tolist(), share[order].tolist(), strict=True))
    ends = np.searchsorted(row, np.arange(shares.shape[0] + 1))
    return [tuple(pairs[a:b]) for a, b in pairwise(ends.tolist())]


def _post_hours(scored: Scored, layers: Layers) -> list[tuple[tuple[str, float], ...]]:
    """Return (post, effective hours a month) for each corridor, most hours first."""
    patrols, n = scored.patrols, scored.chains.start.size - 1
    by_corridor: list[list[tuple[str, float]]] = [[] for _ in range(n)]
    for p, row in enumerate(scored.posts.row):
        mine = slice(patrols.post_start[p], patrols.post_start[p + 1])
        corridor = scored.chains.corridor[patrols.post_reach[mine]]
        on = corridor >= 0
        hours = np.bincount(corridor[on], patrols.post_hours[mine][on], minlength=n)
        name = str(layers.tables["police_posts"]["name"].loc[row])
        for c in np.flatnonzero(hours >= SMALLEST_HOURS):
            by_corridor[c].append((name, float(hours[c])))
    return [tuple(sorted(posts, key=lambda pair: (-pair[1], pair[0]))) for posts in by_corridor]


def _areas_touched(lines: Geometries, areas: gpd.GeoDataFrame | None) -> list[tuple[str, ...]]:
    """Return the names of the areas that each corridor touches."""
    names: list[set[str]] = [set() for _ in range(lines.size)]
    if areas is not None and not areas.empty:
        labels = areas["name"].astype(str).to_numpy()
        tree = shapely.STRtree(areas.geometry.to_numpy())
        for line, area in zip(*tree.query(lines, predicate="intersects"), strict=True):
            names[line].add(labels[area])
    return [tuple(sorted(found)) for found in names]
