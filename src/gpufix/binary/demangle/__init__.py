"""C++ names for messages: demangled here, without the patient's libstdc++."""

from gpufix.binary.demangle.demangler import demangle

__all__ = ["demangle"]
