"""Readers of project sources: pure functions from text to plain values. Nothing is run."""
