"""The CUDA kernels of _kernels.cu: compiled by NVRTC, loaded and launched by NVIDIA's driver."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any, Sequence

import torch
from torch import Tensor

from ._cut import MOST_SHAPES
from ._driver import Launch, function, values_of
from ._gpufix_tiers import Unusable
from ._launch import Kernels, Work, on, stream_of, units
from ._nvrtc import cubin
from ._window import WEIGHTS

THREADS = 64
RESIDENT = 8, 10  # blocks that are to fit a multiprocessor: of forward, of backward
_POINTERS = {"forward": 7, "backward": 5}
# The numbers behind the pointers, the modes included.
_NUMBERS = {
    "forward": ["i32", "i32", "i64", *["i32"] * 4, *["fp32"] * 3, *["i32"] * 3],
    "backward": ["i32", "i32", "i64", *["i32"] * 3, "fp32", "i32"],
}


def cuda(device: torch.device) -> Kernels:
    """Raises Unusable."""
    if device.type != "cuda" or torch.version.hip is not None:
        raise Unusable("not a GPU of NVIDIA's")
    names = "forward", "backward"
    forward, backward = (_Kernel(name, it) for name, it in zip(names, _functions(device, names)))
    count = units(device)
    return Kernels(device, forward, backward, (RESIDENT[0] * count, RESIDENT[1] * count))


def source() -> str:
    """What is compiled."""
    defined = {
        "WEIGHTS": ", ".join(f"{weight!r}f" for weight in WEIGHTS),
        "FORWARD_BLOCKS": RESIDENT[0],
        "BACKWARD_BLOCKS": RESIDENT[1],
    }
    lines = [f"#define {name} {value}\n" for name, value in defined.items()]
    return "".join(lines) + Path(__file__).with_name("_kernels.cu").read_text("utf-8")


def _functions(device: torch.device, names: Sequence[str]) -> list[int]:
    """The driver's handles; the module that holds them stays as long as the process."""
    load, find = function("cuModuleLoadData"), function("cuModuleGetFunction")
    if load is None or find is None:
        raise Unusable("the driver's library cannot be opened")
    major, minor = torch.cuda.get_device_capability(device)
    code = cubin(source(), [f"--gpu-architecture=sm_{major}{minor}", "--std=c++17"])
    module, found = ctypes.c_void_p(), []
    with on(device):
        torch.zeros((), device=device)  # gives the thread its context
        if status := load(ctypes.byref(module), code):
            raise Unusable(f"cuModuleLoadData: status {status}")
        for name in names:
            handle = ctypes.c_void_p()
            if status := find(ctypes.byref(handle), module, name.encode()):
                raise Unusable(f"cuModuleGetFunction: status {status}")
            found.append(int(handle.value or 0))
    return found


class _Kernel:
    """One of them. Its launch is kept for each shape and mode."""

    def __init__(self, name: str, function: int) -> None:
        self._function, self._pointers, self._kinds = function, _POINTERS[name], _NUMBERS[name]
        self._launches: dict[Any, Launch] = {}

    def __call__(self, work: Work, pointers: tuple[Tensor, ...], modes: tuple[bool, ...]) -> None:
        if work.programs == 0:
            return
        device = pointers[0].device
        launch = self.launch(work, modes)
        addresses = [tensor.data_ptr() for tensor in pointers]
        with on(device):
            if not launch(work.programs, addresses, stream_of(device)):
                torch.zeros((), device=device)  # gives a new thread its context
                if not launch(work.programs, addresses, stream_of(device)):
                    raise RuntimeError("fused_ssim (gpufix): the driver refuses the kernel")

    def launch(self, work: Work, modes: tuple[bool, ...]) -> Launch:
        launch = self._launches.get((work, modes))
        if launch is None:
            if len(self._launches) >= MOST_SHAPES:
                self._launches.clear()
            values = values_of(self._pointers, self._kinds, (*work.numbers, *modes))
            launch = Launch(self._function, THREADS, 0, values)
            self._launches[work, modes] = launch
        return launch
