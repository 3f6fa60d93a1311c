"""Laws of the page that need no browser: nothing from outside, nothing that ends a script early."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import folium
import numpy as np
import pytest
import shapely
from folium.plugins import MarkerCluster
from hypothesis import given
from hypothesis import strategies as st

from riskmap.errors import OutputError
from riskmap.outputs.assets import ASSETS, licences, read_asset
from riskmap.outputs.elements import ELEMENTS
from riskmap.outputs.elements.corridors import CLASSES
from riskmap.outputs.elements.matching import match_corridors
from riskmap.outputs.map import OnlineTiles, RiskMap, build_map
from riskmap.outputs.page import script_text
from riskmap.outputs.payload import LONGEST_STEP, json_text, mercator, pack_lines
from riskmap.outputs.words import LANGUAGES, Words, all_words
from tests.html import outcomes

#: What an analyst may add: everything here must come from the table of packages.
ADDABLE = (
    RiskMap, folium.Marker, folium.CircleMarker, folium.Circle, folium.PolyLine, folium.Polygon,
    folium.GeoJson, folium.GeoJsonTooltip, folium.GeoJsonPopup, folium.Popup, folium.Tooltip,
    folium.FeatureGroup, folium.LayerControl, folium.DivIcon, folium.Rectangle,
    folium.raster_layers.ImageOverlay,
)  # fmt: skip
SLOT = re.compile(r"\{(\w+)\}")


class Reader(HTMLParser):
    """Read a page as a browser does: its scripts, its policy, and what it would fetch."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.fetched: list[str] = []
        self.policy = ""
        self.inside: dict[str, str | None] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given_ = dict(attrs)
        self.fetched += [str(given_[k]) for k in ("src", "href") if given_.get(k)]
        if tag == "script":
            self.inside = given_
            self.scripts.append((given_, ""))
        elif given_.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(given_["content"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self.inside = None

    def handle_data(self, data: str) -> None:
        if self.inside is not None:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)


@pytest.fixture(scope="module", params=["fair", "hostile"])
def page(request: pytest.FixtureRequest) -> Reader:
    outcome = outcomes.example() if request.param == "fair" else outcomes.hostile()
    reader = Reader()
    reader.feed(build_map(outcome).get_root().render())
    return reader


def test_every_script_that_may_run_is_in_the_policy_and_no_other(page: Reader) -> None:
    run = [text for attributes, text in page.scripts if not attributes.get("type")]
    hashes = {
        "'sha256-" + base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() + "'"
        for t in run
    }
    allowed = re.search(r"script-src ([^;]*);", page.policy)
    assert allowed is not None
    assert set(allowed[1].split()) == hashes
    assert len(run) == 4  # Leaflet, jQuery, the project's, folium's calls
    assert "default-src 'none'" in page.policy
    assert "connect-src 'none'" in page.policy


def test_nothing_is_fetched_from_anywhere(page: Reader) -> None:
    assert [
        address for address in page.fetched if not address.startswith(("data:", "#rm-i-"))
    ] == []


def test_the_same_outcome_gives_the_same_page() -> None:
    first, second = (build_map(outcomes.example()).get_root().render() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("element", ADDABLE, ids=lambda e: e.__name__)
def test_every_file_that_folium_wants_is_in_the_table(element: type) -> None:
    for links in ("default_js", "default_css"):
        for _, address in getattr(element, links, []):
            assert address in ASSETS
            assert read_asset(address)


def test_an_element_that_needs_the_network_is_refused() -> None:
    risk_map = build_map(outcomes.example())
    MarkerCluster().add_to(risk_map)
    with pytest.raises(OutputError, match="wants a file from the network"):
        risk_map.get_root().render()


def test_an_icon_font_is_refused() -> None:
    risk_map = build_map(outcomes.example())
    folium.Marker([-12, -70], icon=folium.Icon(color="red")).add_to(risk_map)
    with pytest.raises(OutputError, match=r"folium\.Icon.*font|font from the network"):
        risk_map.get_root().render()


def test_licences_name_each_embedded_work() -> None:
    assert licences() == ["Leaflet 1.9.3 (BSD-2-Clause)", "jQuery 3.7.1 (MIT)"]


def test_online_tiles_open_the_policy_for_their_host_alone() -> None:
    tiles = OnlineTiles("https://tiles.example.org/{z}/{x}/{y}.png", "<b>them</b>")
    reader = Reader()
    reader.feed(build_map(outcomes.example(), online_tiles=tiles).get_root().render())
    assert "img-src data: blob: https://tiles.example.org;" in reader.policy


@pytest.mark.parametrize(
    "address",
    ["http://a.org/{z}", "https://a.org; script-src *", "javascript:alert(1)", "https:///x"],
)
def test_other_tile_addresses_are_refused(address: str) -> None:
    with pytest.raises(OutputError, match="not an https address"):
        build_map(outcomes.example(), online_tiles=OnlineTiles(address, ""))


def test_no_result_and_no_such_language_are_refused() -> None:
    with pytest.raises(OutputError, match="no result to show"):
        build_map([])
    with pytest.raises(OutputError, match="no words in 'qu'"):
        build_map(outcomes.example(), language="qu")  # type: ignore[arg-type]


# Words


def test_no_string_lacks_a_language() -> None:
    lacking = [
        key
        for key, (spanish, english) in all_words().items()
        if not spanish.strip()
        or not english.strip()
        or set(SLOT.findall(spanish)) != set(SLOT.findall(english))
    ]
    assert lacking == []


def test_every_word_is_used_and_every_word_used_exists() -> None:
    package = files("riskmap.outputs")
    folder = package / "elements"
    sources = [
        path.read_text("utf-8") for path in folder.iterdir() if path.name.endswith((".py", ".js"))
    ]
    sources += [
        path.read_text("utf-8")
        for path in package.iterdir()
        if path.name.endswith(".py") and not path.name.startswith("words")
    ]
    code = "\n".join(sources)
    asked = set(re.findall(r"""(?:\bt|say)\(\s*["'](\w+)["']""", code))
    assert asked <= set(all_words())
    built = tuple(set(re.findall(r"""[`"'](\w+_)[$\{]""", code)))
    unused = [
        k
        for k in all_words()
        if f'"{k}"' not in code and f"'{k}'" not in code and not k.startswith(built)
    ]
    assert unused == []


@given(st.text(max_size=40))
def test_words_are_filled_in_one_pass(name: str) -> None:
    for language in LANGUAGES:
        assert name in Words(language).say("why_of", name=name)  # type: ignore[arg-type]


# Data inside the page


@given(
    st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner), max_leaves=8)
)
def test_json_holds_no_markup_and_reads_back(value: object) -> None:
    text = json_text(value)
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == value


@given(st.text(alphabet="</script>!-sS \n", max_size=60))
def test_a_script_is_read_to_its_end(text: str) -> None:
    out = script_text(text)
    assert "</script" not in out.lower()
    assert "<!--" not in out


def unpack(blob: bytes) -> list[tuple[int, int, np.ndarray]]:
    """Read lines as `lines.js` does: (owner, kind, coordinates in metres)."""
    raw, at = gzip.decompress(blob), 8
    n, points = np.frombuffer(raw, "<u4", 2)

    def take(kind: str, count: int) -> np.ndarray:
        nonlocal at
        out = np.frombuffer(raw, kind, count, at)
        at += out.nbytes
        return out.astype(np.int64)

    counts, owner, x0, y0 = take("<u4", n), take("<i4", n), take("<i4", n), take("<i4", n)
    low, high, kind = take("u1", 2 * (points - n)), take("u1", 2 * (points - n)), take("u1", n)
    dx, dy = np.split((low | high << 8).astype("<u2").view("<i2").astype(np.int64), 2)
    assert at == len(raw)
    ends = np.cumsum(counts - 1)
    steps = [
        np.column_stack([dx[e - c + 1 : e], dy[e - c + 1 : e]])
        for c, e in zip(counts, ends, strict=True)
    ]
    lines = [
        np.vstack([[[x, y]], np.add(np.cumsum(s, axis=0), [x, y])])
        for x, y, s in zip(x0, y0, steps, strict=True)
    ]
    return list(zip(owner, kind, lines, strict=True))


degrees = st.tuples(st.floats(-179, 179), st.floats(-84, 84))


@given(st.lists(st.lists(degrees, min_size=2, max_size=6), min_size=1, max_size=5))
def test_packed_lines_read_back_to_a_metre(lines: list[list[tuple[float, float]]]) -> None:
    geometry = np.array([shapely.LineString(line) for line in lines], dtype=object)
    n = len(lines)
    found = unpack(pack_lines(geometry, owner=np.arange(n) + 7, kind=np.arange(n) % 5))
    assert [owner for owner, _, _ in found] == list(range(7, 7 + n))
    assert [kind for _, kind, _ in found] == [k % 5 for k in range(n)]
    for line, (_, _, xy) in zip(lines, found, strict=True):
        wanted = mercator(np.array(line, dtype=float))
        assert np.array_equal(xy[[0, -1]], wanted[[0, -1]])
        assert np.abs(np.diff(xy, axis=0)).max(initial=0) <= LONGEST_STEP
        rest = {tuple(p) for p in xy.tolist()}
        assert {tuple(p) for p in wanted.tolist()} <= rest


def test_empty_geometry_and_many_parts_are_packed() -> None:
    parts = shapely.MultiLineString([[(0, 0), (0.01, 0)], [(1, 1), (1, 1.01)]])
    geometry = np.array([shapely.LineString(), parts, None], dtype=object)
    found = unpack(pack_lines(geometry, owner=[4, 5, 6], kind=[0, 1, 2]))
    assert [(owner, kind) for owner, kind, _ in found] == [(5, 1), (5, 1)]


def test_a_page_stays_within_its_bytes() -> None:
    """50,000 reaches in 12 MB is 240 bytes a reach, beside what every page carries."""
    small, large = (len(build_map(outcomes.large(n)).get_root().render()) for n in (100, 4100))
    assert large - small < 4000 * 240


# Comparing


def test_corridors_are_matched_by_their_water_whatever_their_ends() -> None:
    line = shapely.linestrings([[0, 0], [1, 0], [1, 1]])
    first, second = shapely.linestrings([[0, 0], [0.8, 0]]), shapely.linestrings([[0.8, 0], [1, 0]])
    elsewhere = shapely.linestrings([[0, 0.01], [1, 0.01]])
    others = np.array([elsewhere, second, line], dtype=object)
    assert match_corridors(np.array([first]), others).tolist() == [2]
    assert match_corridors(np.array([line]), np.array([second, first])).tolist() == [1]
    assert match_corridors(np.array([line]), np.array([elsewhere, second])).tolist() == [-1]
    assert match_corridors(np.array([line]), np.zeros(0, dtype=object)).tolist() == [-1]
    assert match_corridors(np.zeros(0, dtype=object), others).tolist() == []


def test_a_result_matches_itself() -> None:
    shapes = np.asarray(outcomes.example().corridors.geometry, dtype=object)
    assert match_corridors(shapes, shapes).tolist() == list(range(len(shapes)))


# What the reader sees


def test_classes_differ_in_width_and_in_lightness() -> None:
    def lightness(colour: str) -> float:
        channels = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return float(116 * (linear @ [0.2126, 0.7152, 0.0722]) ** (1 / 3) - 16)

    steps = -np.diff([lightness(colour) for _, colour, _ in CLASSES])
    assert steps.min() > 10  # a step of 10 in CIE L* is told apart in grey print
    assert np.diff([width for *_, width in CLASSES]).min() >= 1


def test_an_outcome_without_corridors_still_makes_a_page() -> None:
    fair = outcomes.example()
    empty = outcomes.replace(
        fair, corridors=fair.corridors.iloc[:0], reasons={}, routes=fair.routes.iloc[:0]
    )
    assert "Ningún corredor lleva tránsito" in json.loads(json_text(_story(empty)))["paragraphs"][0]


def test_much_demand_without_water_is_a_warning() -> None:
    fair = outcomes.example()
    assert not any("riskmap check" in said for said in _story(fair)["statements"])
    dry = outcomes.replace(fair, summary={**fair.summary, "unserved": 1500.0})
    assert _story(dry)["statements"][0].startswith("El 75 % de la demanda no encuentra camino")


def test_invented_places_are_told_twice() -> None:
    fair = outcomes.example()
    tables = dict(fair.layers.tables)
    tables["venues"] = tables["venues"].assign(invented="yes")
    story = _story(outcomes.replace(fair, layers=outcomes.FakeLayers(tables, fair.layers.sources)))
    said = "Locales: los 12 son inventados para este estudio; no existen."
    assert said in story["statements"]
    assert said in story["limits"]


def _story(outcome: outcomes.FakeOutcome) -> dict:
    content = build_map(outcome).get_root().content
    assert [e.name for e in ELEMENTS].count("story") == 1
    return content.data["options"]["story"]["results"][0]
