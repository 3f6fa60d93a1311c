"""Travel on reaches: speeds with and against the current, and their arcs (model §1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from riskmap.network.arcs import Arcs, Bools, Floats, Ints, checkpoint_hazard
from riskmap.network.reaches import Reaches

Season = Literal["low", "high"]


@dataclass(frozen=True, slots=True)
class Speeds:
    """Hold the speed on every reach, km/h, with the current and against it.

    `usable` says which reaches are navigable in the season.
    """

    downstream_kmh: Floats
    upstream_kmh: Floats
    usable: Bools


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
    reaches: Reaches, *, downstream_kmh: float, upstream_kmh: float, season: Season
) -> Speeds:
    """Return the speeds on every reach in a season.

    A reach's own speeds, where its line has them, come before the study's. Where the direction of
    flow is unknown both directions take the mean of the two speeds.

    Parameters
    ----------
    reaches
        The network.
    downstream_kmh, upstream_kmh
        The study's speeds over ground, km/h.
    season
        Reaches that are navigable in the other season only are closed.
    """
    down = _own_or(reaches, "downstream_kmh", downstream_kmh)
    up = _own_or(reaches, "upstream_kmh", upstream_kmh)
    mean = 0.5 * (down + up)
    navigable = reaches.attributes.get("navigable")
    usable = np.ones(down.size, dtype=np.bool_)
    if navigable is not None:
        usable = (navigable == "both") | (navigable == season)
    known = reaches.flow_known
    return Speeds(np.where(known, down, mean), np.where(known, up, mean), usable)


def _own_or(reaches: Reaches, name: str, default: float) -> Floats:
    """Return an attribute of the reaches, with a default where a reach has none."""
    own = reaches.attributes.get(name)
    if own is None:
        return np.full(reaches.u.size, default)
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
