"""A launch's arguments as a kernel finds them in memory."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from amd_emulation.code_object import CodeObjectError, Kernel


@dataclass(frozen=True)
class Shape:
    """Blocks and threads of a launch, and the dynamic shared memory of a block."""

    blocks: tuple[int, int, int]
    threads: tuple[int, int, int]
    dynamic_lds: int = 0

    @property
    def threads_a_block(self) -> int:
        """All dimensions."""
        return self.threads[0] * self.threads[1] * self.threads[2]


def hidden(kind: str, shape: Shape) -> int | None:
    """What the runtime fills in; None = it may stay unset."""
    axis = "xyz".find(kind[-1])
    if kind.startswith("hidden_block_count_"):
        return shape.blocks[axis]
    if kind.startswith("hidden_group_size_"):
        return shape.threads[axis]
    if kind == "hidden_dynamic_lds_size":
        return shape.dynamic_lds
    if kind == "hidden_grid_dims":
        sizes = [b * t for b, t in zip(shape.blocks, shape.threads, strict=True)]
        return 3 if sizes[2] > 1 else 2 if sizes[1] > 1 else 1
    if kind.startswith(("hidden_remainder_", "hidden_global_offset_", "hidden_none")):
        return 0
    return None


def pack(kernel: Kernel, shape: Shape, explicit: Callable[[int, int], bytes]) -> bytes:
    """The kernarg segment. `explicit(i, size)` gives the bytes of the caller's argument i.

    What the runtime would fill in and nothing emulates holds 0xff. Raises CodeObjectError.
    """
    segment = bytearray(b"\xff" * kernel.descriptor.kernarg_bytes)
    index = 0
    for argument in kernel.arguments:
        end = argument.offset + argument.size
        if end > len(segment):
            raise CodeObjectError(f"an argument of {kernel.name} ends behind its segment")
        if not argument.hidden:
            segment[argument.offset : end] = explicit(index, argument.size)
            index += 1
        elif (value := hidden(argument.kind, shape)) is not None:
            segment[argument.offset : end] = value.to_bytes(argument.size, "little")
    return bytes(segment)


def packet(shape: Shape, kernel_object: int, kernarg: int) -> bytes:
    """The AQL kernel dispatch packet (HSA runtime specification 1.2, 2.9.6)."""
    grid = [b * t for b, t in zip(shape.blocks, shape.threads, strict=True)]
    head = struct.pack("<HHHHHHIIIII", 2, 3, *shape.threads, 0, *grid, 0, shape.dynamic_lds)
    return head + struct.pack("<QQQQ", kernel_object, kernarg, 0, 0)
