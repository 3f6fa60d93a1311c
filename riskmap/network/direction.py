"""Direction of flow: inferred from what is known, with a stated confidence for every reach.

Each piece of evidence counts as log-odds: lines that say which line they flow into, heights, the
angles of confluences, and what grows downstream (stream order, discharge, width). In a tree the
outlet decides the direction of every reach, so the outlet of each connected part is the end that
the evidence favours; a named outlet needs none. Then water is let run: every reach sheds water in
proportion to its length, and it flows to the outlet as current does through wires (Kirchhoff), so
that every channel of a braid has a direction and no water is lost. The order in which a line was
drawn is no evidence; where it contradicts the flow that was inferred, that is reported.

All of this is done on stretches (`riskmap.network.stretches`), not on reaches, so that it does not
depend on where lines are cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

from riskmap.network.arcs import Bools, Floats, Ints
from riskmap.network.doubts import APART, unknown_direction, with_doubts
from riskmap.network.outlets import (
    GROWS,
    Forest,
    best_by_part,
    ends_of_reaches,
    place_outlets,
    reaches_of_rings,
    score_outlets,
    side_of_outlet,
    span_reaches,
)
from riskmap.network.reaches import Reaches, turn_reaches
from riskmap.network.routing import NO_ROUTING, Routing, apart_from_below, named_directions
from riskmap.network.stretches import join_reaches
from riskmap.report import Note

Longs = npt.NDArray[np.int64]

#: Below this confidence the direction of a reach stays unknown (assumption).
MIN_CONFIDENCE = 0.6
#: Log-odds of a line that names the line it flows into (assumption).
_NAMED = 10.0
#: Fall that makes a direction e times as likely, m: the error of free models of the surface.
_HEIGHT_M = 5.0
#: What a channel takes, by what is known of it: by discharge itself, by width squared (it is deeper
#: too: Leopold and Maddock 1953), by order as discharge grows from one to the next (assumption).
_CAPACITY: Mapping[str, Callable[[Floats], Floats]] = MappingProxyType(
    {"discharge_m3s": np.positive, "width_m": np.square, "strahler_order": np.exp}
)
#: Size of a channel of which nothing is known, as a share of the smallest known (assumption).
_UNKNOWN = 0.25
#: The smallest channel takes this share of the largest, or more.
_LEAST = 1e-6
#: No confidence goes beyond this.
_SURE = 0.99
#: A reach that rises by more than this along its flow is reported, m.
_RISE_M = 20.0
_LOOK = "the inferred direction is used: look whether it is right"
#: Lines drawn in no order, of which more than this share is against the flow, are not doubtful.
_DRAWN_AGAINST = 1.0 / 3.0


def infer_direction(
    reaches: Reaches,
    *,
    outlets: Floats | None = None,
    routing: Routing = NO_ROUTING,
    height_m: Callable[[Floats], Floats] | None = None,
) -> Reaches:
    """Infer the direction of flow of every reach.

    Parameters
    ----------
    reaches
        The network; u → v is how the lines were drawn.
    outlets
        Places where water leaves the network, degrees, shape (n, 2).
    routing
        What the ids of the lines say.
    height_m
        Returns the height of places, m, NaN where unknown (`riskmap.network.heights`).

    Returns
    -------
    Reaches
        The network with u upstream of v where `flow_known` (and probably so elsewhere), the
        attributes `flow_confidence` (0.5 to 0.99) and `flow_doubt`, and notes on contradictions.

    Raises
    ------
    NetworkError
        Where an outlet lies far from every end of a reach.
    """
    reaches, leaving = place_outlets(reaches, np.empty((0, 2)) if outlets is None else outlets)
    named = named_directions(reaches, routing)
    sinks, springs = _parted(reaches, named)
    stops = np.concatenate([leaving, sinks, springs])
    stretches = join_reaches(reaches, alike=GROWS, stops=stops)
    whole, of, along = stretches.reaches, stretches.of_reach, stretches.along
    height = None if height_m is None else height_m(whole.node_xy)
    way, confidence, against = _weigh(
        whole,
        sure=stretches.verdict(named, reaches.length_km),
        height_m=height,
        outlets=stretches.numbers(leaving),
        sinks=stretches.numbers(sinks),
    )
    rises = _rises(whole, way, confidence, height)[of]
    way, confidence = way[of] * along, confidence[of]
    against = (named != 0.0) & (against[of] | (named * way < 0.0))
    known = (confidence >= MIN_CONFIDENCE) & (way != 0.0)
    attributes = {**reaches.attributes, "flow_confidence": confidence}
    told_of = replace(reaches, flow_known=known, attributes=attributes)
    turned, drawn = _drawn_against(reaches, way, known & (confidence >= 0.9))
    told_of = with_doubts(
        told_of,
        [
            (~known, "the direction is not known: the evidence is too weak", ""),
            (apart_from_below(reaches, routing), *APART),
            (turned, "is drawn against the flow of its neighbours", _LOOK),
            (rises, f"rises by more than {_RISE_M:g} m", _LOOK),
            (against, "its id says that it flows against its neighbours", "mend the id"),
        ],
    )
    notes = (*told_of.notes, *_summary(told_of), *_without_height(height), *drawn)
    return turn_reaches(replace(told_of, notes=notes), way < 0.0)


def _weigh(
    stretches: Reaches, *, sure: Floats, height_m: Floats | None, outlets: Ints, sinks: Ints
) -> tuple[Floats, Floats, Bools]:
    """Weigh the evidence, and return way and confidence of each stretch, and whose ids are alone.

    The way is 1 from u to v, −1 from v to u, 0 where there is none.
    """
    evidence = _NAMED * sure
    if height_m is not None:
        fall = height_m[stretches.u] - height_m[stretches.v]
        evidence = evidence + np.where(np.isnan(fall), 0.0, fall / _HEIGHT_M)
    forest = span_reaches(stretches)
    candidate, named = _candidates(stretches, forest, outlets=outlets, sinks=sinks)
    likely = np.where(candidate, score_outlets(stretches, forest, evidence), -np.inf)
    outlet = best_by_part(forest, likely)
    told = candidate & named[forest.root]
    outlet = np.concatenate([outlet[~named[forest.root[outlet]]], np.flatnonzero(told)])
    current = _run_water(stretches, outlet)
    likelihood = side_of_outlet(stretches, forest, likely, outlet)
    likelihood[named[forest.root[stretches.u]]] = 1.0
    ring = reaches_of_rings(stretches, forest)
    confidence = _confidence(stretches, likelihood, ring, current)
    against = sure * np.sign(current) < 0.0
    confidence = np.where(sure != 0.0, np.where(against, MIN_CONFIDENCE, _SURE), confidence)
    return np.where(sure != 0.0, sure, np.sign(current)), confidence, against


def _summary(reaches: Reaches) -> tuple[Note, ...]:
    """Say how much was inferred, and how sure it is."""
    km, known = reaches.length_km, reaches.flow_known
    confidence = reaches.attributes["flow_confidence"]
    sure = float((km * confidence)[known].sum() / max(km[known].sum(), 1e-9))
    what = (
        f"direction of flow inferred for {km[known].sum():.0f} of {km.sum():.0f} km, "
        f"with a confidence of {sure:.2f} on average"
    )
    return (
        Note("notice", "rivers", None, what, count=int(known.sum())),
        *unknown_direction(reaches),
    )


def _without_height(height_m: Floats | None) -> tuple[Note, ...]:
    """Say at how many of the ends and confluences no height is known, though heights are given."""
    missing = 0 if height_m is None else int(np.isnan(height_m).sum())
    if height_m is None or not missing:
        return ()
    what = f"no height is known at {missing:,} of {height_m.size:,} ends and confluences"
    mend = "name a raster that covers all rivers"
    return (Note("notice", "rivers", "elevation", what, mend, missing),)


def _drawn_against(reaches: Reaches, way: Floats, sure: Bools) -> tuple[Bools, tuple[Note, ...]]:
    """Return the lines drawn against the flow, none where lines were drawn in no order at all."""
    drawn = sure & (reaches.source_id >= 0)
    turned: Bools = drawn & (way < 0.0)
    km = reaches.length_km
    share = float(km[turned].sum() / max(km[drawn].sum(), 1e-9))
    if share <= _DRAWN_AGAINST:
        return turned, ()
    what = f"{share:.0%} of the lines' length is drawn against the flow: their order says nothing"
    return np.zeros_like(turned), (Note("notice", "rivers", None, what, count=int(turned.sum())),)


def _rises(stretches: Reaches, way: Floats, confidence: Floats, height_m: Floats | None) -> Bools:
    """Tell the stretches that climb along their flow."""
    if height_m is None:
        return np.zeros(way.size, dtype=np.bool_)
    rise = way * (height_m[stretches.v] - height_m[stretches.u])
    rises: Bools = (confidence >= MIN_CONFIDENCE) & (rise > _RISE_M)
    return rises


def _parted(reaches: Reaches, named: Floats) -> tuple[Ints, Ints]:
    """Return the nodes where all of several lines end, and those where all begin, by their ids."""
    n = len(reaches.node_xy)
    degree = np.bincount(ends_of_reaches(reaches).ravel(), minlength=n)
    told = named != 0.0
    lower = np.where(named > 0.0, reaches.v, reaches.u)[told]
    upper = np.where(named > 0.0, reaches.u, reaches.v)[told]
    sinks, springs = (
        np.flatnonzero((degree > 1) & (np.bincount(nodes, minlength=n) == degree))
        for nodes in (lower, upper)
    )
    return sinks.astype(np.int32), springs.astype(np.int32)


def _candidates(
    stretches: Reaches, forest: Forest, *, outlets: Ints, sinks: Ints
) -> tuple[Bools, Bools]:
    """Return the nodes that may be outlets, and (by node) the roots of parts with a named one.

    Ends may, and nodes where several lines end by what their ids say.
    """
    n = len(stretches.node_xy)
    candidate: Bools = np.bincount(ends_of_reaches(stretches).ravel(), minlength=n) == 1
    candidate[sinks] = True
    ringed = np.ones(n, dtype=np.bool_)
    ringed[forest.root[candidate]] = False
    candidate |= ringed[forest.root]
    named = np.zeros(n, dtype=np.bool_)
    named[forest.root[outlets]] = True
    candidate[named[forest.root]] = False
    candidate[outlets] = True
    return candidate, named


def _run_water(reaches: Reaches, outlet: Longs) -> Floats:
    """Return the current along every reach from u to v when each sheds water by its length.

    A large channel takes more of it than a small one beside it.
    """
    n = len(reaches.node_xy)
    u, v, length = reaches.u, reaches.v, reaches.length_km
    conductance = _capacity(reaches) / np.maximum(length, 1e-6)
    shed = 0.5 * (np.bincount(u, length, n) + np.bincount(v, length, n))
    rows = np.concatenate([u, v, u, v])
    columns = np.concatenate([v, u, u, v])
    values = np.concatenate([-conductance, -conductance, conductance, conductance])
    matrix = coo_array((values, (rows, columns)), shape=(n, n)).tocsr()
    free = np.ones(n, dtype=np.bool_)
    free[outlet] = False
    level = np.zeros(n)
    if free.any():
        inner = np.flatnonzero(free)
        level[inner] = spsolve(
            matrix[inner][:, inner].tocsc(), shed[inner], permc_spec="MMD_AT_PLUS_A"
        )
    current: Floats = conductance * (level[u] - level[v])
    return current


def _capacity(reaches: Reaches) -> Floats:
    """Return how much water each reach takes against the others, by the best that is known.

    A reach of which nothing is known is smaller than all others: rivers that are mapped as lines
    are narrower than those mapped as areas.
    """
    for name, capacity in _CAPACITY.items():
        size = np.asarray(reaches.attributes.get(name, np.nan), dtype=np.float64)
        known = size > 0.0
        if known.any():
            taken = capacity(np.where(known, size, _UNKNOWN * size[known].min()))
            share: Floats = np.maximum(taken / taken.max(), _LEAST)
            return share
    return np.ones(reaches.u.size)


def _confidence(reaches: Reaches, likelihood: Floats, ring: Bools, current: Floats) -> Floats:
    """Return how sure the direction of each reach is.

    A reach whose loss would part the network is as sure as that the outlet lies below it. One on a
    ring is no surer than its share of the water there.
    """
    most = np.zeros(len(reaches.node_xy))
    flow = np.abs(current)
    np.maximum.at(most, reaches.u, flow)
    np.maximum.at(most, reaches.v, flow)
    whole = np.minimum(most[reaches.u], most[reaches.v])
    share = np.divide(flow, whole, out=np.zeros(flow.size), where=whole > 0.0)
    on_ring = np.minimum(likelihood, 0.5 + 0.45 * np.sqrt(share))
    confidence: Floats = np.clip(np.where(ring, on_ring, likelihood), 0.5, _SURE)
    return confidence
