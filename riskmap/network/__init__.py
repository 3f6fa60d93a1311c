"""The waterway graph: reaches, attached sites, travel times, arcs (model §1)."""
