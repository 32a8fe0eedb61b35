"""Boxes: areas and overlaps."""
