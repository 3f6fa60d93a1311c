"""Files of every format in small, to be broken in every way: see `tests/unit/test_bad_files.py`."""

from __future__ import annotations

import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from tests import sources

GPX = """<?xml version="1.0"?>
<gpx version="1.1" creator="test" xmlns="http://www.topografix.com/GPX/1/1">
<wpt lat="-12.0" lon="-70.0"><name>Puesto</name></wpt>
<trk><name>patrulla 1</name><trkseg>
<trkpt lat="-12.0" lon="-70.0"><time>2024-06-01T00:00:00Z</time></trkpt>
<trkpt lat="-12.0" lon="-69.9"><time>2024-06-01T01:00:00Z</time></trkpt>
<trkpt lat="-12.0" lon="-69.8"><time>2024-06-01T02:00:00Z</time></trkpt>
</trkseg></trk></gpx>
"""
KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>puestos</name>
<Placemark><name>Puesto Iñapari</name><Point><coordinates>-70.0,-12.0,0</coordinates></Point>
</Placemark></Document></kml>
"""
OSM = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6" generator="test">
<node id="1" lat="-12.0" lon="-70.0" version="1"/><node id="2" lat="-12.0" lon="-69.9" version="1"/>
<node id="3" lat="-12.1" lon="-70.0" version="1"><tag k="amenity" v="police"/>
<tag k="name" v="Comisaría"/></node>
<node id="4" lat="-12.1" lon="-69.9" version="1"><tag k="place" v="village"/>
<tag k="name" v="Mazuko"/></node>
<way id="10" version="1"><nd ref="1"/><nd ref="2"/><tag k="waterway" v="river"/>
<tag k="name" v="Río Inambari"/><tag k="boat" v="no"/></way>
</osm>
"""
STATIONS = "nombre,latitud,longitud\nA,-12.0,-70.0\nB,-12.1,-69.9\nC,-12.2,-69.8\n"


def gpkg(folder: Path) -> Path:
    return _write(folder, "a.gpkg")


def shapefile(folder: Path) -> Path:
    return _write(folder, "a.shp")


def geojson(folder: Path) -> Path:
    return _write(folder, "a.geojson")


def flatgeobuf(folder: Path) -> Path:
    return _write(folder, "a.fgb")


def geoparquet(folder: Path) -> Path:
    path = folder / "a.parquet"
    sources.hydrorivers().to_parquet(path)
    return path


def geodatabase(folder: Path) -> Path:
    path = folder / "a.gdb"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 64-bit integers become floats there
        sources.hydrorivers().to_file(path, driver="OpenFileGDB", layer="rios")
    return path


def zipped(folder: Path) -> Path:
    inner = folder / "inner"
    inner.mkdir()
    _write(inner, "rios.shp")
    path = folder / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(inner.iterdir()):
            archive.write(part, f"datos/{part.name}")
    return path


def zipped_geodatabase(folder: Path) -> Path:
    inner = geodatabase(folder)
    path = folder / "b.gdb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(inner.iterdir()):
            archive.write(part, f"a.gdb/{part.name}")
    return path


def kml(folder: Path) -> Path:
    return _text(folder, "a.kml", KML)


def kmz(folder: Path) -> Path:
    path = folder / "a.kmz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", KML)
    return path


def gpx(folder: Path) -> Path:
    return _text(folder, "a.gpx", GPX)


def osm(folder: Path) -> Path:
    return _text(folder, "a.osm", OSM)


def csv(folder: Path) -> Path:
    return _text(folder, "a.csv", STATIONS)


def xlsx(folder: Path) -> Path:
    path = folder / "a.xlsx"
    rows = pd.DataFrame(
        {"nombre": ["A", "B"], "latitud": [-12.0, -12.1], "longitud": [-70.0, -69.9]}
    )
    rows.to_excel(path, index=False)
    return path


def pbf(folder: Path) -> Path:
    """Write the waterways and points of `OSM` as an extract in protocol buffers."""
    words = [b"", b"amenity", b"police", b"name", "Comisaría".encode(), b"place", b"village",
             b"Mazuko", b"waterway", b"river", "Río Inambari".encode(), b"boat", b"no"]  # fmt: skip
    table = b"".join(_field(1, word) for word in words)
    nodes = [
        _node(1, -12.0, -70.0, []),
        _node(2, -12.0, -69.9, []),
        _node(3, -12.1, -70.0, [(1, 2), (3, 4)]),
        _node(4, -12.1, -69.9, [(5, 6), (3, 7)]),
    ]
    way = (
        _field(1, 10)
        + _field(2, _packed([8, 3, 11]))
        + _field(3, _packed([9, 10, 12]))
        + _field(8, _packed([_zigzag(1), _zigzag(1)]))
    )
    groups = [b"".join(_field(1, node) for node in nodes), _field(3, way)]
    block = _field(1, table) + b"".join(_field(2, group) for group in groups)
    head = b"".join(_field(4, each) for each in (b"OsmSchema-V0.6",))
    path = folder / "a.osm.pbf"
    path.write_bytes(_blob(b"OSMHeader", head) + _blob(b"OSMData", block))
    return path


def _node(number: int, lat: float, lon: float, tags: list[tuple[int, int]]) -> bytes:
    keys, values = [k for k, _ in tags], [v for _, v in tags]
    return (
        _field(1, _zigzag(number))
        + (_field(2, _packed(keys)) + _field(3, _packed(values)) if tags else b"")
        + _field(8, _zigzag(round(lat * 1e7)))
        + _field(9, _zigzag(round(lon * 1e7)))
    )


def _blob(kind: bytes, content: bytes) -> bytes:
    body = _field(2, len(content)) + _field(3, zlib.compress(content))
    head = _field(1, kind) + _field(3, len(body))
    return struct.pack(">I", len(head)) + head + body


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _packed(values: list[int]) -> bytes:
    return b"".join(_varint(value) for value in values)


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _write(folder: Path, name: str) -> Path:
    path = folder / name
    sources.hydrorivers().to_file(path)
    return path


def _text(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


#: Every format, and how many rows its first table has.
FORMATS: dict[str, tuple[Callable[[Path], Path], int]] = {
    "gpkg": (gpkg, 2), "shp": (shapefile, 2), "geojson": (geojson, 2), "fgb": (flatgeobuf, 2),
    "parquet": (geoparquet, 2), "gdb": (geodatabase, 2), "zip": (zipped, 2),
    "gdb.zip": (zipped_geodatabase, 2), "kml": (kml, 1), "kmz": (kmz, 1), "gpx": (gpx, 1),
    "osm": (osm, 1), "csv": (csv, 3), "xlsx": (xlsx, 2), "pbf": (pbf, 1),
}  # fmt: skip
