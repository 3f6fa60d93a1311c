"""What the ids of lines say about the direction of flow: which line each one flows into."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from riskmap.network.arcs import Floats
from riskmap.network.reaches import Reaches


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
    nodes: dict[int, dict[int, list[int]]] = {}
    for k in np.flatnonzero(reaches.source_id >= 0):
        at = nodes.setdefault(int(reaches.source_id[k]), {})
        at.setdefault(int(reaches.u[k]), []).append(int(k))
        at.setdefault(int(reaches.v[k]), []).append(int(k))
    met: dict[int, set[int]] = {}
    for row, below in next_row.items():
        own, other = nodes.get(row, {}), nodes.get(below, {})
        meets = [node for node in own if node in other]
        if len(meets) == 1:
            _follow(reaches, own, meets[0], way)
            met.setdefault(below, set()).add(meets[0])
    # A line that others flow into, and that names none, leaves by its end that nothing enters.
    for row in met.keys() - next_row.keys():
        ends = [node for node, beside in nodes[row].items() if len(beside) == 1]
        mouths = [node for node in ends if node not in met[row]]
        if len(mouths) == 1:
            _follow(reaches, nodes[row], mouths[0], way)
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
