"""Kernels launched by NVIDIA's driver itself: our own, and those that Triton has compiled.

Triton's own way to a launch costs the host more than a small image costs the GPU. Arguments lie ready
in memory; only addresses change between calls. Of Triton's, whatever is not as expected here is Triton's to launch.
"""

from __future__ import annotations

import ctypes
import threading
from functools import lru_cache
from typing import Any, Sequence

import torch

_TYPES: dict[str, Any] = {
    "i32": ctypes.c_int32,
    "i64": ctypes.c_int64,
    "fp32": ctypes.c_float,
    "fp64": ctypes.c_double,
}
_UNUSED = 4  # pointers to scratch memory that some versions pass behind the arguments


@lru_cache(maxsize=8)
def function(name: str) -> Any:
    """One of the driver's; None where there is none. It is called with Python's lock held."""
    for library in ("libcuda.so.1", "nvcuda.dll"):
        try:
            return getattr(ctypes.PyDLL(library), name)
        except (OSError, AttributeError):
            continue
    return None


def address(name: str) -> int | None:
    """Where a function of the driver's is."""
    found = function(name)
    return None if found is None else ctypes.cast(found, ctypes.c_void_p).value


@lru_cache(maxsize=1)
def _cu_launch_kernel() -> Any:
    launch = function("cuLaunchKernel")
    if launch is not None:
        launch.argtypes = [ctypes.c_void_p, *[ctypes.c_uint] * 7, *[ctypes.c_void_p] * 3]
        launch.restype = ctypes.c_int
    return launch


class Launch:
    """One kernel with the numbers of one shape."""

    def __init__(self, function: int, threads: int, shared: int, values: Sequence[Any]) -> None:
        self._call, self._lock = _cu_launch_kernel(), threading.Lock()
        self._function, self._threads, self._shared = function, threads, shared
        self._values = [*values, *(ctypes.c_void_p() for _ in range(_UNUSED))]
        self._pointers = [v for v in values if isinstance(v, ctypes.c_void_p)]
        places = [ctypes.addressof(value) for value in self._values]
        self._parameters = (ctypes.c_void_p * len(places))(*places)

    def __call__(self, programs: int, addresses: Sequence[int], stream: int) -> bool:
        """Whether the driver took it. In a thread without a context it does not."""
        with self._lock:
            for value, address in zip(self._pointers, addresses):
                value.value = address
            status = self._call(
                self._function, programs, 1, 1, self._threads, 1, 1, self._shared, stream,
                self._parameters, None,
            )  # fmt: skip
        return bool(status == 0)

    def told(self, programs: int) -> tuple[int, int, int, int, bytes]:
        """For C++: the function, threads, shared bytes, programs, and eight bytes a number."""
        numbers = self._values[len(self._pointers) : -_UNUSED]
        raw = b"".join(bytes(number).ljust(8, b"\0") for number in numbers)
        return self._function, self._threads, self._shared, programs, raw


def values_of(pointers: int, kinds: Sequence[str], numbers: Sequence[float]) -> list[Any]:
    """What a kernel takes: pointers, and numbers of these types."""
    given: list[Any] = [_TYPES[kind](number) for kind, number in zip(kinds, numbers)]
    return [ctypes.c_void_p() for _ in range(pointers)] + given


def launch_of(compiled: Any, pointers: int, numbers: Sequence[float]) -> Launch | None:
    """For a kernel that has run once: its pointers come first, then its numbers."""
    try:
        if torch.version.hip is not None or _cu_launch_kernel() is None:
            return None
        about = compiled.metadata
        plain = about.num_ctas == 1 and not getattr(about, "launch_cooperative_grid", False)
        scratch = getattr(about, "global_scratch_size", 0) or getattr(
            about, "profile_scratch_size", 0
        )
        if not plain or scratch or getattr(about, "launch_pdl", False):
            return None
        kinds = [kind for kind in compiled.src.signature.values() if kind != "constexpr"]
        if len(kinds) != pointers + len(numbers) or not isinstance(compiled.function, int):
            return None
        if not all(kind.startswith("*") for kind in kinds[:pointers]):
            return None
        values = values_of(pointers, kinds[pointers:], numbers)
        return Launch(compiled.function, 32 * about.num_warps, about.shared, values)
    except (AttributeError, KeyError, TypeError):
        return None
