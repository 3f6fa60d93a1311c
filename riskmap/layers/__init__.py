"""Layers: from the sources that people have to canonical tables that have been checked once."""

from riskmap.layers.read import Layers, read_layers
from riskmap.layers.sources import Source

__all__ = ["Layers", "Source", "read_layers"]
