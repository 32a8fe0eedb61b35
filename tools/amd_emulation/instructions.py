"""What the emulator makes of instructions: functions of the CPU, kept between runs.

The emulator is test/mockgpu/amd/emu.py of tinygrad's repository.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import sys
from pathlib import Path
from typing import Any

from amd_emulation.code_object import CodeObjectError

DECODERS = {
    "gfx1100": "rdna3",
    "gfx1151": "rdna3",
    "gfx1201": "rdna4",
    "gfx942": "cdna",
    "gfx950": "cdna",
}
# Of what is kept: another number when a correction changes what is made of an instruction.
_FORMAT = 2
_KEEP_EVERY = 20  # functions: a run that is ended loses few
# Values of DPP_CTRL; the last is quad_perm:[0,1,2,3].
_ROW_BCAST15, _ROW_BCAST31, _ROW_SHARE, _ROW_XMASK, _IDENTITY = 0x142, 0x143, 0x150, 0x160, 0xE4
_Key = tuple[str, int, int, int]  # class of the instruction, its fixed bits, which those are, bytes


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
        self.store = folder / f"{self.decoder}-{_FORMAT}.pickle" if folder else None
        if folder:
            self._correct_rows()
            self._correct_atomics()
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

    def _correct_atomics(self) -> None:
        """CDNA calls SC0 what the emulator asks for as GLC: atomics that return (probes.toml: atomic-returns)."""
        original = self.emu._iattr

        def attribute(inst: Any, name: str, default: int = 0) -> int:
            value: int = original(inst, name, default)
            return value or (original(inst, "sc0", default) if name == "glc" else value)

        self.emu._iattr = attribute

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
