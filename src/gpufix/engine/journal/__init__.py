"""Kept bytes, journal, lock and undo."""
