"""Honest comparisons: medians, against peers, in one run; `make bench` runs them all."""
