"""Chains: lines joined end to end where just two of them meet.

Where a line was cut makes no difference to what is found on its chain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from numba import njit

from riskmap.geodesy import vertex_measures_m
from riskmap.kernels import leaf
from riskmap.network.arcs import Bools, Floats, Geometries, Ints, group_by
from riskmap.network.chains import trace_chains
from riskmap.network.grids import LINES_A_THREAD
from riskmap.network.mends import Mends
from riskmap.network.nearness import Lines
from riskmap.network.runs import rows_of_runs
from riskmap.threads import in_parts

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
    begin, line
        First vertex of each line that a chain is made of, in order, and which line it is.
    part
        First in `begin` and `line` of each chain, and the total.
    forward
        Whether each line runs as its chain does; by line.
    """

    lines: Lines
    begin: Longs
    line: Longs
    part: Longs
    forward: Bools

    def line_of(self, vertex: Longs) -> Longs:
        """Return the line of the segment that begins at each vertex."""
        return self.line[np.searchsorted(self.begin, vertex, side="right") - 1]

    def joints(self) -> tuple[Longs, Longs]:
        """Return the vertices inside chains where a line begins, and their chains."""
        inner = np.ones(self.line.size, dtype=np.bool_)
        inner[self.part[:-1]] = False
        joint = self.begin[inner]
        chain = np.repeat(np.arange(self.part.size - 1), np.diff(self.part) - 1)
        held = (joint > self.lines.first[chain]) & (joint < self.lines.last[chain])
        return joint[held], chain[held]


@dataclass(frozen=True, slots=True)
class Strings:
    """Hold which lines make up each chain: `line[start[c] : start[c + 1]]`, in order.

    `forward` says whether each line runs as its chain does; by line.
    """

    line: Longs
    start: Longs
    forward: Bools


def vertices_of(shapes: Geometries) -> tuple[Floats, Longs, Longs]:
    """Return vertices, first vertex of each part and the shape of each part; none stands twice."""
    shape = np.arange(shapes.size)
    if (shapely.get_type_id(shapes) != shapely.GeometryType.LINESTRING).any():
        shapes, shape = shapely.get_parts(shapes, return_index=True)
    offsets = np.concatenate([[0], np.cumsum(shapely.get_num_coordinates(shapes))])
    coords = _drop_repeats(shapely.get_coordinates(shapes), offsets)
    return coords, offsets, shape.astype(np.int64)


@njit(cache=True)
def _drop_repeats(coords: Floats, offsets: Longs) -> Floats:  # pragma: no cover
    """Leave out vertices equal to the one before them on their line, in place."""
    n = 0
    for line in range(offsets.size - 1):
        first, begin = offsets[line], n
        offsets[line] = n
        for k in range(first, offsets[line + 1]):
            x, y = coords[k, 0], coords[k, 1]
            if n == begin or x != coords[n - 1, 0] or y != coords[n - 1, 1]:
                coords[n, 0], coords[n, 1] = x, y
                n += 1
    offsets[-1] = n
    return coords[:n]


def label_places(xy: Floats) -> Longs:
    """Return a number for each place; exactly equal places share one."""
    keys = np.ascontiguousarray(xy + 0.0).view(np.complex128).ravel()  # −0.0 is 0.0
    return np.asarray(pd.factorize(keys)[0], dtype=np.int64)


def distinct_lines(coords: Floats, offsets: Longs, rank: Longs, mends: Mends) -> Longs:
    """Return the lines without exact second copies, whichever way they run.

    Of equal lines the one of the lowest rank stays; lines without length are left out.
    """
    sizes = np.diff(offsets)
    keep = sizes >= 2
    empty = np.flatnonzero(~keep & (sizes > 0))
    mends.add("a line without length was left out", empty, coords[offsets[empty]])
    label, unique = pd.factorize(mark_runs(coords, offsets[:-1], offsets[1:]))
    shared = np.flatnonzero(keep & (np.bincount(label, minlength=len(unique)) > 1)[label])
    ahead = coords[offsets[shared + 1] - 1] - coords[offsets[shared]]
    # Of equal lines that run against each other the one that goes east stays.
    order = np.lexsort((-ahead[:, 1], -ahead[:, 0], rank[shared], label[shared]))
    shared = shared[order]
    _leave_copies(coords, offsets, shared, label, keep)
    copies = shared[~keep[shared]]
    mends.add("a second copy of a line was left out", copies, coords[offsets[copies]])
    return np.flatnonzero(keep)


@njit(cache=True)
def _leave_copies(  # pragma: no cover
    coords: Floats, offsets: Longs, shared: Longs, label: Longs, keep: Bools
) -> None:
    """Unmark, of lines in order of their labels, those equal to an earlier one of their label."""
    begin = 0
    for n in range(shared.size):
        b = shared[n]
        if label[b] != label[shared[begin]]:
            begin = n
        for a in shared[begin:n]:
            if keep[a] and _equal(coords, offsets, a, b):
                keep[b] = False
                break


@leaf
def _equal(coords: Floats, offsets: Longs, a: int, b: int) -> bool:  # pragma: no cover
    """Tell whether two lines have the same vertices, from either end."""
    n = offsets[a + 1] - offsets[a]
    if offsets[b + 1] - offsets[b] != n:
        return False
    ahead = back = True
    for k in range(n):
        i, j, last = offsets[a] + k, offsets[b] + k, offsets[b + 1] - 1 - k
        ahead = ahead and coords[i, 0] == coords[j, 0] and coords[i, 1] == coords[j, 1]
        back = back and coords[i, 0] == coords[last, 0] and coords[i, 1] == coords[last, 1]
        if not (ahead or back):
            return False
    return True


@njit(cache=True)
def mark_runs(coords: Floats, first: Longs, end: Longs) -> Floats:  # pragma: no cover
    """Return a number for each run of vertices that these decide, whichever way they run.

    Vertices of run i are `first[i] : end[i]`.
    """
    mark = np.empty(first.size)
    for run in range(first.size):
        total = 0.0
        for k in range((end[run] - first[run] + 1) // 2):
            a, b = first[run] + k, end[run] - 1 - k
            pair = (coords[a, 0] + coords[b, 0]) * 0.618 + (coords[a, 1] + coords[b, 1])
            total += pair * (k + 1.5)
        mark[run] = total
    return mark


def label_ends(coords: Floats, offsets: Longs, keep: Longs) -> Ints:
    """Return the number of the place that each line begins at and ends at, shape (n_lines, 2).

    Only `keep` are looked at, lines of two vertices or more.
    """
    label = np.full((offsets.size - 1, 2), -1, dtype=np.int32)
    ends = np.concatenate([offsets[keep], offsets[keep + 1] - 1])
    label[keep] = label_places(coords.take(ends, axis=0)).reshape(2, -1).T
    return label


def string_lines(keep: Longs, ends: Ints, stops: Bools) -> Strings:
    """Join lines end to end, but not where chains end.

    Parameters
    ----------
    keep
        The lines.
    ends
        The places of their ends (`label_ends`).
    stops
        Whether chains end at each place (`stops_of_chains`).
    """
    forward = np.ones(len(ends), dtype=np.bool_)
    ends = ends.take(keep, axis=0)
    open_line = ends[:, 0] != ends[:, 1]
    edge = np.repeat(np.flatnonzero(open_line), 2).astype(np.int32)
    at, slot = group_by(ends[open_line].ravel(), stops.size)
    start, _, slot_node, slot_edge = trace_chains(at, edge[slot], ends, stops)
    real = np.flatnonzero(slot_edge >= 0)
    loops = np.flatnonzero(~open_line)
    edges = slot_edge[real]
    order = keep[np.concatenate([edges, loops])]
    forward[order[: real.size]] = ends[edges, 0] == slot_node[real]
    sizes = np.concatenate([np.diff(start) - 1, np.ones(loops.size, dtype=np.int32)])
    parts = np.zeros(sizes.size + 1, dtype=np.int64)
    np.cumsum(sizes, out=parts[1:])
    return Strings(order, parts, forward)


def take_strings(strings: Strings, rows: Longs) -> Strings:
    """Return some of the chains."""
    at, start = rows_of_runs(strings.start[rows], np.diff(strings.start)[rows])
    return Strings(strings.line[at], start, strings.forward)


def string_ends(offsets: Longs, strings: Strings) -> Longs:
    """Return the vertices that are ends of chains: 2c and 2c + 1 are those of chain c."""
    one, other = strings.line[strings.start[:-1]], strings.line[strings.start[1:] - 1]
    first = np.where(strings.forward[one], offsets[one], offsets[one + 1] - 1)
    last = np.where(strings.forward[other], offsets[other + 1] - 1, offsets[other])
    return np.column_stack([first, last]).ravel()


def lay_chains(coords: Floats, offsets: Longs, strings: Strings) -> Chains:
    """Put the vertices of chains one after the other; they are not measured yet."""
    line, part, forward = strings.line, strings.start, strings.forward
    begin = np.zeros(line.size, dtype=np.int64)
    np.cumsum((offsets[line + 1] - offsets[line] - 1)[:-1], out=begin[1:])
    chain = np.repeat(np.arange(part.size - 1), np.diff(part))
    begin += chain  # a joint stands once, the last vertex of a chain beside the next one's first
    n = int(begin[-1] + offsets[line[-1] + 1] - offsets[line[-1]]) if line.size else 0
    xy = np.empty((n, 2))
    in_parts(
        lambda low, high: _lay_lines(coords, offsets, line, forward, begin, xy, low, high),
        line.size,
        least=LINES_A_THREAD,
    )
    first = begin[part[:-1]]
    lines = Lines(xy, first, np.append(first[1:], n) - 1, np.empty(0))
    return Chains(lines, begin, line, part, forward)


def measured(chains: Chains) -> Chains:
    """Return chains with how far along them their vertices lie."""
    lines = chains.lines
    along_m = vertex_measures_m(lines.xy, np.append(lines.first, len(lines.xy)))
    return replace(chains, lines=lines._replace(along_m=along_m))


def remeasure(lines: Lines, chosen: Longs) -> None:
    """Measure lines anew, in place, after they were cut shorter."""
    rows, offsets = rows_of_runs(lines.first[chosen], lines.last[chosen] + 1 - lines.first[chosen])
    lines.along_m[rows] = vertex_measures_m(lines.xy[rows], offsets)


def stops_of_chains(coords: Floats, offsets: Longs, keep: Longs, ends: Ints) -> Bools:
    """Tell the places where chains end: all but those where two lines meet and go on.

    Two lines that leave a place the same way are one digitised twice, not one that was cut.
    """
    stops: Bools = _stops_of_chains(coords, offsets, keep, ends, int(ends.max(initial=-1)) + 1)
    return stops


@njit(cache=True)
def _stops_of_chains(  # pragma: no cover
    coords: Floats, offsets: Longs, keep: Longs, ends: Ints, n_nodes: int
) -> Bools:
    met = np.zeros(n_nodes, dtype=np.int32)
    before = np.full(n_nodes, -1, dtype=np.int64)
    loop = np.zeros(n_nodes, dtype=np.bool_)
    for line in keep:
        loop[ends[line, 0]] |= ends[line, 0] == ends[line, 1]
        for side in range(2):
            met[ends[line, side]] += 1
    stop: Bools = (met != 2) | loop
    for line in keep:
        for side in range(2):
            node = ends[line, side]
            if stop[node]:
                continue
            if before[node] < 0:
                before[node] = 2 * line + side
                continue
            place, ax, ay = _way_out(coords, offsets, line, side)
            _, bx, by = _way_out(coords, offsets, before[node] // 2, before[node] % 2)
            east = math.cos(math.radians(place)) ** 2
            along = east * ax * bx + ay * by
            squares = (east * ax * ax + ay * ay) * (east * bx * bx + by * by)
            stop[node] = along > HAIRPIN_COSINE * math.sqrt(squares)
    return stop


@leaf
def _way_out(  # pragma: no cover
    coords: Floats, offsets: Longs, line: int, side: int
) -> tuple[float, float, float]:
    """Return the latitude of an end of a line, and the way to the vertex beside it, degrees."""
    end, inner = offsets[line], offsets[line] + 1
    if side == 1:
        end, inner = offsets[line + 1] - 1, offsets[line + 1] - 2
    return coords[end, 1], coords[inner, 0] - coords[end, 0], coords[inner, 1] - coords[end, 1]


@njit(cache=True, nogil=True)
def _lay_lines(  # pragma: no cover
    coords: Floats,
    offsets: Longs,
    line: Longs,
    forward: Bools,
    begin: Longs,
    xy: Floats,
    low: int,
    high: int,
) -> None:
    """Put the vertices of the lines low … high − 1 where they begin."""
    for p in range(low, high):
        first, end = offsets[line[p]], offsets[line[p] + 1]
        v, way = (first, 1) if forward[line[p]] else (end - 1, -1)
        for k in range(begin[p], begin[p] + end - first):
            xy[k, 0], xy[k, 1] = coords[v, 0], coords[v, 1]
            v += way


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
