"""Repairs of JIT caches and locks."""
