"""Builds of extension folders."""
