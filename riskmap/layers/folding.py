"""Texts as people mean them: without accents, case, double blanks and words for "river".

Sources write one river as "RÍO TAMBOPATA", "Rio Tambopata" and "Tambopata", and an unknown one as
"UNK" or nothing. Texts are compared folded; what is shown stays as it was written.
"""

from __future__ import annotations

import re
import unicodedata

import ftfy
import numpy as np
import pandas as pd

#: Texts that sources write where there is no value; folded.
NO_VALUE = frozenset(
    {"", "unk", "unknown", "n/a", "na", "nan", "none", "null", "nil", "-", "--", "?", "s/n", "sn"}
    | {"sin nombre", "nodata", "no data", "desconocido", "desconocida", "sin dato", "sin datos"}
)

_WATER = re.compile(
    r"^(?:rio|r\.|qda\.?|queb\.?|quebrada|q\.|riacho|arroyo|igarape|cano|river|stream|creek|"
    r"laguna|lago|lake|cocha)\s+(?:(?:de|del|da|do)\s+)?(?=\S)"
)
_AFTER = re.compile(r"\s+(?:river|creek|stream|lake)$")


def fold(text: object) -> str:
    """Return a text without accents, case and blanks at its ends or doubled.

    Examples
    --------
    >>> fold("  RÍO   Tambopata ")
    'rio tambopata'
    """
    plain = str(text)
    if not plain.isascii():
        parts = unicodedata.normalize("NFKD", plain)
        plain = "".join(c for c in parts if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())


def fold_values(values: pd.Series) -> pd.Series:
    """Return a column of texts folded; each text is folded once, however many rows have it."""
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    folded = np.array([fold(text) for text in distinct], dtype=object)
    return pd.Series(folded[codes], index=values.index)


def fold_water(name: object) -> str:
    """Return the name of a water without what it is: "Qda. Santa Rosa" and "SANTA ROSA" are one.

    Examples
    --------
    >>> fold_water("RÍO TAMBOPATA") == fold_water("Tambopata River") == "tambopata"
    True
    """
    folded = fold(name)
    if folded in NO_VALUE:
        return ""
    short = _AFTER.sub("", _WATER.sub("", folded))
    return "" if short in NO_VALUE else short


def fold_heading(name: object) -> str:
    """Return a column's name as letters and digits only: "Año de la" and "ANO_DE_LA" are one."""
    return re.sub(r"[^a-z0-9@:]+", "_", fold(ftfy.fix_encoding(str(name)))).strip("_")


def texts(values: pd.Series) -> pd.Series:
    """Return values as text, "" where there is none, whole numbers without ".0"."""
    if pd.api.types.is_float_dtype(values):
        there = values.dropna()
        if len(there) and (there == there.round()).all() and (there.abs() < 2.0**53).all():
            values = values.astype("Int64")
    text: pd.Series = values.astype("object").where(values.notna(), "").astype(str).str.strip()
    return text
