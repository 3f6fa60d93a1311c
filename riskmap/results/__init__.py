"""Results: scored arrays turned into tables with names, units and reasons."""
