"""Chains: lines joined end to end where just two of them meet, in a plane for searching.

Where a line was cut makes no difference to what is found on its chain. The plane is the ellipsoidal
Mercator projection, whose scale at a place turns its distances into metres.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from pyproj import Transformer

from riskmap.network.arcs import Bools, Floats, Ints, group_by
from riskmap.network.chains import trace_chains
from riskmap.report import Note

Longs = npt.NDArray[np.int64]

#: Mends of one kind that are told one by one, with their place; the rest is counted.
MENDS_TOLD = 20
#: Two lines that leave a place within 20 degrees of each other go the same way.
HAIRPIN_COSINE = 0.94
_ECCENTRICITY2 = 0.006_694_379_990_141_316


@dataclass(slots=True)
class Mends:
    """Collect the places of mends by kind."""

    row: Ints
    places: dict[str, list[tuple[int, float, float]]] = field(default_factory=dict)

    def add(self, what: str, line: int, place: Floats) -> None:
        """Note a mend on a line, at a place in degrees."""
        self.places.setdefault(what, []).append((int(line), float(place[0]), float(place[1])))

    def notes(self) -> tuple[Note, ...]:
        """Return the mends for the report, in order of place."""
        notes = []
        for what, places in self.places.items():
            ordered = sorted(places, key=lambda p: (p[1], p[2]))
            for line, lon, lat in ordered[:MENDS_TOLD]:
                where = f"row {self.row[line]}"
                notes.append(Note("mended", "rivers", where, f"{what} at {lon:.5f}, {lat:.5f}",
                                  lon=lon, lat=lat))  # fmt: skip
            more = len(ordered) - MENDS_TOLD
            if more > 0:
                notes.append(Note("mended", "rivers", None, f"{what}: {more} more", count=more))
        return tuple(notes)


@dataclass(frozen=True, slots=True)
class Chains:
    """Hold lines joined where just two of them meet; one row for each vertex of a chain.

    `line` and `forward` belong to the segment that begins at the vertex; `joint` marks vertices
    where the next line begins. `scale` turns the plane's units into metres.
    """

    xy: Floats
    chain: Longs
    line: Longs
    forward: Bools
    joint: Bools
    start: Longs
    scale: Floats
    along_m: Floats


def distinct_lines(coords: Floats, offsets: Longs, mends: Mends) -> Longs:
    """Return the lines without exact second copies, whichever way they run."""
    seen: set[bytes] = set()
    keep = []
    for k in range(offsets.size - 1):
        line = coords[offsets[k] : offsets[k + 1]]
        if line.shape[0] < 2:
            continue
        key = np.ascontiguousarray(_one_way(line)).tobytes()
        if key in seen:
            mends.add("a second copy of a line was left out", k, line[0])
            continue
        seen.add(key)
        keep.append(k)
    return np.array(keep, dtype=np.int64)


def _one_way(line: Floats) -> Floats:
    """Return a line in the one of its two directions that comes first by place."""
    turned = line[::-1]
    ends = (tuple(line[0]), tuple(turned[0]))
    if ends[0] != ends[1]:
        return line if ends[0] < ends[1] else turned
    return line if tuple(line.ravel()) <= tuple(turned.ravel()) else turned


def join_chains(coords: Floats, offsets: Longs, keep: Longs) -> Chains:
    """Join lines end to end where exactly two meet."""
    first, last = coords[offsets[keep]], coords[offsets[keep + 1] - 1]
    _, node = np.unique(np.concatenate([first, last]), axis=0, return_inverse=True)
    ends = node.reshape(2, -1).T.astype(np.int32)
    n_nodes = int(ends.max(initial=-1)) + 1
    open_line = ends[:, 0] != ends[:, 1]
    degree = np.bincount(ends.ravel(), minlength=n_nodes)
    decision = degree != 2
    decision[ends[~open_line, 0]] = True
    decision[_hairpins(coords, offsets, keep, ends)] = True
    edge = np.repeat(np.flatnonzero(open_line), 2).astype(np.int32)
    at, slot = group_by(ends[open_line].ravel(), n_nodes)
    start, _, slot_node, slot_edge = trace_chains(at, edge[slot], ends, decision)
    loops = np.flatnonzero(~open_line)
    order = [*slot_edge[slot_edge >= 0], *loops]
    forward = [*(ends[slot_edge, 0] == slot_node)[slot_edge >= 0], *np.ones(loops.size, bool)]
    chain_of = np.repeat(np.arange(start.size - 1), np.diff(start) - 1)
    chain = np.concatenate([chain_of, start.size - 1 + np.arange(loops.size)]).astype(np.int64)
    return _lay_chains(coords, offsets, keep[np.array(order, dtype=np.int64)],
                       np.array(forward, dtype=np.bool_), chain)  # fmt: skip


def _hairpins(coords: Floats, offsets: Longs, keep: Longs, ends: Ints) -> Longs:
    """Return the nodes that two lines leave the same way: one digitised twice, not one cut."""
    first, last = offsets[keep], offsets[keep + 1] - 1
    leaving = np.concatenate([coords[first + 1] - coords[first], coords[last - 1] - coords[last]])
    leaving[:, 0] *= np.cos(np.radians(coords[np.concatenate([first, last]), 1]))
    leaving /= np.hypot(*leaving.T)[:, None]
    node = ends.T.ravel()
    order = np.argsort(node, kind="stable")
    pair = (node[order][1:] == node[order][:-1]) & (
        (leaving[order][1:] * leaving[order][:-1]).sum(axis=1) > HAIRPIN_COSINE
    )
    return np.unique(node[order][1:][pair])


def _lay_chains(
    coords: Floats, offsets: Longs, line: Longs, forward: Bools, chain: Longs
) -> Chains:
    """Put the vertices of chains one after the other; a joint's vertex stands once."""
    sizes = offsets[line + 1] - offsets[line]
    part = np.repeat(np.arange(line.size), sizes)
    within = np.arange(part.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    turned = sizes[part] - 1 - within
    rows = offsets[line[part]] + np.where(forward[part], within, turned)
    follows = np.zeros(line.size, dtype=np.bool_)
    follows[1:] = chain[1:] == chain[:-1]
    joint = follows[part] & (within == 0)
    # The last vertex of a part that another follows is the first of the next.
    precedes = np.append(follows[1:], False)
    stay = ~(precedes[part] & (within == sizes[part] - 1))
    xy_deg, part, joint = coords[rows][stay], part[stay], joint[stay]
    of = chain[part]
    new = np.ones(of.size, dtype=np.bool_)
    new[1:] = of[1:] != of[:-1]
    start = np.append(np.flatnonzero(new), of.size)
    xy, scale = to_plane(xy_deg)
    return Chains(xy, np.cumsum(new) - 1, line[part], forward[part], joint, start, scale,
                   _along(xy, scale, start))  # fmt: skip


def to_plane(coords: Floats) -> tuple[Floats, Floats]:
    """Return ellipsoidal Mercator coordinates, and units of the plane to a metre on the ground."""
    to_plane = Transformer.from_crs(4326, 3395, always_xy=True)
    phi = np.radians(coords[:, 1])
    scale = np.sqrt(1.0 - _ECCENTRICITY2 * np.sin(phi) ** 2) / np.cos(phi)
    return np.column_stack(to_plane.transform(coords[:, 0], coords[:, 1])), scale


def to_degrees(xy: Floats) -> Floats:
    """Return places of the plane in degrees."""
    to_plane = Transformer.from_crs(4326, 3395, always_xy=True)
    return np.column_stack(to_plane.transform(xy[:, 0], xy[:, 1], direction="INVERSE"))


def _along(xy: Floats, scale: Floats, start: Longs) -> Floats:
    """Return how far along its chain each vertex lies, m, to the precision that searching needs."""
    steps = np.zeros(scale.size)
    steps[1:] = np.hypot(*np.diff(xy, axis=0).T) / scale[1:]
    steps[start[:-1]] = 0.0
    total = np.cumsum(steps)
    along: Floats = total - np.repeat(total[start[:-1]], np.diff(start))
    return along


def ends_of(chains: Chains) -> Longs:
    """Return the vertices that are ends: 2c and 2c + 1 are those of chain c."""
    return np.column_stack([chains.start[:-1], chains.start[1:] - 1]).ravel()


def measure(chains: Chains, segment: Longs, t: Floats) -> Floats:
    """Return the distance along the chain of places on segments, m."""
    at: Floats = chains.along_m[segment] * (1.0 - t) + chains.along_m[segment + 1] * t
    return at


def point(chains: Chains, segment: Longs, t: Floats) -> Floats:
    """Return places on segments, in the plane."""
    point: Floats = chains.xy[segment] * (1.0 - t[:, None]) + chains.xy[segment + 1] * t[:, None]
    return point
