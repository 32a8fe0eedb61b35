"""Launches of the Triton kernels."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
import triton
from torch import Tensor

from ._cut import BLOCK, cut
from ._driver import Launch, launch_of
from ._eager import Eager, Plan
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
        self._means: dict[Any, Work] = {}
        self._gradients: dict[Any, Work] = {}
        self._scratches: dict[int, tuple[Tensor, Tensor]] = {}  # by stream
        self._forward_kernel = _Kernel(_forward, warps)
        self._backward_kernel = _Kernel(_backward, warps)
        self._slots = RESIDENT[0] * units, RESIDENT[1] * units

    def serves(self, x: Tensor, radius: int) -> bool:
        return x.dim() == 4 and radius == RADIUS and x.dtype == torch.float32

    def forward(
        self, x: Tensor, y: Tensor, c1: float, c2: float, radius: int, keep: bool
    ) -> tuple[Tensor, Tensor | None]:
        map_, derivatives = torch.empty_like(x), _room(x, keep)
        work = self._forward_work(x, 0, c1, c2, 1.0)
        pointers = (x, y, map_, x if derivatives is None else derivatives, x, x, x)
        self._forward_kernel(work, pointers, (True, keep, False))
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
        key = x.shape, margin, c1, c2
        work = self._means.get(key)
        if work is None:
            planes, height, width = _planes(x)
            count = planes * max(height - 2 * margin, 0) * max(width - 2 * margin, 0)
            if count == 0:
                nothing = x.new_zeros((3, *x.shape)) if keep else None
                return x.new_full((), float("nan")), nothing
            work = self._forward_work(x, margin, c1, c2, 1.0 / count)
            _remember(self._means, key, work)
        mean, derivatives = x.new_empty(()), _room(x, keep)
        done, partial = self._scratch(x.device, work.programs)
        pointers = (x, y, x, x if derivatives is None else derivatives, partial, done, mean)
        self._forward_kernel(work, pointers, (False, keep, True))
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

    def plan(self, x: Tensor, c1: float, c2: float, margin: int) -> Plan | None:
        first = self._means.get((x.shape, margin, c1, c2))
        then = self._gradients.get((x.shape, first.numbers[-1])) if first else None
        if first is None or then is None:
            return None
        forward = self._forward_kernel.launch(first, (False, True, True))
        backward = self._backward_kernel.launch(then, (False,))
        if forward is None or backward is None:
            return None
        scratch = self._scratch(x.device, first.programs)
        told = forward.told(first.programs), backward.told(then.programs)
        return Plan(_stream(x.device), *told, *scratch, self._one, self.defers_gradient(x))

    def _forward_work(self, x: Tensor, margin: int, c1: float, c2: float, scale: float) -> Work:
        planes, height, width = _planes(x)
        share = cut(planes, height, width, self._slots[0])
        numbers = (
            height, width, x.numel(), share.strips, share.segments, share.rows, margin, c1, c2, scale,
        )  # fmt: skip
        return Work(share.programs, numbers)

    def _scratch(self, device: torch.device, programs: int) -> tuple[Tensor, Tensor]:
        """An int32 that is 0, and is so again when the kernel ends, and a float for each program.

        Kernels of one stream take turns with them. A graph that is captured gets its own.
        """
        kept = device.type == "cuda" and not torch.cuda.is_current_stream_capturing()
        stream = _stream(device) if kept else 0
        scratch = self._scratches.get(stream) if kept else None
        if scratch is None or len(scratch[1]) < programs:
            counter = torch.zeros((), dtype=torch.int32, device=device)
            scratch = counter, torch.empty(max(programs, 4096), device=device)
            if kept:
                self._scratches[stream] = scratch
        return scratch

    def _backward(
        self, x: Tensor, y: Tensor, derivatives: Tensor, chain: Tensor, scale: float, each: bool
    ) -> Tensor:
        key = x.shape, scale
        work = self._gradients.get(key)
        if work is None:
            planes, height, width = _planes(x)
            share = cut(planes, height, width, self._slots[1])
            numbers = height, width, x.numel(), share.strips, share.segments, share.rows, scale
            work = Work(share.programs, numbers)
            _remember(self._gradients, key, work)
        gradient = torch.empty_like(x)
        self._backward_kernel(work, (x, y, derivatives, chain, gradient), (each,))
        return gradient


class Work(NamedTuple):
    """What of a launch is the same for all images of a shape."""

    programs: int
    numbers: tuple[float, ...]


def _remember(works: dict[Any, Work], key: Any, work: Work) -> None:
    if len(works) >= MOST_SHAPES:
        works.clear()
    works[key] = work


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
        with _on(device):
            # Addresses: of a tensor the launcher would ask the driver whether the device can read it.
            addresses = [tensor.data_ptr() for tensor in pointers]
            launch = self._launches.get((work, modes))
            if launch is None or not launch(work.programs, addresses, _stream(device)):
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
        if len(self._launches) >= MOST_SHAPES:
            self._launches.clear()
        self._launches[work, modes] = launch_of(compiled, len(pointers), numbers)
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
