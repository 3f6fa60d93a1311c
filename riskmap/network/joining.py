"""Chains: lines joined end to end where just two of them meet.

Where a line was cut makes no difference to what is found on its chain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from numba import njit

from riskmap.geodesy import vertex_measures_km
from riskmap.network.arcs import Bools, Floats, Ints, group_by
from riskmap.network.chains import trace_chains
from riskmap.network.mends import Mends
from riskmap.network.nearness import Lines

Longs = npt.NDArray[np.int64]

#: Two lines that leave a place within 20 degrees of each other go the same way.
HAIRPIN_COSINE = 0.94


@dataclass(frozen=True, slots=True)
class Chains:
    """Hold lines joined where just two of them meet.

    Attributes
    ----------
    lines
        The chains, as lines.
    line
        Line of the segment that begins at each vertex.
    joint
        Marks vertices inside a chain where the next line begins.
    forward
        Whether each line runs as its chain does; by line.
    """

    lines: Lines
    line: Ints
    joint: Bools
    forward: Bools


def label_places(xy: Floats) -> Longs:
    """Return a number for each place; exactly equal places share one."""
    keys = np.ascontiguousarray(xy + 0.0).view(np.complex128).ravel()  # −0.0 is 0.0
    return np.asarray(pd.factorize(keys)[0], dtype=np.int64)


def distinct_lines(coords: Floats, offsets: Longs, rank: Ints, mends: Mends) -> Longs:
    """Return the lines without exact second copies, whichever way they run.

    Of equal lines the one of the lowest rank stays; lines without length are left out.
    """
    sizes = np.diff(offsets)
    keep = sizes >= 2
    empty = np.flatnonzero(~keep & (sizes > 0))
    mends.add("a line without length was left out", empty, coords[offsets[empty]])
    mark = _mark_lines(coords, offsets)
    label, unique = pd.factorize(mark)
    shared = np.flatnonzero(keep & (np.bincount(label, minlength=len(unique)) > 1)[label])
    ahead = coords[offsets[shared + 1] - 1] - coords[offsets[shared]]
    # Of equal lines that run against each other the one that goes east stays.
    order = np.lexsort((-ahead[:, 1], -ahead[:, 0], rank[shared], label[shared]))
    shared = shared[order]
    for a, b in _equal_pairs(coords, offsets, shared, label):
        keep[b] &= not keep[a]
    copies = shared[~keep[shared]]
    mends.add("a second copy of a line was left out", copies, coords[offsets[copies]])
    return np.flatnonzero(keep)


def _equal_pairs(
    coords: Floats, offsets: Longs, shared: Longs, label: npt.NDArray[np.integer]
) -> list[tuple[int, int]]:
    """Return the pairs of lines with one mark that are equal, in order."""
    groups = np.split(shared, np.flatnonzero(np.diff(label[shared])) + 1)
    shape = {int(k): coords[offsets[k] : offsets[k + 1]] for k in shared}
    return [
        (int(a), int(b))
        for group in groups
        for n, b in enumerate(group)
        for a in group[:n]
        if np.array_equal(shape[a], shape[b]) or np.array_equal(shape[a], shape[b][::-1])
    ]


@njit(cache=True)
def _mark_lines(coords: Floats, offsets: Longs) -> Floats:  # pragma: no cover
    """Return a number for each line that its vertices decide, whichever way they run."""
    mark = np.empty(offsets.size - 1)
    for line in range(mark.size):
        total = 0.0
        n = offsets[line + 1] - offsets[line]
        for k in range((n + 1) // 2):
            a, b = offsets[line] + k, offsets[line + 1] - 1 - k
            pair = (coords[a, 0] + coords[b, 0]) * 0.618 + (coords[a, 1] + coords[b, 1])
            total += pair * (k + 1.5)
        mark[line] = total
    return mark


def join_chains(coords: Floats, offsets: Longs, keep: Longs) -> Chains:
    """Join lines end to end where exactly two meet; they are not measured yet."""
    first, last = offsets[keep], offsets[keep + 1] - 1
    label = label_places(coords[np.concatenate([first, last])])
    ends = np.ascontiguousarray(label.reshape(2, -1).T.astype(np.int32))
    n_nodes = int(ends.max(initial=-1)) + 1
    open_line = ends[:, 0] != ends[:, 1]
    decision = np.bincount(ends.ravel(), minlength=n_nodes) != 2
    decision[ends[~open_line, 0]] = True
    decision[_hairpins(coords, first, last, label, decision)] = True
    edge = np.repeat(np.flatnonzero(open_line), 2).astype(np.int32)
    at, slot = group_by(ends[open_line].ravel(), n_nodes)
    start, _, slot_node, slot_edge = trace_chains(at, edge[slot], ends, decision)
    real = slot_edge >= 0
    loops = np.flatnonzero(~open_line)
    order = np.concatenate([slot_edge[real], loops]).astype(np.int64)
    ahead = np.concatenate([ends[slot_edge[real], 0] == slot_node[real], loops >= 0])
    sizes = np.concatenate([np.diff(start) - 1, np.ones(loops.size)]).astype(np.int64)
    forward = np.ones(offsets.size - 1, dtype=np.bool_)
    forward[keep[order]] = ahead
    parts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    xy, begin, line, joint = _lay_chains(coords, offsets, keep[order], forward, parts)
    return Chains(Lines(xy, begin[:-1], begin[1:] - 1, np.empty(0)), line, joint, forward)


def measured(chains: Chains) -> Chains:
    """Return chains with how far along them their vertices lie."""
    lines = chains.lines
    along_m = vertex_measures_km(lines.xy, np.append(lines.first, len(lines.xy)))
    along_m *= 1000.0
    return replace(chains, lines=lines._replace(along_m=along_m))


def remeasure(lines: Lines, chosen: Longs) -> None:
    """Measure lines anew, in place, after they were cut shorter."""
    sizes = lines.last[chosen] - lines.first[chosen] + 1
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    rows = np.repeat(lines.first[chosen] - offsets[:-1], sizes) + np.arange(offsets[-1])
    lines.along_m[rows] = vertex_measures_km(lines.xy[rows], offsets) * 1000.0


def _hairpins(coords: Floats, first: Longs, last: Longs, label: Longs, decision: Bools) -> Longs:
    """Return the nodes that two lines leave the same way: one digitised twice, not one cut."""
    vertex = np.concatenate([first, last])
    inner = np.concatenate([first + 1, last - 1])
    rows = np.flatnonzero(~decision[label])
    order = rows[np.argsort(label[rows], kind="stable")]
    leaving = coords[inner[order]] - coords[vertex[order]]
    leaving[:, 0] *= np.cos(np.radians(coords[vertex[order], 1]))
    leaving /= np.hypot(leaving[:, 0], leaving[:, 1])[:, None]
    turned = (leaving[::2] * leaving[1::2]).sum(axis=1)
    nodes: Longs = label[order[::2]][turned > HAIRPIN_COSINE]
    return nodes


@njit(cache=True)
def _lay_chains(  # pragma: no cover
    coords: Floats, offsets: Longs, order: Longs, forward: Bools, parts: Longs
) -> tuple[Floats, Longs, Ints, Bools]:
    """Put the vertices of chains one after the other; a joint's vertex stands once."""
    n = 0
    for line in order:
        n += offsets[line + 1] - offsets[line]
    n -= order.size - (parts.size - 1)
    xy = np.empty((n, 2))
    owner, joint = np.empty(n, dtype=np.int32), np.zeros(n, dtype=np.bool_)
    start = np.zeros(parts.size, dtype=np.int64)
    k = 0
    for chain in range(parts.size - 1):
        for p in range(parts[chain], parts[chain + 1]):
            line = order[p]
            if p > parts[chain]:
                k -= 1
                joint[k] = True
            size = offsets[line + 1] - offsets[line]
            for j in range(size):
                v = offsets[line] + j if forward[line] else offsets[line + 1] - 1 - j
                xy[k, 0], xy[k, 1], owner[k] = coords[v, 0], coords[v, 1], line
                k += 1
        start[chain + 1] = k
    return xy, start, owner, joint


def ends_of(lines: Lines) -> Longs:
    """Return the vertices that are ends: 2c and 2c + 1 are those of chain c."""
    return np.column_stack([lines.first, lines.last]).ravel()


def measure(lines: Lines, segment: Longs, t: Floats) -> Floats:
    """Return the distance along the line of places on segments, m."""
    at: Floats = lines.along_m[segment] * (1.0 - t) + lines.along_m[segment + 1] * t
    return at


def line_at(lines: Lines, vertex: Longs) -> Longs:
    """Return the line of each vertex."""
    line: Longs = np.searchsorted(lines.first, vertex, side="right") - 1
    return line


def point(lines: Lines, segment: Longs, t: Floats) -> Floats:
    """Return places on segments, degrees."""
    places: Floats = lines.xy[segment] * (1.0 - t[:, None]) + lines.xy[segment + 1] * t[:, None]
    return places
