"""Meetings: places where lines meet by vertices that they share, as careful digitisers draw them.

A line that runs on through such a place is cut there before anything else, so that it makes no
difference whether its file cuts it there. What meets without a shared vertex is a fault; how that
is mended is in `riskmap.network.noding`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from riskmap.network.arcs import Bools, Floats
from riskmap.network.joining import Longs, label_places

#: Bits of the table in which vertices are sought, for each of them: few are found by chance.
_BITS = 32


def part_lines(coords: Floats, offsets: Longs) -> tuple[Floats, Longs, Longs]:
    """Cut lines at the vertices inside them where a line ends, or not just two segments meet.

    Segments that lie on each other count once, so that a stretch which two lines share is cut at
    its ends.

    Parameters
    ----------
    coords, offsets
        Vertices of the lines, degrees: line i has the rows `offsets[i] : offsets[i + 1]`.

    Returns
    -------
    coords, offsets
        The parts, in order of their lines.
    line
        Line of each part.
    """
    n = offsets.size - 1
    cut = _meetings(coords, offsets)
    if not cut.size:
        return coords, offsets, np.arange(n)
    line = np.searchsorted(offsets, cut, side="right") - 1
    start = np.concatenate([offsets[:-1] + np.searchsorted(cut, offsets[:-1]),
                            cut + np.arange(1, cut.size + 1)])  # fmt: skip
    rows = np.sort(np.concatenate([np.arange(coords.shape[0]), cut]))  # a cut stands twice
    return (
        coords[rows],
        np.append(np.sort(start), rows.size),
        np.repeat(np.arange(n), 1 + np.bincount(line, minlength=n)),
    )


def _meetings(coords: Floats, offsets: Longs) -> Longs:
    """Return the vertices inside lines at which to cut them, in order."""
    first, last = np.zeros((2, coords.shape[0]), dtype=np.bool_)
    some = offsets[1:] > offsets[:-1]
    first[offsets[:-1][some]] = last[offsets[1:][some] - 1] = True
    at = np.flatnonzero(_sharing(coords, ~(first | last)))
    place = label_places(coords[at])
    before, after = ~first[at], ~last[at]
    beside = label_places(coords[np.concatenate([at[before] - 1, at[after] + 1])])
    span = int(beside.max(initial=0)) + 1
    segment = np.unique(np.concatenate([place[before], place[after]]) * span + beside)
    several = np.bincount(place)[place] > 1
    ended = np.bincount(place, ~(before & after))[place] > 0
    met = np.bincount(segment // span, minlength=place.size)[place] != 2
    cut: Longs = at[several & (ended | met) & before & after]
    return cut


@njit(cache=True)
def _sharing(coords: Floats, inner: Bools) -> Bools:  # pragma: no cover
    """Tell the vertices that share their place with one inside a line; a few more by chance.

    Each place has a bit in a table; whatever meets the bit of a vertex inside a line set twice, or
    once by that and once by an end, may be at its place.
    """
    n = coords.shape[0]
    size = 64
    while size < _BITS * n:
        size *= 2
    once, twice = np.zeros(size // 8, dtype=np.uint8), np.zeros(size // 8, dtype=np.uint8)
    bit = np.empty(n, dtype=np.int64)
    bits = (coords + 0.0).view(np.uint64)  # −0.0 is 0.0
    for k in range(n):
        x = bits[k, 0] * np.uint64(0x9E3779B97F4A7C15) ^ bits[k, 1] * np.uint64(0xC2B2AE3D27D4EB4F)
        x ^= x >> np.uint64(29)
        x *= np.uint64(0xBF58476D1CE4E5B9)
        bit[k] = np.int64((x >> np.uint64(20)) & np.uint64(size - 1))
    for ends in (False, True):
        for k in range(n):
            if inner[k] != ends:
                at, mark = bit[k] >> 3, np.uint8(1 << (bit[k] & 7))
                if once[at] & mark:
                    twice[at] |= mark
                elif not ends:
                    once[at] |= mark
    sharing = np.zeros(n, dtype=np.bool_)
    for k in range(n):
        sharing[k] = twice[bit[k] >> 3] & np.uint8(1 << (bit[k] & 7)) != 0
    return sharing
