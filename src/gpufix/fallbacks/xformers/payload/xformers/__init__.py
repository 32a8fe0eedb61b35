"""xformers' attention over torch's own.

Stands in for xformers where its extension has no code for the GPU or does not load. There is no
compiled library: ``_has_cpp_library`` says so to those who ask.
"""

from __future__ import annotations

from .version import __version__

_has_cpp_library = False
_is_opensource = True
_is_functorch_available = False

__all__ = ["__version__"]
