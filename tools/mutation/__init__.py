"""Mutants of gpufix's sources, and the tests that must notice them: tools/mutants.py."""
