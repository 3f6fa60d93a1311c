"""The Python face: a study to run, and the result that comes of it.

Two windows; each method is one call downwards.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import geopandas as gpd
import networkx as nx

from riskmap.addresses import Address, file_or_address
from riskmap.layers import read_layers
from riskmap.pipeline import Progress, build_network, run_study, site_layers
from riskmap.report import Note
from riskmap.results.check import Check, check_network
from riskmap.results.graph import scored_graph
from riskmap.results.outcome import Outcome
from riskmap.results.reasons import Reason
from riskmap.sample import sample_study_file
from riskmap.settings import Settings, load_settings, settings_from_mapping

if TYPE_CHECKING:
    from distributed import Client

    from riskmap.basins import BasinRun
    from riskmap.outputs.map import RiskMap
    from riskmap.planning.checkpoints import CheckpointPlan
    from riskmap.planning.compare import Comparison
    from riskmap.planning.study_displacement import Displacement
    from riskmap.planning.study_hours import StudyHours


@dataclass(frozen=True, slots=True)
class Study:
    """Hold a study that is ready to run.

    Parameters
    ----------
    settings
        The settings, from a file (`Study.from_file`) or made in Python.

    Examples
    --------
    >>> import riskmap as rm
    >>> result = rm.demo_study().run()
    >>> result.corridors["rank"].tolist()[:3]
    [1, 2, 3]
    """

    settings: Settings

    @classmethod
    def from_file(cls, path: str | Path) -> Study:
        """Read a study file.

        Raises
        ------
        StudyError
            Where the file cannot be used; every problem is named.
        """
        return cls(load_settings(path))

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any], *, folder: str | Path = ".") -> Study:
        """Make a study from nested mappings, keys as in the study file.

        Parameters
        ----------
        content
            Sections and keys.
        folder
            Folder that the layers' paths are relative to.

        Raises
        ------
        StudyError
            Where a key or value cannot be used; every problem is named.
        """
        return cls(settings_from_mapping(content, folder=folder))

    def run(self, *, progress: Progress | None = None) -> Result:
        """Run the study; see `riskmap.pipeline.run_study` for what it raises."""
        return Result(run_study(self.settings, progress=progress))

    def check(self) -> Check:
        """Read the layers and build the network, without scoring it."""
        layers = read_layers(self.settings)
        sited = site_layers(self.settings, layers, build_network(self.settings, layers))
        return check_network(self.settings.study, layers, sited)


@dataclass(frozen=True)
class Result:
    """Hold the result of a run; its tables are GeoDataFrames in EPSG:4326."""

    outcome: Outcome

    @property
    def corridors(self) -> gpd.GeoDataFrame:
        """Corridors, ranked."""
        return self.outcome.corridors

    @property
    def reaches(self) -> gpd.GeoDataFrame:
        """Every reach with its scores."""
        return self.outcome.reaches

    @property
    def routes(self) -> gpd.GeoDataFrame:
        """Routes from entry points to sites, most transits first."""
        return self.outcome.routes

    @property
    def sites(self) -> gpd.GeoDataFrame:
        """Venues and mining areas with the hours between them and help: who cannot get out."""
        return self.outcome.sites

    @property
    def reasons(self) -> Mapping[str, Reason]:
        """Why each corridor ranks where it does, by `corridor_id`."""
        return self.outcome.reasons

    @property
    def summary(self) -> Mapping[str, float | bool]:
        """Totals of the demand, transits a month."""
        return self.outcome.summary

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What the result was made from, and when."""
        return self.outcome.provenance

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was mended, assumed, skipped or out of reach."""
        return self.outcome.notes

    @cached_property
    def graph(self) -> nx.MultiDiGraph[Hashable]:
        """The scored network as a networkx graph, made when first asked for."""
        return scored_graph(self.outcome.scored)

    def map(
        self, *, language: Literal["es", "en"] | None = None, beside: Sequence[Result] = ()
    ) -> RiskMap:
        """Return the planner's map, a `folium.Map`.

        Parameters
        ----------
        language
            The study's by default.
        beside
            Further results (the other season, before and after a plan): the map then has a switch.
        """
        from riskmap.outputs.map import build_map  # folium is only loaded for those who ask

        outcomes = [self.outcome, *(other.outcome for other in beside)]
        return build_map(outcomes if beside else self.outcome, language=language)

    def plan_checkpoints(
        self,
        count: int | None = None,
        *,
        budget: float | None = None,
        method: Literal["greedy", "exact", "evasive"] = "greedy",
        detection_probability: float = 0.5,
        tolerance: float = 0.25,
        candidates: Iterable[Hashable] | None = None,
        costs: Mapping[Hashable, float] | None = None,
        time_limit_s: float = 60.0,
    ) -> CheckpointPlan:
        """Choose nodes of the network for checkpoints; see `riskmap.plan_checkpoints`.

        Posts, patrols and checkpoints of the study stay. Candidates are those of the study's layer
        candidates, or else all nodes. `checkpoints` of the plan has places and the names of waters
        beside node and gain.
        """
        from riskmap.planning.request import Request
        from riskmap.planning.study_plans import plan_study_checkpoints

        request = Request(
            count=count,
            budget=budget,
            costs=costs,
            method=method,
            detection_probability=detection_probability,
            tolerance=tolerance,
            candidates=costs if candidates is None else candidates,
            time_limit_s=time_limit_s,
        )
        return plan_study_checkpoints(self.outcome, request)

    def map_plan(
        self,
        plan: CheckpointPlan | StudyHours,
        *,
        language: Literal["es", "en"] | None = None,
    ) -> RiskMap:
        """Return the map before and after a plan, with its advice; the study's language."""
        from riskmap.outputs.plan_pages import map_plan

        return map_plan(self.outcome, plan, language=language)

    def displacement(self, plan: CheckpointPlan) -> Displacement:
        """Return where travellers go instead, once all of them know a plan of checkpoints."""
        from riskmap.planning.study_displacement import trace_displacement

        return trace_displacement(self.outcome, plan)

    def plan_patrol_hours(
        self,
        hours: float,
        *,
        patrol_length_h: float = 8.0,
        weeks: int = 4,
        seed: int | None = None,
    ) -> StudyHours:
        """Share more patrol hours a month over the water that the posts cover, to detect most.

        The plan holds them as the optimum by reach, as whole patrols of a length, and as a drawn
        schedule of some weeks whose means are the optimum (the study's seed by default).
        """
        from riskmap.planning.study_hours import plan_study_hours

        return plan_study_hours(
            self.outcome,
            patrol_hours=hours,
            patrol_length_h=patrol_length_h,
            weeks=weeks,
            seed=seed,
        )

    def save(
        self,
        path: str | Path | Address,
        *,
        level: Literal["corridors", "reaches", "routes", "sites"] = "corridors",
        top: int | None = None,
        overwrite: bool = False,
    ) -> None:
        """Write a table; the file's ending chooses the format, or an address a database.

        Raises
        ------
        OutputError
            Where the folder is missing, the file exists and `overwrite` is not set, or the ending
            is unknown; where a database cannot be written to.
        StudyError
            Where an address is not well formed.
        """
        from riskmap.outputs.tables import write_table

        target = file_or_address(path, place="path")
        write_table(self.outcome, target, level=level, top=top, overwrite=overwrite)


def compare(before: Result, after: Result) -> Comparison:
    """Compare two results of one region, corridor by corridor: what rose, what fell, and why.

    Raises
    ------
    PlanError
        Where the two have no water in common.
    """
    from riskmap.planning.compare import compare_corridors, detail_of

    return compare_corridors(
        before.corridors,
        after.corridors,
        summary_before=before.summary,
        summary_after=after.summary,
        detail_before=detail_of(before.outcome),
        detail_after=detail_of(after.outcome),
    )


def run_basins(
    study: Study,
    *,
    folder: str | Path,
    client: Client | None = None,
    most_reaches: int = 100_000,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> BasinRun:
    """Run a large study basin by basin on a Dask cluster; see `riskmap.basins.run.run_basins`.

    Parameters
    ----------
    study
        The study.
    folder
        Folder to write; every worker has to see it.
    client
        A `distributed.Client`; by default a local cluster, one process a core.
    most_reaches
        Reaches that a worker holds at a time; a larger basin is taken whole.
    overwrite
        Replace what the folder holds of an earlier run.
    progress
        Called with the name of each step as it begins.
    """
    from riskmap.basins import run_basins as run

    return run(
        study.settings,
        folder=Path(folder),
        client=client,
        most_reaches=most_reaches,
        overwrite=overwrite,
        progress=progress,
    )


def demo_study() -> Study:
    """Return the embedded study of Madre de Dios; every venue in it is invented."""
    return Study.from_file(sample_study_file())
