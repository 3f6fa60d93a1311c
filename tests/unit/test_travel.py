"""Travel: craft, seasons and what closes a stream."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import riskmap as rm
from riskmap.presets import known_craft, known_waters
from tests import studies
from tests.studies import SmallStudy

Make = Callable[..., SmallStudy]


def speeds(study: SmallStudy, season: str) -> dict[str, tuple[float, float, bool]]:
    """Return (with the current, against it, open) by name of the river."""
    result = rm.Study(rm.Study.from_file(study.write().path).settings.with_study(season=season))
    scored = result.run().outcome.scored
    found = zip(
        scored.speeds.downstream_kmh, scored.speeds.upstream_kmh, scored.speeds.usable, strict=True
    )
    return dict(zip(scored.reaches.name, found, strict=True))


def test_a_craft_gives_its_pair_by_season_and_stream_order(small_study: SmallStudy) -> None:
    small_study.sections = '[travel]\ncraft = "peque_peque"'
    low, high = speeds(small_study, "low"), speeds(small_study, "high")
    # hull 12: order 3 is a stream of middle size, order 1 a small one
    assert low["Río Alto"][:2] == pytest.approx((0.85 * 12 + 4, 0.85 * 12 - 4))
    assert high["Río Alto"][:2] == pytest.approx((12 + 6, 12 - 6))
    assert low["Río Chico"][:2] == pytest.approx((0.6 * 12 + 3, 0.6 * 12 - 3))


def test_a_stated_speed_comes_before_the_crafts(small_study: SmallStudy) -> None:
    small_study.sections = '[travel]\ncraft = "peque_peque"\nupstream_kmh = 5.0'
    assert speeds(small_study, "low")["Río Alto"][:2] == pytest.approx((14.2, 5.0))


def test_a_lines_own_speed_comes_first(make_study: Make) -> None:
    study = make_study(rivers=studies.rivers().assign(upstream_kmh=[4.0, np.nan, 4.0]))
    study.keys["rivers"] = 'columns = { strahler_order = "strahler", upstream_kmh = "upstream_k" }'
    study.sections = '[travel]\ncraft = "deslizador"'
    found = speeds(study, "high")
    assert found["Río Alto"][1] == 4.0
    assert found["Río Chico"][1] == pytest.approx(0.8 * 46 - 5)


def test_low_water_closes_small_streams(small_study: SmallStudy) -> None:
    small_study.sections = "[navigability]\nlow = { min_strahler_order = 2 }"
    assert [v[2] for v in speeds(small_study, "low").values()] == [True, False]
    assert all(v[2] for v in speeds(small_study, "high").values())


def test_what_is_not_known_closes_nothing(small_study: SmallStudy) -> None:
    small_study.sections = "[navigability]\nlow = { min_width_m = 20.0 }"
    assert all(v[2] for v in speeds(small_study, "low").values())


@pytest.mark.parametrize("season", ["low", "high"])
def test_every_craft_has_a_source_and_is_faster_downstream(season: str) -> None:
    for craft in known_craft().values():
        assert craft.source
        assert craft.meaning
        down, up = known_waters().speeds_kmh(craft, season=season)
        assert all(d > u >= known_waters().least_kmh for d, u in zip(down, up, strict=True))


def test_an_unknown_craft_is_refused(small_study: SmallStudy) -> None:
    small_study.sections = '[travel]\ncraft = "peque-peque"'
    with pytest.raises(rm.StudyError, match="did you mean 'peque_peque'"):
        rm.Study.from_file(small_study.write().path)
