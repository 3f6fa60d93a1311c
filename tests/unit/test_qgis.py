"""GeoPackages that open styled in QGIS: structure, names, and what GDAL and riskmap still read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import LineString, Point

from riskmap.layers import read_layers
from riskmap.outputs.elements.corridors import CASING, CLASSES
from riskmap.outputs.graphs import write_check, write_graph
from riskmap.outputs.plans import write_comparison
from riskmap.outputs.qgis import layer_qml
from riskmap.outputs.words_of_tables import COLUMN_WORDS, LEGEND_WORDS, column_word
from riskmap.settings import load_settings
from riskmap.study import Result, Study, compare
from tests import studies
from tests.studies import SmallStudy, write_small_study

Write = Callable[[Path], None]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return Study.from_file(write_small_study(tmp_path_factory.mktemp("small")).path).run()


def ask(path: Path, question: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as file:
        return file.execute(question).fetchall()


def style(path: Path, layer: str) -> ET.Element:
    """Return the style of a layer, found by the columns that QGIS finds it by."""
    (row,) = ask(
        path,
        "SELECT styleQML FROM layer_styles s JOIN gpkg_geometry_columns g "
        "ON g.table_name = s.f_table_name AND g.column_name = s.f_geometry_column "
        f"WHERE f_table_schema = '' AND useAsDefault = 1 AND f_table_name = '{layer}'",
    )
    return ET.fromstring(row[0])  # noqa: S314  (written here)


def colours(symbol: ET.Element) -> list[str]:
    values = [p.get("v", "") for p in symbol.iter("prop") if p.get("k") == "line_color"]
    return ["#" + "".join(f"{int(part):02x}" for part in v.split(",")[:3]) for v in values]


def test_corridors_have_the_classes_of_the_map(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "c.gpkg"
    result.save(path)
    (renderer,) = style(path, "corridors").iter("renderer-v2")
    assert renderer.attrib["type"] == "graduatedSymbol"
    assert renderer.attrib["attr"] == "risk_score"
    ranges = list(renderer.iter("range"))
    symbols = {s.attrib["name"]: s for s in renderer.iter("symbol")}
    assert [colours(symbols[r.attrib["symbol"]]) for r in ranges] == [
        [CASING, color] for _, color, _ in CLASSES
    ]
    edges = [float(r.attrib[end]) for r in ranges for end in ("lower", "upper")]
    assert edges == sorted(edges)
    assert (edges[0], edges[-1]) == (0.0, 100.0)
    np.testing.assert_allclose(edges[2::2], [low for low, _, _ in CLASSES[1:]], atol=1e-6)
    assert ranges[0].attrib["label"] == "riesgo 0 a 10"


@pytest.mark.parametrize("score", [0.0, 9.9999, 10.0, 24.9999999, 25.0, 50.0, 74.9, 75.0, 100.0])
def test_every_score_is_in_one_class_the_maps(result: Result, score: float) -> None:
    root = ET.fromstring(layer_qml(result.corridors, language="en"))  # noqa: S314
    # QGIS takes the first range that holds a value, ends included.
    first = next(
        number
        for number, r in enumerate(root.iter("range"))
        if float(r.attrib["lower"]) <= score <= float(r.attrib["upper"])
    )
    lows = np.array([low for low, _, _ in CLASSES])
    assert first == np.searchsorted(lows, round(score, 6), side="right") - 1


def _layers_of(result: Result, tmp_path: Path) -> dict[str, gpd.GeoDataFrame]:
    """Return every table that is written to a GeoPackage, by a name that says which."""
    plan = result.plan_checkpoints(1)
    moved = result.displacement(plan)
    hours = result.plan_patrol_hours(10.0)
    return {
        "corridors": result.corridors,
        "reaches": result.reaches,
        "routes": result.routes,
        "sites": result.outcome.sites,
        "checkpoints": plan.checkpoints,
        "displaced_corridors": moved.corridors,
        "displaced_routes": moved.routes,
        "displaced_destinations": moved.destinations,
        "patrol_hours": hours.hours,
        "patrols": hours.patrols,
        "schedule": hours.schedule,
        "comparison": compare(result, result).corridors,
    }


def test_every_table_has_a_style_whose_parts_fit(result: Result, tmp_path: Path) -> None:
    for name, table in _layers_of(result, tmp_path).items():
        for language in ("es", "en"):
            root = ET.fromstring(layer_qml(table, language=language))  # noqa: S314
            (renderer,) = root.iter("renderer-v2")
            symbols = [s.attrib["name"] for s in renderer.iter("symbol")]
            used = [e.attrib["symbol"] for tag in ("range", "rule") for e in renderer.iter(tag)]
            if renderer.attrib["type"] == "singleSymbol":
                used = ["0"]
            assert sorted(used) == sorted(symbols), name
            shapes = table.geom_type.dropna()
            is_line = shapes.empty or "Line" in str(shapes.iloc[0])
            kinds = {s.attrib["type"] for s in renderer.iter("symbol")}
            assert kinds == {"line" if is_line else "marker"}, name
            assert {a.attrib["field"] for a in root.iter("alias")} == set(table.columns) - {
                "geometry"
            }
            assert [a.attrib["index"] for a in root.iter("alias")] == [
                str(k) for k in range(1, len(table.columns))
            ]


def test_every_column_has_a_name_in_both_languages(result: Result, tmp_path: Path) -> None:
    for table in _layers_of(result, tmp_path).values():
        for column in table.columns.drop("geometry"):
            spanish, english = (column_word(column, lang) for lang in ("es", "en"))
            assert spanish != column, column
            assert english != column, column
    for words in (COLUMN_WORDS, LEGEND_WORDS):
        for key, (spanish, english) in words.items():
            assert spanish, key
            assert english, key
            assert spanish.count("{") == english.count("{"), key


@pytest.mark.parametrize("language", ["es", "en"])
def test_aliases_are_in_the_language_of_the_study(
    small_study: SmallStudy, tmp_path: Path, language: Literal["es", "en"]
) -> None:
    small_study.sections = f'language = "{language}"'
    path = tmp_path / "c.gpkg"
    Study.from_file(small_study.write().path).run().save(path)
    said = {"es": "Índice de riesgo (0–100)", "en": "Risk score (0–100)"}[language]
    aliases = {a.attrib["field"]: a.attrib["name"] for a in style(path, "corridors").iter("alias")}
    assert aliases["risk_score"] == said
    titles = dict(ask(path, "SELECT column_name, title FROM gpkg_data_columns"))
    assert titles == aliases


def test_reaches_are_drawn_by_mode_and_traffic(result: Result) -> None:
    table = result.reaches
    rules = _rules(table)
    for mode, transits, wanted in (
        ("river", 0.0, ["#8db8d2"]),
        ("river", 1e-9, ["#fbd27a"]),
        ("river", float(table["transits"].max()), ["#33095e"]),
        ("road", 0.0, ["#a79a8b"]),
        ("road", float(table["transits"].max()), ["#a79a8b", "#33095e"]),
    ):
        assert _drawn(rules, mode=mode, transits=transits) == wanted


def test_sites_that_nothing_reaches_are_drawn(result: Result) -> None:
    rules = _rules(result.outcome.sites)
    assert [len(_drawn(rules, hours_to_help=h)) for h in (0.0, 2.0, 5.9, 6.0, 400.0, None)] == [
        1, 1, 1, 1, 1, 1,
    ]  # fmt: skip


def _rules(table: gpd.GeoDataFrame) -> list[tuple[str, str]]:
    root = ET.fromstring(layer_qml(table, language="en"))  # noqa: S314
    symbols = {s.attrib["name"]: s for s in root.iter("symbol")}
    return [
        (r.attrib["filter"], (colours(symbols[r.attrib["symbol"]]) or ["point"])[0])
        for r in root.iter("rule")
    ]


def _drawn(rules: list[tuple[str, str]], **values: object) -> list[str]:
    """Return the colours that a row is drawn in: SQLite reads the conditions as QGIS does."""
    with closing(sqlite3.connect(":memory:")) as file:
        columns = ", ".join(f'? AS "{name}"' for name in values)
        return [
            color
            for condition, color in rules
            if file.execute(
                f"SELECT count(*) FROM (SELECT {columns}) WHERE {condition}", [*values.values()]
            ).fetchone()[0]
        ]


def test_what_a_check_found_opens_styled(small_study: SmallStudy, tmp_path: Path) -> None:
    path = tmp_path / "check.gpkg"
    check = Study.from_file(small_study.path).check()
    write_check(check, path)
    layers = {name for (name,) in ask(path, "SELECT f_table_name FROM layer_styles")}
    assert layers == {"reaches", "sites", "mends", "doubtful_directions", "mining_status"}
    for layer in layers:
        table = gpd.read_file(path, layer=layer)
        root = style(path, layer)
        aliases = {a.attrib["field"]: a.attrib["name"] for a in root.iter("alias")}
        assert set(aliases) == set(table.columns.drop("geometry"))
        assert all(name != column for column, name in aliases.items())
        rules = [r.attrib["filter"] for r in root.iter("rule")]
        kept = [gpd.read_file(path, layer=layer, where=rule) for rule in rules]
        assert not rules or sum(map(len, kept)) == len(table), layer


def test_names_from_the_data_cannot_break_a_style(tmp_path: Path) -> None:
    line = LineString([(-70, -12), (-70, -12.1)])
    odd = gpd.GeoDataFrame({'a"<&>]]>': ["</qgis>"], "name": ["x"]}, geometry=[line], crs=4326)
    root = ET.fromstring(layer_qml(odd, language="en"))  # noqa: S314
    assert [a.attrib["name"] for a in root.iter("alias")] == ['a"<&>]]>', "Name"]


def test_an_empty_table_and_points_have_a_style() -> None:
    empty = gpd.GeoDataFrame({"rank": [], "risk_score": []}, geometry=[], crs=4326)
    assert "graduatedSymbol" in layer_qml(empty, language="es")
    nodes = gpd.GeoDataFrame({"node_id": [1]}, geometry=[Point(0, 0)], crs=4326)
    assert 'type="marker"' in layer_qml(nodes, language="es")


@pytest.mark.parametrize("what", ["rank", "graph", "compare"])
def test_the_file_stays_a_geopackage(result: Result, tmp_path: Path, what: str) -> None:
    path = tmp_path / "f.gpkg"
    if what == "rank":
        result.save(path, level="reaches")
    elif what == "graph":
        write_graph(result.outcome, path)
    else:
        both = compare(result, result)
        write_comparison(result.outcome, result.outcome, both, path)
    assert ask(path, "PRAGMA integrity_check") == [("ok",)]
    assert ask(path, "PRAGMA foreign_key_check") == []
    registered = {name for (name,) in ask(path, "SELECT table_name FROM gpkg_contents")}
    styled = {name for (name,) in ask(path, "SELECT f_table_name FROM layer_styles")}
    assert registered == styled | {"layer_styles"}
    declared = ask(path, "SELECT table_name FROM gpkg_extensions "
                         "WHERE extension_name = 'gpkg_schema' ORDER BY 1")  # fmt: skip
    assert declared == [("gpkg_data_column_constraints",), ("gpkg_data_columns",)]
    for layer in styled:
        columns = {name for _, name, *_ in ask(path, f"PRAGMA table_info({layer})")}
        named = ask(path, f"SELECT column_name FROM gpkg_data_columns WHERE table_name = '{layer}'")
        assert {name for (name,) in named} <= columns
        assert len(gpd.read_file(path, layer=layer)) > 0


def test_what_is_styled_is_still_a_layer_for_the_next_study(
    result: Result, small_study: SmallStudy
) -> None:
    """QGIS users have such tables in all their files: one layer beside a style is one layer."""
    result.save(small_study.file("rivers").with_name("mine.gpkg"), level="reaches")
    small_study.keys.pop("rivers")
    text = small_study.write().path.read_text("utf-8").replace("rivers.shp", "mine.gpkg")
    small_study.path.write_text(text, "utf-8")
    rivers = read_layers(load_settings(small_study.path)).tables["rivers"]
    assert len(rivers) == len(result.reaches)
    assert len(rivers) > len(studies.rivers())
