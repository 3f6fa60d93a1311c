"""Tables as offices keep them: separators, commas, degrees, zones, codes, shifted fields."""

from __future__ import annotations

import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from riskmap.layers.columns import canonical_columns
from riskmap.layers.coordinates import to_degrees_of_arc, to_numbers
from riskmap.layers.findings import Findings
from riskmap.layers.sources import read_file
from riskmap.layers.spelling import mend_texts
from riskmap.presets.sources import known_presets
from riskmap.schema import LAYERS
from riskmap.settings import LayerSection

HALL = "Iñapari"


def read(
    path: Path, preset: str | None = None, **keys: str
) -> tuple[gpd.GeoDataFrame | None, Findings]:
    findings = Findings("layer")
    section = LayerSection(path=str(path), **keys)
    known = None if preset is None else known_presets()[preset]
    return read_file(path, section, preset=known, findings=findings), findings


def table(folder: Path, text: str, *, encoding: str = "utf-8", name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def told(findings: Findings) -> str:
    return " ".join(str(note) for note in findings.notes)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16"])
@pytest.mark.parametrize("separator", [";", "|", "\t"])
def test_any_separator_and_encoding(separator: str, encoding: str, tmp_path: Path) -> None:
    lines = [["nombre", "longitud", "latitud"], [HALL, "-69,5783", "-10,9456"],
             ["Muñani", "-69,18", "-12,59"]]  # fmt: skip
    text = "\n".join(separator.join(line) for line in lines)
    rows, findings = read(table(tmp_path, text, encoding=encoding))
    assert rows is not None
    assert rows["nombre"].tolist() == [HALL, "Muñani"]
    assert rows.geometry.x.tolist() == [-69.5783, -69.18]
    assert ("Windows-1252" in told(findings)) == (encoding in ("cp1252", "latin-1"))


@pytest.mark.parametrize(
    ("x", "y"),
    [("longitud", "latitud"), ("Longitude", "LATITUDE"), ("X", "Y"), ("coord_x", "coord_y"),
     ("lon", "lat"), ("LONGITUD_G84", "LATITUD_G84"), ("Coordenada X", "Coordenada Y")],
)  # fmt: skip
def test_headings_of_coordinates(x: str, y: str, tmp_path: Path) -> None:
    rows, _ = read(table(tmp_path, f"nombre,{x},{y}\nA,-70.5,-12.5\n"))
    assert rows is not None
    assert (rows.geometry.x[0], rows.geometry.y[0]) == (-70.5, -12.5)


ARCS = [
    ("12° 35' 24\" S", -12.59), ("12°35'24\"S", -12.59), ("S 12 35 24", -12.59),
    ("12 35.4 S", -12.59), ("-12° 35' 24''", -12.59), ("12º35′24″ s", -12.59),
    ("69° 11' 20.76\" O", -69.1891), ("69 11 20,76 W", -69.1891), ("O 69,1891", -69.1891),
    ("12d35m24s S", -12.59), ("12:35:24 S", -12.59), ("10° N", 10.0), ("-12.59", -12.59),
    ("\u221212.59", -12.59), ("12.59 S", -12.59), ("12 30 00 S", -12.5),
]  # fmt: skip


@pytest.mark.parametrize(("text", "degrees"), ARCS)
def test_degrees_minutes_seconds(text: str, degrees: float) -> None:
    assert to_degrees_of_arc(text) == pytest.approx(degrees, abs=1e-9)


@pytest.mark.parametrize("text", ["", "abc", "12° 75' S", "12 35 24 99", "N", "12° 10' 61\" S"])
def test_what_is_no_angle_is_not_a_number(text: str) -> None:
    assert np.isnan(to_degrees_of_arc(text))


@given(st.integers(0, 179), st.integers(0, 59), st.integers(0, 5999), st.sampled_from("NSEWO"))
def test_angles_come_back(degrees: int, minutes: int, hundredths: int, side: str) -> None:
    text = f"{degrees}° {minutes:02d}' {hundredths / 100:05.2f}\" {side}"
    size = degrees + minutes / 60 + hundredths / 360_000
    assert to_degrees_of_arc(text) == pytest.approx(-size if side in "SWO" else size, abs=1e-9)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_numbers_come_back_with_either_comma(values: list[float]) -> None:
    points = pd.Series([f"{value:.4f}" for value in values])
    commas = points.str.replace(".", ",", regex=False)
    grouped = pd.Series([f"{value:,.4f}" for value in values])
    rounded = [round(value, 4) for value in values]
    assert to_numbers(points, comma=False).tolist() == pytest.approx(rounded)
    assert to_numbers(commas, comma=True).tolist() == pytest.approx(rounded)
    assert to_numbers(grouped, comma=False).tolist() == pytest.approx(rounded)


@pytest.mark.parametrize("zone", [17, 18, 19])
@pytest.mark.parametrize("style", ["{}", "{}S", "{} L", "Zona {}", "{}.0"])
def test_utm_by_column(zone: int, style: str, tmp_path: Path) -> None:
    lon, lat = -183.0 + 6.0 * zone, -12.5
    east, north = Transformer.from_crs(4326, 32700 + zone, always_xy=True).transform(lon, lat)
    text = f"nombre|ESTE|NORTE|ZONA\nA|{east:.3f}|{north:.3f}|{style.format(zone)}\n"
    rows, findings = read(table(tmp_path, text))
    assert rows is not None
    assert rows.geometry.x[0] == pytest.approx(lon, abs=1e-7)
    assert rows.geometry.y[0] == pytest.approx(lat, abs=1e-7)
    assert "UTM (WGS 84)" in told(findings)


def test_utm_on_the_old_datum(tmp_path: Path) -> None:
    text = "nombre,este_psad56,norte_psad56,zona\nA,500000,8600000,19\n"
    rows, findings = read(table(tmp_path, text))
    assert rows is not None
    assert "UTM (PSAD56)" in told(findings)
    new, _ = read(table(tmp_path, text.replace("_psad56", "")))
    assert new is not None
    # Peru's old datum lies some 300 to 500 m from the new one
    apart = np.hypot(rows.geometry.x[0] - new.geometry.x[0], rows.geometry.y[0] - new.geometry.y[0])
    assert 0.002 < apart < 0.006


def test_metres_without_a_zone_need_a_crs(tmp_path: Path) -> None:
    path = table(tmp_path, "nombre,este,norte\nA,500000,8600000\n")
    rows, findings = read(path)
    assert rows is None
    assert "32719" in str(findings.problems[0])
    rows, _ = read(path, crs="EPSG:32719")
    assert rows is not None
    assert rows.crs.to_epsg() == 32719


@pytest.mark.parametrize("text", ["-12.59, -69.18", "-12.59; -69.18", "12.59 S, 69.18 W"])
def test_both_coordinates_in_one_field(text: str, tmp_path: Path) -> None:
    rows, findings = read(table(tmp_path, f'nombre,coordenadas\nA,"{text}"\n'))
    assert rows is not None
    assert (rows.geometry.x[0], rows.geometry.y[0]) == (-69.18, -12.59)
    assert "latitude, longitude" in told(findings)


def test_well_known_text(tmp_path: Path) -> None:
    path = table(tmp_path, 'nombre,wkt\nA,"LINESTRING (-70 -12, -69 -12)"\nB,nothing\n')
    rows, _ = read(path)
    assert rows is not None
    assert rows.geom_type[0] == "LineString"
    assert rows.geometry[1] is None


def test_a_place_that_cannot_be_read_has_no_geometry(tmp_path: Path) -> None:
    rows, _ = read(table(tmp_path, "nombre,lon,lat\nA,-70,-12\nB,,\nC,x,-12\n"))
    assert rows is not None
    assert rows.geometry.notna().tolist() == [True, False, False]


def test_codes_stay_text(tmp_path: Path) -> None:
    text = "ubigeo,iddist,codigo,personas,lon,lat\n080902,80902,007,12,-70,-12\n"
    rows, findings = read(table(tmp_path, text))
    assert rows is not None
    assert rows["ubigeo"][0] == "080902"
    assert rows["iddist"][0] == "080902"
    assert rows["codigo"][0] == "007"
    assert rows["personas"][0] == 12.0
    assert "the zero in front was put back" in told(findings)


def test_a_number_that_lost_its_zero_in_a_shapefile(tmp_path: Path) -> None:
    rows = gpd.GeoDataFrame(
        {"UBIGEO": [80902, 170101]}, geometry=gpd.points_from_xy([0, 1], [0, 1])
    )
    assert mend_texts(rows, Findings("x"))["UBIGEO"].tolist() == ["080902", "170101"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3,4,5,6\n", "Expected 2 fields in line 3, saw 4"),
        ("a;lon;lat\n", "headings only"),
        ("just a note\nand another\n", "is text, but no table"),
        ("a,b\n1,2\n", "no columns of coordinates"),
    ],
)
def test_a_table_that_is_none(text: str, message: str, tmp_path: Path) -> None:
    rows, findings = read(table(tmp_path, text))
    assert rows is None
    (problem,) = findings.problems
    assert message in str(problem)


def test_a_filter_on_a_table(tmp_path: Path) -> None:
    path = table(tmp_path, "nombre,personas,lon,lat\nA,1,-70,-12\nB,5,-70,-12\nC,9,-70,-12\n")
    rows, _ = read(path, where="personas > 3")
    assert rows is not None
    assert rows.index.tolist() == [1, 2]
    rows, findings = read(path, where="nothing > 3")
    assert rows is None
    assert "cannot be used" in str(findings.problems[0])


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "a.xlsx"
    with pd.ExcelWriter(path) as writer:
        lines = [
            ["REGISTRO DE PUESTOS", None, None, None],
            ["Nombre", "Ubigeo", "Longitud", "Latitud"],
            ["A", "080902", -70.0, -12.0],
            ["B", "170101", "69° 00' 00\" O", "12,5 S"],
        ]
        pd.DataFrame(lines).to_excel(writer, sheet_name="datos", header=False, index=False)
        pd.DataFrame({"nota": ["x"]}).to_excel(writer, sheet_name="notas", index=False)
    return path


def test_sheets(book: Path) -> None:
    rows, findings = read(book)
    assert rows is not None
    assert rows["Ubigeo"].tolist() == ["080902", "170101"]
    assert rows.geometry.x.tolist() == [-70.0, -69.0]
    assert rows.geometry.y.tolist() == [-12.0, -12.5]
    assert "above the headings" in told(findings)
    assert "holds 2 sheets" in told(findings)
    rows, findings = read(book, table="nada")
    assert rows is None
    assert "one of: datos, notas" in str(findings.problems[0])


def census(folder: Path, *, shifted: bool) -> Path:
    """Write the census of stations as it is published: 1252 bytes, zero bytes, shifted by two."""
    parts = [f"INF110_TOT_{a}_{b}" for a in ("OFI", "OFISV", "SOF", "SOFSV") for b in ("H", "M")]
    heads = ["ID_N", "UBIGEO", "CCDI", "NOMBREDI", "INF109", "INF110_TOT", *parts, "INF126_O",
             "GPSLATITUD_INF", "GPSLONGITUD_INF"]  # fmt: skip
    stations = [("0632", "080902", "02", "ECHARATE", "-12.7676", "-72.5776"),
                ("0635", "080903", "03", "PEÑAS", "-12.5065", "-72.5534"),
                ("0637", "080905", "05", "OCOBAMBA", "-12.8719", "-72.4474")]  # fmt: skip
    counts = ["20", "1", "0", "0", "0", "15", "4", "0", "0"]
    if not shifted:
        lines = [[i, u, c, n, "", *counts, "", lat, lon] for i, u, c, n, lat, lon in stations]
    else:
        # a record begins at the third field of a line, and its end stands on the next one
        ends = [("0202", "130205"), *((lon, "0836") for *_, lon in stations)]
        lines = [
            [*ends[k], i, f"{u}  {c}      {n}", "", "\0\0", "", *counts, lat]
            for k, (i, u, c, n, lat, _) in enumerate(stations)
        ]
    text = "\r\n".join("|".join(line) for line in [heads, *lines]) + "\r\n"
    path = folder / "Cap_100_Infraestructura_2017.csv"
    path.write_bytes(text.encode("cp1252"))
    return path


def test_the_shifted_census_is_cut_anew(tmp_path: Path) -> None:
    path = census(tmp_path, shifted=True)
    assert {len(line.split(b"|")) for line in path.read_bytes().splitlines()} == {17}
    rows, findings = read(path, "inei_police_stations")
    assert rows is not None
    assert rows["ID_N"].tolist() == ["0632", "0635", "0637"]
    assert rows["UBIGEO"].tolist() == ["080902", "080903", "080905"]
    assert rows["NOMBREDI"].tolist() == ["ECHARATE", "PEÑAS", "OCOBAMBA"]
    assert rows["INF110_TOT"].tolist() == [20.0] * 3
    assert rows.geometry.y[:2].tolist() == [-12.7676, -12.5065]
    assert rows.geometry.x[:2].tolist() == [-72.5776, -72.5534]
    assert rows.geometry[2] is None  # the longitude of the last station is not in the file
    assert "cut anew" in told(findings)


def test_a_census_that_is_in_order_is_left_alone(tmp_path: Path) -> None:
    rows, findings = read(census(tmp_path, shifted=False), "inei_police_stations")
    assert rows is not None
    assert rows.geometry.x.tolist() == [-72.5776, -72.5534, -72.4474]
    assert "cut anew" not in told(findings)


def test_geonames_without_headings(tmp_path: Path) -> None:
    line = "3932145\tLaberinto\tLaberinto\t\t-12.71\t-69.59\tP\tPPL\tPE\t\t17\t\t\t\t2300\t\t180\t"
    path = table(tmp_path, f"{line}America/Lima\t2020-01-01\n", name="PE.txt")
    rows, _ = read(path, "geonames")
    assert rows is not None
    assert rows["name"].tolist() == ["Laberinto"]
    assert rows.geometry.x.tolist() == [-69.59]


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1"])
@pytest.mark.parametrize("stated", [None, "UTF-8"])
def test_shapefiles_without_or_with_the_wrong_encoding(
    encoding: str, stated: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.shp"
    rows = gpd.GeoDataFrame({"name": [HALL]}, geometry=gpd.points_from_xy([-70], [-12]), crs=4326)
    rows.to_file(path, encoding=encoding)
    path.with_suffix(".cpg").unlink()
    if stated is not None:
        path.with_suffix(".cpg").write_text(stated)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_rows, findings = read(path)
    assert read_rows is not None
    assert read_rows["name"].tolist() == [HALL]
    wrong = (encoding == "UTF-8") == (stated is None)
    assert ("encoding" in told(findings)) == wrong


def test_text_beyond_repair_stays_as_it_is() -> None:
    texts = ["IÃ±apari", "CREACIÃ¿N", "Peña", "RÃO", "plain"]
    rows = gpd.GeoDataFrame({"t": texts}, geometry=gpd.points_from_xy([0] * 5, [0] * 5))
    findings = Findings("x")
    assert mend_texts(rows, findings)["t"].tolist() == ["Iñapari", *texts[1:]]
    assert findings.notes[0].count == 1


def test_headings_in_the_wrong_encoding_are_repaired_and_told(tmp_path: Path) -> None:
    wrong = "Población".encode().decode("cp1252")
    path = table(tmp_path, f"nombre,{wrong},lon,lat\nMazuko,1200,-70.4,-13.1\n")
    rows, findings = read(path)
    assert rows is not None
    assert "Población" in rows.columns
    assert wrong not in rows.columns
    assert f"(such as {wrong!r} to 'Población')" in told(findings)
    for named in ("Población", wrong):  # as it is meant, and as the file has it
        canonical = canonical_columns(
            rows, schema=LAYERS["settlements"], columns={"population": named, "name": "nombre"},
            findings=findings,
        )  # fmt: skip
        assert canonical["population"].tolist() == [1200.0]


def test_a_repaired_heading_takes_no_other_columns_place(tmp_path: Path) -> None:
    wrong = "Año".encode().decode("cp1252")
    rows, _ = read(table(tmp_path, f"nombre,{wrong},Año,lon,lat\nMazuko,1,2,-70.4,-13.1\n"))
    assert rows is not None
    assert rows[[wrong, "Año"]].to_numpy().tolist() == [[1, 2]]
