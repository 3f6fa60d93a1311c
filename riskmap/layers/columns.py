"""Columns of a layer: from the names and values of a source to the canonical ones.

A missing column takes its documented default, and the report says so. A value that is not of its
kind, or out of its range, makes a row unusable; so does a hole in a column of numbers for which
unknown has no meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

import geopandas as gpd
import numpy as np
import pandas as pd

from riskmap.layers.findings import Findings
from riskmap.layers.folding import NO_VALUE, fold_values, texts
from riskmap.layers.spelling import mend_heading
from riskmap.schema import Column, LayerSchema


def canonical_columns(
    rows: gpd.GeoDataFrame,
    *,
    schema: LayerSchema,
    columns: Mapping[str, str],
    findings: Findings,
) -> gpd.GeoDataFrame:
    """Return the rows with every canonical column; further columns are kept as they are.

    Parameters
    ----------
    rows
        Rows of a source, indexed by their number.
    schema
        What the layer should hold.
    columns
        Canonical name → name in the source, where they differ.
    findings
        Takes defaults, problems and rows that cannot be used.
    """
    found = {c.name: _find(rows, c.name, columns.get(c.name), findings) for c in schema.columns}
    values = {c.name: _values(rows, c, found[c.name], findings=findings) for c in schema.columns}
    taken = {*values, *(name for name in found.values() if name), rows.geometry.name}
    others = [name for name in rows.columns if name not in taken]
    plain = pd.concat([pd.DataFrame(values, index=rows.index), pd.DataFrame(rows[others])], axis=1)
    table = gpd.GeoDataFrame(plain, geometry=rows.geometry.array, crs=rows.crs)
    if "name" in values:
        _name_rows(table, schema, findings)
    return table


def _find(rows: gpd.GeoDataFrame, name: str, source: str | None, findings: Findings) -> str | None:
    """Return the source's column for a canonical one, None where it has none."""
    present = [str(column) for column in rows.columns if column != rows.geometry.name]
    if source is not None:
        for as_written in (source, mend_heading(source)):
            if as_written in present:
                return as_written
        near = get_close_matches(source, present, n=1, cutoff=0.5)
        mend = f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(present)}"
        findings.refuse(f"no column {source!r} (for {name})", mend, feature="columns")
        return None
    if name in present:
        return name
    same = [column for column in present if column.lower() == name]
    return same[0] if len(same) == 1 else None


def _values(
    rows: gpd.GeoDataFrame, column: Column, source: str | None, *, findings: Findings
) -> pd.Series:
    """Return the canonical values of a column."""
    if source is None:
        return _default(rows, column, findings)
    given = rows[source]
    if column.kind == "number":
        return _numbers(given, column, findings)
    if column.kind == "date":
        return _dates(given, column, findings)
    text = texts(given)
    if column.kind == "choice":
        return _choices(text.str.lower(), column, findings)
    return text


def _default(rows: gpd.GeoDataFrame, column: Column, findings: Findings) -> pd.Series:
    if column.kind == "date":
        return pd.Series(np.full(len(rows), np.datetime64("NaT", "us")), index=rows.index)
    known = column.default not in ("", None) and column.default == column.default
    if known:
        shown = column.default if isinstance(column.default, str) else f"{column.default:g}"
        findings.tell(
            "defaulted",
            f"no column {column.name}: {shown} is assumed for every row",
            "name the column with `columns` if the layer has it",
            feature=column.name,
            count=len(rows),
        )
    dtype = "float64" if column.kind == "number" else "object"
    return pd.Series(np.full(len(rows), column.default, dtype=dtype), index=rows.index)


def _numbers(given: pd.Series, column: Column, findings: Findings) -> pd.Series:
    values = pd.to_numeric(given, errors="coerce").astype("float64")
    text = values.isna() & given.notna()
    if text.any():
        text &= given.astype(str).str.strip() != ""
    if text.any() and text.sum() == given.notna().sum():
        findings.refuse(
            f"column {given.name} is not numeric (such as {str(given[text].iloc[0])[:40]!r})",
            "name another column with `columns`, or mend its values",
            feature=column.name,
        )
        return values
    for row, seen in given[text].items():
        what = f"{column.name} is {str(seen)[:40]!r}, which is not a number"
        findings.unfit([_row(row)], what, "mend the value")
    hole = values.isna() & ~text
    if not column.may_be_unknown:
        findings.unfit(given.index[hole], f"{column.name} has no value", "fill it in")
    low = values <= column.low if column.above else values < column.low
    outside = (low | (values > column.high) | np.isinf(values)) & values.notna()
    for row, seen in values[outside].items():
        findings.unfit(
            [_row(row)],
            f"{column.name} is {seen:g}, out of range ({column.range_text})",
            "mend the value",
        )
    return values


def _row(label: object) -> int:
    return int(str(label))


def _choices(text: pd.Series, column: Column, findings: Findings) -> pd.Series:
    blank = text == ""
    if column.default and blank.any():
        findings.tell_rows(
            "defaulted",
            f"{column.name} has no value: {column.default} is assumed",
            text.index[blank],
        )
    values = text.where(~blank, str(column.default))
    wrong = ~blank & ~text.isin(column.choices)
    for row, seen in text[wrong].items():
        findings.unfit(
            [_row(row)],
            f"{column.name} is {seen[:40]!r}, not one of: {column.range_text}",
            "mend it",
        )
    return values


def _dates(given: pd.Series, column: Column, findings: Findings) -> pd.Series:
    """Return days; a whole number of four digits is a year."""
    if pd.api.types.is_numeric_dtype(given):
        years = given.astype("Int64").astype("string")
        values = pd.to_datetime(years, format="%Y", errors="coerce")
    else:
        values = pd.to_datetime(given, errors="coerce", utc=True, format="ISO8601")
        values = values.dt.tz_localize(None)
    wrong = values.isna() & given.notna() & (given.astype(str).str.strip() != "")
    for row, seen in given[wrong].items():
        findings.unfit(
            [_row(row)],
            f"{column.name} is {str(seen)[:40]!r}, which is not a day",
            "write it as 2023-12-31",
        )
    return values.astype("datetime64[us]")


def _name_rows(table: gpd.GeoDataFrame, schema: LayerSchema, findings: Findings) -> None:
    """Give every site a name, and refuse a name that stands twice where it may stand once."""
    name = table["name"]
    if not schema.named:
        table["name"] = name.where(~fold_values(name).isin(NO_VALUE), "")
        return
    blank = fold_values(name).isin(NO_VALUE)
    if blank.any():
        numbers = pd.Series(table.index.astype(str), index=table.index)
        table["name"] = name.where(~blank, schema.name + " " + numbers)
        findings.tell_rows(
            "defaulted", "no name: the layer and the row number stand in", table.index[blank]
        )
    if not schema.unique_names:
        return
    twice = name[~blank & name.duplicated(keep=False)]
    for shared in twice.unique():
        rows = ", ".join(str(row) for row in twice.index[twice == shared][:5])
        findings.refuse(
            f"the name {str(shared)[:60]!r} stands more than once", "name them apart",
            feature=f"rows {rows}",
        )  # fmt: skip
