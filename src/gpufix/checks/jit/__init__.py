"""JIT7xx: stale builds, JIT caches and locks."""
