"""Launches of the Triton kernels."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import triton
from torch import Tensor

from ._cut import BLOCK, cut
from ._driver import Launch, launch_of
from ._eager import Eager
from ._triton import _backward, _forward
from ._window import RADIUS

LARGE = 12_000_000  # values: the GPU takes longer than the host's way through a backward pass
MOST_SHAPES = 256
RESIDENT = 5, 6  # programs that fit a multiprocessor: of _forward, of _backward


class Triton(Eager):
    """One device's kernels: float32 images and the original's window."""

    def __init__(self, device: torch.device) -> None:
        warps, units = BLOCK // _wave(device), _units(device)
        self._one = torch.ones((), device=device)
        self._counters: dict[int, Tensor] = {}  # by stream: kernels of one stream take turns
        self._forward_kernel = _Kernel(_forward, warps)
        self._backward_kernel = _Kernel(_backward, warps)
        self._slots = RESIDENT[0] * units, RESIDENT[1] * units

    def serves(self, x: Tensor, radius: int) -> bool:
        return x.dim() == 4 and radius == RADIUS and x.dtype == torch.float32

    def forward(
        self, x: Tensor, y: Tensor, c1: float, c2: float, radius: int, keep: bool
    ) -> tuple[Tensor, Tensor | None]:
        map_, derivatives = torch.empty_like(x), _room(x, keep)
        self._forward(x, y, map_, derivatives, None, 0, c1, c2, 1.0)
        return map_, derivatives

    def backward(
        self, x: Tensor, y: Tensor, derivatives: Tensor, chain: Tensor | None, radius: int
    ) -> Tensor:
        if chain is None:
            return self._backward(x, y, derivatives, self._one, 1.0, False)
        return self._backward(x, y, derivatives, chain, 1.0, True)

    def defers_gradient(self, x: Tensor) -> bool:
        return x.numel() > LARGE

    def mean(
        self, x: Tensor, y: Tensor, c1: float, c2: float, radius: int, margin: int, keep: bool
    ) -> tuple[Tensor, Tensor | None]:
        planes, height, width = _planes(x)
        count = planes * max(height - 2 * margin, 0) * max(width - 2 * margin, 0)
        derivatives = _room(x, keep)
        if count == 0:
            return x.new_full(
                (), float("nan")
            ), None if derivatives is None else derivatives.zero_()
        mean = x.new_empty(())
        self._forward(x, y, None, derivatives, mean, margin, c1, c2, 1.0 / count)
        return mean, derivatives

    def mean_backward(
        self,
        x: Tensor,
        y: Tensor,
        derivatives: Tensor,
        chain: Tensor | None,
        count: int,
        radius: int,
    ) -> Tensor:
        chain = self._one if chain is None else chain
        return self._backward(x, y, derivatives, chain, 1.0 / max(count, 1), False)

    def _forward(
        self,
        x: Tensor,
        y: Tensor,
        map_: Tensor | None,
        derivatives: Tensor | None,
        mean: Tensor | None,
        margin: int,
        c1: float,
        c2: float,
        scale: float,
    ) -> None:
        planes, height, width = _planes(x)
        share = cut(planes, height, width, self._slots[0])
        if share.programs == 0:
            return
        partial = None if mean is None else x.new_empty(share.programs)
        done = None if mean is None else self._counter(x)
        pointers = tuple(
            x if p is None else p for p in (x, y, map_, derivatives, partial, done, mean)
        )
        numbers = (
            height, width, x.numel(), share.strips, share.segments, share.rows, margin, c1, c2, scale,
        )  # fmt: skip
        modes = map_ is not None, derivatives is not None, mean is not None
        self._forward_kernel(share.programs, pointers, numbers, modes)

    def _counter(self, x: Tensor) -> Tensor:
        """An int32 that is 0, and is so again when the kernel ends. A graph that is captured gets its own."""
        if x.device.type != "cuda" or torch.cuda.is_current_stream_capturing():
            return torch.zeros((), dtype=torch.int32, device=x.device)
        stream = _stream(x.device)
        if stream not in self._counters:
            self._counters[stream] = torch.zeros((), dtype=torch.int32, device=x.device)
        return self._counters[stream]

    def _backward(
        self, x: Tensor, y: Tensor, derivatives: Tensor, chain: Tensor, scale: float, each: bool
    ) -> Tensor:
        gradient = torch.empty_like(x)
        planes, height, width = _planes(x)
        share = cut(planes, height, width, self._slots[1])
        if share.programs == 0:
            return gradient
        numbers = height, width, x.numel(), share.strips, share.segments, share.rows, scale
        pointers = (x, y, derivatives, chain, gradient)
        self._backward_kernel(share.programs, pointers, numbers, (each,))
        return gradient


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

    def __call__(
        self,
        programs: int,
        pointers: tuple[Tensor, ...],
        numbers: tuple[float, ...],
        modes: tuple[bool, ...],
    ) -> None:
        device = pointers[0].device
        with _on(device):
            # Addresses: of a tensor the launcher would ask the driver whether the device can read it.
            addresses = [tensor.data_ptr() for tensor in pointers]
            launch = self._launches.get((numbers, modes))
            if launch is None or not launch(programs, addresses, _stream(device)):
                self._by_triton(programs, pointers, addresses, numbers, modes)

    def _by_triton(
        self,
        programs: int,
        pointers: tuple[Tensor, ...],
        addresses: list[int],
        numbers: tuple[float, ...],
        modes: tuple[bool, ...],
    ) -> None:
        large = pointers[0].numel() >= 2**31  # the size is another type then
        constants = (*modes, BLOCK)
        compiled = self._compiled.get((constants, large))
        if compiled is None:
            run = self._function[(programs,)]
            compiled = run(*pointers, *numbers, *constants, **self._options)
            if self._keeps and hasattr(compiled, "function"):
                self._compiled[constants, large] = compiled
            return
        if len(self._launches) >= MOST_SHAPES:
            self._launches.clear()
        self._launches[numbers, modes] = launch_of(compiled, len(pointers), numbers)
        if self._takes_constants:
            compiled[(programs, 1, 1)](*addresses, *numbers, *constants)
        else:
            compiled[(programs, 1, 1)](*addresses, *numbers)


def _planes(x: Tensor) -> tuple[int, int, int]:
    batch, channels, height, width = x.shape
    return batch * channels, height, width


def _room(x: Tensor, keep: bool) -> Tensor | None:
    return x.new_empty((3, *x.shape)) if keep else None


def _on(device: torch.device) -> AbstractContextManager[Any]:
    """Triton launches on the current device."""
    if device.type != "cuda" or device.index == torch.cuda.current_device():
        return nullcontext()
    return torch.cuda.device(device)


def _stream(device: torch.device) -> int:
    if device.type != "cuda":
        return 0
    raw = getattr(torch._C, "_cuda_getCurrentRawStream", None)  # what Triton asks, too
    if raw is not None and device.index is not None:
        return int(raw(device.index))
    return int(torch.cuda.current_stream(device).cuda_stream)


def _units(device: torch.device) -> int:
    """Multiprocessors."""
    if device.type != "cuda":
        return 1
    return int(torch.cuda.get_device_properties(device).multi_processor_count)


def _wave(device: torch.device) -> int:
    """Threads of a wave."""
    if device.type != "cuda" or torch.version.hip is None:
        return 32
    properties = torch.cuda.get_device_properties(device)
    name = getattr(properties, "gcnArchName", "")
    return getattr(properties, "warp_size", 64 if name.startswith(("gfx8", "gfx9")) else 32)
