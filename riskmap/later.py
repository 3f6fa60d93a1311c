"""What the study file will hold in later versions: refused by name, with what to do until then."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from riskmap.errors import Problem

#: What the study file will hold in later versions: key (or section) and what to do until then.
LATER = MappingProxyType(
    {
        "uncertainty": "draws are not in this version: take the section out",
        "layers.incidents": "incidents are not in this version: take the layer out",
        "layers.*.coverage": "surveyed areas are not in this version: take the key out",
    }
)


def _later_places(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the (place, table key) of everything that later versions will read."""
    layers = content.get("layers")
    found = [(key, key) for key in LATER if "." not in key and key in content]
    for name, layer in layers.items() if isinstance(layers, dict) else ():
        if f"layers.{name}" in LATER:
            found.append((f"layers.{name}", f"layers.{name}"))
        elif isinstance(layer, dict):
            found += [
                (f"layers.{name}.{key}", f"layers.*.{key}")
                for key in layer
                if f"layers.*.{key}" in LATER
            ]
    return found


def later_problems(content: Mapping[str, Any]) -> list[Problem]:
    """Refuse each of them, with what to do until then."""
    problems = []
    for place, key in _later_places(content):
        what, mend = LATER[key].split(": ", 1)
        section, _, name = place.rpartition(".")
        problems.append(Problem(f"[{section or name}]", name if section else None, what, mend))
    return problems


def without_later(content: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what `later_problems` has told already, so that it is told once."""
    rest = {key: dict(v) if isinstance(v, dict) else v for key, v in content.items()}
    if isinstance(rest.get("layers"), dict):
        rest["layers"] = {
            k: dict(v) if isinstance(v, dict) else v for k, v in rest["layers"].items()
        }
    for place, _ in _later_places(content):
        *parents, name = place.split(".")
        section = rest
        for parent in parents:
            section = section[parent]
        section.pop(name)
    return rest
