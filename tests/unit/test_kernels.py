"""Kernels: what a compiled function without counted references does, and may not do."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from numba import njit
from numba.core.errors import NumbaError

from riskmap.kernels import leaf


@leaf
def total_from(values: np.ndarray, first: int) -> float:
    total = 0.0
    for k in range(first, values.size):
        total += values[k]
    return total


@njit
def totals(values: np.ndarray) -> np.ndarray:
    sums = np.empty(values.size)
    for k in range(values.size):
        sums[k] = total_from(values, k)
    return sums


def test_a_leaf_serves_python_and_kernels_and_holds_no_array() -> None:
    values = np.arange(50.0)
    before = sys.getrefcount(values)
    assert total_from(values, 0) == values.sum()
    assert totals(values).tolist() == [values[k:].sum() for k in range(50)]
    assert sys.getrefcount(values) == before


def test_a_leaf_that_makes_an_array_is_refused() -> None:
    @leaf
    def makes_one(n: int) -> float:
        return float(np.zeros(n).sum())

    with pytest.raises(NumbaError, match="zeros"):
        makes_one(3)
