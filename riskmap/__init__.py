"""Rank the waterway corridors along which trafficking passes undetected.

Names are loaded when they are first used, so that importing the package, and the command line's
help, cost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from riskmap._version import __version__

if TYPE_CHECKING:
    from riskmap.errors import (
        DataError,
        DemandError,
        NetworkError,
        OutputError,
        PlanError,
        Problem,
        RiskmapError,
        StudyError,
    )
    from riskmap.model.assign import assign
    from riskmap.planning.checkpoints import plan_checkpoints
    from riskmap.planning.graph_hours import plan_patrol_hours
    from riskmap.report import Note
    from riskmap.settings import Settings
    from riskmap.study import Result, Study, compare, demo_study, run_basins

_HOMES = {
    "DataError": "riskmap.errors",
    "DemandError": "riskmap.errors",
    "NetworkError": "riskmap.errors",
    "Note": "riskmap.report",
    "OutputError": "riskmap.errors",
    "PlanError": "riskmap.errors",
    "Problem": "riskmap.errors",
    "Result": "riskmap.study",
    "RiskmapError": "riskmap.errors",
    "Settings": "riskmap.settings",
    "Study": "riskmap.study",
    "StudyError": "riskmap.errors",
    "assign": "riskmap.model.assign",
    "compare": "riskmap.study",
    "demo_study": "riskmap.study",
    "plan_checkpoints": "riskmap.planning.checkpoints",
    "plan_patrol_hours": "riskmap.planning.graph_hours",
    "run_basins": "riskmap.study",
}

__all__ = [
    "DataError",
    "DemandError",
    "NetworkError",
    "Note",
    "OutputError",
    "PlanError",
    "Problem",
    "Result",
    "RiskmapError",
    "Settings",
    "Study",
    "StudyError",
    "__version__",
    "assign",
    "compare",
    "demo_study",
    "plan_checkpoints",
    "plan_patrol_hours",
    "run_basins",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'riskmap' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
