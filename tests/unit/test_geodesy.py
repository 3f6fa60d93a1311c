"""Geodesy: lengths, measures and scales against geodesics after Karney (pyproj)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from riskmap.geodesy import (
    fractions_at,
    line_lengths_km,
    measures_on,
    metres_per_degree,
    vertex_measures_km,
)

GEOD = Geod(ellps="WGS84")
#: Geodesics after Karney are themselves good to a few nanometres.
NANOMETRES_KM = 2e-11
law = settings(max_examples=200, deadline=None)


def lines_near(seed: int, *, step_deg: float, latitude: float) -> tuple[np.ndarray, np.ndarray]:
    """Return wandering lines about a latitude, vertices about a step apart."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 30, 20)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    coords = np.cumsum(rng.normal(0.0, step_deg, (offsets[-1], 2)), axis=0)
    coords[:, 1] = latitude + np.remainder(coords[:, 1], 1.0)
    coords[:, 0] += rng.uniform(-180.0, 180.0)
    return coords, offsets


def geodesic_measures_km(coords: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    steps = np.zeros(len(coords))
    a, b = coords[:-1], coords[1:]
    steps[1:] = GEOD.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])[2]
    steps[offsets[:-1]] = 0.0
    runs = [np.cumsum(part) for part in np.split(steps, offsets[1:-1])]
    return np.concatenate(runs) / 1000.0


@law
@given(st.integers(0, 2**32), st.floats(-7, 0.5), st.floats(-88.0, 88.0))
def test_measures_agree_with_geodesics(seed: int, scale: float, latitude: float) -> None:
    coords, offsets = lines_near(seed, step_deg=10.0**scale, latitude=latitude)
    found = vertex_measures_km(coords, offsets)
    true = geodesic_measures_km(coords, offsets)
    noise = NANOMETRES_KM * (np.arange(len(coords)) + 1.0)
    assert (np.abs(found - true) <= 1e-9 * true + noise).all()


@law
@given(st.integers(0, 2**32), st.floats(-4, -1))
def test_a_line_is_as_long_as_its_last_vertex_is_far(seed: int, scale: float) -> None:
    coords, offsets = lines_near(seed, step_deg=10.0**scale, latitude=-12.0)
    measures = vertex_measures_km(coords, offsets)
    assert (measures[offsets[:-1]] == 0.0).all()
    assert (line_lengths_km(coords, offsets) == measures[offsets[1:] - 1]).all()
    back = line_lengths_km(coords[::-1], offsets[-1] - offsets[::-1])
    assert back[::-1] == pytest.approx(line_lengths_km(coords, offsets), rel=1e-12)


def test_a_line_over_the_antimeridian_goes_the_short_way() -> None:
    coords = np.array([[179.95, -16.0], [-179.95, -16.0]])
    assert line_lengths_km(coords, np.array([0, 2]))[0] == pytest.approx(10.701, abs=0.01)


def test_no_lines_have_no_lengths() -> None:
    assert line_lengths_km(np.empty((0, 2)), np.array([0])).size == 0


@pytest.mark.parametrize("latitude", [-70.0, -12.0, 0.0, 45.0])
def test_a_degree_is_as_long_as_on_the_ellipsoid(latitude: float) -> None:
    east, north = metres_per_degree(np.array([latitude]))
    d = 1e-4
    across = GEOD.inv(-70.0, latitude, -70.0 + d, latitude)[2] / d
    along = GEOD.inv(-70.0, latitude - d / 2, -70.0, latitude + d / 2)[2] / d
    assert east[0] == pytest.approx(across, rel=1e-6)
    assert north[0] == pytest.approx(along, rel=1e-6)


def test_a_place_on_a_long_segment_is_found_again() -> None:
    """From a fraction to its measure and back, within a thousandth of a millimetre."""
    coords = np.array([[-70.0, -12.0], [-69.8, -12.3], [-69.7, -3.0]])
    measures = vertex_measures_km(coords, np.array([0, 3]))
    segment = np.repeat([0, 1], 101)
    t = np.tile(np.linspace(0.0, 1.0, 101), 2)
    km = measures_on(coords, measures, segment, t)
    share = (km - measures[segment]) / (measures[segment + 1] - measures[segment])
    assert fractions_at(coords, segment[:101], share[:101]) == pytest.approx(t[:101], abs=2e-11)
    assert fractions_at(coords, segment[101:], share[101:]) == pytest.approx(t[101:], abs=1e-9)
