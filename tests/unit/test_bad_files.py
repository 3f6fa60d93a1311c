"""Files that are broken, mislabelled or hostile: one clear line each, nothing hangs or swells."""

from __future__ import annotations

import random
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from riskmap.layers.findings import Findings
from riskmap.layers.formats import UNPACKED_LIMIT, look_at
from riskmap.layers.survey import Asked, Survey, survey_file
from tests import sources
from tests.broken_files import FORMATS, GPX, KML

#: A file may take so much memory, bytes, and so long, seconds.
MEMORY, PATIENCE = 2_000_000_000, 60


def refused(path: Path) -> str:
    """Return the one line that a file is refused with."""
    findings = Findings("file")
    assert look_at(path, findings) is None
    (problem,) = findings.problems
    line = str(problem)
    assert "\n" not in line
    assert problem.remedy
    return line


def lines_of(surveys: list[Survey]) -> list[str]:
    return [str(problem) for survey in surveys for problem in survey.problems]


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_is_read(name: str, tmp_path: Path) -> None:
    make, rows = FORMATS[name]
    found = survey_file(make(tmp_path), Asked())
    assert not lines_of(found)
    assert found[0].rows == rows


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("name", list(FORMATS))
def test_a_truncated_file_is_one_line_or_what_is_left(
    name: str, share: float, tmp_path: Path
) -> None:
    path = FORMATS[name][0](tmp_path)
    for part in sorted(path.iterdir()) if path.is_dir() else [path]:
        whole = part.read_bytes()
        part.write_bytes(whole[: int(len(whole) * share)])
        for line in lines_of(survey_file(path, Asked())):
            assert "\n" not in line
            assert len(line) < 700
        part.write_bytes(whole)
    if share == 0.0 and not path.is_dir():
        path.write_bytes(b"")
        assert "empty" in lines_of(survey_file(path, Asked()))[0]


@pytest.mark.parametrize("name", list(FORMATS))
def test_bytes_that_were_turned_do_no_harm(name: str, tmp_path: Path) -> None:
    path = FORMATS[name][0](tmp_path)
    part = max(path.iterdir(), key=lambda p: p.stat().st_size) if path.is_dir() else path
    whole, chance = part.read_bytes(), random.Random(name)  # noqa: S311
    for count in (1, 2, 4, 16, 64):
        turned = bytearray(whole)
        for _ in range(count):
            turned[chance.randrange(len(turned))] = chance.randrange(256)
        part.write_bytes(bytes(turned))
        assert all("\n" not in line for line in lines_of(survey_file(path, Asked())))


@pytest.mark.parametrize("ending", [".gpkg", ".shp", ".csv", ".zip", ".kml", ".geojson", ".xlsx"])
@pytest.mark.parametrize("name", [n for n in FORMATS if n != "gdb"])
def test_a_wrong_name_is_told(name: str, ending: str, tmp_path: Path) -> None:
    made = FORMATS[name][0](tmp_path)
    path = tmp_path / f"wrong{ending}"
    made.replace(path)
    lines = lines_of(survey_file(path, Asked()))
    alike = ({"kml", "gpx", "osm"}, {"zip", "kmz", "xlsx", "gdb.zip"})
    own = {name} | next((group for group in alike if name in group), set())
    if ending.removeprefix(".") in own:
        return
    if name == "shp" and ending == ".shp":
        return
    assert len(lines) >= 1
    assert f"is named {ending}, and holds" in lines[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html><body>404</body></html>", "a web page, not data"),
        (b"<html><head></head></html>", "a web page, not data"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "pointer of Git LFS"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel"),
        (b"%PDF-1.7", "is a PDF"),
        (b"\x1f\x8b\x08\x00", "packed with gzip"),
        (b"Rar!\x1a\x07", "packed with RAR"),
        (b"7z\xbc\xaf\x27\x1c", "packed with 7-Zip"),
        (b"II*\0", "a raster"),
        (b"\0" * 5000, "nothing but zeros"),
        (b'{"type": "gdal_streamed_alg", "command_line": "gdal vector read x"}', "a recipe"),
        (b"<OGRVRTDataSource></OGRVRTDataSource>", "XML of a kind that is not read"),
        (b'<?xml version="1.0"?><!-- x --><rss></rss>', "XML of a kind that is not read"),
    ],
)
def test_what_is_no_layer_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "file.dat"
    path.write_bytes(content)
    assert message in refused(path)


ENTITIES = [
    '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    '<!-- harmless --><!doctype x [<!entity % p SYSTEM "file:///etc/passwd"> %p;]>',
]


@pytest.mark.parametrize("entity", ENTITIES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(("text", "ending"), [(GPX, ".gpx"), (KML, ".kml")])
def test_entities_are_never_followed(
    text: str, ending: str, encoding: str, entity: str, tmp_path: Path
) -> None:
    head, body = text.split("\n", 1)
    named = body.replace("<name>", "<name>&a;", 1)
    path = tmp_path / f"a{ending}"
    path.write_bytes(f"{head}\n{entity}\n{named}".encode(encoding))
    assert "document type" in refused(path)
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(path, path.name)
    assert "document type" in refused(packed)


@pytest.mark.parametrize("padding", [10_000, 200_000, 2_000_000])
def test_entities_behind_padding_are_not_followed_either(padding: int, tmp_path: Path) -> None:
    head, body = GPX.split("\n", 1)
    path = tmp_path / "a.gpx"
    path.write_text(f"{head}\n<!-- <gpx> {'x' * padding}-->\n{ENTITIES[0]}\n{body}")
    assert "document type" in refused(path) or padding > 65_536
    assert refused(path)  # beyond the head nothing is known of the file, and it is not opened


def _archive(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, KML)
    return path


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/a.kml", "/etc/a.kml", "a/../../b.kml", "..\\..\\a.kml", "C:\\a.kml"]
)
def test_a_path_that_leads_out_of_an_archive(name: str, tmp_path: Path) -> None:
    assert "leads out of it" in refused(_archive(tmp_path / "a.zip", name))


def test_a_link_in_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    link = zipfile.ZipInfo("a.kml")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "leads out of it" in refused(path)


def test_an_archive_that_would_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("a.geojson", "w", force_zip64=True) as file,
    ):
        for _ in range(300):
            file.write(b" " * 1_000_000)
    assert path.stat().st_size < 2_000_000
    assert "would unpack from" in refused(path)


def test_an_archive_that_says_that_it_is_huge(tmp_path: Path) -> None:
    path = _archive(tmp_path / "a.zip", "a.kml")
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 24 : at + 28] = (UNPACKED_LIMIT + 1).to_bytes(4, "little")
    path.write_bytes(bytes(raw))
    assert "would unpack from" in refused(path)


def test_an_archive_of_ten_thousand_files(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(10_001):
            archive.writestr(f"{number}.txt", "")
    assert "is an archive of 10001 files" in refused(path)


def test_an_archive_in_an_archive(tmp_path: Path) -> None:
    inner = _archive(tmp_path / "inner.zip", "a.kml")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(inner, "inner.kmz")
    assert "archive inside an archive" in refused(tmp_path / "outer.zip")


def test_an_archive_of_several_layers_asks_which(tmp_path: Path) -> None:
    path = _archive(tmp_path / "two.zip", "rios.kml", "puestos.kml")
    assert "table = one of: rios, puestos" in refused(path)
    place = look_at(path, Findings("file"), table="puestos")
    assert place is not None
    assert place.member == "puestos.kml"


def test_an_archive_without_a_layer(tmp_path: Path) -> None:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", b"\xff\xd8")
    assert "holds no layer (but a.jpg)" in refused(path)


def test_coordinates_in_another_system_than_the_file_says(tmp_path: Path) -> None:
    rows = sources.hydrorivers().to_crs(32719).set_crs(4326, allow_override=True)
    path = tmp_path / "wrong.gpkg"
    rows.to_file(path)
    lines = lines_of(survey_file(path, Asked()))
    assert len(lines) == 1
    assert "are not degrees" in lines[0]


def _measured(path: Path) -> tuple[str, float, int]:
    """Return what `riskmap import` says of a file in a process of its own, its time and memory."""
    # Not ru_maxrss, which begins at the size of the process that started this one.
    code = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from riskmap.cli import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    status = Path('/proc/self/status').read_text()\n"
        "    print(re.search(r'VmHWM:\\s+(\\d+)', status)[1], file=sys.stderr)\n"
    )
    start = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-c", code, "import", str(path)],
        capture_output=True, text=True, check=False, timeout=10 * PATIENCE,
    )  # fmt: skip
    assert "Traceback" not in run.stderr
    *told, peak_kb = run.stderr.splitlines()
    return run.stdout + "\n".join(told), time.monotonic() - start, int(peak_kb) * 1024


@pytest.mark.slow
def test_a_geojson_of_ten_megabytes_on_one_line(tmp_path: Path) -> None:
    shape = '{"type":"Point","coordinates":[-70.0,-12.0]}'
    feature = f'{{"type":"Feature","properties":{{"name":"x"}},"geometry":{shape}}}'
    path = tmp_path / "line.geojson"
    path.write_text(
        '{"type":"FeatureCollection","features":[' + ",".join([feature] * 105_000) + "]}"
    )
    assert path.stat().st_size > 10_000_000
    told, seconds, peak = _measured(path)
    assert "holds      105000 points" in told
    assert seconds < PATIENCE
    assert peak < MEMORY


@pytest.mark.slow
def test_a_table_of_a_million_rows(tmp_path: Path) -> None:
    path = tmp_path / "million.csv"
    with path.open("w") as file:
        file.write("id;nombre;ubigeo;longitud;latitud;fecha\n")
        for number in range(1_000_000):
            file.write(f"{number};lugar {number};080902;-70,{number:06d};-12,5;2024-01-01\n")
    told, seconds, peak = _measured(path)
    assert "holds      1000000 points" in told
    assert seconds < PATIENCE
    assert peak < MEMORY


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a," * 100_000, "holds 100001 columns"),
        ('a,b\n"' + "x" * 1_000_000, "is text, but no table"),
        ("lon,lat\n" + "\n" * 1_000_000, "headings only"),
        ('lon,lat\n"1' + " " * 200_000 + 'x",-12\n', None),
        ("lon,lat,n\n-70,-12," + "é" * 1_000_000 + "\n", None),
    ],
)
def test_tables_that_could_hang_a_reader(text: str, message: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, "utf-8")
    start = time.process_time()
    lines = lines_of(survey_file(path, Asked()))
    assert time.process_time() - start < 10.0
    assert message is None or message in lines[0]


@pytest.mark.parametrize("ending", [".geojson", ".kml"])
def test_nests_without_end(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"deep{ending}"
    if ending == ".kml":
        inner = "<Folder>" * 1_000 + "</Folder>" * 1_000
        path.write_text(KML.replace("<name>puestos</name>", inner))
    else:
        path.write_text('{"type":"FeatureCollection","features":' + "[" * 500_000)
    found = survey_file(path, Asked())
    assert all("\n" not in line for line in lines_of(found))


def test_an_empty_geodatabase_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "rivers.gdb" / "inner").mkdir(parents=True)
    line = refused(tmp_path / "rivers.gdb")
    assert "is a folder without any file (copy it again, with all files in it)" in line
    (told,) = lines_of(survey_file(tmp_path / "rivers.gdb", Asked()))
    assert told.endswith("is a folder without any file (copy it again, with all files in it)")
