"""Lines are cut where they share a vertex, and nowhere else."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from riskmap.network.meetings import part_lines

Line = list[tuple[float, float]]

#: Two streets that share a vertex, and a third that ends at a vertex of the first.
#:
#:     2       o
#:             |
#:     1  o-o--o--o--o
#:          |  |
#:     0    o  o
#:        0 1  2  3  4
STREETS: list[Line] = [
    [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)],
    [(2, 2), (2, 1), (2, 0)],
    [(1, 0), (1, 1)],
]


def parted(lines: list[Line]) -> tuple[list[Line], list[int]]:
    offsets = np.cumsum([0, *map(len, lines)])
    coords = np.array([xy for line in lines for xy in line], dtype=float)
    coords, offsets, line = part_lines(coords, offsets)
    parts = [[tuple(xy) for xy in coords[a:b].tolist()] for a, b in itertools.pairwise(offsets)]
    return parts, line.tolist()


@pytest.mark.parametrize(
    ("lines", "of_line"),
    [
        (STREETS, [0, 0, 0, 1, 1, 2]),
        ([[(0, 0), (1, 0), (2, 0)], [(0, 1), (1, 1)]], [0, 1]),  # nothing shared
        ([[(0, 0), (1, 0)], [(1, 0), (2, 0)]], [0, 1]),  # end to end
        ([[(0, 0), (1, 0), (2, 0)], [(1, 0), (2, 0), (3, 1)]], [0, 0, 1, 1]),  # a shared stretch
        ([[(0, 0), (1, 0), (2, 0)], [(0, 0), (1, 0), (2, 0)]], [0, 1]),  # a copy
        ([[(0, 0), (1, 0), (2, 1), (1, 2), (1, 0)]], [0, 0]),  # a line that comes back to itself
        ([[(-0.0, 1), (0.0, 0), (1, 0)], [(0, 0), (0, -1)]], [0, 0, 1]),  # −0 is 0
        ([[(0, 0), (1, 0), (2, 0)], [], [(1, 0), (1, 1)]], [0, 0, 1, 2]),  # an empty line
    ],
)
def test_lines_are_cut_where_others_meet_them(lines: list[Line], of_line: list[int]) -> None:
    parts, line = parted(lines)
    assert line == of_line
    for k, whole in enumerate(lines):
        mine = [part for part, of in zip(parts, line, strict=True) if of == k]
        assert [a[-1] for a in mine[:-1]] == [b[0] for b in mine[1:]]
        assert [*mine[0], *(xy for part in mine[1:] for xy in part[1:])] == whole
