"""A doctor and auto-fixer for Python environments that run GPU code.

From Python: `gpufix.diagnose()`, `gpufix.plan()` and `gpufix.explain_error()` (docs/api.md).
"""

__version__ = "0.2.0"
__all__ = ["GpufixError", "Report", "diagnose", "explain_error", "plan"]


def __getattr__(name: str) -> object:
    """Nothing is loaded before it is used: `import gpufix` takes a millisecond."""
    if name not in __all__:
        raise AttributeError(f"module 'gpufix' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module("gpufix.api"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
