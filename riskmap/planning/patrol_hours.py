r"""How to spend more patrol hours: shares of the water that each post covers (model §8).

``x_pr`` hours of post p on reach r add the hazard ``ε e_p x_pr / P · v_p / v_a`` to the arcs a of
the reach (model §3). With routes and demand held, what is detected is concave in the hours, and its
derivative is the interception value of model §5:
``∂D/∂x_pr = (ε/P) e_p v_p Σ_a U_a / v_a``. On a reach only the post with the largest ``e_p v_p`` is
worth its hours, so there is one amount a reach. Each step maximises the second-order model without
its mixed terms (hours by how steep and how curved each reach is), searches along the line, and
stops on the duality gap of Frank and Wolfe: no plan can detect more than
``D + max ∂D/∂x · B − Σ x ∂D/∂x``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskmap.errors import PlanError, Problem
from riskmap.model.patrol import Patrols, Posts
from riskmap.network.arcs import Floats, Ints
from riskmap.planning.traffic import Places, Traffic, load_patrolled

#: Duality gap at which the search stops, as a share of what the hours gain.
GAP = 9e-4
#: Steps at most; a plan that has not converged says so by its gap.
STEPS = 200
#: Curvature of a reach at least, as a share of the most curved one's.
FLATTEST = 1e-9
#: Halvings of the step in one search along a line.
HALVINGS = 30
#: Hours below this share of all are moved to where they are worth most.
NEGLIGIBLE = 1e-9


@dataclass(frozen=True, slots=True)
class Beats:
    """Hold the reaches where hours could go, one entry a reach.

    Attributes
    ----------
    reach
        Reaches that carry undetected transits and that a post covers.
    post
        The post that is worth most there, by position.
    arc, place
        Arcs of the traffic's `used` network along these reaches, and each one's position here.
    rate
        For each of those arcs, the hazard that one hour adds: ``(ε/P) e_p v_p / v_a``.
    """

    reach: Ints
    post: Ints
    arc: Places
    place: Places
    rate: Floats

    def slope(self, undetected: Floats) -> Floats:
        """Return what one more hour on each reach detects."""
        amounts = self.rate * undetected[self.arc]
        return np.bincount(self.place, amounts, minlength=self.reach.size).astype(np.float64)

    def curvature(self, undetected: Floats) -> Floats:
        """Return by how much each slope falls with one more hour on its own reach."""
        amounts = self.rate**2 * undetected[self.arc]
        return np.bincount(self.place, amounts, minlength=self.reach.size).astype(np.float64)


@dataclass(frozen=True, slots=True)
class HoursPlan:
    """Hold a plan of patrol hours, most hours first.

    Attributes
    ----------
    post, reach
        Positions of post and reach.
    hours
        Hours a month of the post on the reach; they add up to the hours that were asked for.
    value
        Transits a month that 100 more hours there would detect, once the plan is carried out.
    gained
        Transits a month that the plan detects and that are undetected without it.
    gap
        Share of the best possible gain that the plan may miss.
    """

    post: Ints
    reach: Ints
    hours: Floats
    value: Floats
    gained: float
    gap: float


def find_beats(
    traffic: Traffic,
    *,
    arc_reach: Ints,
    length_km: Floats,
    arc_time_h: Floats,
    posts: Posts,
    patrols: Patrols,
    detection_per_meeting: float,
    period_h: float,
) -> Beats:
    """Find the reaches where more hours detect anything.

    Parameters
    ----------
    traffic
        The trips on their network.
    arc_reach, arc_time_h
        Reach and travel time of every arc of the network.
    length_km
        Length of every reach.
    posts, patrols
        The posts, and the reaches that each covers.
    detection_per_meeting, period_h
        ε and P.
    """
    post, strength = _best_posts(posts, patrols, length_km.size)
    reach = arc_reach[traffic.used_arc]
    slowness = arc_time_h[traffic.used_arc] / length_km[reach]  # 1 / v_a
    worthwhile = (post[reach] >= 0) & (strength[reach] > 0.0) & (traffic.today.undetected > 0.0)
    arc = np.flatnonzero(worthwhile)
    reaches, place = np.unique(reach[arc], return_inverse=True)
    rate = detection_per_meeting / period_h * strength[reach[arc]] * slowness[arc]
    return Beats(reaches.astype(np.int32), post[reaches], arc, place, rate)


def _best_posts(posts: Posts, patrols: Patrols, n_reaches: int) -> tuple[Ints, Floats]:
    """Return for each reach the post with the largest e v among those that cover it, or −1."""
    post = np.repeat(np.arange(posts.node.size), np.diff(patrols.post_start))
    strength = (posts.effectiveness * posts.speed_kmh)[post]
    order = np.lexsort((-post, strength))  # the strongest comes last, and so stays
    best = np.full(n_reaches, -1, dtype=np.int32)
    most = np.zeros(n_reaches)
    best[patrols.post_reach[order]] = post[order]
    most[patrols.post_reach[order]] = strength[order]
    return best, most


def share_hours(traffic: Traffic, beats: Beats, *, hours: float) -> HoursPlan:
    """Share more patrol hours over the water so that they detect most.

    Parameters
    ----------
    traffic
        The trips on their network, with the patrols that there are.
    beats
        Where hours could go.
    hours
        Patrol hours a month to share, > 0.

    Raises
    ------
    PlanError
        Where there are no hours to share, or nowhere that they would detect anything.
    """
    _refuse(hours, beats)
    spent = np.zeros(beats.reach.size)
    spent[np.argmax(beats.slope(traffic.today.undetected))] = hours
    point = _measure(traffic, beats, spent)
    stiffness = 1.0
    for _ in range(STEPS):
        if point.gap(hours) <= GAP:
            break
        aim = _aim(point, beats.curvature(point.undetected) * stiffness, hours)
        point, step = _search_line(traffic, beats, point, aim)
        # Reaches in a row share their effect: where the aim was too far, so will the next one be.
        stiffness = max(1.0, stiffness / step if step < 1.0 else 0.5 * stiffness)
    tidy = np.where(point.spent > NEGLIGIBLE * hours, point.spent, 0.0)
    tidy[np.argmax(tidy)] += hours - tidy.sum()
    return _as_plan(beats, _measure(traffic, beats, tidy), hours)


@dataclass(frozen=True, slots=True)
class _Point:
    """Hold hours by reach, what they gain, and what one more would."""

    spent: Floats
    gained: float
    undetected: Floats
    slope: Floats

    def gap(self, hours: float) -> float:
        """Return the share of the best possible gain that may be missed."""
        missed = float(self.slope.max() * hours - self.slope @ self.spent)
        return max(missed, 0.0) / (self.gained + max(missed, 0.0))


def _measure(traffic: Traffic, beats: Beats, spent: Floats) -> _Point:
    """Load the trips with hours added."""
    more = np.zeros(traffic.used.tail.size)
    more[beats.arc] = beats.rate * spent[beats.place]
    load = load_patrolled(traffic, more)
    gained = float((traffic.trips.volume * (traffic.today.survival - load.survival)).sum())
    return _Point(spent, gained, load.undetected, beats.slope(load.undetected))


def detect_more(traffic: Traffic, beats: Beats, spent: Floats) -> tuple[float, Floats]:
    """Return what hours on each beat detect, and what one more on each would."""
    point = _measure(traffic, beats, spent)
    return point.gained, point.slope


def _as_plan(beats: Beats, point: _Point, hours: float) -> HoursPlan:
    order = np.argsort(-point.spent, kind="stable")
    order = order[point.spent[order] > 0.0]
    return HoursPlan(
        beats.post[order],
        beats.reach[order],
        point.spent[order],
        100.0 * point.slope[order],
        point.gained,
        point.gap(hours),
    )


def _refuse(hours: float, beats: Beats) -> None:
    if not 0.0 < hours < np.inf:
        raise PlanError(
            Problem(
                "patrol_hours",
                None,
                f"is {hours!r}, wanted finite hours above 0",
                "ask for the hours that can be added in a month",
            )
        )
    if not beats.reach.size:
        raise PlanError(
            Problem(
                "police_posts",
                None,
                "no post covers water that carries undetected transits",
                "check range_h and effectiveness of the posts",
            )
        )


def _aim(point: _Point, curvature: Floats, hours: float) -> Floats:
    """Maximise slope · (z − x) − curvature · (z − x)² / 2 over z ≥ 0 with Σ z = hours.

    The answer is ``z = max(0, x + (slope − λ) / curvature)``; λ is found among the values at which
    a reach gets its first hour.
    """
    least = curvature.max() * FLATTEST
    softness = 1.0 / np.maximum(curvature, least)
    first = point.slope + point.spent / softness  # at this λ the reach has nothing
    order = np.argsort(-first, kind="stable")
    level = (np.cumsum((first * softness)[order]) - hours) / np.cumsum(softness[order])
    taken = np.flatnonzero(first[order] > level)[-1]
    aim = np.maximum(0.0, (first - level[taken]) * softness)
    return np.asarray(aim * (hours / aim.sum()))


def _search_line(
    traffic: Traffic, beats: Beats, start: _Point, aim: Floats
) -> tuple[_Point, float]:
    """Go from some hours towards an aim while the gain rises; return also how far, 0 to 1."""
    way = aim - start.spent
    low, high, step = 0.0, 1.0, 1.0
    best, reached = start, 0.0
    for _ in range(HALVINGS):
        point = _measure(traffic, beats, np.maximum(start.spent + step * way, 0.0))
        if point.gained >= best.gained:
            best, reached = point, step
        if float(point.slope @ way) >= 0.0:
            low = step
        else:
            high = step
        if low == 1.0 or high - low <= 0.2 * high:
            break
        step = 0.5 * (low + high)
    return best, reached or high
