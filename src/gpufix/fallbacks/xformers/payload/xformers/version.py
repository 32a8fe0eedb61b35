"""The version, as the original has it."""

__version__ = "0.0.30+gpufix"
