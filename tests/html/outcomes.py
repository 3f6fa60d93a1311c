"""Outcomes made up for the tests of the map: no engine runs here, and no place is a real one.

`example()` is a river region with forty corridors, Spanish names and every kind of layer;
`hostile()` is the same with every string an attack; `large(n)` is a tree of n reaches of 20
vertices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString, Point, Polygon

from riskmap.report import Note

CRS = "EPSG:4326"
RIVERS = (
    "Río Madre de Dios",
    "Río Inambari",
    "Río Tambopata",
    "Río Malinowski",
    "Río Las Piedras",
    "Río Manu",
    "Río Colorado",
    "Río Los Amigos",
    "Río Tahuamanu",
    "Río Heath",
)
TOWNS = (
    "Puerto Maldonado",
    "Mazuko",
    "Boca Colorado",
    "Laberinto",
    "Iberia",
    "Iñapari",
    "Boca Manu",
    "Puerto Heath",
    "Itahuanía",
    "Huepetuhe",
    "La Pampa",
    "Infierno",
    "Lucerna",
    "Planchón",
)
ATTACKS = (
    "</script><img src=x onerror=\"window.__hit='img'\">",
    "<script>window.__hit='script'</script>",
    "${window.__hit='dollar'}",
    "`+(window.__hit='tick')+`",
    "{{ 7*7 }}{% raw %}{t} {name}",
    "\"><svg onload=window.__hit='svg'>",
    "' onmouseover='window.__hit=1",
    "\u202eSOID ED ERDAM\u202c oir\u200f",
    "--><!-- <script>",
    "&lt;b&gt; &amp; <b>x</b>",
    "javascript:window.__hit='url'",
    "A" * 400,
    "\\u003cscript\\u003e \\ \u2028 \u2029 fin",
)


@dataclass(frozen=True)
class FakeReason:
    origins: list[tuple[str, float]]
    sites: list[tuple[str, float]]
    posts: list[tuple[str, float]]
    borders: list[str]
    protected_areas: list[str]


@dataclass(frozen=True)
class FakeSource:
    path: str
    sha256: str
    features: int
    crs: str


@dataclass(frozen=True)
class FakeLayers:
    tables: Mapping[str, gpd.GeoDataFrame]
    sources: Mapping[str, FakeSource]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class FakeOutcome:
    study_name: str
    season: str
    language: str
    relative: bool
    corridors: gpd.GeoDataFrame
    reasons: Mapping[str, FakeReason]
    reaches: gpd.GeoDataFrame
    routes: gpd.GeoDataFrame
    sites: gpd.GeoDataFrame
    layers: FakeLayers
    summary: Mapping[str, Any]
    provenance: Mapping[str, Any]
    notes: tuple[Note, ...] = field(default=())

    def top_routes(self, top: int | None) -> gpd.GeoDataFrame:
        table = self.routes.sort_values("transits", ascending=False, kind="stable")
        return table if top is None else table.head(top)


def example(
    *, season: str = "low", relative: bool = True, uncertain: bool = False, seed: int = 7
) -> FakeOutcome:
    """Return a region of ten rivers and forty corridors."""
    rng = np.random.default_rng(seed)
    lines = _rivers()
    reaches = _reaches(lines, rng=rng)
    corridors = _corridors(reaches, uncertain=uncertain, wet=season == "high")
    tables = _layers(rng)
    sources = {
        name: FakeSource(f"layers/{name}.geojson", f"{k:064x}", len(table), CRS)
        for k, (name, table) in enumerate(tables.items())
    }
    undetected = float(corridors["undetected_transits"].max() * 1.9)
    return FakeOutcome(
        study_name="Madre de Dios",
        season=season,
        language="es",
        relative=relative,
        corridors=corridors,
        reasons={row.corridor_id: _reason(row) for row in corridors.itertuples()},
        reaches=reaches,
        routes=_routes(),
        sites=_sites(tables["venues"]),
        layers=FakeLayers(tables, sources),
        summary={
            "demand": 2000.0,
            "served": 1950.0,
            "local": 20.0,
            "unserved": 30.0,
            "detected": 1950.0 - undetected,
            "undetected": undetected,
            "relative": relative,
        },
        provenance={"riskmap": "0.1.0", "seed": 20261123, "time": "2026-11-23T06:50:00+00:00"},
        notes=(
            Note("defaulted", "police_posts", None, "range_h taken as 3", count=4),
            Note("unattached", "venues", "3", "14 km from water"),
        ),
    )


def hostile() -> FakeOutcome:
    """Return the example with an attack in every text field."""
    fair = example(uncertain=True)
    turn = iter(range(10**9))

    def attack() -> str:
        return ATTACKS[next(turn) % len(ATTACKS)]

    def spoil(table: gpd.GeoDataFrame, *, keep: tuple[str, ...] = ()) -> gpd.GeoDataFrame:
        out = table.copy()
        for column in out.columns:
            if column != "geometry" and column not in keep and out[column].dtype.kind in "OUT":
                out[column] = [attack() for _ in range(len(out))]
        return out

    corridors = spoil(fair.corridors, keep=("evidence",))
    ids = list(corridors["corridor_id"] + [f" {k}" for k in range(len(corridors))])
    corridors["corridor_id"] = ids
    reasons = {
        key: FakeReason(
            *([(attack(), 0.5) for _ in range(4)] for _ in range(3)), [attack()], [attack()]
        )
        for key in ids
    }
    tables = {name: spoil(t, keep=("status",)) for name, t in fair.layers.tables.items()}
    tables |= {"</script>": tables["venues"].assign(note=attack())}
    sources = {name: FakeSource(attack(), attack(), 3, attack()) for name in tables}
    return replace(
        fair,
        study_name=ATTACKS[0],
        season=ATTACKS[1],
        corridors=corridors,
        reasons=reasons,
        reaches=spoil(fair.reaches, keep=("mode",)),
        routes=spoil(fair.routes),
        sites=spoil(fair.sites, keep=("layer",)),
        layers=FakeLayers(tables, sources),
        provenance={"riskmap": attack(), "seed": attack(), "time": attack()},
        notes=(Note("unattached", attack(), attack(), attack()),),
    )


def large(count: int, *, vertices: int = 20, seed: int = 3, carrying: float = 0.3) -> FakeOutcome:
    """Return a tree of `count` reaches; `carrying` of them are in corridors of 25 reaches."""
    rng = np.random.default_rng(seed)
    lines = _tree(count, vertices=vertices, rng=rng)
    used = int(count * carrying)
    ids = np.where(np.arange(count) < used, np.arange(count) // 25, -1)
    reaches = gpd.GeoDataFrame(
        {
            "reach_id": np.arange(count),
            "source_id": np.arange(count),
            "name": np.where(np.arange(count) % 50 == 0, "Río " + pd.Series(ids).astype(str), ""),
            "length_km": np.full(count, 3.6),
            "transits": rng.random(count),
            "undetected_transits": rng.random(count),
            "patrol_hours": np.where(ids % 7 == 0, 3.0, 0.0),
            "corridor_id": [f"c{k}" if k >= 0 else "" for k in ids],
            "mode": "river",
        },
        geometry=lines,
        crs=CRS,
    )
    groups = [shapely.multilinestrings(lines[k : k + 25]) for k in range(0, used, 25)]
    corridors = _ranked_table([f"Río {k}: Boca {k} – Alto {k}" for k in range(len(groups))], groups)
    fair = example()
    reasons = {row.corridor_id: _reason(row) for row in corridors.itertuples()}
    return replace(fair, reaches=reaches, corridors=corridors, reasons=reasons)


def _rivers() -> dict[str, LineString]:
    """Return ten bent rivers that fall into one another; the first is the main stem."""
    heads = [
        (-71.8, -12.1),
        (-70.4, -13.1),
        (-69.6, -13.5),
        (-69.9, -13.2),
        (-70.6, -11.0),
        (-71.9, -11.5),
        (-70.9, -13.0),
        (-70.2, -12.0),
        (-69.9, -11.1),
        (-68.9, -13.3),
    ]
    mouths = [
        (-68.7, -12.45),
        (-69.95, -12.65),
        (-69.2, -12.6),
        (-69.4, -12.9),
        (-69.25, -12.58),
        (-70.9, -12.28),
        (-70.4, -12.6),
        (-70.0, -12.55),
        (-68.8, -11.4),
        (-68.72, -12.48),
    ]
    return {
        n: _bent(h, m, k) for k, (n, h, m) in enumerate(zip(RIVERS, heads, mouths, strict=True))
    }


def _bent(head: tuple[float, float], mouth: tuple[float, float], k: int) -> LineString:
    t = np.linspace(0, 1, 161)
    straight = np.outer(1 - t, head) + np.outer(t, mouth)
    across = np.array([-(mouth[1] - head[1]), mouth[0] - head[0]])
    sway = 0.05 * np.sin(t * 21 + k) * np.sin(np.pi * t) + 0.02 * np.sin(t * 67 + 2 * k) * np.sin(
        np.pi * t
    )
    return LineString(straight + np.outer(sway, across))


def _reaches(lines: Mapping[str, LineString], *, rng: np.random.Generator) -> gpd.GeoDataFrame:
    rows: dict[str, list[Any]] = {"name": [], "geometry": [], "corridor_id": []}
    for name, line in lines.items():
        points = np.asarray(line.coords)
        for k in range(16):
            rows["name"].append(name)
            rows["geometry"].append(LineString(points[10 * k : 10 * k + 11]))
            # The four quarters of a river are its corridors; the topmost carries nothing.
            rows["corridor_id"].append(f"{name}-{k // 4}")
    rows["name"] += [""] * 6
    rows["corridor_id"] += [""] * 6
    rows["geometry"] += [
        LineString([(-71.5 + k * 0.4, -13.2), (-71.2 + k * 0.4, -12.9)]) for k in range(6)
    ]
    n = len(rows["name"])
    road = np.arange(n) >= n - 6
    table = gpd.GeoDataFrame(rows, crs=CRS)
    return table.assign(
        reach_id=range(n),
        source_id=range(n),
        length_km=shapely.length(table.geometry.to_numpy()) * 110.0,
        transits=rng.random(n) * 100,
        undetected_transits=rng.random(n) * 80,
        detection_probability=rng.random(n),
        interceptions_per_100_patrol_hours=rng.random(n),
        patrol_hours=np.where(rng.random(n) < 0.3, rng.random(n) * 40, 0.0),
        hours_to_nearest_post=rng.random(n) * 6,
        mode=np.where(road, "road", "river"),
    )


def _corridors(reaches: gpd.GeoDataFrame, *, uncertain: bool, wet: bool) -> gpd.GeoDataFrame:
    groups = reaches[reaches["corridor_id"] != ""].groupby("corridor_id", sort=False)["geometry"]
    ends = [TOWNS[k % len(TOWNS)] for k in range(41)]
    names, shapes = [], []
    for k, (key, lines) in enumerate(groups):
        names.append(f"{key.rsplit('-', 1)[0]}: {ends[(3 * k) % 41]} – {ends[(3 * k + 5) % 41]}")
        shapes.append(shapely.line_merge(shapely.multilinestrings(list(lines))))
    order = np.argsort((np.arange(len(names)) * (11 if wet else 7)) % 40, kind="stable")
    table = _ranked_table([names[k] for k in order], [shapes[k] for k in order])
    if not uncertain:
        return table
    rank = table["rank"].to_numpy(float)
    table["rank_p05"], table["rank_p50"] = np.maximum(1, rank - 2), rank
    table["rank_p95"] = np.where(rank < 38, rank + 1 + rank // 4, np.nan)
    table["top10_probability"] = np.clip(1.2 - rank / 15, 0, 1)
    table["evidence"] = np.array(["full", "partial", "none", "full"])[(rank.astype(int) // 3) % 4]
    return table


def _ranked_table(names: list[str], shapes: list[Any]) -> gpd.GeoDataFrame:
    n = len(names)
    k = np.arange(n)
    score = 100 * np.exp(-6 * k / max(n, 1))
    post = np.where(k % 9 == 4, np.nan, 0.4 + (k * 37 % 90) / 10)
    return gpd.GeoDataFrame(
        {
            "rank": k + 1,
            "corridor_id": [f"c{j}" for j in range(n)],
            "name": names,
            "risk_score": score,
            "length_km": 20 + (k * 13) % 70.0,
            "travel_hours": 2 + (k * 7) % 9.0,
            "transits": score * 4.5,
            "undetected_transits": score * 3.1,
            "detection_probability": np.full(n, 0.31),
            "interceptions_per_100_patrol_hours": score / 9,
            "hours_to_nearest_post": post,
            "nearest_post": [TOWNS[j % 5] if post[j] == post[j] else "" for j in range(n)],
            "main_origins": "Mazuko 62 %; Iñapari 30 %",
            "main_sites": "Local inventado 4 51 %",
            "crosses_border": ["Perú–Bolivia" if j % 8 == 3 else "" for j in range(n)],
            "protected_area": [
                "Reserva Nacional Tambopata" if j % 4 == 1 else "" for j in range(n)
            ],
        },
        geometry=shapes,
        crs=CRS,
    )


def _reason(row: Any) -> FakeReason:
    return FakeReason(
        origins=[("Mazuko", 0.62), ("Iñapari", 0.3), ("Aeropuerto de Puerto Maldonado", 0.08)],
        sites=[("Local inventado 4", 0.51), ("La Pampa", 0.33), ("Local inventado 9", 0.16)],
        posts=[("Comisaría Mazuko", 43.2), ("Puesto Laberinto", 11.0)] if row.rank % 3 else [],
        borders=[row.crosses_border] if row.crosses_border else [],
        protected_areas=[row.protected_area] if row.protected_area else [],
    )


def _points(names: list[str], *, rng: np.random.Generator, **columns: Any) -> gpd.GeoDataFrame:
    places = [Point(-71.6 + 2.8 * x, -13.1 + 1.9 * y) for x, y in rng.random((len(names), 2))]
    return gpd.GeoDataFrame({"name": names, **columns}, geometry=places, crs=CRS)


def _square(x: float, y: float, w: float, h: float) -> Polygon:
    return Polygon([(x, y), (x + w, y + 0.1 * h), (x + 0.9 * w, y + h), (x + 0.2 * w, y + 0.8 * h)])


def _layers(rng: np.random.Generator) -> dict[str, gpd.GeoDataFrame]:
    note = "Lugar inventado para la demostración: no existe ningún local aquí."
    mining = [_square(-70.6 + 0.25 * k, -13.0 + 0.1 * (k % 3), 0.2, 0.14) for k in range(6)]
    parks = [_square(-72.0, -12.0, 1.0, 0.9), _square(-69.6, -13.6, 0.8, 0.7)]
    areas = gpd.GeoDataFrame(
        {
            "name": [f"Zona {k}" for k in range(6)],
            "confidence": 0.8,
            "detected_on": pd.to_datetime("2023-06-30"),
            "status": ["illegal", "informal", "authorised", "unknown", "illegal", "informal"],
        },
        geometry=mining,
        crs=CRS,
    )
    return {
        "rivers": gpd.GeoDataFrame(
            {"name": list(RIVERS)}, geometry=list(_rivers().values()), crs=CRS
        ),
        "protected_areas": gpd.GeoDataFrame(
            {"name": ["Parque Nacional del Manu", "Reserva Nacional Tambopata"], "category": "ANP"},
            geometry=parks,
            crs=CRS,
        ),
        "mining_areas": areas,
        "borders": gpd.GeoDataFrame(
            {"name": ["Perú–Bolivia"]},
            geometry=[LineString([(-68.7, -14), (-68.75, -12.5), (-69.5, -10.9)])],
            crs=CRS,
        ),
        "entry_points": _points(
            ["Mazuko", "Iñapari", "Aeropuerto", "Boca Manu"],
            rng=rng,
            weight=1.0,
            kind=["road_head", "border", "airport", "port"],
        ),
        "police_posts": _points(
            [f"Comisaría {t}" for t in TOWNS[:7]],
            rng=rng,
            patrol_hours=120.0,
            range_h=3.0,
            decay_h=1.0,
            speed_kmh=25.0,
            effectiveness=0.65,
        ),
        "checkpoints": _points(["Control Puente Billinghurst"], rng=rng, detection_probability=0.3),
        "venues": _points(
            [f"Local inventado {k}" for k in range(12)],
            rng=rng,
            capacity=20.0,
            confidence=0.7,
            note=note,
        ),
        "settlements": _points(
            list(TOWNS), rng=rng, population=[float(90000 // (k + 1)) for k in range(14)]
        ),
    }


def _routes() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "route_id": range(12),
            "movement": "recruits to venues",
            "origin": [TOWNS[k] for k in range(12)],
            "destination": [f"Local inventado {k}" for k in range(12)],
            "travel_hours": 3.5 + np.arange(12),
            "transits": 90.0 - 7 * np.arange(12),
            "survival": 0.7,
            "corridors": "c1; c4",
        },
        geometry=[LineString([(-70, -12), (-69, -12.5)])] * 12,
        crs=CRS,
    )


def _sites(venues: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    hours = np.linspace(0.5, 11.5, len(venues))
    hours[-1] = np.nan
    columns = {
        f"hours_{way}_{kind}_{season}_water": hours + wait
        for kind, wait in (("police_post", 1.0), ("refugio_del_río", 0.0))
        for way in ("to", "from")
        for season in ("low", "high")
    }
    return gpd.GeoDataFrame(
        {
            "layer": "venues",
            "row": range(len(venues)),
            "name": list(venues["name"]),
            "nearest_police_post": "Mazuko",
            "nearest_refugio_del_río": "Refugio inventado",
            **columns,
            "hours_to_help": hours,
            "cut_off": ~(hours <= 6.0),
        },
        geometry=venues.geometry.to_numpy(),
        crs=CRS,
    )


def _tree(count: int, *, vertices: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Return reaches of about 3.6 km on a grid of 0.03 degrees, each bent at random."""
    side = int(np.ceil(np.sqrt(count)))
    cell = np.column_stack(np.divmod(np.arange(count), side)[::-1]).astype(float)
    start = np.array([-75.0, -12.0]) + 0.03 * cell
    turn = rng.choice([0.0, np.pi / 2, np.pi / 4], count)
    along = np.linspace(0, 0.033, vertices)
    x = start[:, :1] + np.cos(turn)[:, None] * along + rng.normal(0, 4e-4, (count, vertices))
    y = start[:, 1:] + np.sin(turn)[:, None] * along + rng.normal(0, 4e-4, (count, vertices))
    return shapely.linestrings(np.stack([x, y], axis=-1))
