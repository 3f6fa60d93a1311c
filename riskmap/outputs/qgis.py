"""GeoPackages that open in QGIS as the map looks: styles, and what the columns are called.

QGIS reads the style that it opens a layer with from the table `layer_styles`; the names of columns
stand there, and in the GeoPackage's own table of columns for other programs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, Literal
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np

from riskmap.outputs.elements.access import CLASSES as ACCESS_CLASSES
from riskmap.outputs.elements.corridors import CASING, CLASSES
from riskmap.outputs.words_of_tables import LEGEND_WORDS, column_word

Language = Literal["es", "en"]

#: Corridors whose rank stands on the map.
LABELLED: Final = 20
_WATER: Final = "#8db8d2"
_ROAD: Final = "#a79a8b"
_ROUTE: Final = "#932667"
_MINING: Final = {
    "authorised": "#efe6d4", "informal": "#dcc4a0", "illegal": "#a3763f", "unknown": "#bdbdbd",
}  # fmt: skip
_MORE, _LESS, _SAME = "#b2182b", "#2166ac", "#8a8a8a"
#: A score that rounds to the edge of a class is in that class, as on the map.
_EDGE: Final = 5e-7

_STYLES_TABLE: Final = """
    CREATE TABLE layer_styles (
        id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
        f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256),
        styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT,
        owner TEXT(30), ui TEXT(30),
        update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))"""
_COLUMN_TABLES: Final = (
    """CREATE TABLE gpkg_data_columns (
        table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT,
        description TEXT, mime_type TEXT, constraint_name TEXT,
        CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
        CONSTRAINT gdc_tn UNIQUE (table_name, name))""",
    """CREATE TABLE gpkg_data_column_constraints (
        constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT, min NUMERIC,
        min_is_inclusive BOOLEAN, max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
        CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value))""",
)
_SCHEMA_EXTENSION: Final = "http://www.geopackage.org/spec121/#extension_schema"

#: A class of a legend: the condition that a row meets, what it is called, its symbol.
_Rule = tuple[str, str, ET.Element]


def style_geopackage(
    path: Path, tables: Mapping[str, gpd.GeoDataFrame], *, language: Language
) -> None:
    """Add styles and the names of columns to a GeoPackage that has just been written.

    Parameters
    ----------
    path
        The file.
    tables
        What its layers hold, by their name.
    language
        Of the names and legends.
    """
    with closing(sqlite3.connect(path)) as file, file:
        # Who writes a whole file brings it to the disk at the end, not at every statement here.
        file.execute("PRAGMA synchronous = OFF")
        _make_tables(file)
        places = dict(file.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
        for name, table in tables.items():
            qml = layer_qml(table, language=language)
            file.execute(
                "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, "
                "f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, "
                "owner, ui) VALUES ('', '', ?, ?, 'riskmap', ?, '', 1, 'riskmap', '', '')",
                (name, places[name], qml),
            )
            file.executemany(
                "INSERT INTO gpkg_data_columns (table_name, column_name, name, title) "
                "VALUES (?, ?, ?, ?)",
                ((name, column, column, column_word(column, language))
                 for column in _attributes(table)),
            )  # fmt: skip


def layer_qml(table: gpd.GeoDataFrame, *, language: Language) -> str:
    """Return the style of a table as QGIS 3 reads it: its columns say what it is.

    Parameters
    ----------
    table
        A ranking, reaches, routes, sites, a plan, a comparison, or what a check found.
    language
        Of the names and legends.
    """
    root = ET.Element(
        "qgis", version="3.22.0", styleCategories="Symbology|Labeling|Fields", labelsEnabled="0"
    )
    root.append(_renderer(table, language))
    expression = _label(table)
    if expression is not None:
        root.set("labelsEnabled", "1")
        root.append(_labeling(expression, on_lines=_is_line(table)))
    aliases = ET.SubElement(root, "aliases")
    for index, column in enumerate(_attributes(table), start=1):  # 0 is the row's own number
        name = column_word(column, language)
        ET.SubElement(aliases, "alias", index=str(index), field=column, name=name)
    if "name" in table.columns:  # what a row is called in lists and searches
        ET.SubElement(root, "previewExpression").text = '"name"'
    doctype = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    return doctype + ET.tostring(root, encoding="unicode")


def _make_tables(file: sqlite3.Connection) -> None:
    file.execute(_STYLES_TABLE)
    file.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier) "
        "VALUES ('layer_styles', 'attributes', 'layer_styles')"
    )
    for statement in _COLUMN_TABLES:
        file.execute(statement)
    file.executemany(
        "INSERT INTO gpkg_extensions (table_name, extension_name, definition, scope) "
        "VALUES (?, 'gpkg_schema', ?, 'read-write')",
        [(name, _SCHEMA_EXTENSION) for name in
         ("gpkg_data_columns", "gpkg_data_column_constraints")],
    )  # fmt: skip


def _attributes(table: gpd.GeoDataFrame) -> list[str]:
    return [str(name) for name in table.columns if name != table.geometry.name]


def _renderer(table: gpd.GeoDataFrame, language: Language) -> ET.Element:
    columns = set(table.columns)
    if "risk_score" in columns:
        return _graduated("risk_score", list(_score_classes(language)))
    rules: Mapping[str, Callable[[], Iterator[_Rule]]] = {  # by a column that only such tables have
        "flow_known": lambda: _part_rules(language),
        "attached": lambda: _attached_rules(language),
        "status": lambda: _status_rules(language),
        "mode": lambda: _traffic_rules(table, language),
        "hours_to_help": lambda: _help_rules(language),
        "change": lambda: _change_rules(table, language),
        "hours": lambda: _amount_rules(table, "hours", language),
    }
    for column, make in rules.items():
        if column in columns:
            return _rules(list(make()))
    symbol = _line((_ROUTE, 0.8, None)) if _is_line(table) else _point("#ffffff", 4.0, shape="star")
    if "node_id" in columns:
        symbol = _point(_SAME, 1.4)
    if "feature" in columns:
        symbol = _point("#f2c14e", 2.4, shape="diamond")
    return _single(symbol)


def _is_line(table: gpd.GeoDataFrame) -> bool:
    kinds = table.geom_type.dropna().to_numpy()
    return not kinds.size or "Line" in str(kinds[0])


def _said(key: str, language: Language, **slots: str) -> str:
    return LEGEND_WORDS[key][0 if language == "es" else 1].format(**slots)


def _score_classes(language: Language) -> Iterator[tuple[float, float, str, ET.Element]]:
    lows = [low for low, _, _ in CLASSES]
    for (low, color, width), high in zip(CLASSES, [*lows[1:], 100.0], strict=True):
        said = _said("score", language, low=f"{low:g}", high=f"{high:g}")
        top = high - _EDGE if high < 100.0 else high
        bottom = low - _EDGE if low > 0.0 else low
        # Pixels of the map, at 96 to the inch.
        yield bottom, top, said, _line((CASING, width + 2.0, None), (color, width, None))


def _traffic_rules(table: gpd.GeoDataFrame, language: Language) -> Iterator[_Rule]:
    """Give waters without traffic, roads, and classes of traffic as shares of the largest."""
    yield "\"mode\" = 'road'", _said("road", language), _line((_ROAD, 2.6, "4;2"))
    still = '"mode" <> \'road\' AND coalesce("transits", 0) = 0'
    yield still, _said("no_transit", language), _line((_WATER, 1.0, None))
    yield from _amount_rules(table, "transits", language)


def _part_rules(language: Language) -> Iterator[_Rule]:
    """Give reaches of the longest part and of others; doubts about the flow come before."""
    doubtful, unknown = "\"flow_doubt\" <> ''", 'NOT "flow_known"'
    river = "\"mode\" = 'river'"
    sure = f"NOT ({doubtful}) AND NOT ({river} AND {unknown})"
    yield doubtful, _said("flow_doubtful", language), _line((_MORE, 2.4, None))
    yield (
        f"{river} AND {unknown} AND NOT ({doubtful})",
        _said("flow_unknown", language),
        _line((_ROUTE, 1.8, "5;3")),
    )
    yield f'{sure} AND "part" = 1', _said("longest_part", language), _line((_LESS, 1.6, None))
    yield f'{sure} AND "part" > 1', _said("other_parts", language), _line(("#e08214", 1.8, None))


def _attached_rules(language: Language) -> Iterator[_Rule]:
    yield '"attached"', _said("attached", language), _point("#4d9221", 1.8)
    yield 'NOT "attached"', _said("too_far", language), _point(_MORE, 2.8)


def _status_rules(language: Language) -> Iterator[_Rule]:
    for status, color in _MINING.items():
        yield f"\"status\" = '{status}'", _said(status, language), _area(color)


def _amount_rules(table: gpd.GeoDataFrame, column: str, language: Language) -> Iterator[_Rule]:
    """Give five classes of a column, as shares of its largest value, in the map's colours."""
    largest = float(np.nan_to_num(table[column].to_numpy(np.float64)).max(initial=0.0))
    highs = [low for low, _, _ in CLASSES[1:]] + [100.0]
    for (low, color, width), high in zip(CLASSES, highs, strict=True):
        bottom, top = largest * low / 100.0, largest * high / 100.0
        upper = f'AND "{column}" < {top!r}' if high < 100.0 else ""
        lower = f'"{column}" > 0' if low == 0.0 else f'"{column}" >= {bottom!r}'
        yield (
            f"{lower} {upper}".strip(),
            _said("amount", language, low=f"{bottom:.3g}", high=f"{top:.3g}",
                  what=_said(column, language)),
            _line((color, 0.75 * width, None)),
        )  # fmt: skip


def _help_rules(language: Language) -> Iterator[_Rule]:
    column = '"hours_to_help"'
    *known, (_, nowhere) = ACCESS_CLASSES
    lows = [low for low, _ in known]
    for (low, color), high in zip(known, [*lows[1:], None], strict=True):
        upper = "" if high is None else f" AND {column} < {high:g}"
        key = "over_h" if high is None else "range_h"
        said = _said(key, language, low=f"{low:g}", high=f"{high or 0:g}")
        yield f"{column} >= {low:g}{upper}", said, _point(color, 2.6)
    yield f"{column} IS NULL", _said("no_way", language), _point(nowhere, 3.4)


def _change_rules(table: gpd.GeoDataFrame, language: Language) -> Iterator[_Rule]:
    small = 1e-6
    for key, filters, color in (
        ("same", f'abs(coalesce("change", 0)) <= {small}', _SAME),
        ("less", f'"change" < -{small}', _LESS),
        ("more", f'"change" > {small}', _MORE),
    ):
        symbol = _line((color, 3.0, None)) if _is_line(table) else _point(color, 2.6)
        yield filters, _said(key, language), symbol


def _rgba(color: str) -> str:
    return ",".join(str(int(color[k : k + 2], 16)) for k in (1, 3, 5)) + ",255"


def _symbol(kind: str, layers: Sequence[tuple[str, Mapping[str, str]]]) -> ET.Element:
    symbol = ET.Element("symbol", type=kind, name="", alpha="1", clip_to_extent="1", force_rhr="0")
    for order, (layer_class, properties) in enumerate(layers):
        layer = ET.SubElement(
            symbol, "layer", {"class": layer_class, "enabled": "1", "locked": "0",
                              "pass": str(order)},
        )  # fmt: skip
        for key, value in properties.items():
            ET.SubElement(layer, "prop", k=key, v=value)
    return symbol


def _line(*strokes: tuple[str, float, str | None]) -> ET.Element:
    """Return a line drawn in one or more strokes: colour, width in pixels, dashes in pixels."""
    return _symbol(
        "line",
        [
            (
                "SimpleLine",
                {
                    "line_color": _rgba(color),
                    "line_width": f"{width:g}",
                    "line_width_unit": "Pixel",
                    "capstyle": "flat" if dash else "round",
                    "joinstyle": "round",
                    "customdash": dash or "5;2",
                    "customdash_unit": "Pixel",
                    "use_custom_dash": "1" if dash else "0",
                },
            )
            for color, width, dash in strokes
        ],
    )


def _point(color: str, size_mm: float, *, shape: str = "circle") -> ET.Element:
    return _symbol(
        "marker",
        [
            (
                "SimpleMarker",
                {
                    "name": shape,
                    "color": _rgba(color),
                    "outline_color": _rgba("#1d2733"),
                    "outline_width": "0.3",
                    "size": f"{size_mm:g}",
                    "size_unit": "MM",
                },
            )
        ],
    )


def _area(color: str) -> ET.Element:
    properties = {
        "color": _rgba(color).removesuffix("255") + "150", "outline_color": _rgba("#5a3a1e"),
        "outline_width": "0.26",
    }  # fmt: skip
    return _symbol("fill", [("SimpleFill", properties)])


def _named(symbols: Sequence[ET.Element]) -> ET.Element:
    held = ET.Element("symbols")
    for number, symbol in enumerate(symbols):
        symbol.set("name", str(number))
        held.append(symbol)
    return held


def _single(symbol: ET.Element) -> ET.Element:
    renderer = ET.Element("renderer-v2", type="singleSymbol", symbollevels="0")
    renderer.append(_named([symbol]))
    return renderer


def _graduated(column: str, classes: Sequence[tuple[float, float, str, ET.Element]]) -> ET.Element:
    # By symbol levels every casing lies below every colour, so that lines join without seams.
    renderer = ET.Element(
        "renderer-v2", type="graduatedSymbol", attr=column, symbollevels="1",
        graduatedMethod="GraduatedColor",
    )  # fmt: skip
    ranges = ET.SubElement(renderer, "ranges")
    for number, (low, high, label, _) in enumerate(classes):
        ET.SubElement(
            ranges, "range", lower=repr(low), upper=repr(high), symbol=str(number), label=label,
            render="true",
        )  # fmt: skip
    renderer.append(_named([symbol for *_, symbol in classes]))
    return renderer


def _rules(rules: Sequence[_Rule]) -> ET.Element:
    renderer = ET.Element("renderer-v2", type="RuleRenderer", symbollevels="0")
    root = ET.SubElement(renderer, "rules", key="root")
    for number, (condition, label, _) in enumerate(rules):
        ET.SubElement(root, "rule", filter=condition, symbol=str(number), label=label,
                      key=f"rule{number}")  # fmt: skip
    renderer.append(_named([symbol for *_, symbol in rules]))
    return renderer


def _label(table: gpd.GeoDataFrame) -> str | None:
    if "rank" in table.columns:
        return f'if("rank" <= {LABELLED}, to_string("rank"), NULL)'
    if "gain" in table.columns:
        return 'coalesce(nullif("place", \'\'), "nearest_settlement")'
    return None


def _labeling(expression: str, *, on_lines: bool) -> ET.Element:
    labeling = ET.Element("labeling", type="simple")
    settings = ET.SubElement(labeling, "settings", calloutType="simple")
    style = ET.SubElement(
        settings, "text-style", fieldName=expression, isExpression="1", fontSize="10",
        fontSizeUnit="Point", fontWeight="75", namedStyle="Bold", textColor=_rgba("#1d2733"),
    )  # fmt: skip
    ET.SubElement(
        style, "text-buffer", bufferDraw="1", bufferSize="0.9", bufferSizeUnits="MM",
        bufferColor="255,255,255,255",
    )  # fmt: skip
    # Across the line: along it few would find room.
    ET.SubElement(settings, "placement", placement="4" if on_lines else "6", priority="8")
    return labeling
