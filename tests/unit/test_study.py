"""The Python face: a study to run, and what its result gives."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import pytest

import riskmap as rm
from tests.studies import SmallStudy


@pytest.fixture
def result(small_study: SmallStudy) -> rm.Result:
    return rm.Study.from_file(small_study.path).run()


def test_the_graph_is_one_that_other_packages_take(result: rm.Result) -> None:
    graph = result.graph
    assert isinstance(graph, nx.MultiDiGraph)
    assert graph.graph["crs"] == "EPSG:4326"
    assert all({"x", "y"} <= set(data) for _, data in graph.nodes(data=True))
    wanted = {
        "reach_id", "mode", "length_km", "travel_time_h", "hazard", "transits",
        "undetected_transits",
    }  # fmt: skip
    assert all(wanted <= set(data) for *_, data in graph.edges(data=True))
    total = sum(data["transits"] for *_, data in graph.edges(data=True))
    assert total == pytest.approx(result.reaches["transits"].sum())
    hours = nx.shortest_path_length(graph, 0, weight="travel_time_h")
    assert max(hours.values()) > 1.0


def test_results_are_reproducible(small_study: SmallStudy, result: rm.Result) -> None:
    again = rm.Study.from_file(small_study.path).run()
    assert again.corridors.equals(result.corridors)
    assert again.provenance["study_sha256"] == result.provenance["study_sha256"]


def test_two_seasons_in_one_map(result: rm.Result, tmp_path: Path) -> None:
    high = rm.Study(result.outcome.settings.with_study(season="high")).run()
    page = tmp_path / "both.html"
    result.map(language="en", beside=[high]).save(page)
    text = page.read_text("utf-8")
    assert "High water" in text
    assert "Low water" in text


def test_a_plan_adds_up(result: rm.Result) -> None:
    plan = result.plan_checkpoints(2, method="exact", detection_probability=1.0)
    assert plan.checkpoints["gain"].sum() == pytest.approx(plan.intercepted)
    assert plan.intercepted <= result.summary["undetected"] + 1e-9
    hours = result.plan_patrol_hours(20.0)
    assert hours.hours["hours"].sum() == pytest.approx(20.0)


def test_comparing_a_result_with_itself_finds_nothing(result: rm.Result) -> None:
    comparison = rm.compare(result, result)
    assert set(comparison.corridors["trend"]) == {"steady"}
