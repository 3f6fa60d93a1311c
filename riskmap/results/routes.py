"""The table of routes: from every entry point to every site that it sends trips to (model §6)."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from riskmap.layers import Layers
from riskmap.model.demand import site_parts
from riskmap.model.paths import least_hours, least_paths
from riskmap.model.scores import MovementScore
from riskmap.network.arcs import Floats, Ints
from riskmap.results.reaches import corridor_ids
from riskmap.results.scored import Scored


def routes_table(
    scored: Scored, layers: Layers, *, hazard_aversion_h: float, top: int | None = None
) -> gpd.GeoDataFrame:
    """Return one row for each entry point and site with trips between them, most transits first.

    `transits` and `survival` are over all the routes that are taken, so that Σ transits · survival
    is what passes undetected; `travel_hours` (access legs included), `corridors` and the line are
    those of the least route, of a mining area to the part of it that draws most.

    Parameters
    ----------
    scored
        The scored network.
    layers
        The layers that its sites come from.
    hazard_aversion_h
        κ, hours: least is by generalized time.
    top
        Only so many rows: only their ways are traced.
    """
    parts = [
        _pairs_of(scored, layers, movement, hazard_aversion_h)
        for movement in scored.scores.movements
    ]
    table = pd.concat(parts, ignore_index=True)
    table = table.sort_values(
        ["transits", "movement", "origin", "destination"], ascending=[False, True, True, True]
    ).reset_index(drop=True)
    table = table.head(len(table) if top is None else top)
    table.insert(0, "route_id", [f"r{k + 1:04d}" for k in range(len(table))])
    from_node, to_node = (table.pop(name).to_numpy(np.int32) for name in ("from_node", "to_node"))
    paths = least_paths(
        scored.network.arcs, from_node, to_node, hazard_aversion_h=hazard_aversion_h
    )
    lines = [path_line(scored, path) for path in paths]
    table = table.assign(corridors=[corridors_on(scored, path) for path in paths])
    return gpd.GeoDataFrame(table, geometry=lines, crs="EPSG:4326")


def _pairs_of(
    scored: Scored, layers: Layers, movement: MovementScore, hazard_aversion_h: float
) -> pd.DataFrame:
    """Return the pairs of sites of one movement, and the nodes that their way is drawn between."""
    trips, arcs = movement.trips, scored.network.arcs
    to = np.repeat(trips.destination, np.diff(trips.start)).astype(np.int32)
    time_h = least_hours(arcs, trips, hazard_aversion_h=hazard_aversion_h)
    pairs = site_pairs(movement, trips.origin, to)
    pairs["transits"] = trips.volume[pairs["trip"]] * pairs["part"]
    pairs["travel_hours"] = time_h[pairs["trip"]] + pairs["access_h"]
    pairs["survival"] = movement.loading.survival[pairs["trip"]]
    rows = _merge_cells(pairs)
    return pd.DataFrame(
        {
            "movement": movement.movement.name,
            "origin": site_names(layers, movement.movement.origin_layer, rows["origin"]),
            "destination": site_names(layers, movement.movement.destination_layer, rows["site"]),
            "travel_hours": rows["travel_hours"].to_numpy(),
            "transits": rows["transits"].to_numpy(),
            "survival": rows["survival"].to_numpy(),
            "from_node": trips.origin[rows["trip"]],
            "to_node": to[rows["trip"]],
        }
    )


def site_pairs(movement: MovementScore, origin: Ints, to: Ints) -> pd.DataFrame:
    """Return every pair of sites behind the trips between nodes, with its part of them."""
    trips = pd.DataFrame({"trip": np.arange(to.size), "origin_node": origin, "site_node": to})
    ends = movement.movement
    _, part = site_parts(ends.origins, nodes=movement.gravity.origin, beta_per_h=0.0)
    origins = pd.DataFrame(
        {
            "origin_node": ends.origins.node,
            "origin": ends.origins.row,
            "origin_part": part,
            "origin_h": ends.origins.access_h,
        }
    )
    _, part = site_parts(
        ends.destinations, nodes=movement.gravity.destination, beta_per_h=ends.beta_per_h
    )
    sites = pd.DataFrame(
        {
            "site_node": ends.destinations.node,
            "site": ends.destinations.row,
            "site_part": part,
            "site_h": ends.destinations.access_h,
        }
    )
    pairs = trips.merge(origins, on="origin_node").merge(sites, on="site_node")
    pairs["part"] = pairs["origin_part"] * pairs["site_part"]
    pairs["access_h"] = pairs["origin_h"] + pairs["site_h"]
    return pairs[pairs["part"] > 0.0]


def _merge_cells(pairs: pd.DataFrame) -> pd.DataFrame:
    """Merge the cells of one polygon: sums, means by transits, and the trip that draws most."""
    weighted = pairs.assign(
        travel_hours=pairs["travel_hours"] * pairs["transits"],
        survival=pairs["survival"] * pairs["transits"],
    ).sort_values(["transits", "trip"], ascending=[False, True], kind="stable")
    merged = weighted.groupby(["origin", "site"], sort=True).agg(
        transits=("transits", "sum"),
        travel_hours=("travel_hours", "sum"),
        survival=("survival", "sum"),
        trip=("trip", "first"),
    )
    for column in ("travel_hours", "survival"):
        merged[column] /= merged["transits"]
    return merged.reset_index()


def site_names(layers: Layers, layer: str, rows: pd.Series) -> list[str]:
    """Return the names of sites by their rows in a layer."""
    names: list[str] = layers.tables[layer]["name"].loc[rows].astype(str).tolist()
    return names


def corridors_on(scored: Scored, path: Ints) -> str:
    """Return the corridors along a path, in order of travel."""
    corridor = scored.chains.corridor[scored.network.reach[path]]
    corridor = corridor[corridor >= 0]
    changes = np.flatnonzero(np.diff(corridor, prepend=-1))
    return " ".join(filter(None, corridor_ids(corridor[changes])))


def path_line(scored: Scored, path: Ints) -> shapely.Geometry | None:
    """Return a path as a line; None for an empty one."""
    reaches, network = scored.reaches, scored.network
    parts: list[Floats] = []
    for arc in path:
        rows = slice(*reaches.offsets[network.reach[arc] : network.reach[arc] + 2])
        part = reaches.coords[rows] if network.downstream[arc] else reaches.coords[rows][::-1]
        parts.append(part if not parts else part[1:])
    return shapely.LineString(np.concatenate(parts)) if parts else None
