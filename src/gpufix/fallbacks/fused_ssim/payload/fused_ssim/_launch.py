"""A step's launches: what is launched for which shape, and the memory it needs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from ._cut import MOST_SHAPES, cut
from ._driver import Launch
from ._eager import Eager, Plan
from ._window import RADIUS

LARGE = 12_000_000  # values: the GPU takes longer than the host's way through a backward pass


class Work(NamedTuple):
    """What of a launch is the same for all images of a shape."""

    programs: int
    numbers: tuple[float, ...]


class Kernel(Protocol):
    """``pointers`` come first, then the work's numbers, then ``modes``."""

    def __call__(
        self, work: Work, pointers: tuple[Tensor, ...], modes: tuple[bool, ...]
    ) -> None: ...

    def launch(self, work: Work, modes: tuple[bool, ...]) -> Launch | None:
        """The driver's launch of it, where there is one."""


class Kernels(Eager):
    """One device's kernels: float32 images and the original's window.

    ``slots``: how many programs of either kernel the device holds at a time.
    """

    def __init__(
        self, device: torch.device, forward: Kernel, backward: Kernel, slots: tuple[int, int]
    ) -> None:
        self._one = torch.ones((), device=device)
        self._means: dict[Any, Work] = {}
        self._gradients: dict[Any, Work] = {}
        self._scratches: dict[int, tuple[Tensor, Tensor]] = {}  # by stream
        self._forward_kernel, self._backward_kernel, self._slots = forward, backward, slots

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
            planes, height, width = planes_of(x)
            count = planes * max(height - 2 * margin, 0) * max(width - 2 * margin, 0)
            if count == 0:
                nothing = x.new_zeros((3, *x.shape)) if keep else None
                return x.new_full((), float("nan")), nothing
            work = self._forward_work(x, margin, c1, c2, 1.0 / count)
            remember(self._means, key, work)
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
        return Plan(stream_of(x.device), *told, *scratch, self._one, self.defers_gradient(x), 3)

    def _forward_work(self, x: Tensor, margin: int, c1: float, c2: float, scale: float) -> Work:
        planes, height, width = planes_of(x)
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
        stream = stream_of(device) if kept else 0
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
            planes, height, width = planes_of(x)
            share = cut(planes, height, width, self._slots[1])
            numbers = height, width, x.numel(), share.strips, share.segments, share.rows, scale
            work = Work(share.programs, numbers)
            remember(self._gradients, key, work)
        gradient = torch.empty_like(x)
        self._backward_kernel(work, (x, y, derivatives, chain, gradient), (each,))
        return gradient


def remember(kept: dict[Any, Any], key: Any, value: Any) -> None:
    """What belongs to a shape; of many shapes the last ones alone."""
    if len(kept) >= MOST_SHAPES:
        kept.clear()
    kept[key] = value


def planes_of(x: Tensor) -> tuple[int, int, int]:
    """How many planes, their height and width."""
    batch, channels, height, width = x.shape
    return batch * channels, height, width


def _room(x: Tensor, keep: bool) -> Tensor | None:
    return x.new_empty((3, *x.shape)) if keep else None


def on(device: torch.device) -> AbstractContextManager[Any]:
    """A launch is on the current device."""
    if device.type != "cuda" or device.index == torch.cuda.current_device():
        return nullcontext()
    return torch.cuda.device(device)


def stream_of(device: torch.device) -> int:
    if device.type != "cuda":
        return 0
    raw = getattr(torch._C, "_cuda_getCurrentRawStream", None)  # what Triton asks, too
    if raw is not None and device.index is not None:
        return int(raw(device.index))
    return int(torch.cuda.current_stream(device).cuda_stream)


def units(device: torch.device) -> int:
    """Multiprocessors."""
    if device.type != "cuda":
        return 1
    return int(torch.cuda.get_device_properties(device).multi_processor_count)
