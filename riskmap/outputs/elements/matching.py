"""The same water in two results: corridors differ in their ends, so they are matched by place."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import shapely

_SAMPLES: Final = 24  # points along each corridor
_NEAR_DEG: Final = 3e-4  # about 30 m: the same line, rounded
_LEAST_SHARE: Final = 0.25  # of a corridor's length: seasons cut one corridor into several

Ints = npt.NDArray[np.int64]
Shapes = npt.NDArray[np.object_]


def match_corridors(lines: Shapes, others: Shapes) -> Ints:
    """Return, for each corridor, the other result's corridor that lies on most of its water.

    Parameters
    ----------
    lines, others
        Lines of the two results in degrees, in order of rank.

    Returns
    -------
    array
        For each of `lines` a position in `others`; -1 where none lies on a quarter of its length.

    Examples
    --------
    >>> whole, half = shapely.linestrings([[0, 0], [4, 0]]), shapely.linestrings([[0, 0], [3, 0]])
    >>> match_corridors(np.array([whole]), np.array([half])).tolist()
    [0]
    """
    votes = np.zeros((len(lines), max(len(others), 1)), dtype=np.int64)
    if len(lines) and len(others):
        at = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
        points = shapely.line_interpolate_point(lines[:, None], at[None, :], normalized=True)
        tree = shapely.STRtree(others)
        found, other = tree.query_nearest(points.ravel(), max_distance=_NEAR_DEG, all_matches=False)
        np.add.at(votes, (found // _SAMPLES, other), 1)
    best: Ints = votes.argmax(axis=1)
    return np.where(votes.max(axis=1) >= _LEAST_SHARE * _SAMPLES, best, -1)
