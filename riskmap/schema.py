"""The canonical layers as data: geometry, columns, units, ranges, defaults, meaning.

Readers, checks, the documentation and the commented study file all speak from these tables. How a
file is read is in `riskmap.layers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

GeometryKind = Literal["point", "line", "polygon"]
ColumnKind = Literal["text", "number", "choice", "date"]

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Column:
    """Describe one canonical column.

    Attributes
    ----------
    name
        Canonical name, with the unit in it.
    kind
        What its values are.
    meaning
        One line for people.
    default
        Value where the layer has no such column; NaN and "" mean unknown.
    low, high
        Range of a number, ends included unless `above` is set.
    above
        Whether `low` itself is out of range.
    choices
        Values of a choice.
    """

    name: str
    kind: ColumnKind
    meaning: str
    default: float | str | None = None
    low: float = float("-inf")
    high: float = float("inf")
    above: bool = False
    choices: tuple[str, ...] = ()

    @property
    def may_be_unknown(self) -> bool:
        """Whether a row without a value can be used: the unknown has a meaning of its own."""
        return self.kind != "number" or self.default != self.default  # NaN

    @property
    def range_text(self) -> str:
        """Say the range for people, such as "0 to 1"."""
        if self.kind == "choice":
            return " | ".join(self.choices)
        least = f"more than {self.low:g}" if self.above else f"{self.low:g} or more"
        return least if self.high == float("inf") else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class LayerSchema:
    """Describe one canonical layer.

    Attributes
    ----------
    name
        Key in the study file.
    geometry
        Kinds of geometry that it may hold.
    meaning
        One line for people.
    columns
        Canonical columns.
    unique_names
        Whether a name may stand once only.
    named
        Whether a row without a name is called by the layer and its row number.
    sensitive
        Whether its places must never stand in a public output.
    """

    name: str
    geometry: tuple[GeometryKind, ...]
    meaning: str
    columns: tuple[Column, ...]
    unique_names: bool = False
    named: bool = True
    sensitive: bool = False

    def column(self, name: str) -> Column | None:
        """Return a canonical column by its name, None where there is none."""
        return next((column for column in self.columns if column.name == name), None)


_NAME = Column("name", "text", "name that a person knows", "")


def _positive(name: str, meaning: str, default: float) -> Column:
    return Column(name, "number", meaning, default, low=0.0, above=True)


def _amount(name: str, meaning: str, default: float) -> Column:
    return Column(name, "number", meaning, default, low=0.0)


def _share(name: str, meaning: str, default: float) -> Column:
    return Column(name, "number", meaning, default, low=0.0, high=1.0)


_SCHEMAS = (
    LayerSchema(
        "rivers",
        ("line",),
        "river lines, from which the waterway graph is built",
        (
            _NAME,
            Column("strahler_order", "number", "Strahler stream order", NAN, low=1.0),
            _amount("discharge_m3s", "mean discharge, m³/s", NAN),
            _amount("width_m", "width of the water, m", NAN),
            _positive("downstream_kmh", "speed with the current, in place of [travel]", NAN),
            _positive("upstream_kmh", "speed against the current, in place of [travel]", NAN),
            Column(
                "navigable",
                "choice",
                "season in which boats pass",
                "both",
                choices=("both", "high", "low", "none"),
            ),
            Column("boat", "text", "no or private: no boat passes", ""),
            Column("motorboat", "text", "the same for craft with motors; it comes before boat", ""),
            Column("tunnel", "text", "yes or culvert: water passes, no boat does", ""),
            Column("intermittent", "text", "yes or seasonal: boats pass in high water only", ""),
            Column("id", "text", "identifier that next_down speaks of", ""),
            Column("next_down", "text", "id of the line that this one flows into", ""),
        ),
        named=False,
    ),
    LayerSchema(
        "water_areas",
        ("polygon",),
        "wide rivers and lakes, whose centre lines join the river lines",
        (_NAME,),
        named=False,
    ),
    LayerSchema(
        "roads",
        ("line",),
        "roads, on which trips may go round; rivers and roads meet at landings only",
        (
            _NAME,
            _positive("speed_kmh", "speed in both seasons", NAN),
            Column("road_class", "text", "kind of road, as OpenStreetMap calls it", ""),
            Column(
                "passable",
                "choice",
                "season in which vehicles pass",
                "both",
                choices=("both", "high", "low", "none"),
            ),
        ),
        named=False,
    ),
    LayerSchema(
        "landings",
        ("point",),
        "ports, embarcaderos and road heads, where people change between boat and road",
        (_NAME, _positive("transfer_h", "hours that the change takes, all told", 0.5)),
    ),
    LayerSchema(
        "entry_points",
        ("point",),
        "places where people are brought onto the water",
        (
            _NAME,
            _amount("weight", "share of the volume, against the other entry points", 1.0),
            Column(
                "kind",
                "choice",
                "what kind of place",
                "",
                choices=("port", "road_head", "border", "airport"),
            ),
        ),
        unique_names=True,
    ),
    LayerSchema(
        "venues",
        ("point",),
        "bars, camps and other places of exploitation",
        (
            _NAME,
            _amount("capacity", "size of the venue, in any one unit", 1.0),
            _share("confidence", "how sure it is that the venue is there", 1.0),
        ),
        unique_names=True,
        sensitive=True,
    ),
    LayerSchema(
        "mining_areas",
        ("polygon",),
        "areas where gold is mined",
        (
            _NAME,
            Column(
                "status",
                "choice",
                "legal status",
                "unknown",
                choices=("authorised", "informal", "illegal", "unknown"),
            ),
            _share("confidence", "how sure it is that there is mining", 1.0),
            Column("detected_on", "date", "day of the detection"),
        ),
    ),
    LayerSchema(
        "concessions",
        ("polygon",),
        "mining concessions",
        (_NAME, Column("title_status", "text", "state of the title", "")),
    ),
    LayerSchema(
        "protected_areas",
        ("polygon",),
        "protected natural areas",
        (_NAME, Column("category", "text", "category of protection", "")),
    ),
    LayerSchema("buffer_zones", ("polygon",), "buffer zones of protected areas", (_NAME,)),
    LayerSchema(
        "indigenous_territories",
        ("polygon",),
        "land and reserves of indigenous communities",
        (_NAME,),
    ),
    LayerSchema("mining_corridor", ("polygon",), "zone that the law opens to mining", (_NAME,)),
    LayerSchema(
        "jurisdiction",
        ("polygon",),
        "where the rules on mining hold; elsewhere status stays unknown",
        (_NAME,),
    ),
    LayerSchema(
        "police_posts",
        ("point",),
        "bases of river patrols",
        (
            _NAME,
            _amount("patrol_hours", "hours on the water, a month", 60.0),
            _amount("range_h", "reach of a patrol, hours one way", 2.0),
            _positive("decay_h", "hours over which patrols thin out by 1/e", 1.0),
            _positive("speed_kmh", "speed of the craft; unknown: the standard craft's", NAN),
            _share("effectiveness", "staffing, equipment and integrity, 0 to 1", 0.5),
        ),
        unique_names=True,
    ),
    LayerSchema(
        "patrol_tracks",
        ("line",),
        "where patrols went, and when; in place of the kernel of their posts",
        (
            Column("id", "text", "identifier of the patrol", ""),
            Column("post", "text", "name of the post that it is of; unknown: the nearest", ""),
            Column("start_time", "date", "when it began, UTC"),
            Column("end_time", "date", "when it ended, UTC"),
        ),
        sensitive=True,
    ),
    LayerSchema(
        "checkpoints",
        ("point",),
        "fixed points that inspect each passing boat",
        (_NAME, _share("detection_probability", "chance that a passing transit is detected", 0.5)),
        unique_names=True,
    ),
    LayerSchema(
        "facilities",
        ("point",),
        "places of help: health posts, shelters, prosecutors and the like",
        (_NAME, Column("kind", "text", "what kind of help, such as health_post or shelter", "")),
        sensitive=True,
    ),
    LayerSchema(
        "candidates",
        ("point",),
        "feasible places for new checkpoints; riskmap plan chooses among them",
        (
            _NAME,
            _positive("cost", "what a checkpoint there costs, in the unit of the budget", 1.0),
        ),
        unique_names=True,
    ),
    LayerSchema(
        "settlements",
        ("point",),
        "places that people know; they name the corridors",
        (_NAME, _amount("population", "inhabitants", NAN)),
    ),
    LayerSchema("borders", ("line", "polygon"), "borders of countries", (_NAME,)),
)

#: Canonical layers by name, in the order in which they are read and listed.
LAYERS: Mapping[str, LayerSchema] = MappingProxyType({s.name: s for s in _SCHEMAS})

#: Layers from which trips can start, or to which they can go.
MOVEMENT_LAYERS = ("entry_points", "venues", "mining_areas", "rasters")

#: Movements of a study that states none: those whose layers it has.
DEFAULT_MOVEMENTS = (
    ("entry points to venues", "entry_points", "venues"),
    ("entry points to mining areas", "entry_points", "mining_areas"),
    ("entry points to rasters", "entry_points", "rasters"),
)
