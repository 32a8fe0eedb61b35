"""A doctor and auto-fixer for Python environments that run GPU code."""

__version__ = "0.1.0"
