"""Meshes: normals and areas. The kernels are in the compiled module ``_C``."""

from meshkit import _C

__all__ = ["_C"]
