"""Decisions: where checkpoints go, how hours are spent, and what a change does (model §8)."""
