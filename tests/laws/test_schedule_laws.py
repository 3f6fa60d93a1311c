"""The laws of a drawn schedule (model §8): means are exact, and nothing due is missed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.planning.schedule import comb, draw_rota

law = settings(max_examples=100, deadline=None)
lengths = st.lists(st.sampled_from([0.0, 0.1, 0.37, 1.0, 1.5, 2.9, 7.25]), min_size=1, max_size=8)


@law
@given(lengths)
def test_the_mean_over_all_combs_is_the_length(given_lengths: list[float]) -> None:
    """Integrate over where the comb lies: exact but for the grid of 4000 places."""
    expected = np.array(given_lengths)
    starts = (np.arange(4000) + 0.5) / 4000
    mean = np.mean([comb(expected, start) for start in starts], axis=0)
    assert mean == pytest.approx(expected, abs=1 / 4000 + 1e-9)


@law
@given(lengths, st.floats(0, 0.999))
def test_every_stretch_is_rounded_down_or_up(given_lengths: list[float], start: float) -> None:
    expected = np.array(given_lengths)
    counts = comb(expected, start)
    for first in range(expected.size):
        for last in range(first + 1, expected.size + 1):
            due, drawn = expected[first:last].sum(), counts[first:last].sum()
            assert np.floor(due - 1e-6) <= drawn <= np.ceil(due + 1e-6)


@law
@given(lengths, st.integers(1, 5), st.integers(0, 99), st.data())
def test_weeks_months_and_posts_get_what_is_due(
    given_lengths: list[float], weeks: int, seed: int, data: st.DataObject
) -> None:
    expected = np.array(given_lengths)
    post = np.array(
        data.draw(st.lists(st.integers(0, 2), min_size=expected.size, max_size=expected.size)),
        dtype=np.int32,
    )
    rota = draw_rota(expected, post=post, weeks=weeks, seed=seed)
    same = draw_rota(expected, post=post, weeks=weeks, seed=seed)
    for name in ("beat", "week", "day", "start_h"):
        assert getattr(rota, name).tolist() == getattr(same, name).tolist()
    assert set(rota.day) <= set(range(7))
    assert set(rota.start_h) <= set(range(24))

    def due(drawn: int, amount: float) -> None:
        assert np.floor(amount - 1e-6) <= drawn <= np.ceil(amount + 1e-6)

    due(rota.beat.size, weeks * expected.sum())
    for week in range(weeks):
        mine = rota.week == week
        due(mine.sum(), expected.sum())
        for p in set(post.tolist()):
            due((mine & (post[rota.beat] == p)).sum(), expected[post == p].sum())
        for beat in range(expected.size):
            due((mine & (rota.beat == beat)).sum(), expected[beat])
    if rota.beat.size:
        busiest = np.bincount(7 * rota.week + rota.day).max()
        assert busiest <= np.ceil((np.bincount(rota.week).max()) / 7 + 1e-9)


def test_over_many_draws_hours_days_and_beats_are_as_planned() -> None:
    """Two thousand weeks: means within five standard errors of what was planned."""
    expected = np.array([0.3, 1.7, 0.05, 2.2])
    post = np.array([0, 0, 1, 1], dtype=np.int32)
    draws = [draw_rota(expected, post=post, weeks=1, seed=seed) for seed in range(2000)]
    counts = np.array([np.bincount(draw.beat, minlength=4) for draw in draws])
    error = 5 * counts.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(counts.mean(axis=0) - expected) <= error).all()
    days = np.bincount(np.concatenate([draw.day for draw in draws]), minlength=7)
    assert days == pytest.approx(days.mean(), rel=0.15)
    starts = np.bincount(np.concatenate([draw.start_h for draw in draws]), minlength=24)
    assert starts == pytest.approx(starts.mean(), rel=0.3)
