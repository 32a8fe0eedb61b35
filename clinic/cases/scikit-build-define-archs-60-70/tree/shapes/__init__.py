"""Overlaps of shapes."""
