"""Tables without geometry: CSV in any dress and XLSX, read as text first.

Codes keep their zeros: what looks like a code is text, whatever digits it has. Where the
coordinates stand is found in `riskmap.layers.coordinates`.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import warnings
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from riskmap.layers.coordinates import place_rows, to_numbers
from riskmap.layers.findings import Findings
from riskmap.layers.folding import fold_heading
from riskmap.layers.formats import ARCHIVE_ERRORS, Place
from riskmap.presets.sources import Preset, Shift
from riskmap.report import Count

#: What a sheet that cannot be read raises; broken XML is a SyntaxError.
SHEET_ERRORS = (*ARCHIVE_ERRORS, InvalidFileException, LookupError, SyntaxError, TypeError,
                AttributeError)  # fmt: skip
_SEPARATORS = ("\t", "|", ";", ",")
_CODES = re.compile(r"^(?:ubigeo|id|cod|cc|iddist|idprov|iddpto|codcp|cod_.*|codigo.*|.*_id)$")
#: No table of places has more columns than this.
COLUMNS_LIMIT = 2_000
#: Rows above the headings of a sheet (titles, logos) that are looked through.
_TITLE_ROWS = 20
#: A sheet has no more rows than this; more means that it is broken.
_SHEET_ROWS = 1_048_576


def read_table(
    place: Place, *, table: str | None, preset: Preset | None, crs: str | None, findings: Findings
) -> gpd.GeoDataFrame | None:
    """Read a table and give its rows their places; None where a problem was found.

    Parameters
    ----------
    place
        A CSV or XLSX file.
    table
        Sheet of an XLSX file, where it holds several.
    preset
        What is known about the source.
    crs
        CRS that the study states.
    findings
        Takes what was converted, and the problem.
    """
    if place.kind == "xlsx":
        rows = _read_sheet(place, table, findings)
        comma = False
    else:
        rows, comma = _read_text(place, preset, findings)
    if rows is None:
        return None
    if rows.empty:
        findings.refuse("the table has headings only", "export it again", feature=place.path.name)
        return None
    if preset is not None and preset.shift is not None:
        rows = _cut_anew(rows, preset.shift, findings)
    rows = _with_numbers(rows, comma=comma, findings=findings)
    known = preset.places if preset is not None else None
    return place_rows(
        rows,
        x=known.x if known else (),
        y=known.y if known else (),
        crs=crs,
        findings=findings,
    )


def decode(raw: bytes, findings: Findings) -> str:
    """Return a file's text: UTF-8, UTF-16 with its mark, else Windows-1252, which is told."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        findings.tell("converted", "the text is UTF-16")
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        findings.tell("converted", "the text is not UTF-8: it was read as Windows-1252")
        return raw.decode("cp1252", errors="replace")


def _read_text(
    place: Place, preset: Preset | None, findings: Findings
) -> tuple[pd.DataFrame | None, bool]:
    """Read a text table whole; also say whether its commas are decimal commas."""
    text = decode(place.read_bytes(), findings)
    if "\0" in text:
        findings.tell("mended", "zero bytes were left out", count=text.count("\0"))
        text = text.replace("\0", "")
    lines = [line for line in itertools.islice(io.StringIO(text), 50) if line.strip()]
    separator = max(_SEPARATORS, key=lambda s: (_columns(lines, s), s == ","))
    if _columns(lines, separator) < 2:
        findings.refuse(
            "is text, but no table: no line is parted by commas, semicolons, tabs or bars",
            "name a CSV file, or another format that GDAL reads",
            feature=place.path.name,
        )
        return None, False
    width = _columns(lines, separator)
    if width > COLUMNS_LIMIT:
        what = f"holds {width} columns, more than {COLUMNS_LIMIT}"
        findings.refuse(what, "is it turned on its side? export it anew", feature=place.path.name)
        return None, False
    header = _header(lines, separator, preset)
    rows = _parse(text, separator, header, place, findings)
    if separator != ",":
        findings.tell("notice", f"columns are parted by {separator!r}")
    return rows, separator != ","


def _columns(lines: list[str], separator: str) -> int:
    """Return in how many fields a separator parts the first lines alike; 0 where it does not."""
    try:
        counts = [
            len(row) for row in csv.reader(lines, delimiter=separator, quoting=_quoting(separator))
        ]
    except csv.Error:
        return 0
    if not counts:
        return 0
    alike = sum(count == counts[0] for count in counts)
    return counts[0] if alike >= 0.5 * len(counts) else 0


def _quoting(separator: str) -> Literal[0, 3]:
    """Return how quotes are read: where bars part the fields, a quote is a sign like others."""
    return csv.QUOTE_NONE if separator == "|" else csv.QUOTE_MINIMAL


def _header(lines: list[str], separator: str, preset: Preset | None) -> list[str] | None:
    """Return the headings that a preset supplies for a file that has none."""
    first = lines[0].rstrip("\r\n").split(separator)
    if preset is None or not preset.header or len(first) != len(preset.header):
        return None
    return list(preset.header) if first[0].strip().isdigit() else None


def _parse(
    text: str, separator: str, header: list[str] | None, place: Place, findings: Findings
) -> pd.DataFrame | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows: pd.DataFrame = pd.read_csv(
                io.StringIO(text),
                sep=separator,
                names=header,
                dtype="string[pyarrow]",
                keep_default_na=False,
                na_values=[""],
                quoting=_quoting(separator),
                skipinitialspace=True,
                index_col=False,
            )
    except (pd.errors.ParserError, ValueError) as error:
        what = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        findings.refuse(f"is not a whole table: {what[:150]}", "mend that line, or export it again",
                        feature=place.path.name)  # fmt: skip
        return None
    rows.columns = pd.Index(_apart([str(c).strip().strip('"') for c in rows.columns]))
    return rows


def headings_of(place: Place, *, table: str | None) -> tuple[list[str], list[str]]:
    """Return the headings of a table, and the fields of its first line as they are.

    Parameters
    ----------
    place
        A CSV or XLSX file.
    table
        Sheet of an XLSX file.
    """
    aside = Findings("")
    if place.kind == "xlsx":
        rows = _read_sheet(place, table, aside)
        return ([] if rows is None else [str(c) for c in rows.columns]), []
    text = decode(place.read_bytes()[:1_000_000], aside).replace("\0", "")
    lines = [line for line in itertools.islice(io.StringIO(text), 50) if line.strip()]
    separator = max(_SEPARATORS, key=lambda s: (_columns(lines, s), s == ","))
    if not 2 <= _columns(lines, separator) <= COLUMNS_LIMIT:
        return [], []
    reader = csv.reader(lines[:1], delimiter=separator, quoting=_quoting(separator))
    first = [field.strip() for field in next(reader)]
    return first, first


def sheets_of(place: Place) -> list[str]:
    """Return the names of an XLSX file's sheets."""
    with place.path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [str(name) for name in load_workbook(file, read_only=True).sheetnames]


def _read_sheet(place: Place, table: str | None, findings: Findings) -> pd.DataFrame | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            names = sheets_of(place)
            sheet = _sheet(names, table, findings)
            return None if sheet is None else _cells(place, sheet, findings)
    except SHEET_ERRORS as error:
        what = f"cannot be read as XLSX: {' '.join(str(error).split())[:150]}"
        findings.refuse(what, "open it and save it again", feature=place.path.name)
        return None


def _sheet(names: list[str], table: str | None, findings: Findings) -> str | None:
    if table is not None and table not in names:
        findings.refuse(f"no sheet {table!r}", f"one of: {', '.join(names)}", feature="table")
        return None
    if table is None and len(names) > 1:
        what = f"the file holds {len(names)} sheets: the first, {names[0]!r}, was read"
        findings.tell("notice", what, f"or add table = one of: {', '.join(names)}")
    return table or names[0]


def _cells(place: Place, sheet: str, findings: Findings) -> pd.DataFrame | None:
    with place.path.open("rb") as file:
        book = load_workbook(file, read_only=True, data_only=True)
        book[sheet].reset_dimensions()
        lines = itertools.islice(book[sheet].iter_rows(values_only=True), _SHEET_ROWS)
        rows = [line for line in lines if any(cell is not None for cell in line)]
    if not rows:
        findings.refuse(f"sheet {sheet!r} is empty", "name another sheet", feature="table")
        return None
    width = max(len(row) for row in rows)
    filled = [sum(isinstance(c, str) for c in row) for row in rows[:_TITLE_ROWS]]
    top = filled.index(max(filled))
    if top:
        findings.tell("notice", f"{Count(top):row|rows} above the headings left out")
    heads = [*rows[top], *[None] * (width - len(rows[top]))]
    names = [f"column_{i + 1}" if head is None else str(head) for i, head in enumerate(heads)]
    body = [[*row, *[None] * (width - len(row))] for row in rows[top + 1 :]]
    return pd.DataFrame(body, columns=_apart(names), dtype="object")


def _apart(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    apart = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        apart.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return apart


def _cut_anew(rows: pd.DataFrame, shift: Shift, findings: Findings) -> pd.DataFrame:
    """Cut a table anew whose fields stand to the right of their headings, if a sum says so."""
    if shift.total not in rows.columns or not set(shift.parts) <= set(rows.columns):
        return rows
    if _adds_up(rows, shift) > 0.5:
        return rows
    fields = rows.astype("object").to_numpy().ravel()
    moved = np.concatenate([fields[shift.by :], np.full(shift.by, None, dtype=object)])
    cut = pd.DataFrame(moved.reshape(rows.shape), columns=rows.columns)
    if _adds_up(cut, shift) < 0.9:
        findings.tell("doubtful", f"{shift.total} is not the sum of its parts in most rows")
        return rows
    for heading, names in shift.joined.items():
        parts = cut[heading].astype("string").str.split(n=len(names) - 1, expand=True)
        cut = cut.drop(columns=[name for name in names if name in cut])
        cut = pd.concat([cut, parts.rename(columns=dict(enumerate(names)))], axis=1)
    right = {old: new for old, new in shift.headings.items() if new}
    cut = cut.drop(columns=[old for old, new in shift.headings.items() if not new])
    findings.tell(
        "mended",
        f"fields stand {shift.by} to the right of their headings: cut anew "
        f"({shift.total} is then the sum of its parts)",
        count=len(cut),
    )
    return cut.rename(columns=right)


def _adds_up(rows: pd.DataFrame, shift: Shift) -> float:
    """Return the share of rows in which a total is the sum of its parts."""
    names = [shift.total, *shift.parts]
    numbers = rows[names].apply(pd.to_numeric, errors="coerce").astype("float64").fillna(0.0)
    total, parts = numbers[shift.total], numbers[list(shift.parts)].sum(axis=1)
    return float(((total == parts) & (total > 0)).mean())


def _with_numbers(rows: pd.DataFrame, *, comma: bool, findings: Findings) -> pd.DataFrame:
    """Turn columns of numbers into numbers; codes and what begins with a zero stay text."""
    commas: list[str] = []
    turned: dict[str, pd.Series] = {}
    for position, name in enumerate(rows.columns):
        values = rows.iloc[:, position]
        if _CODES.match(fold_heading(name)) or pd.api.types.is_numeric_dtype(values):
            continue
        text = values.astype("string").str.strip()
        there = text.dropna()
        there = there[there != ""]
        if there.empty or there.str.fullmatch(r"0\d+").any():
            continue
        numbers = to_numbers(text, comma=comma)
        if numbers[there.index].notna().all():
            turned[str(name)] = numbers
            commas += [str(name)] if there.str.contains(",", regex=False).any() else []
    if commas:
        findings.tell("converted", f"commas in numbers were read: {', '.join(commas[:5])}")
    return rows.copy().assign(**turned)
