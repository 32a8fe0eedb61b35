"""Toolkits and build tools."""
