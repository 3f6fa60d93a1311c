"""Sources: one file of a layer, opened, read whole and hashed.

Rows keep their number in the source as index, whatever a filter leaves out. What the rows hold is
checked in `riskmap.layers.geometry` and `riskmap.layers.columns`.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError
from pyproj import CRS
from pyproj.exceptions import CRSError

from riskmap.layers.findings import Findings
from riskmap.settings import LayerSection

_READ_ERRORS = (
    DataLayerError,
    DataSourceError,
    FeatureError,
    FieldError,
    GeometryError,
    UnicodeDecodeError,
    ValueError,
)
_WGS84 = CRS.from_epsg(4326)


@dataclass(frozen=True, slots=True)
class Source:
    """Say where a layer came from.

    Attributes
    ----------
    path
        As written in the study file.
    sha256
        Hash of the file; of a shapefile, of all its parts.
    features
        Rows that were used.
    crs
        Coordinate reference system of the source.
    """

    path: str
    sha256: str
    features: int
    crs: str


def read_source(
    path: Path, section: LayerSection, findings: Findings
) -> tuple[gpd.GeoDataFrame, str] | None:
    """Read the rows of a source as they are, in EPSG:4326.

    Parameters
    ----------
    path
        The file.
    section
        What the study file says about the layer.
    findings
        Takes problems and notes.

    Returns
    -------
    tuple or None
        The rows, indexed by their number in the source, and the name of the source's CRS; None
        where a problem was found.
    """
    if not _is_there(path, findings):
        return None
    table = _table_of(path, section.table, findings)
    if table is None:
        return None
    rows = _read(path, table, section.where, findings)
    if rows is None:
        return None
    return to_degrees(rows, section.crs, findings)


def hash_source(path: Path) -> str:
    """Return the SHA-256 of a source: of its file, or of all parts of a shapefile or folder."""
    digest = hashlib.sha256()
    for part in _parts(path):
        digest.update(part.read_bytes())
    return digest.hexdigest()


def _parts(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(part for part in path.rglob("*") if part.is_file())
    if path.suffix.lower() == ".shp":
        endings = (".shp", ".shx", ".dbf", ".prj", ".cpg")
        parts = [_sibling(path, ending) for ending in endings]
        return [part for part in parts if part is not None]
    return [path]


def _sibling(path: Path, ending: str) -> Path | None:
    """Return the part of a shapefile with an ending in lower or upper case."""
    for candidate in (path.with_suffix(ending), path.with_suffix(ending.upper())):
        if candidate.is_file():
            return candidate
    return None


def _is_there(path: Path, findings: Findings) -> bool:
    """Refuse a file that is missing, and a shapefile without its parts."""
    if not path.exists():
        folder = path.parent
        names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
        near = get_close_matches(path.name, names, n=1)
        mend = f"did you mean {near[0]}?" if near else "check the path in the study file"
        findings.refuse("the file does not exist", mend, feature=str(path))
        return False
    if path.suffix.lower() != ".shp":
        return True
    missing = [ending for ending in (".shx", ".dbf") if _sibling(path, ending) is None]
    for ending in missing:
        findings.refuse(
            f"the shapefile lacks its {ending} part",
            "copy all parts of the shapefile together",
            feature=str(path),
        )
    return not missing


def _table_of(path: Path, asked: str | None, findings: Findings) -> str | None:
    """Return the name of the table inside the file that holds the layer."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            names = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
    except _READ_ERRORS as error:
        findings.refuse(
            f"cannot be read as a vector layer: {_reason(error, path)}",
            "check that the file is whole and of a format that GDAL reads",
            feature=str(path),
        )
        return None
    if asked is not None:
        if asked in names:
            return asked
        mend = f"one of: {', '.join(names)}"
        findings.refuse(f"no table {asked!r} in {path.name}", mend, feature="table")
        return None
    if len(names) == 1:
        return names[0]
    if not names:
        findings.refuse("the file holds no layer", "export it again", feature=str(path))
        return None
    if path.stem in names:
        return path.stem
    findings.refuse(
        f"{path.name} holds {len(names)} tables",
        f"add table = one of: {', '.join(names)}",
        feature="table",
    )
    return None


def _read(path: Path, table: str, where: str | None, findings: Findings) -> gpd.GeoDataFrame | None:
    """Read a table with row numbers as index; what the driver warns of becomes a note."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            rows = pyogrio.read_dataframe(path, layer=table, where=where, fid_as_index=True)
            numbered = rows if where is None else _all_ids(path, table)
    except _READ_ERRORS as error:
        if (where is not None and "where" in str(error).lower()) or "SQL" in str(error):
            mend = "write it as GDAL takes it, such as: ORD_STRA >= 3"
            findings.refuse(f"the filter {where!r} cannot be used", mend, feature="where")
        else:
            findings.refuse(
                f"cannot be read: {_reason(error, path)}", "export it again", feature=str(path)
            )
        return None
    for text in sorted({_reason(w.message, path) for w in caught}):
        findings.tell("doubtful", f"the reader says: {text}")
    if not isinstance(rows, gpd.GeoDataFrame):
        findings.refuse("the table has no geometry", "name a layer with places", feature=str(path))
        return None
    if rows.empty:
        what = "the layer is empty" if where is None else f"no row passes the filter {where!r}"
        findings.refuse(what, "name a layer that holds features", feature=str(path))
        return None
    position = pd.Series(np.arange(len(numbered)), index=numbered.index)
    rows.index = pd.Index(position.loc[rows.index].to_numpy(dtype=np.int64), name="row")
    return rows


def _all_ids(path: Path, table: str) -> pd.DataFrame:
    """Return the ids of all rows, so that a filtered row keeps its number in the source."""
    ids: pd.DataFrame = pyogrio.read_dataframe(
        path, layer=table, columns=[], read_geometry=False, fid_as_index=True
    )
    return ids


def _reason(error: object, path: Path) -> str:
    """Say a driver's message in one line, with the file's name in place of its whole path."""
    text = " ".join(str(error).split()).replace(str(path), path.name)
    return text.split("; It might help")[0][:200]


def to_degrees(
    rows: gpd.GeoDataFrame, stated: str | None, findings: Findings
) -> tuple[gpd.GeoDataFrame, str] | None:
    """Give the rows degrees of WGS 84; no CRS is guessed, none is overridden."""
    given = _stated_crs(stated, findings)
    if stated is not None and given is None:
        return None
    if rows.crs is None:
        if given is None:
            findings.refuse(
                "the layer states no coordinate reference system",
                'add crs = "EPSG:4326" (or what it is) to the layer, or supply its .prj',
                feature="crs",
            )
            return None
        rows = rows.set_crs(given)
        findings.tell("notice", f"the layer states no CRS; the study says {_crs_name(given)}")
    elif given is not None and not rows.crs.equals(given, ignore_axis_order=True):
        findings.refuse(
            f"the study says {_crs_name(given)}, the layer says {_crs_name(rows.crs)}",
            "take crs out of the study file, or mend the file",
            feature="crs",
        )
        return None
    name = _crs_name(rows.crs)
    if not rows.crs.equals(_WGS84, ignore_axis_order=True):
        findings.tell("converted", f"from {name} to EPSG:4326", count=len(rows))
    return rows.to_crs(4326), name


def _stated_crs(stated: str | None, findings: Findings) -> CRS | None:
    if stated is None:
        return None
    try:
        return CRS.from_user_input(stated)
    except CRSError:
        findings.refuse(f"{stated!r} names no CRS", "such as EPSG:4326", feature="crs")
        return None


def _crs_name(crs: CRS) -> str:
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else str(crs.name)
