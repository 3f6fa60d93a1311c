"""Laws of the legal status of mining ground: nothing is lost, nothing counts twice, one rule each.

The mining ground of the drawn example, and what lies over it (status by rule):

      +-----------------------------+  y 4        protected x 0..2   -> illegal
      | protected |  titled  | free |             titled    x 1..3   -> authorised outside protected
      +-----------------------------+  y 0        free      x 3..4   -> illegal (untitled)
      x 0         2          3      4
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from riskmap.errors import StudyError
from riskmap.layers.mining import areas_ha, main_status, mining_pieces
from riskmap.network.cells import grid_cells
from riskmap.presets.mining import MiningRules, default_rules, load_rules

WGS84 = "EPSG:4326"
#: Everywhere below, a unit of the drawings is this many degrees.
UNIT = 0.01
_HEAD = 'title = "x"\nas_of = 2026-01-01\ntitles = {}\n'


def _place(shape: shapely.Geometry) -> shapely.Geometry:
    return shapely.transform(shape, lambda xy: xy * UNIT + np.array([-70.0, -12.5]))


def _mining(shapes: list[shapely.Geometry], **columns: list[object]) -> gpd.GeoDataFrame:
    n = len(shapes)
    given = {
        "name": [f"Área {k}" for k in range(n)], "status": ["unknown"] * n,
        "confidence": [1.0] * n, "detected_on": [pd.NaT] * n, **columns,
    }  # fmt: skip
    table = gpd.GeoDataFrame(given, geometry=[_place(s) for s in shapes], crs=WGS84)
    return table.assign(detected_on=pd.to_datetime(table["detected_on"]).astype("datetime64[us]"))


def _areas(*shapes: shapely.Geometry, **columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"name": [""] * len(shapes), **columns}, geometry=[_place(s) for s in shapes], crs=WGS84
    )


def _drawn(**mining: list[object]) -> dict[str, gpd.GeoDataFrame]:
    return {
        "mining_areas": _mining([shapely.box(0, 0, 4, 4)], **mining),
        "protected_areas": _areas(shapely.box(-1, -1, 2, 5)),
        "concessions": _areas(shapely.box(1, -1, 3, 5), title_status=["TITULADO"]),
    }


def _shares(pieces: gpd.GeoDataFrame) -> dict[str, float]:
    share = pieces.groupby("status_rule")["area_ha"].sum() / pieces["area_ha"].sum()
    return {str(name): round(float(v), 6) for name, v in share.items()}


def test_each_piece_says_by_which_rule() -> None:
    pieces, notes = mining_pieces(_drawn(), rules=default_rules())
    assert _shares(pieces) == {"protected_area": 0.5, "titled": 0.25, "untitled": 0.25}
    assert dict(zip(pieces["status_rule"], pieces["status"], strict=True)) == {
        "protected_area": "illegal", "titled": "authorised", "untitled": "illegal",
    }  # fmt: skip
    assert {note.feature for note in notes} == {
        "rule protected_area", "rule titled", "rule untitled",
    }  # fmt: skip
    assert list(main_status(_drawn()["mining_areas"], pieces)["status"]) == ["illegal"]


def test_a_status_that_is_stated_stays() -> None:
    tables = _drawn(status=["informal"])
    pieces, notes = mining_pieces(tables, rules=default_rules())
    assert list(pieces["status"]) == ["informal"]
    assert list(pieces["status_rule"]) == ["stated"]
    assert not notes
    before = tables["mining_areas"].geometry.to_numpy()
    assert shapely.equals_exact(pieces.geometry.to_numpy(), before).all()


def test_a_detection_is_not_judged_by_a_later_rule() -> None:
    pieces, _ = mining_pieces(
        _drawn(detected_on=[pd.Timestamp("1996-01-01")]), rules=default_rules()
    )
    assert _shares(pieces) == {"titled": 0.5, "no_rule": 0.5}


def test_what_nobody_mapped_is_not_absent() -> None:
    tables = _drawn()
    del tables["concessions"]
    pieces, _ = mining_pieces(tables, rules=default_rules())
    assert _shares(pieces) == {"protected_area": 0.5, "no_rule": 0.5}
    assert set(pieces.loc[pieces["status_rule"] == "no_rule", "status"]) == {"unknown"}


@pytest.mark.parametrize(
    ("layers", "rule", "status"),
    [
        ({"concessions": "EN TRÁMITE"}, "in_process", "informal"),
        ({"concessions": "D.M. Extinguido"}, "extinct", "illegal"),
        ({"concessions": "quién sabe"}, "unclear_title", "unknown"),
        ({"concessions": "other"}, "untitled", "illegal"),
        ({"concessions": "titled", "mining_corridor": ""}, "titled", "authorised"),
        ({"concessions": "extinct", "mining_corridor": ""}, "corridor_untitled", "informal"),
        ({"concessions": "titled", "buffer_zones": ""}, "buffer_zone_titled", "unknown"),
        ({"concessions": "extinct", "buffer_zones": ""}, "buffer_zone_untitled", "illegal"),
        ({"concessions": "titled", "indigenous_territories": ""}, "indigenous_titled", "unknown"),
        ({"concessions": "other", "indigenous_territories": ""}, "indigenous_untitled", "illegal"),
    ],
)
def test_a_rule_for_every_place(layers: dict[str, str], rule: str, status: str) -> None:
    tables = {"mining_areas": _mining([shapely.box(0, 0, 1, 1)])}
    for name, title in layers.items():
        more = {"title_status": [title]} if title else {}
        tables[name] = _areas(shapely.box(-1, -1, 2, 2), **more)
    pieces, _ = mining_pieces(tables, rules=default_rules())
    assert list(zip(pieces["status_rule"], pieces["status"], strict=True)) == [(rule, status)]


@pytest.mark.parametrize(
    ("title", "rule"),
    [("titled", "titled_outside_corridor"), ("in_process", "in_process_outside_corridor"),
     ("extinct", "extinct"), ("other", "outside_corridor")],
)  # fmt: skip
def test_outside_the_corridor(title: str, rule: str) -> None:
    tables = {
        "mining_areas": _mining([shapely.box(0, 0, 1, 1)]),
        "mining_corridor": _areas(shapely.box(5, 5, 6, 6)),
        "concessions": _areas(shapely.box(-1, -1, 2, 2), title_status=[title]),
    }
    pieces, _ = mining_pieces(tables, rules=default_rules())
    assert list(pieces["status_rule"]) == [rule]


def test_the_rules_hold_inside_their_jurisdiction_only() -> None:
    tables = _drawn() | {"jurisdiction": _areas(shapely.box(-1, -1, 9, 2))}
    pieces, _ = mining_pieces(tables, rules=default_rules())
    assert _shares(pieces)["outside_jurisdiction"] == pytest.approx(0.5, abs=1e-3)


_corner = st.integers(0, 40)


@st.composite
def _polygons(draw: st.DrawFn) -> shapely.Geometry:
    """Draw an area: a hull of points or a box, with a hole at times."""
    points = draw(st.lists(st.tuples(_corner, _corner), min_size=4, max_size=8, unique=True))
    hull = shapely.convex_hull(shapely.MultiPoint(points))
    if hull.geom_type != "Polygon":
        hull = shapely.box(0, 0, draw(st.integers(1, 40)), draw(st.integers(1, 40)))
    if draw(st.booleans()):
        x, y = draw(_corner), draw(_corner)
        holed = shapely.difference(hull, shapely.box(x, y, x + 3, y + 3))
        return hull if holed.is_empty else holed
    return hull


_layer = st.lists(_polygons(), min_size=0, max_size=3)


@settings(max_examples=40, phases=[Phase.generate])
@given(
    mining=st.lists(_polygons(), min_size=1, max_size=4),
    stated=st.lists(st.sampled_from(["unknown", "unknown", "informal"]), min_size=4, max_size=4),
    protected=_layer, titled=_layer, in_process=_layer, corridor=_layer, order=st.randoms(),
)  # fmt: skip
def test_ground_is_neither_lost_nor_counted_twice(
    mining, stated, protected, titled, in_process, corridor, order
) -> None:
    n = len(mining)
    table = _mining(
        mining,
        status=stated[:n],
        confidence=[order.choice([0.5, 1.0]) for _ in range(n)],
        detected_on=[order.choice([pd.NaT, pd.Timestamp("2020-01-01")]) for _ in range(n)],
    )
    tables = {"mining_areas": table, "mining_corridor": _areas(*corridor)}
    tables["protected_areas"] = _areas(*protected)
    titles = ["titled"] * len(titled) + ["in_process"] * len(in_process)
    tables["concessions"] = _areas(*titled, *in_process, title_status=titles)
    pieces, _ = mining_pieces(tables, rules=default_rules())
    own = (table["status"] == "unknown").to_numpy()
    shapes = table.geometry.to_numpy()
    plane = _equal_area(shapes)
    free = shapely.difference(shapely.union_all(plane[own]), shapely.union_all(plane[~own]))
    derived = pieces[pieces["status_rule"] != "stated"]
    # Conserved: the pieces add up to what the detections cover together, stated ground apart.
    assert derived["area_ha"].sum() == pytest.approx(free.area / 1e4, rel=1e-6, abs=1e-6)
    # Disjoint: they cover as much together as one by one; and cells see the same areas.
    together = shapely.union_all(_equal_area(derived.geometry.to_numpy()))
    assert together.area / 1e4 == pytest.approx(derived["area_ha"].sum(), rel=1e-6, abs=1e-6)
    cells = grid_cells(pieces.geometry, cell_km=2.0)
    assert cells.area_ha.sum() == pytest.approx(pieces["area_ha"].sum(), rel=1e-6, abs=1e-6)
    # Stated ground is as it was.
    assert (pieces["status_rule"] == "stated").sum() == (~own).sum()
    _agrees_point_by_point(pieces, tables)
    shuffled = table.sample(frac=1.0, random_state=order.randrange(2**31))
    again, _ = mining_pieces({**tables, "mining_areas": shuffled}, rules=default_rules())
    assert _by_rule(again) == pytest.approx(_by_rule(pieces), rel=1e-6, abs=1e-6)


def _by_rule(pieces: gpd.GeoDataFrame) -> dict[str, float]:
    sums = pieces.groupby("status_rule")["area_ha"].sum()
    return {str(k): float(v) for k, v in sums.items() if v > 1e-6}


def _equal_area(shapes: np.ndarray) -> np.ndarray:
    """Project by the authalic latitude, by hand: the oracle of the module's projection."""
    e2 = 0.00669437999014
    e, a = np.sqrt(e2), 6378137.0

    def q(s: np.ndarray) -> np.ndarray:
        return (1 - e2) * (s / (1 - e2 * s * s) + np.arctanh(e * s) / e)

    def to_plane(xy: np.ndarray) -> np.ndarray:
        y = a * q(np.sin(np.radians(xy[:, 1]))) / 2.0
        return np.column_stack([a * np.radians(xy[:, 0]), y])

    return shapely.transform(shapes, to_plane)


def _agrees_point_by_point(pieces: gpd.GeoDataFrame, tables: dict[str, gpd.GeoDataFrame]) -> None:
    """Ask the rules at one point of every piece, layer by layer, in the plane."""
    tables = {k: t.set_geometry(_equal_area(t.geometry.to_numpy())) for k, t in tables.items()}
    for piece in pieces.itertuples():
        if piece.status_rule == "stated" or piece.area_ha < 0.1:
            continue
        at = shapely.point_on_surface(_equal_area(np.array([piece.geometry]))[0])

        def on(table: gpd.GeoDataFrame, at: shapely.Geometry = at) -> bool:
            return bool(shapely.covers(table.geometry.to_numpy(), at).any())

        titles = tables["concessions"]
        titled = on(titles[titles["title_status"] == "titled"])
        applied = on(titles[titles["title_status"] == "in_process"])
        corridor = on(tables["mining_corridor"])
        if on(tables["protected_areas"]):
            expected = "protected_area"
        elif titled:
            expected = "titled" if corridor else "titled_outside_corridor"
        elif applied:
            expected = "in_process" if corridor else "in_process_outside_corridor"
        else:
            expected = "corridor_untitled" if corridor else "outside_corridor"
        assert piece.status_rule == expected


def test_the_areas_are_those_of_the_ellipsoid() -> None:
    from pyproj import Geod

    shape = _place(shapely.box(0, 0, 1, 1))
    geodesic = abs(Geod(ellps="WGS84").geometry_area_perimeter(shape)[0]) / 1e4
    assert areas_ha(np.array([shape], dtype=object))[0] == pytest.approx(geodesic, rel=1e-6)


def test_a_study_brings_its_own_rules(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(
        'title = "all"\nas_of = 2026-01-01\ntitles = {}\n[[rules]]\nid = "all"\n'
        'status = "informal"\nsince = 2000-01-01\nlaw = ""\nwhy = ""\n',
        "utf-8",
    )
    rules = load_rules(path)
    assert rules.rules[0].since == date(2000, 1, 1)
    pieces, _ = mining_pieces(_drawn(), rules=rules)
    assert list(pieces["status_rule"]) == ["all"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", "is not TOML"),
        ('title = "x"\nas_of = 2026-01-01\ntitles = {}\nrules = []', "at least 1 item"),
        (
            _HEAD + '[[rules]]\nid = "a"\nstatus = "legal"\nsince = 2000-01-01\nlaw = ""\nwhy = ""',
            r"rules\.1\.status: Input should be 'authorised'",
        ),
        (
            'title = "x"\nas_of = 2026-01-01\ntitles = {}\n'
            + '[[rules]]\nid = "a"\nstatus = "illegal"\nsince = 2000-01-01\nlaw = ""\nwhy = ""\n'
            * 2,
            "the id 'a' stands more than once",
        ),
    ],
)
def test_rules_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(StudyError, match=message):
        load_rules(path)


def test_rules_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="No such file"):
        load_rules(tmp_path / "none.toml")


def test_every_rule_has_its_source() -> None:
    rules: MiningRules = default_rules()
    assert all(rule.law and rule.why for rule in rules.rules)
