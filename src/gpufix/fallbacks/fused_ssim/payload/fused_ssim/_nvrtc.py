"""CUDA source to machine code by NVRTC, the run-time compiler that torch's CUDA builds bring along."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any, Callable, Sequence

import torch

from ._gpufix_tiers import Unusable

_Told = Callable[[ctypes.c_void_p, ctypes.c_void_p], int]


def cubin(source: str, options: Sequence[str]) -> bytes:
    """Raises Unusable, with the compiler's first error where it has one."""
    nvrtc = _library()
    program = ctypes.c_void_p()
    _need(nvrtc.nvrtcCreateProgram(
        ctypes.byref(program), source.encode(), b"fused_ssim.cu", 0, None, None,
    ), "nvrtcCreateProgram")  # fmt: skip
    try:
        given = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        status = nvrtc.nvrtcCompileProgram(program, len(options), given)
        if status:
            log = _told(program, nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog)
            lines = log.rstrip(b"\0").decode(errors="replace").splitlines()
            errors = [line for line in lines if "error" in line]
            raise Unusable(f"NVRTC: {(errors or lines or [f'status {status}'])[0]}")
        return _told(program, nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _library() -> Any:
    """Torch's own way to NVRTC: a library of its that is linked against the one it was built with."""
    path = Path(torch.__file__).parent / "lib" / "libcaffe2_nvrtc.so"
    try:
        library = ctypes.CDLL(str(path))
        library.nvrtcGetCUBIN  # noqa: B018  (found in what it is linked against)
    except (OSError, AttributeError) as error:
        raise Unusable(f"no NVRTC: {error}") from None
    return library


def _told(program: ctypes.c_void_p, size: _Told, content: _Told) -> bytes:
    count = ctypes.c_size_t()
    _need(size(program, ctypes.byref(count)), "a size")  # type: ignore[arg-type]
    memory = ctypes.create_string_buffer(count.value)
    _need(content(program, memory), "its output")  # type: ignore[arg-type]
    return memory.raw


def _need(status: int, what: str) -> None:
    if status:
        raise Unusable(f"NVRTC: status {status} for {what}")
