"""Sources: one file of a layer, opened, read whole and hashed.

Rows keep their number in the source as index, whatever a filter leaves out. What the rows hold is
checked in `riskmap.layers.geometry` and `riskmap.layers.columns`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import geopandas as gpd
from pyproj import CRS
from pyproj.exceptions import CRSError

from riskmap.layers.findings import Findings
from riskmap.layers.formats import look_at
from riskmap.layers.large_tables import is_large_table, read_large_table
from riskmap.layers.spelling import mend_texts
from riskmap.layers.tables import read_table
from riskmap.layers.vectors import filter_rows, read_parquet, read_vector
from riskmap.presets.sources import Preset, known_presets
from riskmap.settings import LayerSection

#: Kinds of files that are read whole, and filtered afterwards.
_WHOLE = ("text", "xlsx", "parquet", "gpx")
#: Bytes that are hashed at a time.
_BLOCK = 1 << 20
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
    if not is_there(path, findings):
        return None
    preset = None if section.preset is None else known_presets()[section.preset]
    rows = read_file(path, section, preset=preset, findings=findings)
    if rows is None:
        return None
    return to_degrees(rows, section.crs, findings)


def read_file(
    path: Path, section: LayerSection, *, preset: Preset | None, findings: Findings
) -> gpd.GeoDataFrame | None:
    """Read the rows of a file in its own CRS, text repaired; None where a problem was found.

    Parameters
    ----------
    path
        A file that exists.
    section
        What the study file says about the layer.
    preset
        What is known about the source.
    findings
        Takes problems and notes.
    """
    if is_large_table(path, section):
        large = read_large_table(path, section, findings)
        return None if large is None else mend_texts(large, findings)
    place = look_at(path, findings, table=section.table)
    if place is None:
        return None
    if place.kind in ("text", "xlsx"):
        rows = read_table(
            place, table=section.table, preset=preset, crs=section.crs, findings=findings
        )
    elif place.kind == "parquet":
        rows = read_parquet(place, preset=preset, crs=section.crs, findings=findings)
    else:
        rows = read_vector(
            place, table=section.table, where=section.where, preset=preset, findings=findings
        )
    if rows is not None and section.where is not None and place.kind in _WHOLE:
        rows = filter_rows(rows, section.where, findings)
    return None if rows is None else mend_texts(rows, findings)


def hash_source(path: Path) -> str:
    """Return the SHA-256 of a source: of its file, or of all parts of a shapefile or folder."""
    digest = hashlib.sha256()
    for part in _parts(path):
        with part.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
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


def _is_shapefile(path: Path) -> bool:
    """Tell a shapefile, or what is left of one, from a file that is only named so."""
    with path.open("rb") as file:
        head = file.read(4)
    return head in (b"", b"\0\0\x27\x0a")


def is_there(path: Path, findings: Findings) -> bool:
    """Refuse a file that is missing, and a shapefile without its parts."""
    if not path.exists():
        folder = path.parent
        names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
        near = get_close_matches(path.name, names, n=1)
        mend = f"did you mean {near[0]}?" if near else "check the path in the study file"
        findings.refuse("the file does not exist", mend, feature=str(path))
        return False
    if path.suffix.lower() != ".shp" or not _is_shapefile(path):
        return True
    missing = [ending for ending in (".shx", ".dbf") if _sibling(path, ending) is None]
    for ending in missing:
        findings.refuse(
            f"the shapefile lacks its {ending} part",
            "copy all parts of the shapefile together",
            feature=str(path),
        )
    return not missing


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
    if rows.crs.equals(_WGS84, ignore_axis_order=True):
        return rows.set_crs(_WGS84, allow_override=True), name
    findings.tell("converted", f"from {name} to EPSG:4326", count=len(rows))
    return rows.to_crs(_WGS84), name


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
