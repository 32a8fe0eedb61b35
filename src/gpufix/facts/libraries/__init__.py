"""Compiled libraries of the environment: owners, GPU code, loader verdicts."""
