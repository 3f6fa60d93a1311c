"""The model over flat arrays: demand, patrols, routes, scores, corridors (model §2–6)."""
