"""Bridges against networkx, and drawings of one water that break up at different nodes."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.network.bridges import find_bridges
from riskmap.network.reaches import build_reaches
from tests.river_networks import (
    ALL_FAULTS,
    TOLERANCE_M,
    differences,
    grow_rivers,
    rivers_of,
    with_faults,
)


@given(
    n=st.integers(1, 12),
    edges=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30),
)
def test_bridges_are_those_of_networkx(n: int, edges: list[tuple[int, int]]) -> None:
    ends = np.array([(u % n, v % n) for u, v in edges], dtype=np.int32).reshape(-1, 2)
    simple = nx.Graph(ends.tolist())
    simple.remove_edges_from(list(nx.selfloop_edges(simple)))
    true = {tuple(sorted(edge)) for edge in nx.bridges(simple)}
    pairs = [tuple(sorted(pair)) for pair in ends.tolist()]
    expected = [pair in true and pairs.count(pair) == 1 for pair in pairs]
    assert find_bridges(ends, n).tolist() == expected


def test_a_long_row_of_edges_is_all_bridges() -> None:
    n = 200_000
    ends = np.column_stack([np.arange(n - 1), np.arange(1, n)]).astype(np.int32)
    assert find_bridges(ends, n).all()


@pytest.mark.parametrize("seed", [80, 168])
def test_three_drawings_that_break_up_at_different_nodes_are_one_water(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = grow_rivers(rng, 8)
    rivers = rivers_of(with_faults(rng, truth, ALL_FAULTS))
    reaches = build_reaches(rivers, snap_tolerance_m=TOLERANCE_M)
    assert not differences(reaches, truth, within_m=TOLERANCE_M)


def test_a_braid_is_no_second_drawing() -> None:
    rng = np.random.default_rng(5)
    truth = grow_rivers(rng, 12, braids=0.3)
    reaches = build_reaches(rivers_of(truth.lines), snap_tolerance_m=TOLERANCE_M)
    assert reaches.u.size == len(truth.lines)
