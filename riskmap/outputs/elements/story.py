"""What the map says in words: the summary, how sure it is, what it does not know, its sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from riskmap._version import __version__
from riskmap.outputs.assets import licences
from riskmap.outputs.elements.base import (
    Edition,
    MapElement,
    OutcomeLike,
    file_name,
    is_invented,
    plain,
    text_of,
)
from riskmap.outputs.words import Words

if TYPE_CHECKING:
    import geopandas as gpd

_MOST_STATEMENTS: Final = 3  # of one layer's notes: they are meant to be one sentence
_REPORTED: Final = ("unattached", "unreachable", "skipped", "defaulted", "doubtful", "ambiguous")
_MUCH_UNSERVED: Final = 0.2  # of the demand; a judgement: beyond it the order is not to be trusted
_DATE_COLUMNS: Final = ("detected_on", "date")


class Story(MapElement):
    """Title, season, date and a paragraph in words; at the end of the panel, limits and sources."""

    name: ClassVar[str] = "story"
    slot: ClassVar[Any] = "panel"
    template: ClassVar[str] = """<header class="rm-head">
<h1 id="rm-title"></h1><p id="rm-subtitle"></p>
<fieldset class="rm-switch" id="rm-switch" hidden><legend>{{ t("switch") }}</legend></fieldset>
</header>
<section class="rm-story" aria-label="{{ t('summary') }}">
<div id="rm-story"></div><ul id="rm-statements" class="rm-statements"></ul></section>"""

    def options(self) -> Mapping[str, Any]:
        """Return the sentences of each result."""
        return {
            "results": [self._tell(label, outcome) for _, label, outcome in self.edition.results]
        }

    def _tell(self, label: str, outcome: OutcomeLike) -> dict[str, Any]:
        words = self.edition.words
        return {
            "title": text_of(outcome.study_name) or words.say("map"),
            "subtitle": _subtitle(
                words, outcome, label=label if len(self.edition.results) > 1 else ""
            ),
            "paragraphs": _paragraphs(words, outcome),
            "certainty": _certainty(words, outcome),
            "statements": _statements(words, outcome),
            "limits": _limits(words, outcome),
            "sources": _sources(words, outcome),
        }


class Limits(MapElement):
    """What the map does not know, and where its data are from; folded until asked for."""

    name: ClassVar[str] = "limits"
    slot: ClassVar[Any] = "panel"
    template: ClassVar[str] = """<section class="rm-fold-group" aria-label="{{ t('about') }}">
<details class="rm-fold" open><summary><h2>{{ t("limits") }}</h2></summary>
<ul id="rm-limits"></ul></details>
<details class="rm-fold"><summary><h2>{{ t("sources") }}</h2></summary>
<ul id="rm-sources"></ul></details></section>"""


class Marking(MapElement):
    """Who may see the page, at the top of the screen and of every sheet."""

    name: ClassVar[str] = "marking"
    slot: ClassVar[Any] = "top"
    template: ClassVar[str] = """<div class="rm-top" role="banner">
<button type="button" class="rm-skip" id="rm-skip">{{ t("skip") }}</button>
<p class="rm-marking">{{ this.edition.marking }}</p>
<p class="rm-live" id="rm-live" role="status" aria-live="polite"></p></div>"""


def season_word(words: Words, season: str) -> str:
    """Return the season in words; one that the model does not know stays as it is."""
    return words.say(f"season_{season}") if season in {"low", "high"} else text_of(season)


def _subtitle(words: Words, outcome: OutcomeLike, *, label: str) -> str:
    day = text_of(outcome.provenance.get("time"))[:10]
    season = season_word(words, outcome.season)
    parts = [
        label if label != season else "",
        season,
        words.say("computed_on", day=day) if day else "",
    ]
    volume = words.say("volumes_relative" if outcome.relative else "volumes_absolute")
    return " · ".join([*(part for part in parts if part), volume])


def _paragraphs(words: Words, outcome: OutcomeLike) -> list[str]:
    total = outcome.summary
    served, undetected = (float(total.get(key) or 0.0) for key in ("served", "undetected"))
    share = 100.0 * undetected / served if served > 0 else 0.0
    out = [words.say(
        "story_relative" if outcome.relative else "story",
        corridors=words.number(len(outcome.corridors)), served=words.number(served),
        undetected=words.number(undetected), share=words.number(share),
    )]  # fmt: skip
    if not len(outcome.corridors):
        out.append(words.say("story_no_corridor"))
    return [" ".join([*out, *_left_out(words, outcome)])]


def _left_out(words: Words, outcome: OutcomeLike) -> list[str]:
    rest = [(key, float(outcome.summary.get(key) or 0.0)) for key in ("unserved", "local")]
    return [words.say(f"story_{key}", **{key: words.amount(value)}) for key, value in rest if value]


def _certainty(words: Words, outcome: OutcomeLike) -> str:
    table = outcome.corridors
    if not {"rank_p05", "rank_p95"} <= set(table) or not len(table):
        return words.say("certainty_none")
    first = table.sort_values("rank", kind="stable").head(3)
    ranges = [
        f"{r.rank}: {words.number(r.rank_p05)}–{words.number(r.rank_p95)}"
        for r in first.itertuples()
        if r.rank_p05 == r.rank_p05 and r.rank_p95 == r.rank_p95
    ]
    return (
        words.say("certainty", ranges="; ".join(ranges)) if ranges else words.say("certainty_none")
    )


def _statements(words: Words, outcome: OutcomeLike) -> list[str]:
    """Return what the layers say of themselves: that every venue is invented, for one."""
    out = [*_warning(words, outcome), *_invented(words, outcome)]
    for layer, table in outcome.layers.tables.items():
        # A layer that says it is invented has said the most important thing of itself.
        if "note" in table and not _count_invented(table):
            seen = dict.fromkeys(text_of(note).strip() for note in table["note"])
            told = [note for note in seen if note][:_MOST_STATEMENTS]
            out += [words.say("statement", layer=words.layer(layer), note=note) for note in told]
    return out


def _warning(words: Words, outcome: OutcomeLike) -> list[str]:
    """Warn where so much demand finds no water that the ranking shows the network's gaps."""
    demand, unserved = (float(outcome.summary.get(key) or 0.0) for key in ("demand", "unserved"))
    if demand <= 0 or unserved / demand < _MUCH_UNSERVED:
        return []
    return [words.say("warn_unserved", share=words.number(100.0 * unserved / demand))]


def _invented(words: Words, outcome: OutcomeLike) -> list[str]:
    """Return a sentence for each layer whose features say that they are invented."""
    out = []
    for layer, table in outcome.layers.tables.items():
        count = _count_invented(table)
        if count:
            key = "invented_all" if count == len(table) else "invented_some"
            named = words.layer(layer)
            out.append(
                words.say(key, layer=named, count=words.number(count), all=words.number(len(table)))
            )
    return out


def _count_invented(table: gpd.GeoDataFrame) -> int:
    return sum(is_invented(value) for value in table.get("invented", ()))


def _limits(words: Words, outcome: OutcomeLike) -> list[str]:
    tables = outcome.layers.tables
    out = [words.say("limit_model"), *_invented(words, outcome)]
    if outcome.relative:
        out.append(words.say("limit_relative"))
    if not {"rank_p05", "rank_p95"} <= set(outcome.corridors):
        out.append(words.say("limit_interval"))
    if "patrol_tracks" not in tables:
        out.append(words.say("limit_patrol"))
    out.append(words.say("limit_evidence" if "evidence" in outcome.corridors else "limit_coverage"))
    return [*out, *_left_out(words, outcome), *_reported(words, outcome)]


def _reported(words: Words, outcome: OutcomeLike) -> list[str]:
    """Return, for each kind of note that bears on trust, how many features of which layers."""
    counts: dict[str, Counter[str]] = {}
    for note in outcome.notes:
        if note.layer == "movements":  # told as a number of transits
            continue
        counts.setdefault(note.kind, Counter())[note.layer] += note.count
    return [
        words.say(
            f"reported_{kind}",
            layers="; ".join(
                f"{words.layer(layer)}: {n}" for layer, n in sorted(counts[kind].items())
            ),
        )
        for kind in _REPORTED
        if kind in counts
    ]


def _sources(words: Words, outcome: OutcomeLike) -> list[list[str]]:
    """Return (what, hash) of each layer's file and of the run; paper has no room for the hash."""
    out = []
    for layer, source in outcome.layers.sources.items():
        told = words.say(
            "source", layer=words.layer(layer), file=text_of(file_name(source.path)),
            features=source.features, crs=text_of(source.crs),
        )  # fmt: skip
        sha = words.say("hash", sha=text_of(source.sha256)[:8])
        out.append([told + _dates(words, outcome, layer=layer), sha])
    record = outcome.provenance
    made = {key: text_of(plain(record.get(key))) for key in ("riskmap", "seed", "time")}
    version, seed, time = made["riskmap"] or __version__, made["seed"] or "–", made["time"] or "–"
    out.append([words.say("made_by", version=version, seed=seed, time=time), ""])
    out.append([words.say("embedded", licences=", ".join(licences())), ""])
    return out


def _dates(words: Words, outcome: OutcomeLike, *, layer: str) -> str:
    table = outcome.layers.tables.get(layer)
    for column in _DATE_COLUMNS:
        if table is not None and column in table:
            days = sorted(text for text in (text_of(plain(v))[:10] for v in table[column]) if text)
            if days:
                key = "dates" if days[0] != days[-1] else "date_one"
                return words.say(key, first=days[0], last=days[-1])
    return ""


__all__ = ["Edition", "Limits", "Marking", "Story", "season_word"]
