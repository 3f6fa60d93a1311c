"""Reasons with names: who sends traffic to a corridor, who patrols it, what it touches (§6)."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from riskmap.layers import Layers
from riskmap.network.arcs import Floats, Geometries
from riskmap.network.borders import outlines
from riskmap.results.scored import Scored
from riskmap.results.shares import Shares, pairs_by_row, shares_of_corridors

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
    shares = shares_of_corridors(scored, layers)
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


def _post_hours(scored: Scored, layers: Layers) -> list[tuple[tuple[str, float], ...]]:
    """Return (post, effective hours a month) for each corridor, most hours first."""
    patrols, n = scored.patrols, scored.chains.start.size - 1
    n_posts = scored.posts.row.size
    if not n_posts:
        return [()] * n
    post = np.repeat(np.arange(n_posts), np.diff(patrols.post_start))
    corridor = scored.chains.corridor[patrols.post_reach].astype(np.int64)
    on = corridor >= 0
    pairs, which = np.unique(corridor[on] * n_posts + post[on], return_inverse=True)
    hours: Floats = np.bincount(which, patrols.post_hours[on], minlength=pairs.size).astype(
        np.float64
    )
    kept = hours >= SMALLEST_HOURS
    corridor, post = np.divmod(pairs[kept], n_posts)
    names = layers.tables["police_posts"]["name"].loc[scored.posts.row].astype(str)
    own = names.to_numpy(dtype=object)[post]
    order = np.lexsort((own.astype(str), -hours[kept], corridor))
    return pairs_by_row(corridor[order], own[order], hours[kept][order], n=n)


def _areas_touched(lines: Geometries, areas: gpd.GeoDataFrame | None) -> list[tuple[str, ...]]:
    """Return the names of the areas that each corridor touches."""
    names: list[set[str]] = [set() for _ in range(lines.size)]
    if areas is not None and not areas.empty:
        labels = areas["name"].astype(str).to_numpy()
        tree = shapely.STRtree(areas.geometry.to_numpy())
        for line, area in zip(*tree.query(lines, predicate="intersects"), strict=True):
            names[line].add(labels[area])
    return [tuple(sorted(found)) for found in names]
