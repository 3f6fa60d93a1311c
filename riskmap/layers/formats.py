"""What a file is: told by its content, and refused where it is not fit to be opened.

Nothing is unpacked to disk. Archives that would unpack to more than memory holds, paths that lead
out of an archive, XML with a document type (the door to entities and to other files) and files that
make GDAL fetch something else are refused before any driver sees them.
"""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from riskmap.layers.findings import Findings

Kind = Literal["vector", "text", "xlsx", "parquet", "osm", "gpx"]

#: An archive may unpack to so many bytes.
UNPACKED_LIMIT = 4_000_000_000
#: Beyond this size, an archive may be packed to no less than a share.
PACKED_TIGHT, PACKED_SHARE = 200_000_000, 1 / 200
MEMBERS_LIMIT = 10_000
#: Text, JSON and XML are held in memory several times over: larger files have to be converted.
TEXT_LIMIT = 500_000_000
#: How much of a file is read to know it.
_HEAD = 65_536
#: Roots of XML that are read; others (virtual layers above all) can name further files.
_XML_KINDS = {"kml": "vector", "gpx": "gpx", "osm": "osm", "featurecollection": "vector"}
_INNER = (".shp", ".gpkg", ".geojson", ".json", ".kml", ".gpx", ".csv", ".tsv", ".txt", ".fgb",
          ".parquet", ".xlsx", ".kmz", ".pbf", ".osm")  # fmt: skip
#: Content → endings that a file of it may have; drivers go by the ending.
_ENDINGS = {
    "sqlite": (".gpkg", ".sqlite", ".db"), "parquet": (".parquet", ".geoparquet"),
    "flatgeobuf": (".fgb",), "shapefile": (".shp",), "pbf": (".pbf",),
    "json": (".geojson", ".json", ".topojson", ".geojsonl"),
    "zip": (".zip", ".kmz", ".xlsx", ".xlsm"), "xml": (".kml", ".gpx", ".osm", ".xml", ".gml"),
    "text": (".csv", ".txt", ".tsv"),
}  # fmt: skip
#: What an archive that cannot be read raises.
ARCHIVE_ERRORS = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Say what a file is, and where its content stands.

    Attributes
    ----------
    kind
        Which reader takes it.
    location
        Path as GDAL takes it; inside an archive it begins with /vsizip/.
    path
        The file itself.
    member
        Name inside the archive, None where the file is none.
    """

    kind: Kind
    location: str
    path: Path
    member: str | None = None

    def read_bytes(self) -> bytes:
        """Return the whole content."""
        if self.member is None:
            return self.path.read_bytes()
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(self.member)


def look_at(path: Path, findings: Findings, *, table: str | None = None) -> Place | None:
    """Say what a file is; None where a problem was found.

    Parameters
    ----------
    path
        A file that exists, or a folder (a file geodatabase, a folder of shapefiles).
    findings
        Takes the problem, and a note where the content is not what the name says.
    table
        Which file of an archive is meant, where it holds several.
    """
    if path.is_dir():
        if not any(part.is_file() for part in path.rglob("*")):
            mend = "copy it again, with all files in it"
            findings.refuse("is a folder without any file", mend, feature=str(path))
            return None
        return Place("vector", str(path), path)
    with path.open("rb") as file:
        head = file.read(_HEAD)
    seen = _seen(head)
    refusal = _refusal(path, head, seen, name=path.name)
    if refusal is not None:
        findings.refuse(*refusal, feature=str(path))
        return None
    if seen == "zip":
        try:
            return _in_archive(path, findings, table)
        except ARCHIVE_ERRORS as error:
            what = f"is a zip archive that is not whole: {' '.join(str(error).split())[:100]}"
            findings.refuse(what, "copy or download it again", feature=str(path))
            return None
    return Place(_kind(seen, head), str(path), path)


_SPOKEN = {
    "sqlite": "a GeoPackage or SQLite database", "zip": "a zip archive", "parquet": "Parquet",
    "flatgeobuf": "FlatGeobuf", "shapefile": "a shapefile", "pbf": "an OpenStreetMap extract",
    "xml": "XML", "json": "JSON", "text": "text", "other": "something else",
}  # fmt: skip


def _seen(head: bytes) -> str:
    """Name what the first bytes are."""
    marks = (
        (b"SQLite format 3\0", "sqlite"), (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"),
        (b"PAR1", "parquet"), (b"fgb\x03", "flatgeobuf"), (b"\0\0\x27\x0a", "shapefile"),
    )  # fmt: skip
    for mark, name in marks:
        if head.startswith(mark):
            return name
    if b"OSMHeader" in head[:32]:
        return "pbf"
    text = _text(head).lstrip()
    if text.startswith("<"):
        return "xml"
    if text.startswith(("{", "[")):
        return "json"
    strange = sum(sign < "\t" or "\r" < sign < " " for sign in text)
    return "text" if strange <= len(text) // 10 else "other"


def _text(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", errors="replace")
    return head.decode("utf-8-sig", errors="replace")


def _kind(seen: str, head: bytes) -> Kind:
    if seen == "parquet":
        return "parquet"
    if seen == "pbf":
        return "osm"
    if seen == "text":
        return "text"
    if seen == "xml":
        kind = _XML_KINDS[_root(_text(head))]
        return "osm" if kind == "osm" else "gpx" if kind == "gpx" else "vector"
    return "vector"


def _root(text: str) -> str:
    """Return the name of an XML document's root, without its namespace."""
    # a comment that the head does not end is left out to the end: it may hide what follows
    body = re.sub(r"<\?.*?(?:\?>|\Z)|<!--.*?(?:-->|\Z)", "", text, flags=re.DOTALL)
    found = re.search(r"<([A-Za-z_][\w.\-]*:)?([A-Za-z_][\w.\-]*)", body)
    return found.group(2).lower() if found else ""


def _is_page(head: bytes) -> bool:
    """Tell a web page, which is worth a word of its own."""
    return _root(_text(head)) == "html"


def _refusal(path: Path, head: bytes, seen: str, *, name: str) -> tuple[str, str] | None:
    """Say why a file cannot be opened, and what to do; None where it can."""
    if not head:
        return "the file is empty", "copy or export it again"
    known = (
        (b"version https://git-lfs", "is a pointer of Git LFS, not the file", "fetch the file"),
        (b"\xd0\xcf\x11\xe0", "is an old Excel or Word file", "save it as .xlsx"),
        (b"%PDF", "is a PDF", "ask for the data themselves"),
        (b"\x1f\x8b", "is packed with gzip", "unpack it first"),
        (b"7z\xbc\xaf", "is packed with 7-Zip", "unpack it, or pack it as .zip"),
        (b"Rar!", "is packed with RAR", "unpack it, or pack it as .zip"),
        (
            b"II*\0",
            "is a GeoTIFF: a raster, no layer",
            "see rasters in the study file's documentation",
        ),
    )
    for mark, what, mend in known:
        if head.startswith(mark):
            return what, mend
    own = _ENDINGS.get(seen, ())
    others = {ending for endings in _ENDINGS.values() for ending in endings} - set(own)
    if own and PurePosixPath(name).suffix.lower() in others and not _is_page(head):
        what = f"is named {PurePosixPath(name).suffix}, and holds {_SPOKEN[seen]}"
        return what, f"name it {' or '.join(own[:3])}, or export it again"
    if seen in ("text", "json", "xml") and path.stat().st_size > TEXT_LIMIT:
        size = path.stat().st_size / 1e9
        return f"is {size:.1f} GB of {_SPOKEN[seen]}", "convert it to a GeoPackage (ogr2ogr)"
    if seen == "xml":
        return _xml_refusal(_text(head))
    if seen == "json" and "gdal_streamed_alg" in _text(head):
        return "is a recipe for GDAL, not data", "name the file that holds the data"
    if not head.strip(b"\0"):
        return "holds nothing but zeros", "copy it again"
    return None


def _xml_refusal(text: str) -> tuple[str, str] | None:
    folded = text.lower()
    root = _root(text)
    if root == "html" or "<!doctype html" in folded:
        return "is a web page, not data", "download the file itself"
    if "<!doctype" in folded or "<!entity" in folded:
        return (
            "holds a document type (<!DOCTYPE …>), by which XML can draw in other files",
            "take the lines with DOCTYPE and ENTITY out",
        )
    if root not in _XML_KINDS:
        return f"is XML of a kind that is not read (<{root}>)", "export it as GeoPackage or KML"
    return None


def _in_archive(path: Path, findings: Findings, table: str | None) -> Place | None:
    """Find the one layer file of an archive that is safe to open."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    refusal = _archive_refusal(members)
    if refusal is not None:
        findings.refuse(*refusal, feature=str(path))
        return None
    names = [member.filename for member in members]
    if any(name.startswith("xl/") for name in names):
        return Place("xlsx", str(path), path)
    return _member(path, names, findings, table)


def _archive_refusal(members: Sequence[zipfile.ZipInfo]) -> tuple[str, str] | None:
    unpacked = sum(member.file_size for member in members)
    packed = max(sum(member.compress_size for member in members), 1)
    mend = "unpack it yourself, if you trust it, and name the file"
    if len(members) > MEMBERS_LIMIT:
        return f"is an archive of {len(members)} files", mend
    if unpacked > UNPACKED_LIMIT or (unpacked > PACKED_TIGHT and packed / unpacked < PACKED_SHARE):
        return f"would unpack from {packed / 1e6:.1f} MB to {unpacked / 1e9:.1f} GB", mend
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        away = ".." in parts or parts[:1] == ("/",) or (parts and ":" in parts[0])
        if away or stat.S_ISLNK(member.external_attr >> 16):
            return f"holds a path that leads out of it: {member.filename[:60]!r}", mend
        if member.flag_bits & 0x1:
            return "is locked with a password", "unpack it first"
    return None


def _member(
    path: Path, names: Sequence[str], findings: Findings, table: str | None
) -> Place | None:
    bases = {str(p) for n in names for p in PurePosixPath(n).parents if p.suffix == ".gdb"}
    inside = [n for n in names if PurePosixPath(n).parent.suffix != ".gdb"]
    files = [
        name
        for name in (*sorted(bases), *inside)
        if (name in bases or PurePosixPath(name).suffix.lower() in _INNER)
        and not PurePosixPath(name).name.startswith("._")
    ]
    layers = [name for name in files if PurePosixPath(name).suffix.lower() not in (".txt", ".json")]
    files = layers or files
    chosen = [name for name in files if table in (name, PurePosixPath(name).stem)]
    if len(files) > 1 and len(chosen) != 1:
        shown = ", ".join(PurePosixPath(name).stem for name in files[:10])
        findings.refuse(
            f"the archive holds {len(files)} layers", f"add table = one of: {shown}",
            feature="table",
        )  # fmt: skip
        return None
    if not files:
        what = f"the archive holds no layer (but {', '.join(names[:5]) or 'nothing'})"
        findings.refuse(what, "pack all parts of the shapefile together", feature=str(path))
        return None
    return _inside(path, (chosen or files)[0], findings)


def _inside(path: Path, member: str, findings: Findings) -> Place | None:
    """Look at one file of an archive as at a file of its own."""
    location = f"/vsizip/{{{path.resolve()}}}/{member}"
    if PurePosixPath(member).suffix == ".gdb":
        return Place("vector", location, path, member)
    with zipfile.ZipFile(path) as archive, archive.open(member) as file:
        head = file.read(_HEAD)
    seen = _seen(head)
    refusal = _refusal(path, head, seen, name=member)
    if refusal is None and seen == "zip":
        refusal = "is an archive inside an archive", "unpack it first"
    if refusal is not None:
        findings.refuse(refusal[0], refusal[1], feature=f"{path.name}, {member}")
        return None
    return Place(_kind(seen, head), location, path, member)
