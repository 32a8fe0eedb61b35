"""Launches in the emulator: tinygrad's instructions, our loop over waves.

The emulator (test/mockgpu/amd/emu.py of tinygrad's repository) turns an instruction into a function of
the CPU. Which instruction comes next, what a wave finds when it starts, barriers and memory are ours
(runtime/waves.cpp). Where the emulator is known to be wrong, this file works around it; each fault is
shown by a program of one instruction in probes/.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import pickle
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amd_emulation.code_object import CodeObjectError, Kernel, bundled, parse
from amd_emulation.kernarg import Shape, pack, packet

DECODERS = {
    "gfx1100": "rdna3",
    "gfx1151": "rdna3",
    "gfx1201": "rdna4",
    "gfx942": "cdna",
    "gfx950": "cdna",
}
_ALIGNMENT = 256
# Values of DPP_CTRL; the last is quad_perm:[0,1,2,3].
_ROW_BCAST15, _ROW_BCAST31, _ROW_SHARE, _ROW_XMASK, _IDENTITY = 0x142, 0x143, 0x150, 0x160, 0xE4
_UNSET = 0xDEADBEEF_DEADBEEF  # what nothing emulates: nobody should read it
_KEEP_EVERY = 20  # functions: a run that is ended loses few
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
_Key = tuple[str, int, int, int]  # class of the instruction, its fixed bits, which those are, bytes


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


class Instructions:
    """What the emulator makes of instructions, kept between runs in `folder`.

    Without a folder nothing is kept, and nothing corrected: for probes.
    """

    def __init__(self, emulator: Path, arch: str, folder: Path | None) -> None:
        sys.path.insert(0, str(emulator))
        os.environ.setdefault("CACHELEVEL", "0")
        import test.mockgpu.amd.emu as emu  # type: ignore[import-not-found]
        from tinygrad.device import Device  # type: ignore[import-not-found]

        self.emu, self.device = emu, Device["CPU"]
        self.decoder = DECODERS[arch]
        self.store = folder / f"{self.decoder}.pickle" if folder else None
        if folder:
            self._correct_rows()
        self.kept = self._on_disk()
        self.made = 0
        self.by_class: dict[tuple[str, int], list[tuple[int, int, int]]] = {}
        for name, base, mask, size in self.kept:
            self.by_class.setdefault((name, size), []).append((base, mask, size))
        self.loaded: dict[_Key, Any] = {}

    def _correct_rows(self) -> None:
        """DPP controls that the emulator lacks or takes for others (probes.toml: dpp-row-...)."""
        original, wave64 = self.emu._dpp16_ctrl, self.decoder == "cdna"

        def control(lane: Any, dpp: int, *masks: int) -> Any:
            own, enabled, valid = original(lane, _IDENTITY, *masks)
            row, number = own & ~15, dpp & 15
            if dpp & ~15 == _ROW_SHARE:  # row_newbcast on CDNA
                return row + number, enabled, valid
            if dpp & ~15 == _ROW_XMASK and not wave64:
                return row + ((own & 15) ^ number), enabled, valid
            if dpp == _ROW_BCAST15:
                return row - 1, enabled, row >= 16
            if dpp == _ROW_BCAST31:
                return own * 0 + 31, enabled, row >= 32
            return original(lane, dpp, *masks)

        self.emu._dpp16_ctrl = control

    def _on_disk(self) -> dict[_Key, tuple[Any, tuple[int, ...]]]:
        if self.store is None or not self.store.is_file():
            return {}
        return dict(pickle.loads(self.store.read_bytes()))

    def decode(self, data: bytes) -> Any:
        """The instruction at the start of `data`."""
        return self.emu.decode_inst(data, self.decoder)

    def function(self, inst: Any, data: bytes) -> tuple[int, tuple[int, ...]]:
        """The address of the function for an instruction, and which buffers it takes."""
        size, name = inst.size(), type(inst).__qualname__
        number = int.from_bytes(data[:size], "little")
        for base, mask, _ in self.by_class.get((name, size), ()):
            if number & mask == base:
                return self._load((name, base, mask, size))
        return self._make(inst, data, name)

    def _load(self, key: _Key) -> tuple[int, tuple[int, ...]]:
        elf, buffers = self.kept[key]
        if key not in self.loaded:
            self.loaded[key] = self.device.runtime(elf)
        return ctypes.cast(self.loaded[key].fxn, ctypes.c_void_p).value or 0, buffers

    def _make(self, inst: Any, data: bytes, name: str) -> tuple[int, tuple[int, ...]]:
        before = len(self.emu._canonical_runner_cache)
        program, _ = self.emu._get_runner(data[: inst.size() + 4], self.decoder)
        rows = self.emu._canonical_runner_cache
        if len(rows) == before:
            raise CodeObjectError(f"the emulator gave no new function for {inst!r}")
        _, base, mask, size, _ = rows[-1]
        key = (name, base, mask, size)
        self.kept[key] = (program.to_elf(), tuple(program.arg.globals))
        self.by_class.setdefault((name, size), []).append((base, mask, size))
        self.made += 1
        if self.made % _KEEP_EVERY == 0:
            self.save()
        return self._load(key)

    def save(self) -> None:
        """Keeps what was made for the next run."""
        if self.made and self.store:
            self.store.parent.mkdir(parents=True, exist_ok=True)
            self.kept = self._on_disk() | self.kept  # another run may have added some
            fresh = self.store.with_suffix(f".{os.getpid()}")
            fresh.write_bytes(pickle.dumps(self.kept))
            fresh.replace(self.store)


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
        data = ctypes.string_at(address, 24)
        try:
            if size := self._maintains_cache(data):
                step.contents.kind, step.contents.bytes = _SKIP, size
            else:
                self._fill(step.contents, self.instructions.decode(data), data)
        except Exception as error:
            self.error = f"at {data[:8].hex()}: {type(error).__name__}: {error}"
            if os.environ.get("GPUFIX_EMULATION_TRACE"):
                traceback.print_exc()
            return 1
        return 0

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
