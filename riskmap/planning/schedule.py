"""Which week, day and hour a patrol goes out: by lot, so that nobody can learn it (model §8).

Each beat has an expected number of patrols a week; in a week it gets the whole number below or
above it. Systematic sampling (Madow 1949) draws them together: the expected numbers stand end to
end on a line, a comb with teeth one apart is laid on it at a random place, and each tooth is a
patrol. So a beat's mean is its expected number exactly, and what is due in a week, in a month and
from each post is never missed by a whole patrol. Days and hours are drawn evenly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskmap.network.arcs import Floats, Ints

DAYS = 7
HOURS = 24
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rota:
    """Hold drawn patrols in the order of their time.

    Attributes
    ----------
    beat
        Which beat each goes to.
    week, day, start_h
        When it leaves: from 0, in weeks, days of the week and whole hours of the day.
    """

    beat: Ints
    week: Ints
    day: Ints
    start_h: Ints


def comb(expected: Floats, start: float) -> Numbers:
    """Return how many teeth of a comb fall on each of some lengths that stand end to end.

    Parameters
    ----------
    expected
        The lengths, ≥ 0; any shape, taken row by row.
    start
        Where the first tooth lies, 0 to 1; the others are one apart.

    Returns
    -------
    Numbers
        Of the same shape: each length rounded down or up, and so is the sum over any stretch.
    """
    ends = np.concatenate([[0.0], np.cumsum(expected.ravel())])
    teeth = np.floor(ends - start + 1e-9).astype(np.int64)
    counts: Numbers = np.diff(teeth).reshape(expected.shape)
    return counts


def draw_rota(expected: Floats, *, post: Ints, weeks: int, seed: int) -> Rota:
    """Draw a month's patrols.

    Parameters
    ----------
    expected
        Patrols a week to each beat, ≥ 0.
    post
        The post of each beat; its beats stand together on the line.
    weeks
        How many weeks.
    seed
        Of the generator: the same seed gives the same rota.
    """
    generator = np.random.default_rng(seed)
    # The order on the line is drawn anew each week, so that no two beats always go together.
    orders = [_order(post, generator) for _ in range(weeks)]
    line = np.array([expected[order] for order in orders]).reshape(weeks, post.size)
    numbers = comb(line, float(generator.random()))
    beat = [np.repeat(order, some) for order, some in zip(orders, numbers, strict=True)]
    size = [some.size for some in beat]
    week = np.repeat(np.arange(weeks), size)
    day = np.concatenate([np.empty(0, dtype=np.int64), *(_days(n, generator) for n in size)])
    start_h = generator.integers(0, HOURS, week.size)
    order = np.lexsort((start_h, day, week))
    beats = np.concatenate([np.empty(0, dtype=np.int64), *beat])
    return Rota(*(part[order].astype(np.int32) for part in (beats, week, day, start_h)))


def _order(post: Ints, generator: np.random.Generator) -> Numbers:
    """Shuffle the posts, and the beats of each."""
    rank = generator.permutation(int(post.max(initial=-1)) + 1)[post]
    order: Numbers = np.lexsort((generator.random(post.size), rank))
    return order


def _days(number: int, generator: np.random.Generator) -> Numbers:
    """Return a day for each patrol of a week: each day as likely, all days about as full."""
    steps = np.arange(number)
    spread = steps * DAYS // number if 0 < number < DAYS else steps
    days: Numbers = generator.permutation((spread + generator.integers(0, DAYS)) % DAYS)
    return days
