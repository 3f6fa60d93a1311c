"""Presets at work: rows of a known source get the canonical columns.

Filters, units, values and days are turned here; whether the values are in range is checked in
`riskmap.layers.columns`. Everything that is left out or turned is told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from riskmap.layers.findings import Findings
from riskmap.layers.folding import NO_VALUE, fold, fold_heading, fold_values, texts
from riskmap.presets.sources import ColumnMap, Keep, Preset
from riskmap.report import Count

#: Columns in which OpenStreetMap extracts keep the tags that have no column of their own.
TAGS = ("other_tags", "tags", "all_tags")
#: Width of a column's name in a shapefile.
_DBF_NAME = 10
_HSTORE = re.compile(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"')


def apply_preset(
    rows: gpd.GeoDataFrame, preset: Preset, *, own: Mapping[str, str], findings: Findings
) -> gpd.GeoDataFrame:
    """Return the rows of a source that belong to the layer, with canonical columns.

    Parameters
    ----------
    rows
        Rows of the source, indexed by their number.
    preset
        What is known about the source.
    own
        Canonical columns that the study maps by hand: the preset leaves them alone.
    findings
        Takes what was left out and turned.
    """
    _doubt(rows, preset, findings)
    rows = _without_persons(rows, preset.personal, findings)
    for keep in preset.keep:
        rows = _keep(rows, keep, findings)
    rules = {name: rule for name, rule in preset.columns.items() if name not in own}
    found = {name: find_column(rows, rule.sources) for name, rule in rules.items()}
    mapped = {
        name: _column(rows, rule, found[name], name=name, findings=findings)
        for name, rule in rules.items()
    }
    gone = ({*rules, *found.values()} & set(rows.columns)) - {*own.values()}
    given = {name: values for name, values in mapped.items() if values is not None}
    table = rows.drop(columns=list(gone)).copy().assign(**given)
    return _squares(table, preset.square_deg, findings)


def find_column(rows: pd.DataFrame, names: Iterable[str]) -> str | None:
    """Return the source's column, or tag, for the first name that is there.

    Case, accents and signs do not matter; a name that a shapefile cut at ten letters is found.
    """
    headings = {fold_heading(c): str(c) for c in reversed(rows.columns.tolist())}
    for name in names:
        wanted = fold_heading(name)
        if wanted in headings:
            return headings[wanted]
    for name in names:
        cut = fold_heading(name)[:_DBF_NAME]
        if len(str(name)) > _DBF_NAME and cut in headings and len(headings[cut]) == _DBF_NAME:
            return headings[cut]
    tags = next((column for column in TAGS if column in headings.values()), None)
    if tags is None:
        return None
    return next((name for name in names if _tag(rows[tags], name).notna().any()), None)


def values_of(rows: pd.DataFrame, column: str) -> pd.Series:
    """Return a column, or the values of a tag, by the name that `find_column` gave."""
    if column in rows.columns:
        return rows[column]
    tags = next(name for name in TAGS if name in rows.columns)
    return _tag(rows[tags], column)


def matches(values: pd.Series, patterns: Iterable[str]) -> pd.Series:
    """Tell which values are like a pattern, folded; `*` stands for anything."""
    folded = [fold(pattern) for pattern in patterns]
    seen = fold_values(texts(values))
    known = {text: any(fnmatchcase(text, p) for p in folded) for text in seen.unique()}
    return seen.map(known).astype(bool)


def _tag(tags: pd.Series, key: str) -> pd.Series:
    """Return the values of one tag from texts of JSON or hstore."""

    def one(text: object) -> str | None:
        if not isinstance(text, str) or f'"{key}"' not in text:
            return None
        if text.lstrip().startswith("{"):
            try:
                value = json.loads(text).get(key)
            except (ValueError, AttributeError):
                return None
            return None if value is None else str(value)
        return next((v for k, v in _HSTORE.findall(text) if k == key), None)

    return tags.map(one).astype("object")


def _doubt(rows: gpd.GeoDataFrame, preset: Preset, findings: Findings) -> None:
    """Tell a source that lacks what its preset is known by; refuse one that has nothing of it."""
    wanted = preset.recognise.columns
    lacking = [entry for entry in wanted if find_column(rows, entry.split("|")) is None]
    if not lacking or rows.empty:
        return
    named = [name for rule in preset.columns.values() for name in (*rule.sources, *rule.fallback)]
    what = (
        f"the layer has no column {' and no '.join(lacking)}: it does not look like {preset.name}"
    )
    mend = "riskmap import FILE says which preset fits"
    if find_column(rows, named) is None:
        findings.refuse(what.replace("|", " or "), mend, feature="preset")
    else:
        findings.tell("doubtful", what.replace("|", " or "), mend, feature="preset")


def _without_persons(
    rows: gpd.GeoDataFrame, personal: Iterable[str], findings: Findings
) -> gpd.GeoDataFrame:
    found = [c for name in personal if (c := find_column(rows, [name])) in rows.columns]
    if not found:
        return rows
    findings.tell("notice", f"columns about persons were left out: {', '.join(map(str, found))}")
    return rows.drop(columns=sorted({str(c) for c in found}))


def _keep(rows: gpd.GeoDataFrame, keep: Keep, findings: Findings) -> gpd.GeoDataFrame:
    column = find_column(rows, keep.column)
    if column is None or rows.empty:
        return rows
    values = values_of(rows, column)
    wanted = matches(values, keep.values)
    kept = ", ".join(keep.values)
    if keep.pick == "last" and wanted.any():
        kept = max(texts(values[wanted]))
        wanted &= texts(values) == kept
    if wanted.all():
        return rows
    taken = f"{int(wanted.sum())} of {Count(len(rows)):row was|rows were} taken"
    what = f"{taken} ({column} is {kept}): {keep.why}"
    findings.tell("notice", what, feature=column, count=int((~wanted).sum()))
    if not wanted.any():
        findings.refuse(
            f"no row has {column} = {kept}", "name another preset, or none", feature="preset"
        )
    return rows.loc[wanted]


def _column(
    rows: gpd.GeoDataFrame,
    rule: ColumnMap,
    source: str | None,
    *,
    name: str,
    findings: Findings,
) -> pd.Series | None:
    """Return a canonical column as its rule says, None where the source has nothing for it."""
    if rule.constant is not None:
        return pd.Series([rule.constant] * len(rows), index=rows.index)
    if source is None and not rule.fallback:
        return None
    given = pd.Series("", index=rows.index, dtype="object")
    if source is not None:
        given = values_of(rows, source)
    given = _known(given, rule, name=name, findings=findings)
    if rule.words:
        given = _valued(given, rule)
    elif rule.date != "iso":
        given = _days(given, rule)
    elif rule.times != 1.0:
        given = pd.to_numeric(given, errors="coerce") * rule.times
        findings.tell("converted", f"{name} is {source} × {rule.times:g}", count=len(rows))
    given = _filled(rows, given, rule, name=name, findings=findings)
    return _apart(rows, given, rule)


def _known(given: pd.Series, rule: ColumnMap, *, name: str, findings: Findings) -> pd.Series:
    """Blank what stands for unknown, and take the first of several values."""
    if rule.first_of is not None:
        several = texts(given)
        first = several.str.split(rule.first_of, n=1).str[0].str.strip()
        more = int((several.str.contains(rule.first_of, regex=False)).sum())
        if more:
            findings.tell("notice", f"{name}: of several values the first counts", count=more)
        given = first
    unknown = [fold(value) for value in rule.unknown]
    seen = fold_values(texts(given))
    blank = seen.isin(unknown) | seen.isin(NO_VALUE)
    if pd.api.types.is_numeric_dtype(given):
        blank |= given.isin([v for v in rule.unknown if not isinstance(v, str)])
        if pd.api.types.is_integer_dtype(given):
            given = given.astype("Int64")
        return given.where(~blank)
    return given.astype("object").where(~blank, None)


def _valued(given: pd.Series, rule: ColumnMap) -> pd.Series:
    """Turn a source's values into canonical ones."""
    result = given.astype("object")
    if rule.otherwise is not None:
        result = pd.Series(rule.otherwise, index=given.index, dtype="object")
    for canonical, patterns in rule.words.items():
        result = result.mask(given.notna() & matches(given, patterns), canonical)
    return result


def _days(given: pd.Series, rule: ColumnMap) -> pd.Series:
    if rule.date == "epoch_ms":
        return pd.to_datetime(pd.to_numeric(given, errors="coerce"), unit="ms", errors="coerce")
    return pd.to_datetime(given, dayfirst=True, errors="coerce", format="mixed")


def _filled(
    rows: gpd.GeoDataFrame, given: pd.Series, rule: ColumnMap, *, name: str, findings: Findings
) -> pd.Series:
    """Put joined columns where there is no value."""
    parts = [c for name in rule.fallback if (c := find_column(rows, [name])) is not None]
    if not parts:
        return given
    joined = pd.concat([texts(values_of(rows, part)) for part in parts], axis=1)
    text = joined.apply(lambda row: " ".join(value for value in row if value), axis=1)
    empty = texts(given) == ""
    findings.tell_rows("defaulted", f"{name} from {' and '.join(parts)}", rows.index[empty])
    return texts(given).mask(empty, text)


def _apart(rows: gpd.GeoDataFrame, given: pd.Series, rule: ColumnMap) -> pd.Series:
    """Add a column to values that stand more than once."""
    other = find_column(rows, rule.apart) if rule.apart else None
    if other is None:
        return given
    text = texts(given)
    twice = (text != "") & text.duplicated(keep=False)
    return text.mask(twice, text + " (" + texts(values_of(rows, other)) + ")")


def _squares(
    rows: gpd.GeoDataFrame, side_deg: float | None, findings: Findings
) -> gpd.GeoDataFrame:
    """Turn the centres of pixels into squares."""
    if side_deg is None or rows.empty or not (rows.geom_type == "Point").all():
        return rows
    x, y = rows.geometry.x.to_numpy(), rows.geometry.y.to_numpy()
    half = side_deg / 2.0
    shapes = shapely.box(x - half, y - half, x + half, y + half)
    findings.tell("converted", f"points to squares of {side_deg:g} degrees", count=len(rows))
    return rows.set_geometry(gpd.GeoSeries(np.asarray(shapes), index=rows.index, crs=rows.crs))
