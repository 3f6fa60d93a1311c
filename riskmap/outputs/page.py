"""One HTML file that asks the network for nothing and runs no script but its own.

`Page` is the folium figure that a `RiskMap` stands in. It writes the document: the policy, the
styles, the elements' markup by place, the data as JSON and compressed lines, and the scripts, each
with its hash in the policy. What the elements say and draw is theirs.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from branca.element import CssLink, Element, Figure, JavascriptLink
from jinja2 import Environment
from markupsafe import Markup

from riskmap.errors import OutputError, Problem
from riskmap.outputs.assets import image_address, read_asset
from riskmap.outputs.payload import json_text

_DOCUMENT: Final = """<!DOCTYPE html>
<html lang="{{ language }}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{{ title }}</title>
<link rel="icon" href="data:,">
{% for style in styles %}<style>{{ style }}</style>
{% endfor %}{{ head }}
</head>
<body>
{{ top }}
<div class="rm-page">
<div class="rm-panel" id="rm-panel">{{ panel }}</div>
<main class="rm-stage" id="rm-stage">
<div class="rm-map">{{ map }}{{ over_map }}</div>
{{ below }}
</main>
</div>
{{ after }}
<noscript><p class="rm-noscript">{{ noscript }}</p></noscript>
<script type="application/json" id="rm-data">{{ data }}</script>
{% for name, text in early %}<script type="text/plain" id="{{ name }}">{{ text }}</script>
{% endfor %}{% for script in scripts %}<script>{{ script }}</script>
{% endfor %}{% for name, text in late -%}
<script type="text/plain" id="{{ name }}">{{ text }}</script>
{% endfor %}</body>
</html>
"""

_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
_STYLE_LINK = re.compile(r"<link\b[^>]*\bstylesheet\b[^>]*>", re.IGNORECASE)
_HREF = re.compile(r"""\bhref\s*=\s*["']([^"']*)["']""")
_SRC = re.compile(r"""\bsrc\s*=\s*["']([^"']*)["']""")
_SOURCE_MAP = re.compile(r"^//[#@] sourceMappingURL=.*$", re.MULTILINE)
_CSS_IMAGE = re.compile(r"url\(images/([\w.-]+)\)")


@dataclass(frozen=True)
class Content:
    """Hold what the elements put on a page.

    Attributes
    ----------
    language, title, noscript
        Of the document.
    top, panel, over_map, below, after
        Markup by place, already escaped.
    data
        What the scripts read, written as JSON.
    early, late
        Compressed lines, (element id, base64), before and after the scripts: what is first to be
        drawn comes first.
    styles, scripts
        The project's own.
    image_origin
        Where an online tile layer comes from ("" for none).
    """

    language: str
    title: str
    noscript: str
    top: str
    panel: str
    over_map: str
    below: str
    after: str
    data: Any
    early: Sequence[tuple[str, str]]
    late: Sequence[tuple[str, str]]
    styles: Sequence[str]
    scripts: Sequence[str]
    image_origin: str = ""


class Page(Figure):  # type: ignore[no-untyped-call, unused-ignore]
    """Hold a `RiskMap` and write it, and what was added to it, as one self-contained file.

    Parameters
    ----------
    content
        What the map's elements put on the page.
    """

    def __init__(self, content: Content) -> None:
        super().__init__(height="640px")
        self.content = content
        self.closing = ""

    def render(self, **kwargs: Any) -> str:
        """Return the whole document.

        Raises
        ------
        OutputError
            An element that was added to the map wants a file that no package here holds.
        """
        for child in list(self._children.values()):
            child.render(**kwargs)
        libraries, sheets, head = self._header(**kwargs)
        body = _inline_links(str(self.html.render(**kwargs)))
        called = str(self.script.render(**kwargs)) + "\n" + self.closing
        _refuse_icons(called)
        inline = [fixed for text in (head, body) for fixed in _inline_scripts(text)]
        scripts = [script_text(s) for s in (*libraries, *self.content.scripts, called)]
        return self._document(
            scripts=scripts,
            policy=_policy([*scripts, *inline], image_origin=self.content.image_origin),
            styles=[style_text(s) for s in (*sheets, *self.content.styles)],
            head=head,
            body=body,
        )

    def _header(self, **kwargs: Any) -> tuple[list[str], list[str], str]:
        """Return the libraries, the style sheets, and what else folium put into the header."""
        libraries, sheets, rest = [], [], []
        # branca gives no other way to what folium put into the header.
        for name, child in self.header._children.items():  # noqa: SLF001
            if isinstance(child, JavascriptLink):
                libraries.append(read_asset(child.url))
            elif isinstance(child, CssLink):
                sheets.append(read_asset(child.url))
            elif name != "meta_http":
                rest.append(_inline_links(str(child.render(**kwargs))))
        return libraries, sheets, "\n".join(rest)

    def _document(
        self, *, scripts: list[str], policy: str, styles: list[str], head: str, body: str
    ) -> str:
        content = self.content
        template = Environment(autoescape=True).from_string(_DOCUMENT)
        return template.render(
            language=content.language,
            title=content.title,
            noscript=content.noscript,
            policy=policy,
            styles=[_safe(s) for s in styles],
            head=_safe(head),
            map=_safe(body),
            top=_safe(content.top),
            panel=_safe(content.panel),
            over_map=_safe(content.over_map),
            below=_safe(content.below),
            after=_safe(content.after),
            data=_safe(json_text(content.data)),
            early=[(name, _safe(text)) for name, text in content.early],
            late=[(name, _safe(text)) for name, text in content.late],
            scripts=[_safe(s) for s in scripts],
        )


def _safe(text: str) -> Markup:
    """Mark text as markup: written by the project, or made safe here; all else is escaped."""
    return Markup(text)  # noqa: S704 (its callers stand in this module)


def script_text(text: str) -> str:
    r"""Return a script that an HTML parser reads to its end, and that asks for no source map.

    Examples
    --------
    >>> script_text('f("</script>")')
    'f("<\\/script>")'
    """
    text = _SOURCE_MAP.sub("", text.replace("\r\n", "\n"))
    text = re.sub(r"</(?=script)", r"<\\/", text, flags=re.IGNORECASE)
    return text.replace("<!--", "<\\!--")


def style_text(text: str) -> str:
    """Return a style sheet with Leaflet's own images inside, and nothing that ends it early."""
    text = _CSS_IMAGE.sub(lambda found: f'url("{image_address(found[1])}")', text)
    return text.replace("</", "<\\/")


def _policy(scripts: Iterable[str], *, image_origin: str) -> str:
    hashes = " ".join(
        "'sha256-"
        + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
        + "'"
        for script in scripts
    )
    images = " ".join(["data:", "blob:", *([image_origin] if image_origin else [])])
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src {images}; "
        "font-src data:; connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _inline_links(text: str) -> str:
    """Replace linked style sheets and scripts in markup by their text."""

    def sheet(found: re.Match[str]) -> str:
        href = _HREF.search(found[0])
        return f"<style>{style_text(read_asset(href[1]))}</style>" if href else ""

    def script(found: re.Match[str]) -> str:
        source = _SRC.search(found[1])
        return f"<script>{script_text(read_asset(source[1]))}</script>" if source else found[0]

    return _SCRIPT.sub(script, _STYLE_LINK.sub(sheet, text))


def _inline_scripts(text: str) -> list[str]:
    return [body for attributes, body in _SCRIPT.findall(text) if "json" not in attributes]


def _refuse_icons(script: str) -> None:
    """Refuse folium's icon fonts: they are 1.6 MB that no package of this project holds."""
    if "AwesomeMarkers" in script:
        raise OutputError(
            Problem(
                "map",
                "folium.Icon",
                "its pictures are a font from the network, and the page is to work without",
                "give the marker a folium.DivIcon, or no icon",
            )
        )


__all__ = ["Content", "Element", "Page", "script_text", "style_text"]
