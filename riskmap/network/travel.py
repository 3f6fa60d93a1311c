"""Travel on reaches: speeds with and against the current, on roads, and their arcs (model §1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskmap.network.arcs import Arcs, Bools, Floats, Ints, checkpoint_hazard
from riskmap.network.reaches import Reaches
from riskmap.presets import known_craft, known_waters
from riskmap.settings import Limits, Season, TravelSection


@dataclass(frozen=True, slots=True)
class Speeds:
    """Hold the speed on every reach, km/h, with the current and against it.

    `usable` says which reaches can be travelled in the season, `navigable` which of them are water:
    sites attach to those, and patrols go on them.
    """

    downstream_kmh: Floats
    upstream_kmh: Floats
    usable: Bools
    navigable: Bools


@dataclass(frozen=True, slots=True)
class ReachArcs:
    """Hold the arcs of a network of reaches, and the reach that each runs along.

    `reach[a]` is arc a's reach; `downstream[a]` says whether it runs from the reach's first node
    (upstream, where the flow is known) to its last.
    """

    arcs: Arcs
    reach: Ints
    downstream: Bools


def reach_speeds(
    reaches: Reaches,
    *,
    travel: TravelSection,
    season: Season,
    limits: Limits | None = None,
) -> Speeds:
    """Return the speeds on every reach in a season.

    A reach's own speeds, where its line has them, come before those that the study states, and
    these before its craft's. Where the direction of flow is unknown both directions take the mean
    of the two speeds. Roads and landings have their own by season.

    Parameters
    ----------
    reaches
        The network.
    travel
        The study's speeds, or its craft.
    season
        Reaches that are navigable in the other season only are closed.
    limits
        What a stream has to be for boats to pass in the season.
    """
    down, up = _study_speeds(reaches, travel, season)
    down = _own_or(reaches, "downstream_kmh", down)
    up = _own_or(reaches, "upstream_kmh", up)
    mean = 0.5 * (down + up)
    known = reaches.flow_known
    usable = _navigable(reaches, season) & _within(reaches, limits)
    return Speeds(
        _own_or(reaches, f"{season}_kmh", np.where(known, down, mean)),
        _own_or(reaches, f"{season}_kmh", np.where(known, up, mean)),
        usable,
        usable & (reaches.mode == 0),
    )


def _study_speeds(reaches: Reaches, travel: TravelSection, season: Season) -> tuple[Floats, Floats]:
    """Return the speeds that the study states, or those of its craft by stream order."""
    stated = (
        np.full(reaches.u.size, travel.downstream_kmh),
        np.full(reaches.u.size, travel.upstream_kmh),
    )
    if travel.craft is None:
        return stated
    waters = known_waters()
    order = reaches.attributes.get("strahler_order", np.full(reaches.u.size, np.nan))
    order = np.where(np.isnan(order), waters.middle_order, order)
    size = (order > waters.small_order).astype(np.int64) + (order > waters.middle_order)
    by_size = waters.speeds_kmh(known_craft()[travel.craft], season=season)
    keys = ("downstream_kmh", "upstream_kmh")
    down, up = (
        given if key in travel.model_fields_set else np.array(speeds)[size]
        for key, given, speeds in zip(keys, stated, by_size, strict=True)
    )
    return down, up


def _navigable(reaches: Reaches, season: Season) -> Bools:
    """Tell the reaches whose lines say that boats pass in the season."""
    navigable = reaches.attributes.get("navigable")
    if navigable is None:
        return np.ones(reaches.u.size, dtype=np.bool_)
    code, said = pd.factorize(navigable, use_na_sentinel=False)
    passes: Bools = np.isin(said, ["both", season])[code]
    return passes


def _within(reaches: Reaches, limits: Limits | None) -> Bools:
    """Tell the reaches that no limit closes; a figure that is not known closes none."""
    passes = np.ones(reaches.u.size, dtype=np.bool_)
    for key, limit in limits or ():
        values = reaches.attributes.get(key.removeprefix("min_"))
        if limit is not None and values is not None:
            passes &= ~(values < limit)
    return passes


def _own_or(reaches: Reaches, name: str, default: Floats) -> Floats:
    """Return an attribute of the reaches, with a default where a reach has none."""
    own = reaches.attributes.get(name)
    if own is None:
        return default
    return np.where(np.isnan(own), default, own)


def build_arcs(
    reaches: Reaches,
    speeds: Speeds,
    *,
    hazard_km: Floats,
    detection_probability: Floats,
) -> ReachArcs:
    """Give every navigable reach its two arcs, with time and hazard.

    Parameters
    ----------
    reaches, speeds
        The network and the speeds on it.
    hazard_km
        ε/P · Σ_p hours_rp v_p for each reach, km/h: over the traveller's speed it is the hazard of
        one passage (model §3).
    detection_probability
        q of the checkpoint at each node, 0 where there is none.
    """
    open_reaches = np.flatnonzero(speeds.usable).astype(np.int32)
    reach = np.repeat(open_reaches, 2)
    downstream = np.tile([True, False], open_reaches.size)
    tail = np.where(downstream, reaches.u[reach], reaches.v[reach]).astype(np.int32)
    head = np.where(downstream, reaches.v[reach], reaches.u[reach]).astype(np.int32)
    speed = np.where(downstream, speeds.downstream_kmh[reach], speeds.upstream_kmh[reach])
    hazard = hazard_km[reach] / speed + checkpoint_hazard(detection_probability)[tail]
    edge = np.repeat(np.arange(open_reaches.size, dtype=np.int32), 2)
    arcs = Arcs(
        reaches.node_xy.shape[0],
        tail,
        head,
        edge,
        reaches.length_km[reach] / speed,
        hazard,
        1.0 - detection_probability,
    )
    return ReachArcs(arcs, reach, downstream)
