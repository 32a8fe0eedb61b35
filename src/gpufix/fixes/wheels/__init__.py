"""Repairs of installed distributions."""
