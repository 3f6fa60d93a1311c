"""Doubts about the direction of flow: where it is unknown, and reaches that contradict it.

Every doubtful reach has a text in the attribute `flow_doubt`; the first few are told one by
one, the others together. How a direction is inferred is in `riskmap.network.direction`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from riskmap.network.arcs import Bools, group_by
from riskmap.network.reaches import Reaches
from riskmap.network.routing import NO_ROUTING, Routing, apart_from_below, named_directions
from riskmap.report import Note, Places, notes_at

#: What the reaches found by `apart_from_below` are told to have, and the mend.
APART = (
    "does not meet the line that its id says it flows into",
    "draw it up to that line, raise snap_tolerance_m, or mend next_down",
)
_MEND = 'turn the line round, or use flow_direction = "inferred"'


def with_doubts(reaches: Reaches, doubts: Iterable[tuple[Bools, str, str]]) -> Reaches:
    """Return the network with a text on every doubtful reach, and notes on them.

    Parameters
    ----------
    reaches
        A network whose direction of flow is known as far as it will be.
    doubts
        Reaches, what is doubtful about them, and the mend; of several texts on one reach the last
        stays. Those without a mend are marked, and not told one by one.
    """
    text = np.full(reaches.u.size, "", dtype=object)
    notes: list[Note] = []
    for which, what, mend in doubts:
        text[which] = what
        if mend:
            notes += _doubts(reaches, which, what, mend)
    return replace(
        reaches,
        attributes={**reaches.attributes, "flow_doubt": text},
        notes=(*reaches.notes, *notes),
    )


def contradictions(reaches: Reaches, *, routing: Routing = NO_ROUTING) -> Reaches:
    """Find the reaches that flow against their neighbours, or against their own ids.

    At a node where several reaches meet some flow in and some flow out. Where turning one reach
    round would mend the nodes at both its ends, that reach is doubtful; else the node is told.

    Parameters
    ----------
    reaches
        A network whose direction of flow is known, in part or as a whole.
    routing
        What the ids of the lines say.

    Returns
    -------
    Reaches
        The network with the attribute `flow_doubt` and notes.
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
    ids = reaches.flow_known & (named_directions(reaches, routing) < 0.0)
    result = with_doubts(
        reaches,
        [
            (apart_from_below(reaches, routing), *APART),
            (doubtful, "flows against its neighbours", _MEND),
            (ids & ~doubtful, "flows against what its id says", _MEND),
        ],
    )
    notes = [
        note
        for where, what in (
            (all_in, "water comes from every side (an outlet, or a line drawn wrongly)"),
            (all_out, "water leaves on every side (a source, or a line drawn wrongly)"),
        )
        for note in _node_doubts(reaches, where & ~told, what)
    ]
    return replace(result, notes=(*result.notes, *notes))


def unknown_direction(reaches: Reaches) -> tuple[Note, ...]:
    """Say on how much of the water boats take the mean of both speeds, where there is any."""
    water = reaches.mode == 0
    km = reaches.length_km
    unknown = water & ~reaches.flow_known
    if not unknown.any():
        return ()
    what = (
        f"direction of flow unknown for {km[unknown].sum():.0f} of {km[water].sum():.0f} km: "
        "boats there take the mean of the speeds with and against the current"
    )
    if not reaches.flow_known.any():
        mend = 'flow_direction = "inferred" finds it as far as the data tell'
    elif "flow_confidence" in reaches.attributes:
        mend = "name the outlet, or give ids or heights"
    else:
        mend = 'centre lines have a direction where flow_direction = "inferred"'
    return (Note("notice", "rivers", None, what, mend, count=int(unknown.sum())),)


def _node_doubts(reaches: Reaches, which: Bools, what: str) -> list[Note]:
    """Return notes on nodes that water cannot enter or leave, in order of place."""
    nodes = np.flatnonzero(which)
    at = np.concatenate([reaches.u, reaches.v])
    start, arm = group_by(at, len(reaches.node_xy))
    rows = np.concatenate([reaches.source_id, reaches.source_id])
    feature = [
        "rows " + ", ".join(map(str, np.unique(rows[arm[start[node] : start[node + 1]]])))
        for node in nodes
    ]
    places = Places(what, feature, *reaches.node_xy[nodes].T.tolist())
    return notes_at("doubtful", "rivers", places=places, remedy=_MEND)


def _doubts(reaches: Reaches, which: Bools, what: str, mend: str) -> list[Note]:
    """Return notes on doubtful reaches with their places, in order of place."""
    found = np.flatnonzero(which)
    middle = reaches.coords[(reaches.offsets[found] + reaches.offsets[found + 1] - 1) // 2]
    order = np.lexsort((middle[:, 1], middle[:, 0]))
    rows = reaches.source_id[found[order]].tolist()
    feature = [f"row {row}" if row >= 0 else "centre line" for row in rows]
    places = Places(what, feature, *middle[order].T.tolist())
    return notes_at("doubtful", "rivers", places=places, remedy=mend)
