"""The check of a study: what it says about direction and parts, and how it reads."""

from __future__ import annotations

import itertools
import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString

import riskmap as rm
from riskmap.outputs.check_report import note_sections, print_check
from riskmap.outputs.graphs import write_check
from riskmap.outputs.terminal import print_ranking
from riskmap.outputs.words import LANGUAGES, Words
from riskmap.report import Note
from tests.studies import SmallStudy

INFERRED = 'columns = { strahler_order = "strahler" }\nflow_direction = "inferred"\n'


def test_an_inferred_direction_is_stated_by_part(small_study: SmallStudy) -> None:
    small_study.keys["rivers"] = INFERRED + "outlet = [-70.0, -12.79]"
    check = rm.Study.from_file(small_study.write().path).check()
    (part,) = check.components
    assert part.flow_known_km == pytest.approx(part.length_km)
    assert part.flow_confidence == pytest.approx(0.99)
    assert part.outlets == ((-70.0, -12.8),)
    stated = check.as_dict()["components"][0]
    assert stated["flow_confidence"] == pytest.approx(0.99)
    assert stated["outlets"] == [[-70.0, -12.8]]


def test_an_unknown_direction_is_said_to_take_the_mean(
    small_study: SmallStudy, capsys: pytest.CaptureFixture[str]
) -> None:
    small_study.keys["rivers"] = 'flow_direction = "unknown"'
    check = rm.Study.from_file(small_study.write().path).check()
    assert check.components[0].flow_known_km == 0.0
    print_check(check)
    told = capsys.readouterr().out
    assert "boats there take the mean of the speeds with and against the current" in told
    assert " 0%" in told


def test_doubtful_directions_are_a_layer_of_their_own(small_study: SmallStudy) -> None:
    rivers = gpd.read_file(small_study.file("rivers"))
    rivers.geometry = [g.reverse() if k == 1 else g for k, g in enumerate(rivers.geometry)]
    rivers.to_file(small_study.file("rivers"), engine="pyogrio")
    small_study.keys["rivers"] = INFERRED + "outlet = [-70.0, -12.79]"
    check = rm.Study.from_file(small_study.write().path).check()
    path = small_study.folder / "check.gpkg"
    write_check(check, path)
    doubtful = gpd.read_file(path, layer="doubtful_directions")
    assert set(doubtful["source_id"]) == {1}
    assert set(doubtful["flow_doubt"]) == {"is drawn against the flow of its neighbours"}
    turned = [n for n in check.notes if n.kind == "doubtful"]
    assert [n.feature for n in turned] == ["row 1 (Río Chico)"]
    reaches = gpd.read_file(path, layer="reaches")
    assert reaches["flow_known"].all()
    assert (reaches["flow_confidence"] > 0.9).all()


def test_notes_stand_under_one_heading_with_one_remedy() -> None:
    notes = [
        Note("notice", "rivers", None, "is long"),
        Note("mended", "rivers", "row 1", "closed at 1, 2", count=1),
        Note("mended", "rivers", "row 7", "closed at 1, 2", count=1),
        Note("unattached", "venues", "row 3", "is far", "move it"),
        Note("unattached", "venues", "row 4", "is farther", "move it"),
    ]
    assert list(note_sections(notes)) == [
        (
            "Not on the water (2)",
            ["venues, row 3: is far", "venues, row 4: is farther", "→ move it"],
        ),
        ("Mended (2)", ["rivers, row 1 and row 7: closed at 1, 2"]),
        ("Worth knowing", ["rivers: is long"]),
    ]


def test_what_is_cut_short_in_the_text_is_whole_in_the_files(small_study: SmallStudy) -> None:
    """Two ends at each of thirty gaps: the text tells eight of these and counts the rest."""
    ys = np.linspace(-12.0, -12.8, 32)
    lines = [LineString([(-70.0, a - 2e-4), (-70.0, b)]) for a, b in itertools.pairwise(ys)]
    gpd.GeoDataFrame(
        {"name": "Río", "strahler": 1}, index=range(31), geometry=lines, crs=4326
    ).to_file(small_study.file("rivers"), engine="pyogrio")
    check = rm.Study.from_file(small_study.write().path).check()
    (lines,) = (
        lines for heading, lines in note_sections(check.notes) if heading.startswith("Mended")
    )
    assert len(lines) == 9
    assert lines[-1] == "rivers: a gap between ends was closed: 44 more"
    path = small_study.folder / "check.gpkg"
    write_check(check, path)
    mends = gpd.read_file(path, layer="mends")
    assert set(mends["what"]) == {"a gap between ends was closed"}
    assert len(mends) == 60
    assert sorted(set(mends.geometry.y.round(4))) == sorted((ys[1:-1] - 1e-4).round(4))
    told = [note for note in check.as_dict()["notes"] if note["kind"] == "mended"]
    assert sum(len(note["places"]) for note in told) == 60


def test_places_that_are_sensitive_are_not_named(small_study: SmallStudy) -> None:
    far = gpd.read_file(small_study.file("venues"))
    far.geometry = [far.geometry[0], far.geometry.translate(xoff=0.3)[1]]
    far.to_file(small_study.file("venues"), engine="pyogrio")
    posts = gpd.read_file(small_study.file("police_posts"))
    posts.geometry = posts.geometry.translate(xoff=-0.2)
    posts.to_file(small_study.file("police_posts"), engine="pyogrio")
    check = rm.Study.from_file(small_study.path).check()
    told = {note.layer: note.feature for note in check.notes if note.kind == "unattached"}
    assert told == {"venues": "row 1", "police_posts": "row 0 (Puesto Alto)"}


def test_places_that_stand_twice_are_told_and_kept(small_study: SmallStudy) -> None:
    towns = gpd.read_file(small_study.file("settlements"))
    elsewhere = towns.iloc[[0]].set_geometry(towns.geometry.iloc[[0]].translate(0.01))
    gpd.GeoDataFrame(pd.concat([towns, towns.iloc[[1]], elsewhere])).to_file(
        small_study.file("settlements")
    )
    check = rm.Study.from_file(small_study.path).check()
    assert check.layers["settlements"]["features"] == 5
    (note,) = (note for note in check.notes if "repeat" in note.what)
    assert str(note) == (
        "doubtful: settlements, row 3 (Medio): 1 row repeats name and place of an earlier one "
        "(take out what is there twice: every row counts)"
    )


def test_one_of_a_thing_is_not_said_in_the_plural(
    small_study: SmallStudy, capsys: pytest.CaptureFixture[str]
) -> None:
    for layer in ("venues", "entry_points"):
        gpd.read_file(small_study.file(layer)).iloc[:1].to_file(small_study.file(layer))
    study = rm.Study.from_file(small_study.path)
    print_check(study.check())
    print_ranking(study.run().outcome)
    told = capsys.readouterr().out
    assert "venues 1" in told
    assert not re.findall(r"\b1 (?!is|holds)[a-z_]+s\b", told)
    for language, (one, many) in zip(
        LANGUAGES, (("elemento,", "elementos,"), ("feature,", "features,")), strict=True
    ):
        slots = {"layer": "a", "file": "b", "crs": "c"}
        assert f"1 {one}" in Words(language).say("source", features=1, **slots)
        assert f"2 {many}" in Words(language).say("source", features=2, **slots)
