"""Names as people mean them."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.layers.folding import NO_VALUE, fold, fold_heading, fold_water, texts


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
