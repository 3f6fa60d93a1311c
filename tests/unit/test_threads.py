"""Threads: parts of a range, and results that do not depend on how many there are."""

from __future__ import annotations

import numpy as np
import pytest

from riskmap import threads
from riskmap.network.reaches import build_reaches
from tests.river_networks import TOLERANCE_M, grow_rivers, rivers_of, with_faults


@pytest.mark.parametrize(("n", "parts"), [(0, 1), (9, 1), (29, 2), (1000, 3)])
def test_a_range_is_cut_into_parts_worth_a_thread(
    n: int, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "get_num_threads", lambda: 3)
    found = threads.in_parts(lambda low, high: list(range(low, high)), n, least=10)
    assert len(found) == parts
    assert [k for part in found for k in part] == list(range(n))


@pytest.mark.slow
def test_a_network_is_the_same_whatever_the_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    rivers = rivers_of(with_faults(rng, grow_rivers(rng, 120)))
    built = []
    for number in (1, 2, 3):
        monkeypatch.setattr(threads, "get_num_threads", lambda number=number: number)
        built.append(build_reaches(rivers, snap_tolerance_m=TOLERANCE_M))
    for other in built[1:]:
        assert (other.coords == built[0].coords).all()
        assert (other.u == built[0].u).all()
        assert (other.v == built[0].v).all()
        assert (other.length_km == built[0].length_km).all()
        assert other.notes == built[0].notes
