"""Rules for the legal status of mining ground, as data: checked when they are loaded.

The rules of Peru stand in `mining_rules.toml`; a study may bring its own file of the same form.
What they do to areas is in `riskmap.layers.mining`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from riskmap.errors import Problem, StudyError

Status = Literal["authorised", "informal", "illegal", "unknown"]
#: Where ground may lie: a layer of the study, or a concession in a state of its title.
Place = Literal[
    "jurisdiction", "protected_areas", "buffer_zones", "indigenous_territories", "mining_corridor",
    "titled", "in_process", "extinct", "unclear_title",
]  # fmt: skip
#: The places that the layer of concessions tells.
TITLES: tuple[Place, ...] = ("titled", "in_process", "extinct", "unclear_title")

_Places = Annotated[tuple[Place, ...], Field(strict=False)]
_Words = Annotated[tuple[str, ...], Field(strict=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Rule(_Part):
    """State one rule.

    Attributes
    ----------
    id
        What pieces that it decided are marked with.
    status
        What it decides.
    inside, outside
        Places that ground must lie in, all of them, and may not lie in, any of them.
    since, until
        Detections dated before or after are not judged by it.
    law, why
        Where it stands, and what it says, for people.
    """

    id: Annotated[str, Field(min_length=1)]
    status: Status
    inside: _Places = ()
    outside: _Places = ()
    since: date
    until: date | None = None
    law: str
    why: str


class MiningRules(_Part):
    """Hold rules in the order in which they are asked; see `mining_rules.toml`.

    Attributes
    ----------
    title, as_of
        What they are, and when they were written.
    titles
        State of a concession → words that mean it; the first match counts.
    rules
        The first that fits decides.
    """

    title: str
    as_of: date
    titles: Mapping[Literal["titled", "in_process", "extinct", "no_ground"], _Words]
    rules: Annotated[tuple[Rule, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _are_told_apart(self) -> MiningRules:
        names = [rule.id for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1} | {"stated"} & {*names})
        if twice:
            raise ValueError(f"the id {twice[0]!r} stands more than once, or is taken")
        return self


@cache
def default_rules() -> MiningRules:
    """Return the rules that hold where a study brings none."""
    text = files("riskmap.presets").joinpath("mining_rules.toml").read_text("utf-8")
    return MiningRules.model_validate(tomllib.loads(text))


def load_rules(path: Path) -> MiningRules:
    """Read rules from a TOML file.

    Raises
    ------
    StudyError
        With every problem in it.
    """
    try:
        return MiningRules.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except OSError as error:
        what, mend = f"cannot be read: {error.strerror}", "check rules in [mining]"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        what, mend = f"is not TOML: {error}", "mend that line; text stands in quotes"
    except ValidationError as error:
        raise StudyError([_problem(path, found) for found in error.errors()]) from None
    raise StudyError(Problem(str(path), None, what, mend))


def _problem(path: Path, found: Mapping[str, object]) -> Problem:
    """Say one finding of pydantic with the rule that it is in."""
    place = found["loc"]
    assert isinstance(place, tuple)  # noqa: S101  (pydantic's own form)
    where = ".".join(str(p + 1) if isinstance(p, int) else str(p) for p in place) or None
    what = str(found["msg"]).removeprefix("Value error, ")
    return Problem(str(path), where, what, "see riskmap's own rules (docs/mining.md)")
