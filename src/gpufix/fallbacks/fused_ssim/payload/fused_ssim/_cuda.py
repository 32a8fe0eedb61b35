"""The CUDA kernels of _kernels.cu: compiled by NVRTC, loaded and launched by NVIDIA's driver."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ._cut import cut
from ._driver import Launch, function, values_of
from ._eager import Plan
from ._gpufix_tiers import Unusable
from ._launch import Kernels, Work, on, planes_of, remember, stream_of, units
from ._nvrtc import cubin
from ._window import C1, C2, WEIGHTS

RESIDENT = 8, 10  # blocks that are to fit a multiprocessor: of forward, of backward
FUSED_RESIDENT, FUSED_COLUMNS, FUSED_MORE = 2, 246, 22  # as for cut(): ssim.cuh
SCALED_RESIDENT, SCALED_VALUES = 6, 4096  # values of a block's turn
OPTIONS = "-std=c++17", "-DGPUFIX_SSIM_CLAMPED", f"-I{Path(__file__).parent}"


class Interface(NamedTuple):
    """Of a kernel of _kernels.cu: threads of a block, and what it takes."""

    name: str
    threads: int
    pointers: int
    numbers: tuple[str, ...]  # behind the pointers


_INTEGER, _LONG, _FLOAT, _DOUBLE = "i32", "i64", "fp32", "fp64"
_SIZES = _INTEGER, _INTEGER, _LONG, *[_INTEGER] * 3
INTERFACES = (
    Interface("forward", 64, 7, (*_SIZES, _INTEGER, *[_FLOAT] * 3, *[_INTEGER] * 3)),
    Interface("backward", 64, 5, (*_SIZES, _FLOAT, _INTEGER)),
    Interface("fused", 256, 7, (*[_INTEGER] * 6, _FLOAT, _DOUBLE)),
    Interface("scaled", 256, 5, (_LONG,)),
)


class Cuda(Kernels):
    """As Kernels; the mean comes with its gradient, which the backward pass only scales."""

    def __init__(self, device: torch.device) -> None:
        if device.type != "cuda" or torch.version.hip is not None:
            raise Unusable("not a GPU of NVIDIA's")
        forward, backward, self._fused, self._scaled = (
            _Kernel(interface, function)
            for interface, function in zip(INTERFACES, _functions(device))
        )
        self._units = units(device)
        slots = RESIDENT[0] * self._units, RESIDENT[1] * self._units
        super().__init__(device, forward, backward, slots)
        self._works: dict[Any, tuple[Work, Work]] = {}

    def defers_gradient(self, x: Tensor) -> bool:
        return True

    def mean(
        self, x: Tensor, y: Tensor, c1: float, c2: float, radius: int, margin: int, keep: bool
    ) -> tuple[Tensor, Tensor | None]:
        if not keep or (c1, c2) != (C1, C2) or min(x.shape[2:]) <= 2 * margin or not x.numel():
            return super().mean(x, y, c1, c2, radius, margin, keep)
        work = self._work(x, margin)[0]
        mean, gradient = x.new_empty(()), torch.empty_like(x)
        counter, partial = self._scratch(x.device, work.programs)
        self._fused(work, (x, y, x, gradient, partial, counter, mean), ())
        return mean, gradient

    def mean_backward(
        self,
        x: Tensor,
        y: Tensor,
        derivatives: Tensor,
        chain: Tensor | None,
        count: int,
        radius: int,
    ) -> Tensor:
        if derivatives.dim() != x.dim():
            return super().mean_backward(x, y, derivatives, chain, count, radius)
        gradient = torch.empty_like(x)
        chain = self._one if chain is None else chain
        self._scaled(self._work(x, 0)[1], (x, y, derivatives, chain, gradient), ())
        return gradient

    def plan(self, x: Tensor, c1: float, c2: float, margin: int) -> Plan | None:
        if (c1, c2) != (C1, C2) or (x.shape, margin) not in self._works:
            return None
        first, then = self._work(x, margin)
        told = (
            self._fused.launch(first, ()).told(first.programs),
            self._scaled.launch(then, ()).told(then.programs),
        )
        scratch = self._scratch(x.device, first.programs)
        return Plan(stream_of(x.device), *told, *scratch, self._one, True, 1)

    def _work(self, x: Tensor, margin: int) -> tuple[Work, Work]:
        """Of fused and of scaled."""
        key = x.shape, margin
        works = self._works.get(key)
        if works is None:
            planes, height, width = planes_of(x)
            slots = FUSED_RESIDENT * self._units
            share = cut(planes, height, width, slots, FUSED_COLUMNS, FUSED_MORE)
            count = planes * (height - 2 * margin) * (width - 2 * margin)
            scale = 1.0 / max(count, 1)
            turns = min(-(-x.numel() // SCALED_VALUES), SCALED_RESIDENT * self._units)
            numbers = height, width, share.strips, share.segments, share.rows, margin, scale, scale
            works = Work(share.programs, numbers), Work(turns, (x.numel(),))
            remember(self._works, key, works)
        return works


def source() -> str:
    """What is compiled."""
    defined = {
        "WEIGHTS": ", ".join(f"{weight!r}f" for weight in WEIGHTS),
        "FORWARD_BLOCKS": RESIDENT[0],
        "BACKWARD_BLOCKS": RESIDENT[1],
    }
    lines = [f"#define {name} {value}\n" for name, value in defined.items()]
    return "".join(lines) + Path(__file__).with_name("_kernels.cu").read_text("utf-8")


def _functions(device: torch.device) -> list[int]:
    """The driver's handles; the module that holds them stays as long as the process."""
    load, find = function("cuModuleLoadData"), function("cuModuleGetFunction")
    if load is None or find is None:
        raise Unusable("the driver's library cannot be opened")
    major, minor = torch.cuda.get_device_capability(device)
    code = cubin(source(), (f"-arch=sm_{major}{minor}", *OPTIONS))
    module, found = ctypes.c_void_p(), []
    with on(device):
        torch.zeros((), device=device)  # gives the thread its context
        if status := load(ctypes.byref(module), code):
            raise Unusable(f"cuModuleLoadData: status {status}")
        for name, *_ in INTERFACES:
            handle = ctypes.c_void_p()
            if status := find(ctypes.byref(handle), module, name.encode()):
                raise Unusable(f"cuModuleGetFunction: status {status}")
            found.append(int(handle.value or 0))
    return found


class _Kernel:
    """One of them. Its launch is kept for each shape and mode."""

    def __init__(self, interface: Interface, function: int) -> None:
        self._interface, self._function = interface, function
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
            _, threads, pointers, kinds = self._interface
            values = values_of(pointers, kinds, (*work.numbers, *modes))
            launch = Launch(self._function, threads, 0, values)
            remember(self._launches, (work, modes), launch)
        return launch
