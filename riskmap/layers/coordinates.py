"""Coordinates as people write them: decimal commas, degrees and minutes, UTM with a zone.

Texts become numbers here, and pairs of columns become points. A place that cannot be read has no
geometry, and the row says so; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import Transformer

from riskmap.layers.findings import Findings
from riskmap.layers.folding import fold_heading

Floats = npt.NDArray[np.float64]

_X = ("longitude", "longitud", "long", "lon", "lng", "x", "coord_x", "coordx", "este", "utm_este",
      "easting", "utm_e", "point_x", "xcoord", "x_coord", "coordenada_x", "este_x", "utm_x",
      "gps_longitud", "gpslongitud", "longitud_g84", "x_utm", "este_wgs84", "este_utm",
      "este_psad56", "este_psad")  # fmt: skip
_Y = ("latitude", "latitud", "lat", "y", "coord_y", "coordy", "norte", "utm_norte", "northing",
      "utm_n", "point_y", "ycoord", "y_coord", "coordenada_y", "norte_y", "utm_y",
      "gps_latitud", "gpslatitud", "latitud_g84", "y_utm", "norte_wgs84", "norte_utm",
      "norte_psad56", "norte_psad")  # fmt: skip
_ZONE = ("zona", "zone", "huso", "utm_zona", "zona_utm", "utm_zone", "zonautm")
_BOTH = ("coordenadas", "coordinates", "coords", "latlon", "lat_lon", "latlong", "lat_long",
         "ubicacion_gps", "gps", "coordenada")  # fmt: skip
_WKT = ("wkt", "geom", "geometry", "the_geom", "wkt_geom", "geometria")

#: No coordinate is longer than this: a longer text is something else.
_LONGEST = 60
_DMS = re.compile(
    r"^\s*(?P<before>[NSEWO])?\s*(?P<sign>[+-])?\s*(?P<deg>\d{1,3}(?:\.\d+)?)\s*[°ºd:\s]\s*"
    r"(?:(?P<min>\d{1,2}(?:\.\d+)?)\s*(?:['′’´m:\s]\s*)?)?"
    r"(?:(?P<sec>\d{1,2}(?:\.\d+)?)\s*(?:[\"″”]|''|′′|s(?=\s*[NSEWO]\s*$))?\s*)?"
    r"(?P<after>[NSEWO])?\s*$",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"^\s*(?P<before>[NSEWO])?\s*(?P<number>[+-]?\d+(?:\.\d+)?)\s*°?\s*"
                    r"(?P<after>[NSEWO])?\s*$", re.IGNORECASE)  # fmt: skip


def to_numbers(values: pd.Series, *, comma: bool) -> pd.Series:
    """Return texts as numbers, NaN where they are none.

    Parameters
    ----------
    values
        Texts such as "-12,59", "13,041,450.64" or "1 234".
    comma
        Whether a single comma is a decimal comma; else commas part thousands.

    Examples
    --------
    >>> to_numbers(pd.Series(["-12,59", "1.234,5"]), comma=True).tolist()
    [-12.59, 1234.5]
    >>> to_numbers(pd.Series(["13,041,450.64"]), comma=False).tolist()
    [13041450.64]
    """
    if pd.api.types.is_numeric_dtype(values):
        return values.astype("float64")
    text = values.astype("string").str.strip().str.replace("\u2212", "-", regex=False)
    text = text.str.replace(r"[\s\u00a0]+", "", regex=True)
    if comma:
        dots = text.str.fullmatch(r"[+-]?\d{1,3}(?:\.\d{3})+,\d+").fillna(value=False)
        text = text.mask(dots, text.str.replace(".", "", regex=False))
        text = text.str.replace(",", ".", regex=False)
    else:
        thousands = text.str.fullmatch(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?").fillna(value=False)
        text = text.mask(thousands, text.str.replace(",", "", regex=False))
    return pd.to_numeric(text, errors="coerce").astype("float64")


def to_degrees_of_arc(text: object) -> float:
    """Return one coordinate in degrees; south and west are negative. NaN where it cannot be read.

    Examples
    --------
    >>> round(to_degrees_of_arc("12° 35' 24'' S"), 4), to_degrees_of_arc("O 69,1891")
    (-12.59, -69.1891)
    """
    given = str(text).replace("\u2212", "-").replace(",", ".").upper()
    if len(given) > _LONGEST:
        return float("nan")
    plain = _PLAIN.match(given)
    if plain is not None:
        return _signed(float(plain["number"]), plain["before"] or plain["after"])
    found = _DMS.match(given)
    if found is None:
        return float("nan")
    minutes, seconds = float(found["min"] or 0.0), float(found["sec"] or 0.0)
    if minutes >= 60.0 or seconds >= 60.0:
        return float("nan")
    size = float(found["deg"]) + minutes / 60.0 + seconds / 3600.0
    sign = -1.0 if found["sign"] == "-" else 1.0
    return _signed(sign * size, found["before"] or found["after"])


def _signed(value: float, side: str | None) -> float:
    return -abs(value) if side in ("S", "W", "O") else value


def place_rows(
    table: pd.DataFrame, *, x: Sequence[str], y: Sequence[str], crs: str | None, findings: Findings
) -> gpd.GeoDataFrame | None:
    """Give the rows of a table their places; None where a problem was found.

    Parameters
    ----------
    table
        Rows without geometry, all text or numbers.
    x, y
        Names that the preset knows for longitude (or easting) and latitude.
    crs
        CRS that the study states.
    findings
        Takes the problem, and how the places were read.
    """
    wkt = _heading(table, _WKT)
    if wkt is not None:
        return _from_wkt(table, wkt, crs)
    x_name, y_name = _heading(table, (*x, *_X)), _heading(table, (*y, *_Y))
    if x_name is None or y_name is None:
        both = _heading(table, _BOTH)
        if both is not None:
            return _from_pairs(table, both, findings)
        shown = ", ".join(map(str, table.columns[:12]))
        findings.refuse(
            f"the table has no columns of coordinates (but {shown})",
            "call them longitude and latitude, or este, norte and zona",
            feature="columns",
        )
        return None
    return _from_columns(table, x_name, y_name, crs=crs, findings=findings)


def _heading(table: pd.DataFrame, names: Sequence[str]) -> str | None:
    headings = {fold_heading(c): str(c) for c in reversed(table.columns.tolist())}
    return next((headings[n] for name in names if (n := fold_heading(name)) in headings), None)


def _from_wkt(table: pd.DataFrame, column: str, crs: str | None) -> gpd.GeoDataFrame:
    text = table[column].astype("object").where(table[column].notna(), None)
    shapes = shapely.from_wkt(text.to_numpy(), on_invalid="ignore")
    return gpd.GeoDataFrame(table.drop(columns=column), geometry=shapes, crs=crs or 4326)


def _from_pairs(table: pd.DataFrame, column: str, findings: Findings) -> gpd.GeoDataFrame:
    """Read "latitude, longitude" in one field, as phones and web maps copy it."""
    parts = table[column].astype("string").str.split(r"\s*[;,/]\s+|,(?=\s*-)|;", n=1, regex=True)
    lat = parts.str[0].map(to_degrees_of_arc, na_action="ignore")
    lon = parts.str[1].map(to_degrees_of_arc, na_action="ignore")
    findings.tell("converted", f"{column} was read as latitude, longitude", count=len(table))
    return _points(table, lon, lat, crs=4326)


def _from_columns(
    table: pd.DataFrame, x_name: str, y_name: str, *, crs: str | None, findings: Findings
) -> gpd.GeoDataFrame | None:
    x, y = (_coordinate(table[name]) for name in (x_name, y_name))
    by_arc = [name for name in (x_name, y_name) if _is_arc(table[name])]
    if by_arc:
        what = f"{' and '.join(by_arc)} from degrees, minutes and seconds to degrees"
        findings.tell("converted", what, count=len(table))
    far = (x.abs() > 360.0) & x.notna()
    if not far.any():
        if crs is None:
            what = f"{x_name} and {y_name} were read as degrees of WGS 84"
            findings.tell("notice", what, count=len(table))
        return _points(table, x, y, crs=crs or 4326)
    if crs is not None:
        return _points(table, x, y, crs=crs)
    return _from_utm(table, x, y, named=(x_name, y_name), findings=findings)


def _coordinate(values: pd.Series) -> pd.Series:
    """Return a column of coordinates as numbers: a comma in it is a decimal comma."""
    numbers = to_numbers(values, comma=True)
    rest = numbers.isna() & values.notna()
    if rest.any():
        numbers[rest] = values[rest].map(to_degrees_of_arc).astype("float64")
    return numbers


def _is_arc(values: pd.Series) -> bool:
    if pd.api.types.is_numeric_dtype(values):
        return False
    numbers = to_numbers(values, comma=True)
    text = values.astype("string").str.strip().fillna("")
    return bool((numbers.isna() & (text != "")).any())


def _from_utm(
    table: pd.DataFrame, x: pd.Series, y: pd.Series, *, named: tuple[str, str], findings: Findings
) -> gpd.GeoDataFrame | None:
    """Read eastings and northings with a column of zones, such as 18, 19S or "19 L"."""
    zone_name = _heading(table, _ZONE)
    if zone_name is None:
        findings.refuse(
            f"{named[0]} and {named[1]} are metres (such as {x.dropna().iloc[0]:.0f}), "
            "and no column says of which zone",
            'add crs = "EPSG:32719" (UTM 19S; 18S is 32718), or a column zona',
            feature="crs",
        )
        return None
    text = table[zone_name].astype("string").str.upper()
    zone = pd.to_numeric(text.str.extract(r"(\d{1,2})")[0], errors="coerce")
    old = any("psad" in str(c).lower() for c in (*named, zone_name))
    lon, lat = np.full(len(table), np.nan), np.full(len(table), np.nan)
    for number in (17, 18, 19, 20, 21):
        here = (zone == number).to_numpy(dtype=bool, na_value=False)
        if here.any():
            code = 24860 + number if old else 32700 + number
            turn = Transformer.from_crs(code, 4326, always_xy=True)
            lon[here], lat[here] = turn.transform(x.to_numpy()[here], y.to_numpy()[here])
    datum = "PSAD56" if old else "WGS 84"
    findings.tell(
        "converted", f"UTM ({datum}) to degrees, with the zones of {zone_name}", count=len(table)
    )
    index = table.index
    return _points(table, pd.Series(lon, index=index), pd.Series(lat, index=index), crs=4326)


def _points(table: pd.DataFrame, x: pd.Series, y: pd.Series, *, crs: str | int) -> gpd.GeoDataFrame:
    """Return points, and no geometry where a coordinate is not known."""
    xs, ys = x.to_numpy(dtype=np.float64), y.to_numpy(dtype=np.float64)
    shapes = np.asarray(shapely.points(xs, ys), dtype=object)
    shapes[~(np.isfinite(xs) & np.isfinite(ys))] = None
    return gpd.GeoDataFrame(table, geometry=shapes, crs=crs)
