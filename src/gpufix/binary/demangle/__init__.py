"""C++ names for messages: demangled here, without the patient's libstdc++."""

from .front import demangle

__all__ = ["demangle"]
