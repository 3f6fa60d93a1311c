"""Texts that were read in the wrong encoding, and codes that lost their zeros.

What the library ftfy recognises beyond doubt is repaired and counted ("IÃ±apari" is "Iñapari");
anything else stays as it was.
"""

from __future__ import annotations

import re

import ftfy
import geopandas as gpd
import pandas as pd
from ftfy.badness import is_bad

from riskmap.layers.findings import Findings
from riskmap.layers.folding import fold_heading, texts

_UBIGEO = re.compile(r"^(?:ubigeo.*|iddist|cod_ubigeo)$")
#: What stands where letters were lost for good: such texts stay as they are.
_LOST = re.compile("[\ufffdÿ]|\\w¿|¿(?!\\w)")
#: Digits of a code of a district of Peru.
_UBIGEO_DIGITS = 6


def mend_texts(rows: gpd.GeoDataFrame, findings: Findings) -> gpd.GeoDataFrame:
    """Return the rows with mojibake repaired and codes of districts as text of six digits.

    Headings are repaired as values are, where the repaired one is not there yet.

    Parameters
    ----------
    rows
        Rows of a source, any columns.
    findings
        Takes what was repaired.
    """
    rows = _with_headings(rows, findings)
    changed: dict[str, pd.Series] = {}
    repaired: list[tuple[str, str]] = []
    count = 0
    for name in rows.columns.drop(rows.geometry.name):
        values = rows[name]
        if not isinstance(values, pd.Series) or not _is_text(values):
            continue
        mended = _mended(values.dropna().unique())
        if mended:
            hit = values.isin(list(mended))
            changed[name] = values.astype("object").mask(hit, values.map(mended))
            count += int(hit.sum())
            repaired += list(mended.items())[:1]
    if repaired:
        old, new = _where_they_differ(*repaired[0])
        what = f"text in the wrong encoding was repaired (such as {old!r} to {new!r})"
        findings.tell("converted", what, feature=", ".join(changed), count=count)
    return _with_codes(rows.assign(**changed) if changed else rows, findings)


def mend_heading(name: str) -> str:
    """Return the heading of a column as it is meant, where it is mojibake beyond doubt."""
    return _mended([name]).get(name, name)


def _with_headings(rows: gpd.GeoDataFrame, findings: Findings) -> gpd.GeoDataFrame:
    meant = {name: mend_heading(str(name)) for name in rows.columns.drop(rows.geometry.name)}
    meant = {old: new for old, new in meant.items() if new != old and new not in rows.columns}
    if not meant:
        return rows
    old, new = next(iter(meant.items()))
    what = f"headings in the wrong encoding were repaired (such as {old!r} to {new!r})"
    mend = "a filter takes them as they stand in the file"
    findings.tell("converted", what, mend, feature=", ".join(meant.values()), count=len(meant))
    return rows.rename(columns=meant)


def _is_text(values: pd.Series) -> bool:
    return values.dtype == object or isinstance(values.dtype, pd.StringDtype)


def _mended(values: object) -> dict[str, str]:
    """Return the values that are mojibake, and what they are meant to be."""
    found = {}
    for value in values:  # type: ignore[attr-defined]
        if isinstance(value, str) and not value.isascii() and is_bad(value):
            better = ftfy.fix_encoding(value)
            if better != value and not _LOST.search(better):
                found[value] = better
    return found


def _where_they_differ(old: str, new: str) -> tuple[str, str]:
    """Return the words of two texts in which they differ first."""
    pairs = zip(old.split(), new.split(), strict=False)
    return next(((a[:30], b[:30]) for a, b in pairs if a != b), (old[:30], new[:30]))


def _with_codes(rows: gpd.GeoDataFrame, findings: Findings) -> gpd.GeoDataFrame:
    for name in rows.columns.drop(rows.geometry.name):
        if not _UBIGEO.match(fold_heading(name)):
            continue
        code = texts(rows[name])
        short = code.str.fullmatch(r"\d{5}")
        rows = rows.assign(**{name: code.mask(short, code.str.zfill(_UBIGEO_DIGITS))})
        findings.tell_rows("mended", f"{name}: the zero in front was put back", rows.index[short])
    return rows
