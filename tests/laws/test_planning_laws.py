"""The laws of checkpoints (model §8) on small random networks, against every choice listed.

The oracle here counts routes one by one (`oracle.list_routes`) and, for travellers who go round,
lists every simple path; it tries every set of candidates.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import networkx as nx
import oracle
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_networks import Case, cases

from riskmap.errors import PlanError
from riskmap.planning.checkpoints import CheckpointPlan, plan_checkpoints

law = settings(max_examples=60, deadline=None)
Nodes = frozenset[int]


@dataclass(frozen=True)
class Question:
    """What is asked of a plan, and its answer by listing."""

    case: Case
    count: int
    q: float
    ends: bool
    delta: float
    candidates: tuple[int, ...]

    def plan(self, method: str, **changes: object) -> CheckpointPlan:
        asked: dict[str, object] = {
            "count": self.count,
            "method": method,
            "theta_per_h": self.case.theta,
            "hazard_aversion_h": self.case.kappa,
            "detection_probability": self.q,
            "tolerance": self.delta,
            "ends_count": self.ends,
            "candidates": self.candidates,
        }
        return plan_checkpoints(self.case.graph, self.case.demand, **(asked | changes))

    def choices(self) -> Iterator[Nodes]:
        return map(frozenset, itertools.combinations(self.candidates, self.count))


def listed(question: Question) -> tuple[Callable[[Nodes], float], Callable[[Nodes], float]]:
    """Return what a choice intercepts if routes stay, and if everybody goes round who can."""
    case, ends = question.case, question.ends
    routes, ways, worth = [], [], []
    for origin, destination, volume in case.trips:
        if origin == destination:
            continue
        found = oracle.list_routes(
            case.graph, origin, destination, theta=case.theta, kappa=case.kappa
        )
        if not found:
            continue
        unseen = math.fsum(route.probability * route.survival for route in found)
        worth.append(question.q * volume * unseen)
        ways.append(list(ways_within(case, origin, destination, question.delta, ends=ends)))
        for route in found:
            nodes = [route.arcs[0].u, *(arc.v for arc in route.arcs)]
            seen = frozenset(nodes if ends else nodes[1:-1])
            routes.append((seen, volume * route.probability * route.survival))

    def held(chosen: Nodes) -> float:
        return math.fsum(w * (1 - (1 - question.q) ** len(chosen & seen)) for seen, w in routes)

    def evaded(chosen: Nodes) -> float:
        caught = (all(chosen & way for way in some) for some in ways)
        return math.fsum(w for w, is_caught in zip(worth, caught, strict=True) if is_caught)

    return cache(held), cache(evaded)


def ways_within(
    case: Case, origin: int, destination: int, delta: float, *, ends: bool
) -> Iterator[Nodes]:
    """List the nodes of every simple path within (1 + δ) × the least generalized time."""
    arcs = oracle.read_arcs(case.graph)
    hours: dict[tuple[int, int], Fraction] = {}
    for arc in arcs:
        g = oracle.generalized_time(arc, case.kappa)
        if g is not None and arc.u != arc.v:
            hours[(arc.u, arc.v)] = min(g, hours.get((arc.u, arc.v), g))
    least = oracle.least_times(arcs, destination, case.kappa)[origin]
    for path in nx.all_simple_paths(nx.DiGraph(list(hours)), origin, destination):
        g = sum((hours[step] for step in itertools.pairwise(path)), Fraction(0))
        if g <= least * (1 + Fraction(delta)) * (1 + oracle.TIE):
            yield frozenset(path if ends else path[1:-1])


@st.composite
def questions(draw: st.DrawFn, *, deltas: tuple[float, ...] = (0.0, 0.25, 1.0)) -> Question:
    case = draw(cases())
    nodes = list(case.graph.nodes)
    candidates = tuple(nodes)
    if draw(st.booleans()):
        candidates = tuple(draw(st.permutations(nodes))[: draw(st.integers(1, len(nodes)))])
    return Question(
        case,
        draw(st.integers(1, min(3, len(candidates)))),
        draw(st.sampled_from([1.0, 1.0, 0.5, 0.1])),
        draw(st.booleans()),
        draw(st.sampled_from(deltas)),
        candidates,
    )


def answered(question: Question, method: str) -> CheckpointPlan:
    """Plan; where no trip passes any candidate, see that it is refused and try another case."""
    everywhere = Question(
        **(question.__dict__ | {"q": 1.0, "delta": 0.0, "case": unhindered(question.case)})
    )
    held, _ = listed(everywhere)
    if held(frozenset(question.candidates)) == 0.0:
        with pytest.raises(PlanError, match="no candidate is on any route"):
            question.plan(method)
        assume(False)
    return question.plan(method)


def unhindered(case: Case) -> Case:
    """Take away what detects today, where it does not choose the routes."""
    if case.kappa:
        return case
    graph = case.graph.copy()
    for *_, data in graph.edges(data=True):
        data.pop("hazard", None)
    for _, data in graph.nodes(data=True):
        data.pop("detection_probability", None)
    return case.on(graph)


def same(left: float, right: float) -> None:
    assert left == pytest.approx(right, rel=1e-9, abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(questions())
def test_greedy_takes_the_best_next_place_and_its_gains_are_exact(question: Question) -> None:
    held, _ = listed(question)
    plan = answered(question, "greedy")
    chosen: Nodes = frozenset()
    for node, gain in plan.checkpoints.itertuples(index=False, name=None):
        best = max(held(chosen | {v}) - held(chosen) for v in set(question.candidates) - chosen)
        same(gain, best)
        same(gain, held(chosen | {node}) - held(chosen))
        chosen |= {node}
    assert len(chosen) == question.count
    same(plan.intercepted, held(chosen))
    same(plan.intercepted, plan.checkpoints["gain"].sum())


@settings(max_examples=120, deadline=None)
@given(questions())
def test_exact_is_the_best_of_all_choices(question: Question) -> None:
    held, _ = listed(question)
    plan = answered(question, "exact")
    best = max(map(held, question.choices()))
    assert plan.intercepted == pytest.approx(best, rel=1e-6, abs=1e-9)
    same(plan.intercepted, held(frozenset(plan.checkpoints["node"])))
    assert plan.gap == 0.0
    gains = plan.checkpoints["gain"].tolist()
    assert gains == pytest.approx(sorted(gains, reverse=True), rel=1e-9, abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(questions(deltas=(0.0, 0.1, 0.25, 0.5, 1.0, math.inf)))
def test_evasive_is_the_best_against_all_ways_round(question: Question) -> None:
    if math.isinf(question.delta):  # every simple path; longer ones have no fewer nodes
        listing = Question(**(question.__dict__ | {"delta": 1e6}))
    else:
        listing = question
    _, evaded = listed(listing)
    plan = answered(question, "evasive")
    best = max(map(evaded, question.choices()))
    assert plan.intercepted == pytest.approx(best, rel=1e-6, abs=1e-9)
    same(plan.intercepted, evaded(frozenset(plan.checkpoints["node"])))
    same(plan.intercepted, plan.checkpoints["gain"].sum())
    assert plan.gap == 0.0


@law
@given(questions(), st.sampled_from(["greedy", "exact", "evasive"]))
def test_both_figures_are_those_of_the_same_checkpoints(question: Question, method: str) -> None:
    held, evaded = listed(question)
    plan = answered(question, method)
    chosen = frozenset(plan.checkpoints["node"])
    same(plan.intercepted_if_routes_stay, held(chosen))
    same(plan.intercepted_if_evaded, evaded(chosen))
    demand = question.case.demand["transits"].sum()
    same(plan.intercepted_share * demand, plan.intercepted)
    assert 0.0 <= plan.intercepted_share <= 1.0 + 1e-12


@law
@given(questions())
def test_who_is_not_caught_is_left_an_unwatched_way_within_the_tolerance(
    question: Question,
) -> None:
    plan = answered(question, "evasive")
    chosen = frozenset(plan.checkpoints["node"])
    graph, kappa = question.case.graph, question.case.kappa
    arcs = oracle.read_arcs(graph)
    free = []
    for origin, destination, volume in question.case.trips:
        if origin == destination or origin not in oracle.least_times(arcs, destination, kappa):
            continue
        ways = ways_within(question.case, origin, destination, question.delta, ends=question.ends)
        if not all(chosen & way for way in ways):
            free.append((origin, destination, volume))
    table = plan.routes_round
    assert (
        list(table[["origin", "destination", "transits"]].itertuples(index=False, name=None))
        == free
    )
    for row in table.itertuples():
        assert (row.route[0], row.route[-1]) == (row.origin, row.destination)
        assert all(graph.has_edge(*step) for step in itertools.pairwise(row.route))
        seen = row.route if question.ends else row.route[1:-1]
        assert not chosen & set(seen)
        assert 0.0 <= row.longer_by <= question.delta * (1 + 1e-9) + 1e-9


@law
@given(questions(), st.sampled_from(["greedy", "exact", "evasive"]))
def test_one_more_checkpoint_never_intercepts_less(question: Question, method: str) -> None:
    assume(question.count < len(question.candidates))
    fewer = answered(question, method)
    more = question.plan(method, count=question.count + 1)
    assert more.intercepted >= fewer.intercepted * (1 - 1e-9)
    if method == "greedy":
        firsts = more.checkpoints["node"].tolist()[:-1]
        assert firsts == fewer.checkpoints["node"].tolist()


@law
@given(questions())
def test_greedy_says_how_much_it_may_miss(question: Question) -> None:
    held, _ = listed(question)
    plan = answered(question, "greedy")
    best = max(map(held, question.choices()))
    assert plan.intercepted >= best * (1 - plan.gap) * (1 - 1e-6) - 1e-9
    assert plan.intercepted >= best * (1 - 1 / math.e) - 1e-9
    if question.count == 1:
        assert plan.gap == 0.0


@law
@given(questions(), st.sampled_from(["greedy", "exact", "evasive"]))
def test_ends_that_do_not_count_never_intercept_more(question: Question, method: str) -> None:
    """The same checkpoints; choices differ, so that only the best answers can be compared."""
    inner = Question(**(question.__dict__ | {"ends": False}))
    plan = answered(inner, method)
    outer = Question(**(question.__dict__ | {"ends": True}))
    held, evaded = listed(outer)
    chosen = frozenset(plan.checkpoints["node"])
    assert plan.intercepted_if_routes_stay <= held(chosen) + 1e-9
    assert plan.intercepted_if_evaded <= evaded(chosen) + 1e-9


@law
@given(questions(), st.sampled_from([1e-3, 1e6]))
def test_plans_scale_with_demand(question: Question, factor: float) -> None:
    plan = answered(question, "exact")
    trips = tuple((o, d, volume * factor) for o, d, volume in question.case.trips)
    scaled = Question(
        **(
            question.__dict__
            | {"case": Case(question.case.graph, trips, question.case.theta, question.case.kappa)}
        )
    ).plan("exact")
    assert scaled.intercepted == pytest.approx(plan.intercepted * factor, rel=1e-6)
    assert scaled.intercepted_share == pytest.approx(plan.intercepted_share, rel=1e-6)


# --- places with costs ---------------------------------------------------------------------------
@dataclass(frozen=True)
class Purse:
    """A question with a cost of every candidate, and a budget that buys one of them at least."""

    question: Question
    costs: tuple[float, ...]
    budget: float
    count: int | None

    @property
    def prices(self) -> dict[int, float]:
        return dict(zip(self.question.candidates, self.costs, strict=True))

    def plan(self, method: str) -> CheckpointPlan:
        asked = {"count": self.count, "costs": self.prices, "budget": self.budget}
        return self.question.plan(method, **asked)

    def choices(self) -> Iterator[Nodes]:
        prices = self.prices
        most = len(prices) if self.count is None else self.count
        for size in range(most + 1):
            for some in itertools.combinations(prices, size):
                if sum(prices[node] for node in some) <= self.budget:
                    yield frozenset(some)


@st.composite
def purses(draw: st.DrawFn) -> Purse:
    question = draw(questions())
    n = len(question.candidates)
    costs = tuple(draw(st.lists(st.sampled_from([1.0, 2.0, 2.5, 7.0]), min_size=n, max_size=n)))
    budget = draw(st.sampled_from([1.0, 3.0, 4.5, 9.0, 100.0]))
    assume(min(costs) <= budget)
    return Purse(question, costs, budget, draw(st.sampled_from([None, question.count])))


def bought(purse: Purse, method: str) -> CheckpointPlan:
    try:
        return purse.plan(method)
    except PlanError as error:
        refused = str(error)
    assert "on any route" in refused or "on a route costs" in refused
    assume(False)
    raise AssertionError


@settings(max_examples=120, deadline=None)
@given(purses(), st.sampled_from(["exact", "evasive"]))
def test_the_best_choice_for_a_budget_is_the_best_of_all(purse: Purse, method: str) -> None:
    value = listed(purse.question)[method == "evasive"]
    plan = bought(purse, method)
    best = max(map(value, purse.choices()))
    assert plan.intercepted == pytest.approx(best, rel=1e-6, abs=1e-9)
    same(plan.intercepted, value(frozenset(plan.checkpoints["node"])))
    assert plan.gap == 0.0


@settings(max_examples=120, deadline=None)
@given(purses(), st.sampled_from(["greedy", "exact", "evasive"]))
def test_a_budget_is_kept_and_greedy_says_what_it_may_miss(purse: Purse, method: str) -> None:
    held, _ = listed(purse.question)
    plan = bought(purse, method)
    table = plan.checkpoints
    assert table["cost"].tolist() == [purse.prices[node] for node in table["node"]]
    assert table["cost"].sum() <= purse.budget * (1 + 1e-9)
    assert purse.count is None or len(table) <= purse.count
    same(plan.intercepted, table["gain"].sum())
    if method == "greedy":
        best = max(map(held, purse.choices()))
        assert plan.intercepted >= best * (1 - plan.gap) * (1 - 1e-6) - 1e-9
        assert plan.intercepted >= best * 0.5 * (1 - 1 / math.e) - 1e-9
        assert (table["gain"] > 0).all()


@law
@given(questions(), st.sampled_from(["greedy", "exact", "evasive"]))
def test_equal_costs_are_a_count(question: Question, method: str) -> None:
    counted = answered(question, method)
    costs = dict.fromkeys(question.candidates, 3.0)
    asked = {"count": None, "costs": costs, "budget": 3.0 * question.count + 1.0}
    assert question.plan(method, **asked).intercepted == pytest.approx(
        counted.intercepted, rel=1e-6, abs=1e-9
    )
