"""Pieces: where connected water that is too large for one worker is cut, always at bridges.

A piece holds the reach of the bridge that leads up from it as well, so that its first confluence is
whole; the corridor on that reach belongs to the piece above.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from riskmap.model.blocks import Forest
from riskmap.network.arcs import Bools, Ints


class Pieces(NamedTuple):
    """Hold the piece of each place of a forest, and the bridges that were cut."""

    piece: Ints  # (n,)
    cut: Ints  # places below the bridges that were cut


def cut_forest(forest: Forest, *, weight: Ints, allowed: Bools, most: int) -> Pieces:
    """Cut a forest at bridges into pieces of half to about all of what is allowed.

    Parameters
    ----------
    forest
        Blocks and bridges of the water.
    weight
        What each place counts, shape (n_places,).
    allowed
        Places whose bridge to their parent may be cut.
    most
        Most that a piece should hold. A piece is larger where a single block is, or where no bridge
        may be cut. Trees that are smaller share a piece.
    """
    piece, cut = _cut(forest, weight, allowed, most)
    return Pieces(piece, np.flatnonzero(cut).astype(np.int32))


@njit(cache=True)
def _cut(  # pragma: no cover
    forest: Forest, weight: Ints, allowed: Bools, most: int
) -> tuple[Ints, Bools]:
    n = forest.node.size
    hanging = weight.astype(np.int64)
    cut = np.zeros(n, dtype=np.bool_)
    for k in range(n - 1, -1, -1):
        above = forest.head[k] if forest.head[k] != k else forest.parent[k]
        if above < 0:
            continue
        if forest.head[k] == k and allowed[k] and 2 * hanging[k] >= most:
            cut[k] = True
        else:
            hanging[above] += hanging[k]
    piece = np.empty(n, dtype=np.int32)
    number, shared, held = 0, -1, 0
    for k in range(n):
        above = forest.head[k] if forest.head[k] != k else forest.parent[k]
        if above >= 0 and not cut[k]:
            piece[k] = piece[above]
            continue
        if above < 0 and shared >= 0 and held + hanging[k] <= most:
            piece[k] = shared
            held += hanging[k]
            continue
        piece[k] = number
        if above < 0:
            shared, held = number, hanging[k]
        number += 1
    return piece, cut
