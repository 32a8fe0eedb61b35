"""Edits of the project's source."""
