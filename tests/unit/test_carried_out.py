"""Plans carried out on the embedded study: the ranking afterwards says what the plan said."""

from __future__ import annotations

import numpy as np
import pytest

import riskmap as rm
from riskmap.model.patrol import Patrols, Posts, add_hours
from riskmap.planning.carried_out import with_checkpoints, with_hours

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def result() -> rm.Result:
    return rm.demo_study().run()


@pytest.mark.parametrize("method", ["greedy", "evasive"])
def test_checkpoints_detect_what_the_plan_says(result: rm.Result, method: str) -> None:
    assert result.outcome.settings.routes.hazard_aversion_h == 0.0  # nobody changes route
    plan = result.plan_checkpoints(3, method=method)
    after = with_checkpoints(result.outcome, plan, names=["P1", "P2", "P3"])
    fell = result.summary["undetected"] - after.summary["undetected"]
    assert fell == pytest.approx(plan.intercepted_if_routes_stay, rel=1e-9)
    table = after.layers.tables["checkpoints"]
    assert table["name"].tolist()[-3:] == ["P1", "P2", "P3"]
    there = result.outcome.layers.tables.get("checkpoints")
    assert len(table) == 3 + (0 if there is None else len(there))
    assert after.scored.sites["checkpoints"].node.tolist()[-3:] == plan.checkpoints["node"].tolist()


def test_hours_detect_what_the_plan_says(result: rm.Result) -> None:
    plan = result.plan_patrol_hours(200.0)
    after = with_hours(result.outcome, plan)
    fell = result.summary["undetected"] - after.summary["undetected"]
    assert fell == pytest.approx(plan.intercepted, rel=1e-9)
    before = result.reaches["patrol_hours"].sum()
    posts = result.outcome.layers.tables["police_posts"].set_index("name")["effectiveness"]
    more = (plan.hours["hours"] * posts[plan.hours["post"]].to_numpy()).sum()
    assert after.reaches["patrol_hours"].sum() - before == pytest.approx(more)


def test_hours_are_added_by_post_and_reach() -> None:
    two = np.zeros(2)
    posts = Posts(
        np.array([0, 1], np.int32), np.array([0, 1], np.int32), two, two, two, two,
        np.array([10.0, 20.0]), np.array([0.5, 1.0]),
    )  # fmt: skip
    patrols = Patrols(
        np.array([3.0, 1.0, 0.0]), np.array([30.0, 20.0, 0.0]), np.array([0, 1, 2], np.int32),
        np.array([0, 1], np.int32), np.array([3.0, 1.0]),
    )  # fmt: skip
    more = add_hours(
        patrols, posts, post=np.array([0, 1, 0], np.int32), reach=np.array([0, 2, 1], np.int32),
        hours=np.array([4.0, 5.0, 2.0]),
    )  # fmt: skip
    assert more.hours.tolist() == [5.0, 2.0, 5.0]
    assert more.sweep_km.tolist() == [50.0, 30.0, 100.0]
    assert more.post_start.tolist() == [0, 2, 4]
    assert more.post_reach.tolist() == [0, 1, 1, 2]
    assert more.post_hours.tolist() == [5.0, 1.0, 1.0, 5.0]
    assert patrols.hours.tolist() == [3.0, 1.0, 0.0]


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_page_has_a_switch_and_the_advice(result: rm.Result, language: str) -> None:
    page = result.map_plan(result.plan_patrol_hours(200.0), language=language)
    text = page.get_root().render()
    today, carried_out = {"es": ("Hoy", "Con el plan"), "en": ("Today", "With the plan")}[language]
    for words in (today, carried_out, {"es": "Semana 1", "en": "Week 1"}[language]):
        assert words in text
