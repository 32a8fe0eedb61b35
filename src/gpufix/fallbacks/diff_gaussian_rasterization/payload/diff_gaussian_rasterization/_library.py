"""The compiled library, through ctypes. The structs are those of gaussians_project.cuh and splat.cuh."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, byref, c_char_p, c_float, c_int, c_size_t, c_uint, c_void_p
from functools import lru_cache
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("_gaussians.so")
NO_CODE = (98, 209)  # cudaErrorInvalidDeviceFunction (HIP's too), cudaErrorNoKernelImageForDevice


class Gaussians(Structure):
    _fields_ = (
        ("n", c_int), ("degree", c_int), ("sh_stride", c_int), ("means", c_void_p),
        ("scales", c_void_p), ("rotations", c_void_p), ("covariances", c_void_p),
        ("opacities", c_void_p), ("sh", c_void_p), ("colors", c_void_p),
    )  # fmt: skip


class View(Structure):
    _fields_ = (
        ("width", c_int), ("height", c_int), ("antialiasing", c_int), ("tan_x", c_float),
        ("tan_y", c_float), ("scale_modifier", c_float), ("view", c_void_p),
        ("projection", c_void_p), ("eye", c_void_p), ("background", c_void_p),
    )  # fmt: skip


class Gradient(Structure):
    _fields_ = (
        ("means", c_void_p), ("screen", c_void_p), ("scales", c_void_p), ("rotations", c_void_p),
        ("covariances", c_void_p), ("opacities", c_void_p), ("sh", c_void_p), ("colors", c_void_p),
    )  # fmt: skip


class Frame(Structure):
    """What one image's calls hand to each other: addresses within their workspaces."""

    _fields_ = (
        ("splats", c_void_p), ("count", c_void_p), ("order", c_void_p), ("end", c_void_p),
        ("ranges", c_void_p), ("list", c_void_p), ("total", c_void_p), ("radii", c_void_p),
        ("instances", c_uint),
    )  # fmt: skip


_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "scene_bytes": (c_size_t, c_int, POINTER(View)),
    "list_bytes": (c_size_t, c_uint),
    "sums_bytes": (c_size_t, c_int, c_int),
    "error": (c_char_p, c_int),
    "prepare": (
        c_int, POINTER(Gaussians), POINTER(View), c_void_p, c_void_p, POINTER(Frame), c_void_p,
        c_void_p,
    ),
    "render": (
        c_int, POINTER(Gaussians), POINTER(View), POINTER(Frame), c_void_p, c_void_p, c_void_p,
        c_void_p, c_void_p,
    ),
    "backward": (
        c_int, POINTER(Gaussians), POINTER(View), POINTER(Frame), c_void_p, c_void_p, c_void_p,
        c_void_p, POINTER(Gradient), c_void_p,
    ),
}  # fmt: skip


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """Raises RuntimeError where the library is not there or does not load."""
    try:
        loaded = ctypes.CDLL(str(PATH))
    except OSError as error:
        raise RuntimeError(f"diff_gaussian_rasterization (gpufix): {error}") from error
    for name, (result, *arguments) in _SIGNATURES.items():
        function = loaded[f"gpufix_gaussians_{name}"]
        function.restype, function.argtypes = result, arguments
        setattr(loaded, name, function)
    return loaded


def size(name: str, *arguments: Any) -> int:
    """Bytes of a workspace."""
    return int(getattr(library(), name)(*arguments))


def call(name: str, *arguments: Any) -> None:
    """Queues work. Raises RuntimeError in the runtime's words."""
    structs = (byref(a) if isinstance(a, Structure) else a for a in arguments)
    status = getattr(library(), name)(*structs)
    if status:
        said = library().error(status).decode(errors="replace")
        hint = "; install the fallback again for this GPU" if status in NO_CODE else ""
        raise RuntimeError(f"diff_gaussian_rasterization (gpufix), {name}: {said}{hint}")
