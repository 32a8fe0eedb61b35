"""ABI3xx: C++ ABI, libstdc++ and glibc versions, NumPy's ABI, Python tags."""
