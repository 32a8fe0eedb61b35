"""Programs of one instruction: what the emulator makes of it, beside what AMD's manual says.

python tools/amd_emulation --emulator tinygrad --probes
"""

from __future__ import annotations

import ctypes
import re
import struct
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from amd_emulation.build import program
from amd_emulation.instructions import DECODERS, Instructions

PROBES = Path(__file__).parent / "probes.toml"
_SCALARS, _PC, _EXEC = 260, 256, 126
_CONSTANTS = (0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 4.0, -4.0, 0.15915494)


@dataclass
class Registers:
    """A wave's registers; those that a probe does not name are 0."""

    lanes: int
    scalars: Any = field(init=False)
    vectors: Any = field(init=False)
    shared: Any = field(init=False)

    def __post_init__(self) -> None:
        self.scalars = (ctypes.c_uint32 * _SCALARS)()
        self.vectors = (ctypes.c_uint32 * (256 * self.lanes))()
        self.shared = (ctypes.c_uint32 * 16384)()
        for value in range(65):
            self.scalars[128 + value] = value
        for value in range(1, 17):
            self.scalars[192 + value] = -value & 0xFFFFFFFF
        for at, number in enumerate(_CONSTANTS, 240):
            self.scalars[at] = bits(number)
        self.execute((1 << self.lanes) - 1)

    def execute(self, mask: int) -> None:
        """Which lanes are on."""
        self.scalars[_EXEC], self.scalars[_EXEC + 1] = mask & 0xFFFFFFFF, mask >> 32

    def write(self, name: str, value: int | float | str | list[Any]) -> None:
        """s3; v3: one value for all lanes, or one each, repeated; lds: words. "@lds" is its address."""
        if name == "lds":
            for at, word in enumerate(value if isinstance(value, list) else [value]):
                self.shared[at] = bits(word)
            return
        number = int(name[1:])
        if value == "@lds":
            at = ctypes.addressof(self.shared)
            self.write(name, at & 0xFFFFFFFF)
            self.write(f"{name[0]}{number + 1}", at >> 32)
            return
        if name[0] == "s":
            self.scalars[number] = bits(value)
            return
        given = value if isinstance(value, list) else [value]
        for lane in range(self.lanes):
            self.vectors[number * self.lanes + lane] = bits(given[lane % len(given)])

    def read(self, name: str) -> list[int]:
        """A register's bits, of a vector's every lane."""
        number = int(name[1:])
        if name[0] == "s":
            return [self.scalars[number]]
        return list(self.vectors[number * self.lanes : (number + 1) * self.lanes])


def bits(value: Any) -> int:
    """A float32's bits; an integer's lower 32."""
    if isinstance(value, float):
        return int(struct.unpack("<I", struct.pack("<f", value))[0])
    return int(value) & 0xFFFFFFFF


def assemble(text: str, arch: str) -> bytes:
    """One instruction as llvm-mc encodes it."""
    command = [program("llvm-mc"), "-triple=amdgcn", f"-mcpu={arch}", "-show-encoding"]
    ended = subprocess.run(command, input=text, text=True, capture_output=True, check=True)
    found = re.search(r"encoding: \[([^]]*)\]", ended.stdout)
    if not found:
        raise ValueError(f"{text}: {ended.stderr.strip()}")
    return bytes(int(byte, 16) for byte in found[1].split(","))


def run(instructions: Instructions, code: bytes, registers: Registers) -> None:
    """Executes one instruction on the registers."""
    memory = ctypes.create_string_buffer(code + b"\0" * 32, len(code) + 32)
    at = ctypes.addressof(memory)
    aligned = (at + 3) & ~3
    ctypes.memmove(aligned, code, len(code))
    registers.scalars[_PC], registers.scalars[_PC + 1] = aligned & 0xFFFFFFFF, aligned >> 32
    data = code + b"\0" * 16
    function, buffers = instructions.function(instructions.decode(data), data)
    places = [
        ctypes.addressof(registers.scalars), ctypes.addressof(registers.vectors), 0,
        ctypes.addressof(registers.shared), 0, ctypes.addressof(registers.vectors),
    ]  # fmt: skip
    ctypes.CFUNCTYPE(None)(function)(*[ctypes.c_uint64(places[b]) for b in buffers])


@dataclass(frozen=True)
class Probe:
    """probes.toml describes the fields."""

    name: str
    arch: str
    asm: str
    set: Mapping[str, Any]
    expect: Mapping[str, Any]
    shows: str
    manual: str
    around: str
    exec: int = -1


def probes() -> list[Probe]:
    """As probes.toml lists them."""
    rows = tomllib.loads(PROBES.read_text(encoding="utf-8"))["probe"]
    return [Probe(**row) for row in rows]


def shown(instructions: Instructions, probe: Probe) -> str:
    """What the emulator does, in a word of `shows`, or "the manual's values"."""
    context = get_context("fork")  # a process of its own: it may fault
    answers = context.SimpleQueue()
    process = context.Process(target=_observe, args=(instructions, probe, answers))
    process.start()
    process.join()
    return "a fault" if process.exitcode else str(answers.get())


def _observe(instructions: Instructions, probe: Probe, answers: Any) -> None:
    lanes = 64 if DECODERS[probe.arch] == "cdna" else 32
    registers, wanted = Registers(lanes), Registers(lanes)
    for name, value in probe.set.items():
        registers.write(name, value)
    registers.execute(probe.exec & ((1 << lanes) - 1))
    for name, value in probe.expect.items():
        wanted.write(name, value)
    try:
        run(instructions, assemble(probe.asm, probe.arch), registers)
    except ValueError:
        return answers.put("no decoder")
    except NotImplementedError:
        return answers.put("not implemented")
    right = all(registers.read(name) == wanted.read(name) for name in probe.expect)
    answers.put("the manual's values" if right else "other values")


def main(emulator: Path) -> int:
    """Says of each probe what the emulator does. 1 when one has changed: its workaround may be in the way."""
    status = 0
    known: dict[str, Instructions] = {}
    for probe in probes():
        if probe.arch not in known:
            known[probe.arch] = Instructions(emulator, probe.arch, None)
        found = shown(known[probe.arch], probe)
        as_known = found == probe.shows
        status |= not as_known
        print(
            f"{probe.name}: {probe.asm}: {found}{'' if as_known else ', known for ' + probe.shows}"
        )
        print(f"    expected: {probe.manual}; around it: {probe.around}", flush=True)
    return int(status)
