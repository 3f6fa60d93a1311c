"""Direction of flow: inferred from what is known, with a stated confidence for every reach.

Each piece of evidence counts as log-odds: lines that say which line they flow into, heights, the
angles of confluences, and what grows downstream (stream order, discharge, width). In a tree the
outlet decides the direction of every reach, so the outlet of each connected part is the end that
the evidence favours; a named outlet needs none. Then water is let run: every reach sheds water in
proportion to its length, and it flows to the outlet as current does through wires (Kirchhoff), so
that every channel of a braid has a direction and no water is lost. The order in which a line was
drawn is no evidence; where it contradicts the flow that was inferred, that is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

from riskmap.errors import NetworkError, Problem
from riskmap.geodesy import metres_per_degree
from riskmap.network.arcs import Bools, Floats
from riskmap.network.outlets import (
    Forest,
    best_by_part,
    ends_of_reaches,
    reaches_of_rings,
    score_outlets,
    side_of_outlet,
    span_reaches,
)
from riskmap.network.reaches import Reaches, turn_reaches
from riskmap.report import Note

Longs = npt.NDArray[np.int64]

#: Below this confidence the direction of a reach stays unknown (assumption).
MIN_CONFIDENCE = 0.6
#: Log-odds of a line that names the line it flows into (assumption).
_NAMED = 10.0
#: Fall that makes a direction e times as likely, m: the error of free models of the surface.
_HEIGHT_M = 5.0
#: No confidence goes beyond this.
_SURE = 0.99
#: A reach that rises by more than this along its flow is reported, m.
_RISE_M = 20.0
#: An outlet farther from every reach's end than this is a mistake, km.
_OUTLET_KM = 10.0
#: Reaches that contradict that are told one by one; the rest is counted.
_TOLD = 20
_MEND = 'check the line, or use flow_direction = "inferred"'


def infer_direction(
    reaches: Reaches,
    *,
    outlets: Floats | None = None,
    next_row: Mapping[int, int] | None = None,
    height_m: Floats | None = None,
) -> Reaches:
    """Infer the direction of flow of every reach.

    Parameters
    ----------
    reaches
        The network; u → v is how the lines were drawn.
    outlets
        Places where water leaves the network, degrees, shape (n, 2).
    next_row
        Row number of the line that each line flows into, by row number; −1 where it leaves.
    height_m
        Height of each node, m, NaN where unknown (`riskmap.network.heights`).

    Returns
    -------
    Reaches
        The network with u upstream of v where `flow_known`, the attribute `flow_confidence` (0.5
        to 0.99) and notes on contradictions.

    Raises
    ------
    NetworkError
        Where an outlet lies far from every reach.
    """
    sure = _named_directions(reaches, next_row or {})
    evidence = _NAMED * sure
    if height_m is not None:
        fall = height_m[reaches.u] - height_m[reaches.v]
        evidence = evidence + np.where(np.isnan(fall), 0.0, fall / _HEIGHT_M)
    forest = span_reaches(reaches)
    candidate, named = _candidates(reaches, forest, outlets)
    likely = np.where(candidate, score_outlets(reaches, forest, evidence), -np.inf)
    outlet = best_by_part(forest, likely)
    told = candidate & named[forest.root]
    outlet = np.concatenate([outlet[~named[forest.root[outlet]]], np.flatnonzero(told)])
    current = _run_water(reaches, outlet)
    likelihood = side_of_outlet(reaches, forest, likely, outlet)
    likelihood[named[forest.root[reaches.u]]] = 1.0
    ring = reaches_of_rings(reaches, forest)
    confidence = _confidence(reaches, likelihood, ring, current)
    against = sure * np.sign(current) < 0.0
    way = np.where(sure != 0.0, sure, np.sign(current))
    confidence = np.where(sure != 0.0, np.where(against, MIN_CONFIDENCE, _SURE), confidence)
    known = (confidence >= MIN_CONFIDENCE) & (way != 0.0)
    notes = _notes(reaches, way, known, confidence, against)
    if height_m is not None:
        rises = known & (way * (height_m[reaches.v] - height_m[reaches.u]) > _RISE_M)
        notes += _doubts(reaches, rises, f"rises by more than {_RISE_M:g} m along its flow")
    return turn_reaches(
        replace(
            reaches,
            flow_known=known,
            attributes={**reaches.attributes, "flow_confidence": confidence},
            notes=(*reaches.notes, *notes),
        ),
        known & (way < 0.0),
    )


def _named_directions(reaches: Reaches, next_row: Mapping[int, int]) -> Floats:
    """Return 1 where a line's own id says u → v, −1 for v → u, 0 where it says nothing."""
    way = np.zeros(reaches.u.size)
    if not next_row:
        return way
    nodes: dict[int, dict[int, list[int]]] = {}
    for k in np.flatnonzero(reaches.source_id >= 0):
        at = nodes.setdefault(int(reaches.source_id[k]), {})
        at.setdefault(int(reaches.u[k]), []).append(int(k))
        at.setdefault(int(reaches.v[k]), []).append(int(k))
    for row, below in next_row.items():
        own, other = nodes.get(row, {}), nodes.get(below, {})
        meets = [node for node in own if node in other]
        if len(meets) == 1:
            _follow(reaches, own, meets[0], way)
    return way


def _follow(reaches: Reaches, own: dict[int, list[int]], mouth: int, way: Floats) -> None:
    """Let the reaches of one line flow to the node where it ends, in place."""
    queue, seen = [mouth], {mouth}
    while queue:
        node = queue.pop()
        for k in own[node]:
            upper = int(reaches.u[k]) + int(reaches.v[k]) - node
            if upper not in seen:
                way[k] = 1.0 if reaches.v[k] == node else -1.0
                seen.add(upper)
                queue.append(upper)


def _candidates(reaches: Reaches, forest: Forest, outlets: Floats | None) -> tuple[Bools, Bools]:
    """Return the nodes that may be outlets, and (by node) the roots of parts with a named one."""
    n = len(reaches.node_xy)
    degree = np.bincount(ends_of_reaches(reaches).ravel(), minlength=n)
    candidate: Bools = degree == 1
    ringed = np.ones(n, dtype=np.bool_)
    ringed[forest.root[candidate]] = False
    candidate |= ringed[forest.root]
    named = np.zeros(n, dtype=np.bool_)
    km = np.bincount(forest.root[reaches.u], reaches.length_km, minlength=n)
    for lon, lat in np.empty((0, 2)) if outlets is None else np.atleast_2d(outlets):
        east, north = metres_per_degree(np.array([lat]))
        away = np.hypot((reaches.node_xy[:, 0] - lon) * east, (reaches.node_xy[:, 1] - lat) * north)
        if away.min() > 1000.0 * _OUTLET_KM:
            what = f"the nearest end of a river is {away.min() / 1000.0:.0f} km from it"
            raise NetworkError(
                Problem("[layers.rivers]", "outlet", what, "name a place on the river: [lon, lat]")
            )
        # Of the parts within reach the longest is meant, not the pond beside it.
        near = np.flatnonzero(away <= 1000.0 * _OUTLET_KM)
        node = int(near[np.lexsort((away[near], -km[forest.root[near]]))[0]])
        part = forest.root == forest.root[node]
        if not named[forest.root[node]]:
            candidate[part] = False
        candidate[node], named[forest.root[node]] = True, True
    return candidate, named


def _run_water(reaches: Reaches, outlet: Longs) -> Floats:
    """Return the current along every reach from u to v when each sheds water by its length."""
    n = len(reaches.node_xy)
    u, v, length = reaches.u, reaches.v, reaches.length_km
    conductance = 1.0 / np.maximum(length, 1e-6)
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


def _notes(
    reaches: Reaches, way: Floats, known: Bools, confidence: Floats, against: Bools
) -> list[Note]:
    """Report what was inferred, and the lines that contradict it."""
    drawn = known & (reaches.source_id >= 0) & (confidence >= 0.9)
    turned = drawn & (way < 0.0)
    km = reaches.length_km
    notes = [
        Note(
            "notice",
            "rivers",
            None,
            f"direction of flow inferred for {km[known].sum():.0f} of {km.sum():.0f} km; "
            "the rest takes the mean of both speeds",
            "name the outlet, or give ids or heights, where it looks wrong",
            count=int(known.sum()),
        )
    ]
    notes += _doubts(reaches, against, "its id says that it flows against its neighbours")
    if km[turned].sum() <= km[drawn].sum() / 3.0:
        notes += _doubts(reaches, turned, "is drawn against the flow of its neighbours")
    return notes


def contradictions(reaches: Reaches) -> tuple[Note, ...]:
    """Report reaches that flow against their neighbours.

    At a node where several reaches meet some flow in and some flow out. Where turning one reach
    round would mend the nodes at both its ends, that reach is doubtful; else the node is told.

    Parameters
    ----------
    reaches
        A network whose direction of flow is known, in part or as a whole.
    """
    n = len(reaches.node_xy)
    known, rest = np.flatnonzero(reaches.flow_known), np.flatnonzero(~reaches.flow_known)
    u, v = reaches.u[known], reaches.v[known]
    into, out = np.bincount(v, minlength=n), np.bincount(u, minlength=n)
    whole = into + out >= 2
    whole[reaches.u[rest]] = whole[reaches.v[rest]] = False
    all_in, all_out = whole & (out == 0), whole & (into == 0)
    turning = known[all_out[u] & all_in[v]]
    doubtful = np.zeros(reaches.u.size, dtype=np.bool_)
    doubtful[turning] = True
    told = np.zeros(n, dtype=np.bool_)
    told[reaches.u[turning]] = told[reaches.v[turning]] = True
    notes = _doubts(reaches, doubtful, "flows against its neighbours")
    for where, what in ((all_in, "every reach flows in"), (all_out, "every reach flows out")):
        notes += _node_doubts(reaches, where & ~told, what)
    return tuple(notes)


def _node_doubts(reaches: Reaches, which: Bools, what: str) -> list[Note]:
    """Return notes on nodes that water cannot enter or leave, in order of place."""
    found = np.flatnonzero(which)
    notes = []
    for node in found[:_TOLD]:
        rows = np.unique(reaches.source_id[(reaches.u == node) | (reaches.v == node)])
        lon, lat = reaches.node_xy[node].tolist()
        where = f"at {lon:.5f}, {lat:.5f} {what}: an outlet, a source, or a line drawn wrongly"
        feature = "rows " + ", ".join(map(str, rows))
        notes.append(Note("doubtful", "rivers", feature, where, _MEND, lon=lon, lat=lat))
    more = found.size - _TOLD
    if more > 0:
        places = f"{more} more places where {what}"
        notes.append(Note("doubtful", "rivers", None, places, count=more))
    return notes


def _doubts(reaches: Reaches, which: Bools, what: str) -> list[Note]:
    """Return notes on doubtful reaches with their places, in order of place."""
    found = np.flatnonzero(which)
    middle = reaches.coords[(reaches.offsets[found] + reaches.offsets[found + 1] - 1) // 2]
    found = found[np.lexsort((middle[:, 1], middle[:, 0]))]
    notes = []
    for k in found[:_TOLD]:
        lon, lat = reaches.coords[(reaches.offsets[k] + reaches.offsets[k + 1] - 1) // 2].tolist()
        feature = f"row {reaches.source_id[k]}" if reaches.source_id[k] >= 0 else "centre line"
        notes.append(
            Note("doubtful", "rivers", feature, f"{what} at {lon:.5f}, {lat:.5f}",
                 _MEND, lon=lon, lat=lat)
        )  # fmt: skip
    more = found.size - _TOLD
    if more > 0:
        notes.append(Note("doubtful", "rivers", None, f"{what}: {more} more", count=more))
    return notes


def rows_below(ids: pd.Series, next_down: pd.Series) -> dict[int, int]:
    """Return the row that each row flows into, from ids and the ids below them.

    Parameters
    ----------
    ids, next_down
        Texts, indexed by row number; "" and "0" below mean that there is none.
    """
    own = ids.astype(str).str.removesuffix(".0")
    below = next_down.astype(str).str.removesuffix(".0")
    unique = own[~own.duplicated(keep=False) & (own != "")]
    row_of = pd.Series(unique.index, index=unique.to_numpy())
    rows = below.map(row_of).dropna()
    return {int(row): int(to) for row, to in zip(rows.index, rows.to_numpy(), strict=True)}
