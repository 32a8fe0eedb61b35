"""Reads machine-code files; loads none."""
