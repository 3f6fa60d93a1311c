"""What the ids of lines say about the direction of flow: which line each one flows into."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskmap.network.arcs import Floats
from riskmap.network.reaches import Reaches

Longs = npt.NDArray[np.int64]

#: A line of several reaches.
_SEVERAL = -2


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


def named_directions(reaches: Reaches, next_row: Mapping[int, int]) -> Floats:
    """Return 1 where a line's own id says u → v, −1 for v → u, 0 where it says nothing.

    Parameters
    ----------
    reaches
        The network.
    next_row
        Row number of the line that each line flows into, by row number.
    """
    way = np.zeros(reaches.u.size)
    if not next_row:
        return way
    rows = np.fromiter(next_row.keys(), dtype=np.int64, count=len(next_row))
    below = np.fromiter(next_row.values(), dtype=np.int64, count=len(next_row))
    mouth = _mouths_of_single_reaches(reaches, rows, below, way)
    last = set(below.tolist()) - next_row.keys()
    slow = mouth == _SEVERAL
    nodes = _nodes_of_lines(reaches, {*rows[slow].tolist(), *below[slow].tolist(), *last})
    met: dict[int, set[int]] = {}
    for row, to in zip(rows[slow].tolist(), below[slow].tolist(), strict=True):
        own, other = nodes.get(row, {}), nodes.get(to, {})
        meets = [node for node in own if node in other]
        if len(meets) == 1:
            _follow(reaches, own, meets[0], way)
            met.setdefault(to, set()).add(meets[0])
    for k in np.flatnonzero((mouth >= 0) & np.isin(below, list(last))):
        met.setdefault(int(below[k]), set()).add(int(mouth[k]))
    # A line that others flow into, and that names none, leaves by its end that nothing enters.
    for row in met.keys() & last:
        ends = [node for node, beside in nodes[row].items() if len(beside) == 1]
        mouths = [node for node in ends if node not in met[row]]
        if len(mouths) == 1:
            _follow(reaches, nodes[row], mouths[0], way)
    return way


def _mouths_of_single_reaches(reaches: Reaches, rows: Longs, below: Longs, way: Floats) -> Longs:
    """Direct the lines that are one reach, in place, and return where each ends.

    −1 where it does not meet the line below it at one end only, −2 where it is several reaches.
    """
    n, own = len(reaches.node_xy), reaches.source_id >= 0
    top = int(max(rows.max(initial=0), below.max(initial=0), reaches.source_id.max(initial=0))) + 1
    source = reaches.source_id[own].astype(np.int64)
    count, reach = np.bincount(source, minlength=top), np.full(top, -1, dtype=np.int64)
    reach[source] = np.flatnonzero(own)
    ends = np.unique(np.concatenate([source * n + reaches.u[own], source * n + reaches.v[own]]))
    mouth = np.full(rows.size, _SEVERAL, dtype=np.int64)
    at = np.flatnonzero(count[rows] <= 1)
    mouth[at] = -1
    at = at[count[rows[at]] == 1]
    k = reach[rows[at]]
    meets = [np.isin(below[at] * n + node[k], ends) for node in (reaches.u, reaches.v)]
    for there, other, node, sign in (
        (meets[1], meets[0], reaches.v, 1.0),
        (meets[0], meets[1], reaches.u, -1.0),
    ):
        only = there & ~other
        way[k[only]] = sign
        mouth[at[only]] = node[k[only]]
    return mouth


def _nodes_of_lines(reaches: Reaches, rows: set[int]) -> dict[int, dict[int, list[int]]]:
    """Return for each line its nodes, and for each of these its reaches that end there."""
    nodes: dict[int, dict[int, list[int]]] = {}
    for k in np.flatnonzero(np.isin(reaches.source_id, list(rows))):
        at = nodes.setdefault(int(reaches.source_id[k]), {})
        at.setdefault(int(reaches.u[k]), []).append(int(k))
        at.setdefault(int(reaches.v[k]), []).append(int(k))
    return nodes


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
