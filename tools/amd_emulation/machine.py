"""Launches: code objects in memory, arguments and registers, the loop of runtime/waves.cpp.

Which instruction comes next, what a wave finds when it starts, barriers and memory are ours; what an
instruction does is the emulator's (instructions.py). Where it is known to be wrong, the loop is told here
what to do instead; each fault is shown by a program of one instruction in probes.toml.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amd_emulation.code_object import CodeObjectError, Kernel, bundled, parse
from amd_emulation.instructions import Instructions
from amd_emulation.kernarg import Shape, pack, packet

_ALIGNMENT = 256
_LONGEST = 24  # bytes that decide what an instruction is
# CDNA3 ISA, FLAT: the encoding, bits 14 and 15 (0 is flat), SADDR for none.
_FLAT, _SEGMENT, _NO_BASE = 0xDC, 0xC0, 0x7F
_UNSET = 0xDEADBEEF_DEADBEEF  # what nothing emulates: nobody should read it
_MISSING, _PLAIN, _BARRIER, _APERTURE, _PULL, _PUSH, _SKIP = range(7)
_LOW, _HIGH, _MATRIX, _IN_PLACE, _PERMUTE = range(7, 12)
# Cache maintenance, which the emulator cannot decode: bits of the first word that tell it, words, bytes.
_CACHE_WORDS = {
    "rdna3": (0xFFFC0000, {0xE0AC0000, 0xE0B00000}, 8),  # buffer_gl0_inv, buffer_gl1_inv
    "rdna4": (0xFFFFC000, {0xEE0AC000, 0xEE0B0000}, 12),  # global_inv, global_wb
    "cdna": (0xFFFC0000, {0xE0A00000, 0xE0A40000}, 8),  # buffer_wbl2, buffer_inv
}
_PERMUTES = {"DS_BPERMUTE_B32": _PULL, "DS_PERMUTE_B32": _PUSH}
_SHARED_BASE, _PRIVATE_LIMIT, _FIRST_VECTOR = 235, 238, 256


class Step(ctypes.Structure):
    """runtime/waves.h: Step."""

    _fields_ = (
        ("run", ctypes.c_void_p), ("arguments", ctypes.c_uint8 * 6), ("kind", ctypes.c_uint8),
        ("bytes", ctypes.c_uint8), ("address", ctypes.c_uint8), ("data", ctypes.c_uint8),
        ("result", ctypes.c_uint8), ("pad", ctypes.c_uint8), ("offset", ctypes.c_uint16),
    )  # fmt: skip


class KernelCode(ctypes.Structure):
    """runtime/waves.h: KernelCode."""

    _fields_ = (
        ("code", ctypes.c_uint64), ("code_bytes", ctypes.c_uint64), ("entry", ctypes.c_uint64),
        ("steps", ctypes.c_void_p), ("wave_size", ctypes.c_uint32), ("lds_bytes", ctypes.c_uint32),
        ("scratch_bytes", ctypes.c_uint32), ("flush_denormals", ctypes.c_uint32),
        ("user_count", ctypes.c_uint32), ("user", ctypes.c_uint32 * 32), ("group_ids", ctypes.c_uint32 * 3),
        ("trap_ids", ctypes.c_uint32),
    )  # fmt: skip


class Grid(ctypes.Structure):
    """runtime/waves.h: Grid."""

    _fields_ = (
        ("blocks", ctypes.c_uint32 * 3), ("threads", ctypes.c_uint32 * 3), ("seed", ctypes.c_uint64),
        ("reverse", ctypes.c_uint32), ("quantum", ctypes.c_uint32), ("executed", ctypes.c_uint64),
    )  # fmt: skip


MISSING = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint64, ctypes.POINTER(Step))


@dataclass
class Loaded:
    """A code object in memory."""

    memory: Any
    base: int
    code: tuple[int, int]
    kernels: dict[str, Kernel]
    steps: Any


@dataclass
class Machine:
    """Code objects, the emulator's instructions, the loop."""

    arch: str
    library: ctypes.CDLL
    instructions: Instructions
    reverse: bool = False
    quantum: int = 20_000
    seed: int = 1
    executed: int = 0

    def __post_init__(self) -> None:
        self.objects: dict[int, Loaded] = {}
        self.missing = MISSING(self._missing)
        self.error = ""

    def load(self, bundle: int) -> Loaded:
        """The code object of a bundle in this process's memory."""
        if bundle not in self.objects:
            self.objects[bundle] = self._load(_bundle_bytes(bundle))
        return self.objects[bundle]

    def _load(self, bundle: bytes) -> Loaded:
        parsed = parse(bundled(bundle, self.arch))
        memory = ctypes.create_string_buffer(len(parsed.image) + 2 * 4096)
        base = (ctypes.addressof(memory) + 4095) & ~4095
        ctypes.memmove(base, parsed.image, len(parsed.image))
        for relocation in parsed.relocations:
            ctypes.c_uint64.from_address(base + relocation.at).value = base + relocation.addend
        steps = (Step * ((parsed.code[1] - parsed.code[0]) // 4 + 1))()
        return Loaded(memory, base, parsed.code, parsed.kernels, steps)

    def launch(
        self, bundle: int, name: str, shape: Shape, explicit: Callable[[int, int], bytes]
    ) -> None:
        """Runs a kernel to its end. Raises CodeObjectError."""
        loaded = self.load(bundle)
        kernel = loaded.kernels[name]
        if shape.threads_a_block > kernel.most_threads:
            raise CodeObjectError(f"{name} takes {kernel.most_threads} threads a block")
        arguments = pack(kernel, shape, explicit)
        segment = ctypes.create_string_buffer(len(arguments) + _ALIGNMENT)
        at = (ctypes.addressof(segment) + _ALIGNMENT - 1) & -_ALIGNMENT
        ctypes.memmove(at, arguments, len(arguments))
        dispatch = ctypes.create_string_buffer(
            packet(shape, loaded.base + kernel.descriptor_at, at)
        )
        code = self._code(loaded, kernel, shape, at, ctypes.addressof(dispatch))
        grid = Grid(shape.blocks, shape.threads, self.seed, self.reverse, self.quantum)
        self.error = f"{name} failed"
        if self.library.run_grid(ctypes.byref(code), ctypes.byref(grid), self.missing):
            raise CodeObjectError(self.error)
        self.executed += grid.executed

    def _code(
        self, loaded: Loaded, kernel: Kernel, shape: Shape, kernarg: int, dispatch: int
    ) -> KernelCode:
        about = kernel.descriptor
        if about.preload:
            raise CodeObjectError(f"{kernel.name} has its arguments preloaded: not emulated")
        values = {"kernarg_segment_ptr": kernarg, "dispatch_ptr": dispatch}
        words: list[int] = []
        for name, size in about.user_layout():
            value = values.get(name, _UNSET)
            words += [value >> 32 * i & 0xFFFFFFFF for i in range(size)]
        words += [_UNSET & 0xFFFFFFFF] * (about.user_registers - len(words))
        return KernelCode(
            code=loaded.base + loaded.code[0],
            code_bytes=loaded.code[1] - loaded.code[0],
            entry=loaded.base + kernel.descriptor_at + about.entry,
            steps=ctypes.addressof(loaded.steps),
            wave_size=32 if self.instructions.decoder != "cdna" else 64,
            lds_bytes=about.lds_bytes + shape.dynamic_lds,
            scratch_bytes=about.scratch_bytes,
            flush_denormals=not about.keeps_denormals,
            user_count=len(words),
            user=(ctypes.c_uint32 * 32)(*words),
            group_ids=about.group_ids,
            trap_ids=self.instructions.decoder == "rdna4",
        )

    def _missing(self, address: int, step: Any) -> int:
        """Fills in a step; what the emulator raises ends the launch."""
        data = self._without_base(address, ctypes.string_at(address, _LONGEST))
        try:
            if size := self._maintains_cache(data):
                step.contents.kind, step.contents.bytes = _SKIP, size
            else:
                self._fill(step.contents, self.instructions.decode(data), data)
        except Exception as error:
            self.error = f"at {data[:8].hex()}: {type(error).__name__}: {error}"
            return 1
        return 0

    def _without_base(self, address: int, data: bytes) -> bytes:
        """CDNA's flat accesses have no scalar base; the emulator reads one from bits that are 0 (probes.toml: flat)."""
        if (
            self.instructions.decoder == "cdna"
            and data[3] & 0xFC == _FLAT
            and not data[1] & _SEGMENT
        ):
            ctypes.c_uint8.from_address(address + 6).value |= _NO_BASE
            return ctypes.string_at(address, _LONGEST)
        return data

    def _maintains_cache(self, data: bytes) -> int:
        mask, words, size = _CACHE_WORDS[self.instructions.decoder]
        return size if int.from_bytes(data[:4], "little") & mask in words else 0

    def _fill(self, step: Step, inst: Any, data: bytes) -> None:
        name = self.instructions.emu._op_name(inst)
        step.bytes = inst.size()
        if _reads_aperture(inst):
            source = _offset(getattr(inst, "ssrc0", None))
            if not name.startswith("S_MOV_B64") or source != _SHARED_BASE:
                raise CodeObjectError(f"{name} of an aperture is not emulated")
            step.kind, step.result = _APERTURE, _offset(inst.sdst)
            return
        if name in _PERMUTES:
            step.kind, step.offset = _PERMUTES[name], inst.offset0 | inst.offset1 << 8
            step.address, step.data, step.result = (
                _vector(r) for r in (inst.addr, inst.data0, inst.vdst)
            )
            return
        function, buffers = self.instructions.function(inst, data)
        step.run = function
        step.arguments = (ctypes.c_uint8 * 6)(
            *itertools.islice(itertools.chain(buffers, itertools.repeat(0)), 6)
        )
        step.kind = _kind(name, inst)
        if step.kind not in (_PLAIN, _BARRIER):
            step.result = _vector(inst.vdst)
        if step.kind == _MATRIX:
            step.data = _offset(inst.src2)


def _bundle_bytes(address: int) -> bytes:
    """All of a bundle: its table says where it ends."""
    count = ctypes.c_uint64.from_address(address + 24)
    at, end = address + 32, 0
    for _ in range(count.value):
        offset, size, length = (ctypes.c_uint64.from_address(at + 8 * i).value for i in range(3))
        end = max(end, offset + size)
        at += 24 + length
    return ctypes.string_at(address, end)


def _offset(register: Any) -> int:
    """A register's number in the encoding; 999 for none."""
    return 999 if register is None else int(getattr(register, "offset", register))


def _vector(register: Any) -> int:
    """A vector register's number."""
    return _offset(register) - _FIRST_VECTOR


def _number(register: Any) -> int:
    """A vector register's number, in a field of 8 bits or of 9."""
    return _offset(register) % _FIRST_VECTOR


def _reads_aperture(inst: Any) -> bool:
    sources = (getattr(inst, name, None) for name in ("ssrc0", "ssrc1", "src0", "src1", "src2"))
    return any(_SHARED_BASE <= _offset(s) <= _PRIVATE_LIMIT for s in sources)


def _kind(name: str, inst: Any) -> int:
    """What the loop does besides calling the emulator's function."""
    if name in ("S_BARRIER", "S_BARRIER_WAIT"):
        return _BARRIER
    if name.startswith("DS_") and "D16" in name:
        return _HIGH if name.endswith("_HI") else _LOW
    if "WMMA" in name and _offset(inst.src2) < _FIRST_VECTOR:
        return _MATRIX
    if "PERMLANE" in name:
        return _PERMUTE
    if type(inst).__name__.endswith("DPP16") and _vector(inst.vdst) == _number(inst.vsrc0):
        return _IN_PLACE
    return _PLAIN
