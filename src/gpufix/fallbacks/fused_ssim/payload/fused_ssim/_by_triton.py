"""The kernels of _triton.py, launched by Triton first and then by NVIDIA's driver itself."""

from __future__ import annotations

from typing import Any

import torch
import triton
from torch import Tensor

from ._cut import BLOCK
from ._driver import Launch, launch_of
from ._launch import Kernels, Work, on, remember, stream_of, units
from ._triton import _backward, _forward

RESIDENT = 5, 6  # programs that fit a multiprocessor: of _forward, of _backward


def by_triton(device: torch.device) -> Kernels:
    warps, count = BLOCK // _wave(device), units(device)
    slots = RESIDENT[0] * count, RESIDENT[1] * count
    return Kernels(device, _Kernel(_forward, warps), _Kernel(_backward, warps), slots)


class _Kernel:
    """A kernel of ``_triton``. Triton's way to the code it has compiled costs more than a small
    image does, so that code is kept, for each mode and type of argument."""

    def __init__(self, function: Any, warps: int) -> None:
        self._function = function
        self._compiled: dict[tuple[Any, ...], Any] = {}
        self._launches: dict[tuple[Any, ...], Launch | None] = {}
        version = tuple(int(part) for part in triton.__version__.split(".")[:2])
        self._takes_constants = version >= (3, 3)
        self._keeps = version >= (3, 0)
        self._options: dict[str, Any] = {"num_warps": warps}
        if version >= (3, 0):  # the filters are multiply-adds; Triton 3.10 no longer fuses unasked
            self._options["enable_fp_fusion"] = True

    def __call__(self, work: Work, pointers: tuple[Tensor, ...], modes: tuple[bool, ...]) -> None:
        if work.programs == 0:
            return
        device = pointers[0].device
        with on(device):
            # Addresses: of a tensor the launcher would ask the driver whether the device can read it.
            addresses = [tensor.data_ptr() for tensor in pointers]
            launch = self._launches.get((work, modes))
            if launch is None or not launch(work.programs, addresses, stream_of(device)):
                self._by_triton(work, pointers, addresses, modes)

    def launch(self, work: Work, modes: tuple[bool, ...]) -> Launch | None:
        """The driver's launch of it, where there has been one."""
        return self._launches.get((work, modes))

    def _by_triton(
        self,
        work: Work,
        pointers: tuple[Tensor, ...],
        addresses: list[int],
        modes: tuple[bool, ...],
    ) -> None:
        programs, numbers = work
        large = pointers[0].numel() >= 2**31  # the size is another type then
        constants = (*modes, BLOCK)
        compiled = self._compiled.get((constants, large))
        if compiled is None:
            run = self._function[(programs,)]
            compiled = run(*pointers, *numbers, *constants, **self._options)
            if self._keeps and hasattr(compiled, "function"):
                self._compiled[constants, large] = compiled
            return
        remember(self._launches, (work, modes), launch_of(compiled, len(pointers), numbers))
        if self._takes_constants:
            compiled[(programs, 1, 1)](*addresses, *numbers, *constants)
        else:
            compiled[(programs, 1, 1)](*addresses, *numbers)


def _wave(device: torch.device) -> int:
    """Threads of a wave."""
    if device.type != "cuda" or torch.version.hip is None:
        return 32
    properties = torch.cuda.get_device_properties(device)
    name = getattr(properties, "gcnArchName", "")
    return getattr(properties, "warp_size", 64 if name.startswith(("gfx8", "gfx9")) else 32)
