"""Damaged files of every kind: an answer with gaps or the one exception, never another, never a hang."""

from __future__ import annotations

import zlib

import gpu_build as b
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpufix.binary.gpucode.extract import CodeError, code_in
from gpufix.binary.gpucode.images import MAX_STEPS

FATBINS = b.fatbin(b.entry(2, 80, payload=b.cubin(0x6005004)), b.entry(1, 90, 0x2011, (8, 4)))
BUNDLE = b.bundle(
    {"host-x": b"", "hipv4-amdgcn-amd-amdhsa--gfx1030": b.cubin(0x36, 64, 224, 3)}, 256
)
PACKED = b.ccob(zlib.compress(BUNDLE), len(BUNDLE))
FRAME = bytes.fromhex("28b52ffd0048") + bytes.fromhex("2d0000") + b"\x18abc\0"
SEEDS = [
    FATBINS,
    BUNDLE,
    PACKED,
    b.ccob(FRAME, 3, 3, 1),
    b.host_elf({".nv_fatbin": FATBINS + FATBINS}),
    b.host_elf({".hip_fatbin": BUNDLE + PACKED}),
    b.host_elf({".llvm.offloading": b"\x10\xff\x10\xad\1\0\0\0" + b"\x60" + b"\0" * 95}),
    b.ar({"a.o": b.host_elf({"__nv_relfatbin": FATBINS})}),
    b".version 8.4\n.target sm_90\n",
]
PATCHES = st.lists(
    st.tuples(
        st.integers(0, 1 << 20),
        st.sampled_from([b"\0", b"\xff", b"\x7f", b"\0" * 8, b"\xff" * 8, b"\1", b"\x40\0\0\0"])
        | st.binary(min_size=1, max_size=9),
    ),
    max_size=6,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SEEDS), PATCHES, st.integers(0, 1 << 20) | st.none())
def test_mutated_files_give_an_answer_or_the_one_error(seed, patches, cut):
    data = bytearray(seed)
    for at, patch in patches:
        at %= len(data)
        data[at : at + len(patch)] = patch
    if cut is not None:
        del data[cut % len(data) :]
    try:
        code = code_in(bytes(data))
    except CodeError:
        return
    assert len(code.images) < 20 and code.containers < 20
    for image in code.images:
        assert image.arch.isprintable() and len(image.arch) < 300


@pytest.mark.some(2)
@pytest.mark.parametrize(
    "data",
    [
        b.host_elf({".nv_fatbin": b.fatbin() * (MAX_STEPS + 10)}),
        b.host_elf({".nv_fatbin": bytes(30_000_000) + b"x"}),
        b.host_elf({".hip_fatbin": PACKED * 4000}),
        b.ar({"a.o": b"x"})[:8] + b.ar({"a.o": b""})[8:] * 300_000,
        (b.fatbin() + b"\0" * 8) * 200_000,
    ],
    ids=["fatbins", "zeros", "bundles", "members", "padding"],
)
def test_floods_end(data):
    assert code_in(data).images in ((), code_in(b.host_elf({".hip_fatbin": PACKED * 2499})).images)
