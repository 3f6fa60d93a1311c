"""Files of every format in small, to be broken in every way: see `tests/unit/test_bad_files.py`."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from tests import sources
from tests.protocol_buffers import blob, field, packed, zigzag

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
    table = b"".join(field(1, word) for word in words)
    nodes = [
        _node(1, -12.0, -70.0, []),
        _node(2, -12.0, -69.9, []),
        _node(3, -12.1, -70.0, [(1, 2), (3, 4)]),
        _node(4, -12.1, -69.9, [(5, 6), (3, 7)]),
    ]
    way = (
        field(1, 10)
        + field(2, packed([8, 3, 11]))
        + field(3, packed([9, 10, 12]))
        + field(8, packed([zigzag(1), zigzag(1)]))
    )
    groups = [b"".join(field(1, node) for node in nodes), field(3, way)]
    block = field(1, table) + b"".join(field(2, group) for group in groups)
    head = b"".join(field(4, each) for each in (b"OsmSchema-V0.6",))
    path = folder / "a.osm.pbf"
    path.write_bytes(blob(b"OSMHeader", head) + blob(b"OSMData", block))
    return path


def _node(number: int, lat: float, lon: float, tags: list[tuple[int, int]]) -> bytes:
    keys, values = [k for k, _ in tags], [v for _, v in tags]
    return (
        field(1, zigzag(number))
        + (field(2, packed(keys)) + field(3, packed(values)) if tags else b"")
        + field(8, zigzag(round(lat * 1e7)))
        + field(9, zigzag(round(lon * 1e7)))
    )


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
