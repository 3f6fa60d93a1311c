"""What the ids of lines say about the direction of flow: which line each one flows into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from riskmap.network.arcs import Bools, Floats
from riskmap.network.reaches import Reaches
from riskmap.report import Count, Note, NoteKind

Longs = npt.NDArray[np.int64]

#: A line of several reaches.
_SEVERAL = -2
#: Rows of one finding that are named.
_NAMED = 10


class Routing(NamedTuple):
    """Hold which line each line flows into, both by the first of their rows.

    A line may be cut, and stand in several rows of one id: `first` has the first row of the line
    for those that come after it.
    """

    below: Mapping[int, int]
    first: Mapping[int, int]


#: Ids that say nothing.
NO_ROUTING = Routing({}, {})


def read_routing(ids: pd.Series, next_down: pd.Series) -> Routing:
    """Return which line flows into which, from ids and the ids below them.

    Rows of one id that name different lines below are no line.

    Parameters
    ----------
    ids, next_down
        Texts, indexed by row number; "" and "0" below mean that there is none.
    """
    own, below = _lines_with_ids(ids, next_down)
    own = own[~_at_odds(own, below)]
    row_of = pd.Series(own.index, index=own.to_numpy())
    row_of = row_of[~row_of.index.duplicated()]
    first = own.map(row_of)
    lines = below[own.index][first == own.index].map(row_of).dropna()
    later = first[first != own.index]
    return Routing(_by_row(lines), _by_row(later))


def tell_ids(ids: pd.Series, next_down: pd.Series) -> tuple[Note, ...]:
    """Say which ids tell nothing about the direction of flow, or nothing that can be true.

    Parameters
    ----------
    ids, next_down
        As for `read_routing`.
    """
    own, below = _lines_with_ids(ids, next_down)
    at_odds = own.index[_at_odds(own, below)].tolist()
    lost = below.index[~below.isin(["", "0"]) & ~below.isin(own)].tolist()
    findings: tuple[tuple[NoteKind, list[int], str, str], ...] = (
        (
            "doubtful",
            at_odds,
            "{n:row has|rows have} an id that names different lines below: it is not used",
            "give every line an id of its own",
        ),
        (
            "doubtful",
            _in_circles(read_routing(ids, next_down)),
            "{n:line flows|lines flow} in a circle, by what the ids say",
            "mend next_down",
        ),
        (
            "notice",
            lost,
            "{n:line flows|lines flow} into an id that no row has: it tells no direction",
            "take in what is missing; where the layer was cut at its edge it does no harm",
        ),
    )
    return tuple(
        Note(kind, "rivers", _rows(rows), what.format(n=Count(len(rows))), mend, len(rows))
        for kind, rows, what, mend in findings
        if len(rows)
    )


def _lines_with_ids(ids: pd.Series, next_down: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return the ids of the rows that have one, and the ids below these."""
    own = ids.astype(str).str.removesuffix(".0")
    below = next_down.astype(str).str.removesuffix(".0")
    return own[own != ""], below[own != ""]


def _at_odds(own: pd.Series, below: pd.Series) -> pd.Series:
    """Tell the rows whose id stands for different lines, since these name different ones below."""
    return below.groupby(own).transform("nunique") > 1


def _in_circles(routing: Routing) -> list[int]:
    """Return the lines that flow into themselves, at once or by way of others."""
    rows = np.fromiter(routing.below.keys(), dtype=np.int64, count=len(routing.below))
    below = np.fromiter(routing.below.values(), dtype=np.int64, count=len(routing.below))
    number, ends = np.unique(np.concatenate([rows, below]), return_inverse=True)
    own, to = ends[: rows.size], ends[rows.size :]
    graph = coo_array((np.ones(own.size, dtype=np.int8), (own, to)), (number.size, number.size))
    label = connected_components(graph, connection="strong")[1]
    circle = np.bincount(label)[label] > 1
    circle[own[own == to]] = True
    return [int(row) for row in number[circle]]


def _rows(rows: Sequence[int]) -> str:
    """Return the first few rows as words."""
    named = ", ".join(map(str, rows[:_NAMED]))
    more = len(rows) - _NAMED
    return f"row {named}" if len(rows) == 1 else f"rows {named}" + (" …" if more > 0 else "")


def _by_row(rows: pd.Series) -> dict[int, int]:
    return {int(row): int(to) for row, to in zip(rows.index, rows.to_numpy(), strict=True)}


def named_directions(reaches: Reaches, routing: Routing) -> Floats:
    """Return 1 where a line's own id says u → v, −1 for v → u, 0 where it says nothing.

    Parameters
    ----------
    reaches
        The network.
    routing
        What the ids of the lines say.
    """
    way = np.zeros(reaches.u.size)
    next_row = routing.below
    if not next_row:
        return way
    rows = np.fromiter(next_row.keys(), dtype=np.int64, count=len(next_row))
    below = np.fromiter(next_row.values(), dtype=np.int64, count=len(next_row))
    line = _lines_of_reaches(reaches, routing)
    mouth = _mouths_of_single_reaches(reaches, line, rows, below, way)
    last = set(below.tolist()) - next_row.keys()
    slow = mouth == _SEVERAL
    nodes = _nodes_of_lines(reaches, line, {*rows[slow].tolist(), *below[slow].tolist(), *last})
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


def apart_from_below(reaches: Reaches, routing: Routing) -> Bools:
    """Tell one reach of each line that does not meet the line which its id says it flows into.

    Parameters
    ----------
    reaches
        The network.
    routing
        What the ids of the lines say.
    """
    apart = np.zeros(reaches.u.size, dtype=np.bool_)
    if not routing.below:
        return apart
    n, line = len(reaches.node_xy), _lines_of_reaches(reaches, routing)
    below_of = np.full(max(int(line.max(initial=0)), *routing.below) + 1, -1, dtype=np.int64)
    below_of[list(routing.below)] = list(routing.below.values())
    below = np.where(line >= 0, below_of[line], -1)
    own = np.flatnonzero((below >= 0) & np.isin(below, line))
    ends = np.unique(np.concatenate([line * n + reaches.u, line * n + reaches.v]))
    meets = np.isin(below[own] * n + reaches.u[own], ends)
    meets |= np.isin(below[own] * n + reaches.v[own], ends)
    lines, first = np.unique(line[own], return_index=True)
    apart[own[first[~np.isin(lines, line[own[meets]])]]] = True
    return apart


def _lines_of_reaches(reaches: Reaches, routing: Routing) -> Longs:
    """Return the first row of the line that each reach is part of, −1 for a derived one."""
    line = reaches.source_id.astype(np.int64)
    later = np.fromiter(routing.first.keys(), dtype=np.int64, count=len(routing.first))
    first = np.arange(max(line.max(initial=0), later.max(initial=0)) + 1)
    first[later] = list(routing.first.values())
    lines: Longs = np.where(line >= 0, first[line], -1)
    return lines


def _mouths_of_single_reaches(
    reaches: Reaches, line: Longs, rows: Longs, below: Longs, way: Floats
) -> Longs:
    """Direct the lines that are one reach, in place, and return where each ends.

    −1 where it does not meet the line below it at one end only, −2 where it is several reaches.
    """
    n, own = len(reaches.node_xy), line >= 0
    top = int(max(rows.max(initial=0), below.max(initial=0), line.max(initial=0))) + 1
    source = line[own]
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


def _nodes_of_lines(
    reaches: Reaches, line: Longs, rows: set[int]
) -> dict[int, dict[int, list[int]]]:
    """Return for each line its nodes, and for each of these its reaches that end there."""
    nodes: dict[int, dict[int, list[int]]] = {}
    for k in np.flatnonzero(np.isin(line, list(rows))):
        at = nodes.setdefault(int(line[k]), {})
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
