"""The loop over blocks, waves and instructions of tools/amd_emulation, on functions of our own."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from checkouts import ROOT

import needs
from amd_emulation.machine import MISSING, Grid, KernelCode, Step

RUNTIME = ROOT / "tools" / "amd_emulation" / "runtime"
FUNCTION = ctypes.CFUNCTYPE(None, *[ctypes.c_uint64] * 6)
PC, EXEC = 256, 126
PLAIN, BARRIER, APERTURE, PULL, PUSH, SKIP, LOW, HIGH = range(1, 9)
Effect = Callable[[Any, Any, Any], None]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    output = tmp_path_factory.mktemp("waves") / "libwaves.so"
    command = [
        needs.path("g++"),
        "-std=c++17",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-shared",
        "-fPIC",
    ]
    subprocess.run(
        [*command, str(RUNTIME / "waves.cpp"), "-o", str(output)], check=True, timeout=120
    )
    return ctypes.CDLL(str(output))


class Program:
    """Instructions of 4 bytes: kind, registers, and what the function does to (scalars, vectors, lds)."""

    def __init__(self, lanes: int, *rows: tuple[int, dict[str, int], Effect | None]) -> None:
        self.lanes, self.rows = lanes, rows
        self.code = ctypes.create_string_buffer(4 * (len(rows) + 1))
        self.base = ctypes.addressof(self.code) & ~3
        self.steps = (Step * (len(rows) + 1))()
        self.functions = [FUNCTION(self._function(effect)) for _, _, effect in rows]
        self.functions.append(FUNCTION(self._function(_end)))

    def _function(self, effect: Effect | None) -> Callable[..., None]:
        def call(scalars: int, vectors: int, *rest: int) -> None:
            s = (ctypes.c_uint32 * 260).from_address(scalars)
            pc = (s[PC] | s[PC + 1] << 32) + 4
            s[PC], s[PC + 1] = pc & 0xFFFFFFFF, pc >> 32
            if effect:
                v = (ctypes.c_uint32 * (256 * self.lanes)).from_address(vectors)
                effect(s, v, (ctypes.c_uint32 * 1024).from_address(rest[1]))

        return call

    def missing(self, address: int, step: Any) -> int:
        at = (address - self.base) // 4
        kind, fields, _ = self.rows[at] if at < len(self.rows) else (PLAIN, {}, None)
        step.contents.run = ctypes.cast(self.functions[at], ctypes.c_void_p).value
        step.contents.kind, step.contents.bytes = kind, 4
        step.contents.arguments = (ctypes.c_uint8 * 6)(0, 1, 2, 3, 4, 5)
        for name, value in fields.items():
            setattr(step.contents, name, value)
        return 0

    def run(
        self, library: ctypes.CDLL, blocks: Sequence[int], threads: Sequence[int], **more: int
    ) -> int:
        code = KernelCode(
            code=self.base, code_bytes=len(self.code), entry=self.base, steps=ctypes.addressof(self.steps),
            wave_size=self.lanes, lds_bytes=256, user_count=1, group_ids=(1, 1, 1),
        )  # fmt: skip
        grid = Grid(
            tuple(blocks), tuple(threads), more.get("seed", 1), more.get("reverse", 0), 1000
        )
        status = library.run_grid(ctypes.byref(code), ctypes.byref(grid), MISSING(self.missing))
        return int(status) or -int(grid.executed)


def _end(s: Any, *_: Any) -> None:
    s[PC] = s[PC + 1] = 0xFFFFFFFF


@pytest.mark.parametrize("reverse", [0, 1])
def test_waves_wait_for_each_other(library: ctypes.CDLL, reverse: int) -> None:
    """All of a block's waves come to the barrier before one passes it; in either order of turns."""
    seen: list[tuple[str, int, int]] = []

    def note(word: str) -> Effect:
        return lambda s, v, lds: seen.append((word, s[1], v[0] & 1023))

    program = Program(
        32, (PLAIN, {}, note("before")), (BARRIER, {}, None), (PLAIN, {}, note("after"))
    )
    assert program.run(library, (2, 1, 1), (80, 1, 1), reverse=reverse) == -2 * 3 * 4
    firsts = [64, 32, 0] if reverse else [0, 32, 64]
    assert seen == [
        (word, block, first) for block in (0, 1) for word in ("before", "after") for first in firsts
    ]


def test_what_a_wave_finds(library: ctypes.CDLL) -> None:
    """Threads in v0, lanes that are there, the block behind the user registers, constants; the rest random."""
    found: list[list[int]] = []

    def look(s: Any, v: Any, lds: Any) -> None:
        constants = [s[128], s[192], s[193], s[208], s[240], s[247]]
        found.append(
            [*s[1:4], s[EXEC], s[EXEC + 1], v[0], v[1], v[39 - 32], *constants, v[5000], lds[3]]
        )

    program = Program(64, (PLAIN, {}, look))
    program.run(library, (2, 2, 1), (3, 13, 1))
    program.run(library, (1, 1, 1), (3, 13, 1), seed=2)
    assert [row[:3] for row in found] == [[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert found[0][3:5] == [0xFFFFFFFF, 0x7F]
    assert found[0][5:8] == [0, 1, 1 | 2 << 10]
    assert found[0][8:14] == [0, 64, 0xFFFFFFFF, 0xFFFFFFF0, 0x3F000000, 0xC0800000]
    assert len({row[14] for row in found}) == len({row[15] for row in found}) == 5


def registers(v: Any, lanes: int, number: int) -> list[int]:
    return list(v[number * lanes : (number + 1) * lanes])


def fill(lanes: int, number: int, values: Sequence[int]) -> Effect:
    def effect(s: Any, v: Any, lds: Any) -> None:
        for lane in range(lanes):
            v[number * lanes + lane] = values[lane % len(values)]

    return effect


@pytest.mark.parametrize("lanes", [32, 64])
def test_lanes_pull_and_push(lanes: int, library: ctypes.CDLL) -> None:
    """Addresses count modulo the wave; lanes that are off give 0 and keep what they have."""
    found: list[list[int]] = []

    def off(s: Any, v: Any, lds: Any) -> None:
        s[EXEC] &= ~2

    fields = {"address": 1, "data": 2, "result": 3, "offset": 8}
    program = Program(
        lanes,
        (
            PLAIN,
            {},
            fill(lanes, 1, [4 * ((lane - 4) % lanes) + (1 << 20) for lane in range(lanes)]),
        ),
        (PLAIN, {}, fill(lanes, 2, range(100, 100 + lanes))),
        (PLAIN, {}, fill(lanes, 3, [7])),
        (PLAIN, {}, fill(lanes, 4, [7])),
        (PLAIN, {}, off),
        (PULL, fields, None),
        (PUSH, fields | {"result": 4}, None),
        (
            PLAIN,
            {},
            lambda s, v, lds: found.extend([registers(v, lanes, 3), registers(v, lanes, 4)]),
        ),
    )
    program.run(library, (1, 1, 1), (lanes, 1, 1))
    others = [(lane - 2) % lanes for lane in range(lanes)]
    pulled = [0 if other == 1 else 100 + other for other in others]
    assert found[0] == [7 if lane == 1 else value for lane, value in enumerate(pulled)]
    pushed = [0] * lanes
    for lane, other in enumerate(others):
        if lane != 1:
            pushed[other] = 100 + lane
    assert found[1] == [7 if lane == 1 else value for lane, value in enumerate(pushed)]


def test_half_registers_keep_their_other_half(library: ctypes.CDLL) -> None:
    """The emulator's function leaves 16 bits in the lower half; the loop puts them where they belong."""
    found: list[int] = []
    load = fill(32, 3, [0x1234])
    program = Program(
        32,
        (PLAIN, {}, fill(32, 3, [0xAAAABBBB])),
        (HIGH, {"result": 3}, load),
        (PLAIN, {}, lambda s, v, lds: found.append(v[3 * 32 + 5])),
        (LOW, {"result": 3}, load),
        (PLAIN, {}, lambda s, v, lds: found.append(v[3 * 32 + 5])),
    )
    program.run(library, (1, 1, 1), (32, 1, 1))
    assert found == [0x1234BBBB, 0x12341234]


def test_a_wave_that_leaves_the_code_ends_the_launch(library: ctypes.CDLL) -> None:
    def leave(s: Any, v: Any, lds: Any) -> None:
        s[PC] += 400

    assert Program(32, (PLAIN, {}, leave)).run(library, (1, 1, 1), (32, 1, 1)) == 1
