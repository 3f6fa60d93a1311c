"""Names as people mean them."""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString

import riskmap as rm
from riskmap.layers.folding import NO_VALUE, fold, fold_heading, fold_water, texts
from tests import studies


@pytest.mark.parametrize(
    "name",
    ["RÍO TAMBOPATA", "Rio  Tambopata", "tambopata", "R. Tambopata", "Qda. Tambopata",
     "QDA TAMBOPATA", "Quebrada Tambopata", "Tambopata River", " TAMBOPATA "],
)  # fmt: skip
def test_one_water_has_one_name(name: str) -> None:
    assert fold_water(name) == "tambopata"


@pytest.mark.parametrize("name", ["UNK", "", " ", "Sin nombre", "RIO UNK", "N/A", "nan", "S/N"])
def test_no_name_is_no_name(name: str) -> None:
    assert fold_water(name) == ""


def test_a_name_that_only_begins_like_a_water_is_left_whole() -> None:
    assert fold_water("Riobamba") == "riobamba"
    assert fold_water("Río") == "rio"
    assert fold_water("Quebrada") == "quebrada"
    assert fold_water("Río de las Piedras") == "las piedras"


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_headings_are_compared_without_signs() -> None:
    assert fold_heading("Año de la") == fold_heading("ANO_DE_LA") == "ano_de_la"
    assert fold_heading("@id") == "@id"


def test_whole_numbers_become_text_without_a_point() -> None:
    assert texts(pd.Series([60123457.0, float("nan")])).tolist() == ["60123457", ""]
    assert texts(pd.Series([1.5, 2.0])).tolist() == ["1.5", "2.0"]
    assert texts(pd.Series([" a ", None])).tolist() == ["a", ""]
    assert "" in NO_VALUE


def split_river(upper: str, lower: str) -> gpd.GeoDataFrame:
    """Return the small study's rivers with the first line in two, each with a name."""
    rivers = studies.rivers()
    parts = [
        LineString([(-70.0, -12.0), (-70.01, -12.2)]),
        LineString([(-70.01, -12.2), (-70.0, -12.4)]),
    ]
    names = [upper, lower, *rivers["name"][1:]]
    return gpd.GeoDataFrame(
        {"name": names, "strahler_order": [3.0, 3.0, 1.0, 3.0]},
        geometry=[*parts, *rivers.geometry[1:]],
        crs=rivers.crs,
    )


def test_a_river_in_two_spellings_is_one_corridor(
    make_study: Callable[..., studies.SmallStudy],
) -> None:
    def corridors(upper: str, lower: str) -> int:
        study = make_study(rivers=split_river(upper, lower))
        study.keys["rivers"] = 'columns = { strahler_order = "strahler" }'
        return len(rm.Study.from_file(study.write().path).run().corridors)

    alike = corridors("Río Alto", "Río Alto")
    assert corridors("RIO ALTO", "río  alto") == alike
    assert corridors("Río Alto", "Río Bajo") == alike + 1
