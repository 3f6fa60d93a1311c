"""The errors that riskmap raises, and the problem that each of them lists.

::

    RiskmapError                what a caller catches to catch them all
    ├── StudyError  ValueError  the study file cannot be used
    ├── DataError   ValueError  a layer cannot be used
    ├── NetworkError ValueError the waterway network cannot carry traffic
    ├── DemandError ValueError  a demand table or a graph given from Python cannot be used
    ├── PlanError   ValueError  a plan that cannot be made as asked
    └── OutputError OSError     an output cannot be written

An error collects every problem that was found, not the first one only. Nothing but the vocabulary
of errors lives here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

#: User and password in the address of a database, or in what a path made of it.
_LOGIN = re.compile(r"(\b[a-z][a-z0-9+.-]+:/+)\S*@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Problem:
    """State one thing that stops a run: where it is, what is wrong, how to mend it.

    Attributes
    ----------
    layer
        Layer, section of the study file, or output that the problem is in.
    feature
        Row number (from 0), key or identifier inside it; None where it is the whole.
    what
        What was seen, and what was wanted.
    remedy
        How to mend it.
    """

    layer: str
    feature: str | None
    what: str
    remedy: str

    def __str__(self) -> str:
        where = self.layer if self.feature is None else f"{self.layer}, {self.feature}"
        mend = f" ({self.remedy})" if self.remedy else ""
        # One problem is one line, whatever line ends the data hold, and tells no password: an
        # address may stand where a path was wanted.
        return _LOGIN.sub(r"\1…@", " ".join(f"{where}: {self.what}{mend}".split()))


class RiskmapError(Exception):
    """Root of all errors of riskmap; `problems` holds one entry for each thing to mend.

    Parameters
    ----------
    problems
        A problem, or several.
    """

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (
            (problems,) if isinstance(problems, Problem) else tuple(problems)
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))


class StudyError(RiskmapError, ValueError):
    """The study file, or a setting given from Python or the command line, cannot be used."""


class DataError(RiskmapError, ValueError):
    """A layer cannot be used."""


class NetworkError(RiskmapError, ValueError):
    """The waterway network cannot carry traffic."""


class DemandError(RiskmapError, ValueError):
    """A demand table or a graph given from Python cannot be used."""


class PlanError(RiskmapError, ValueError):
    """A plan cannot be made as asked."""


class OutputError(RiskmapError, OSError):
    """An output cannot be written."""


@contextmanager
def collecting(problems: list[Problem]) -> Iterator[None]:
    """Add the problems of an error raised in the block to a list, so that all are told at once."""
    try:
        yield
    except RiskmapError as error:
        problems += error.problems
