"""Where travellers of a study go instead, by corridor, by route and by destination (model §8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from riskmap.model.scores import MovementScore
from riskmap.network.arcs import Floats, Ints
from riskmap.planning.checkpoints import CheckpointPlan
from riskmap.planning.displacement import Reaction, Rows, react
from riskmap.planning.flight import Flight, take_flight
from riskmap.planning.study_plans import study_traffic
from riskmap.planning.traffic import Watch
from riskmap.results.outcome import Outcome
from riskmap.results.reaches import corridor_ids
from riskmap.results.routes import path_line, site_names, site_pairs
from riskmap.results.scored import Scored

#: Transits below this share of all demand are rounding.
NOTHING = 1e-9
#: What a row of the table of routes counts, transits a month.
FLOWS = ("unaffected", "round", "elsewhere", "stays", "arriving")


@dataclass(frozen=True, slots=True)
class Displacement:
    """Hold what changes when everybody who can adapts to a plan; tables are EPSG:4326.

    Attributes
    ----------
    corridors
        Water whose traffic changes, largest change first: `corridor_id` ("" for water without a
        corridor today), `name`, `transits_before`, `transits_after`, `change`, and lines.
    routes
        Pairs of sites whose trips change: `movement`, `origin`, `destination`, `transits_before`,
        `transits_after`, then where these go: `unaffected` (on routes that meet no checkpoint),
        `round` (another way to the same place), `elsewhere` (to another destination), `stays` (no
        way out: they meet a checkpoint), `arriving` (came from other destinations); `hours_longer`
        of the way round (NaN: none is taken), and it as a line, or else the least route of today.
    destinations
        Sites whose visits change: `destination`, `layer`, `transits_before`, `transits_after`,
        `change`, and the place.
    summary
        Transits a month that are `unaffected`, go `round`, go `elsewhere`, or `stay`; and
        `intercepted_if_displaced`, what the plan still intercepts then.
    """

    corridors: gpd.GeoDataFrame
    routes: gpd.GeoDataFrame
    destinations: gpd.GeoDataFrame
    summary: Mapping[str, float]


def trace_displacement(outcome: Outcome, plan: CheckpointPlan) -> Displacement:
    """Say where a study's travellers go instead, once they know a plan.

    Parameters
    ----------
    outcome
        The study's outcome.
    plan
        Checkpoints of that study, with the q and δ that they were planned for.

    Returns
    -------
    Displacement
        Trips are conserved: what leaves one place arrives at another.
    """
    traffic, position = study_traffic(outcome)
    nodes = plan.checkpoints["node"].to_numpy(dtype=np.int32)
    watch = Watch(nodes, plan.detection_probability, ends_count=True)
    flight = take_flight(traffic, watch, tolerance=plan.tolerance)
    movements = outcome.scored.scores.movements
    rows = _rows(movements, position)
    reaction = react(traffic, flight, np.arange(nodes.size), rows)
    routes = _routes(outcome, rows, reaction)
    least = 1e-6 + NOTHING * float(outcome.summary["demand"])
    changed = (routes[["round", "elsewhere", "stays", "arriving"]] > least).any(axis=1)
    seen = np.divide(
        flight.worth, traffic.trips.volume, out=np.zeros_like(flight.worth),
        where=traffic.trips.volume > 0.0,
    )  # fmt: skip
    return Displacement(
        _corridors(outcome, reaction.transits, least),
        _as_routes(outcome.scored, routes[changed], reaction, flight),
        _destinations(outcome, routes, least),
        {
            "unaffected": float(reaction.unaffected.sum()),
            "round": float(reaction.round.sum()),
            "elsewhere": float(reaction.elsewhere.sum()),
            "stay": float(reaction.stays.sum()),
            "intercepted_if_displaced": float(reaction.stays @ seen[rows.pair]),
        },
    )


def _rows(movements: tuple[MovementScore, ...], position: Ints) -> Rows:
    """Return the trips of all movements, as `study_traffic` counts them."""
    groups, betas, first = [], [], 0
    for m in movements:
        _, group = np.unique(m.trips.origin, return_inverse=True)
        groups.append(group + first)
        first += int(group.max(initial=-1)) + 1
        betas.append(np.full(group.size, m.movement.beta_per_h))
    volume = np.concatenate([m.trips.volume for m in movements])
    return Rows(position, volume, np.concatenate(groups), np.concatenate(betas))


def _routes(outcome: Outcome, rows: Rows, reaction: Reaction) -> pd.DataFrame:
    """Return one row for each pair of sites with trips between them, changed or not."""
    parts, first = [], 0
    for m in outcome.scored.scores.movements:
        to = np.repeat(m.trips.destination, np.diff(m.trips.start)).astype(np.int32)
        pairs = site_pairs(m, m.trips.origin, to)
        row, part = first + pairs["trip"].to_numpy(), pairs["part"].to_numpy()
        first += to.size
        table = pd.DataFrame(
            {
                "movement": m.movement.name,
                "layer": m.movement.destination_layer,
                "origin_row": pairs["origin"].to_numpy(),
                "site": pairs["site"].to_numpy(),
                "origin": site_names(outcome.layers, m.movement.origin_layer, pairs["origin"]),
                "destination": site_names(
                    outcome.layers, m.movement.destination_layer, pairs["site"]
                ),
                "transits_before": rows.volume[row] * part,
                "transits_after": reaction.after[row] * part,
                **{name: getattr(reaction, name)[row] * part for name in FLOWS},
                "hours_longer": reaction.hours_longer[row],
                "pair": rows.pair[row],
            }
        )
        parts.append(table.sort_values("transits_before", ascending=False, kind="stable"))
    keys = ["movement", "layer", "origin_row", "site"]
    sums = dict.fromkeys(("transits_before", "transits_after", *FLOWS), "sum")
    firsts = dict.fromkeys(("origin", "destination", "hours_longer", "pair"), "first")
    return pd.concat(parts).groupby(keys, sort=False).agg(sums | firsts).reset_index()


def _as_routes(
    scored: Scored, routes: pd.DataFrame, reaction: Reaction, flight: Flight
) -> gpd.GeoDataFrame:
    """Draw the changed routes, those that change most first."""
    moved = routes[list(FLOWS[1:])].sum(axis=1)
    routes = routes.loc[moved.sort_values(ascending=False, kind="stable").index]
    pairs = routes["pair"].to_numpy(dtype=np.int64)
    today = flight.ways(np.empty(0, dtype=np.int64), pairs)
    ways = [reaction.ways.get(pair, way) for pair, way in zip(pairs.tolist(), today, strict=True)]
    columns = [
        "movement", "origin", "destination", "transits_before", "transits_after", *FLOWS,
        "hours_longer",
    ]  # fmt: skip
    return gpd.GeoDataFrame(
        routes[columns].reset_index(drop=True),
        geometry=[path_line(scored, way) for way in ways],
        crs="EPSG:4326",
    )


def _corridors(outcome: Outcome, transits: Floats, least: float) -> gpd.GeoDataFrame:
    """Add the arcs' transits up to corridors; water that nobody used goes by its name."""
    scored, reaches = outcome.scored, outcome.reaches
    length = scored.reaches.length_km
    table = pd.DataFrame(
        {
            "corridor": scored.chains.corridor,
            "water": np.where(scored.chains.corridor < 0, scored.reaches.name, ""),
            "length": length,
            "before": scored.by_reach.transits * length,
            "after": np.bincount(scored.network.reach, transits, minlength=length.size) * length,
            "geometry": reaches.geometry.to_numpy(),
        }
    )
    table = table[(table["before"] > 0.0) | (table["after"] > least * length)]
    rows = table.groupby(["corridor", "water"], sort=True).agg(
        length=("length", "sum"),
        before=("before", "sum"),
        after=("after", "sum"),
        lines=("geometry", lambda some: shapely.multilinestrings(list(some))),
    )
    before, after = rows["before"] / rows["length"], rows["after"] / rows["length"]
    corridor = rows.index.get_level_values("corridor").to_numpy(dtype=np.int32)
    names = outcome.corridors.set_index("corridor_id")["name"]
    ids = ["" if key is None else str(key) for key in corridor_ids(corridor)]
    found = gpd.GeoDataFrame(
        {
            "corridor_id": pd.Series(ids, dtype=object),
            "name": pd.Series(
                [
                    str(names[key]) if key else water
                    for key, water in zip(ids, rows.index.get_level_values("water"), strict=True)
                ],
                dtype=object,
            ),
            "transits_before": before.to_numpy(),
            "transits_after": after.to_numpy(),
            "change": (after - before).to_numpy(),
        },
        geometry=rows["lines"].to_numpy(),
        crs="EPSG:4326",
    )
    return _largest_first(found, least)


def _destinations(outcome: Outcome, routes: pd.DataFrame, least: float) -> gpd.GeoDataFrame:
    """Add the routes up to destinations, at their places; of an area, the middle of its cells."""
    rows = routes.groupby(["layer", "site"], sort=False).agg(
        destination=("destination", "first"),
        transits_before=("transits_before", "sum"),
        transits_after=("transits_after", "sum"),
    )
    rows = rows.reset_index()
    places = []
    for layer, site in zip(rows["layer"], rows["site"], strict=True):
        cells = outcome.scored.sites[layer]
        mine = cells.row == site
        places.append((cells.lon[mine].mean(), cells.lat[mine].mean()))
    found = gpd.GeoDataFrame(
        rows[["destination", "layer", "transits_before", "transits_after"]].assign(
            change=rows["transits_after"] - rows["transits_before"]
        ),
        geometry=gpd.points_from_xy(*np.array(places).reshape(-1, 2).T),
        crs="EPSG:4326",
    )
    return _largest_first(found, least)


def _largest_first(table: gpd.GeoDataFrame, least: float) -> gpd.GeoDataFrame:
    size = table["change"].abs()
    order = size[size > least].sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)
