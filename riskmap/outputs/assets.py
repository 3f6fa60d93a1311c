"""The third-party files that a page embeds, each from a package that pip installs.

No third-party script is part of the project: the address that folium names is looked up in a
table, and the file comes from `xstatic-leaflet` or `xstatic-jquery`. An address that is not in the
table is an error, never a request.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from importlib.resources import files

from riskmap.errors import OutputError, Problem


@dataclass(frozen=True, slots=True)
class Asset:
    """Name the package file that stands in for an address, and its licence.

    Attributes
    ----------
    package
        Import name of the package whose `data` folder holds the file.
    path
        Path inside that folder.
    title, licence
        What the page says about it.
    """

    package: str
    path: str
    title: str
    licence: str


LEAFLET_JS = "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet.js"
LEAFLET_CSS = "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet.css"
JQUERY_JS = "https://code.jquery.com/jquery-3.7.1.min.js"

ASSETS: dict[str, Asset] = {
    LEAFLET_JS: Asset("xstatic.pkg.leaflet", "leaflet.js", "Leaflet 1.9.3", "BSD-2-Clause"),
    LEAFLET_CSS: Asset("xstatic.pkg.leaflet", "leaflet.css", "Leaflet 1.9.3", "BSD-2-Clause"),
    JQUERY_JS: Asset("xstatic.pkg.jquery", "jquery.min.js", "jQuery 3.7.1", "MIT"),
}


def read_asset(address: str) -> str:
    """Return the text of the file that stands in for an address.

    Raises
    ------
    OutputError
        The address is not in the table: the page would have to ask the network for it.
    """
    asset = ASSETS.get(address)
    if asset is None:
        raise OutputError(
            Problem(
                "map",
                address,
                "a map element wants a file from the network, and the page is to work without",
                "remove that element, or use one that needs Leaflet and jQuery only",
            )
        )
    raw = (files(asset.package) / "data" / asset.path).read_bytes()
    # Line ends count in the hash of a script, and differ between wheels.
    return raw.decode("utf-8").replace("\r\n", "\n")


def image_address(name: str) -> str:
    """Return one of Leaflet's own images as a `data:` address."""
    raw = (files("xstatic.pkg.leaflet") / "data" / "images" / name).read_bytes()
    return "data:image/png;base64," + base64.b64encode(raw).decode("ascii")


def licences() -> list[str]:
    """Return a line for each third-party work that a page embeds."""
    return sorted({f"{asset.title} ({asset.licence})" for asset in ASSETS.values()})
