"""A study cut into the smallest pieces has the ranking and the reaches of the whole."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from riskmap.basins.parts import ORDER_COLUMNS, bundle_tables, cut_bundles
from riskmap.basins.pieces import whole_study
from riskmap.pipeline import police_network
from riskmap.results.corridors import rank_corridors
from tests.laws.test_corridor_laws import Region, law, regions

FIGURES = ["length_km", "transits", "undetected_transits", "hours_to_nearest_post", "risk_score"]


@settings(law, max_examples=40)
@given(region=regions(), most=st.integers(1, 6))
def test_pieces_have_the_corridors_and_reaches_of_the_whole(region: Region, most: int) -> None:
    policing, _ = police_network(region.settings, region.layers, region.sited)
    whole = whole_study(region.settings, region.sited, policing)
    tables = [
        bundle_tables(bundle) for bundle in cut_bundles(whole, region.layers, most_reaches=most)
    ]
    assume(len(tables) > 1)
    reaches = pd.concat([table.reaches for table in tables]).sort_values("reach_id")
    truth = region.outcome.reaches
    assert reaches["reach_id"].tolist() == truth["reach_id"].tolist()
    for column in ("transits", "undetected_transits", "patrol_hours"):
        near = {"rtol": 1e-9, "atol": 1e-9 * truth[column].max()}
        np.testing.assert_allclose(reaches[column], truth[column], **near)
    found = pd.concat([table.corridors for table in tables], ignore_index=True)
    order = np.lexsort([found[name].to_numpy() for name in reversed(ORDER_COLUMNS)])
    numbered = found.iloc[order].drop(columns=list(ORDER_COLUMNS)).reset_index(drop=True)
    ranked = rank_corridors(gpd.GeoDataFrame(numbered, crs="EPSG:4326"))
    known = region.outcome.corridors
    for column in ("name", "main_origins", "main_sites", "nearest_post", "crosses_border"):
        assert ranked[column].tolist() == known[column].tolist(), column
    for column in FIGURES:
        mine, theirs = ranked[column].tolist(), known[column].tolist()
        assert mine == pytest.approx(theirs, rel=1e-9, abs=1e-9, nan_ok=True), column
