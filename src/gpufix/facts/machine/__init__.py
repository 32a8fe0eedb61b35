"""The machine: system, GPUs, drivers, caches."""
