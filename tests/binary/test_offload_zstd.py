"""The decoder of the head of a zstd frame, against frames whose bytes are laid out by hand, and libzstd."""

from __future__ import annotations

import contextlib
import random
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

import needs
from gpufix.binary.gpucode.zstd import ZstdError, zstd_head

HEADER = bytes.fromhex("28b52ffd0048")


def block(kind: int, size: int, data: bytes, last: bool = True) -> bytes:
    return (size << 3 | kind << 1 | last).to_bytes(3, "little") + data


@pytest.mark.parametrize(
    ("frame", "content"),
    [
        (HEADER + block(0, 0, b""), b""),
        (HEADER + block(0, 5, b"hello"), b"hello"),
        (HEADER + block(1, 9, b"x"), b"x" * 9),
        (HEADER + block(0, 3, b"abc", last=False) + block(1, 2, b"d"), b"abcdd"),
        (bytes.fromhex("28b52ffd2003") + block(0, 3, b"abc"), b"abc"),
        # a compressed block of raw literals and no sequences
        (HEADER + block(2, 5, b"\x18abc\0"), b"abc"),
    ],
)
def test_frames_by_hand(frame, content):
    assert zstd_head(frame, 100) == content
    assert zstd_head(frame, 2) == content[:2]


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"PK\3\4" + b"\0" * 20,
        HEADER,
        HEADER + block(3, 5, b"hello"),
        HEADER + block(1, 5, b""),
        HEADER + block(2, 5, b"\x18ab"),
        HEADER + block(0, 1 << 20, b"too large for a block"),
        bytes.fromhex("28b52ffd0148") + b"\7" + block(0, 1, b"x"),
    ],
)
def test_damaged_frames_are_refused(frame):
    with pytest.raises(ZstdError):
        zstd_head(frame, 100)


def libzstd(data: bytes, level: int) -> bytes:
    try:
        from compression.zstd import compress  # Python 3.14
    except ImportError:
        command = [needs.path("zstd"), "-q", "--ultra", f"-{level}", "-c"]
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout
    return compress(data, level=level)


@pytest.mark.parametrize("level", [1, 9, 19])
def test_heads_of_what_libzstd_wrote(level):
    words = [random.Random(7).randbytes(n) for n in (1, 3, 5, 17, 90, 400)]
    chooser = random.Random(level)
    data = b"".join(chooser.choice(words) + b"\0" * chooser.randrange(50) for _ in range(2000))
    for size in (0, 1, 60, 3000, len(data)):
        frame = libzstd(data[:size], level)
        for want in (1, 500, 4096, 40_000):
            assert zstd_head(frame, want) == data[:size][:want]


@given(st.binary(max_size=300))
def test_arbitrary_bytes_give_bytes_or_the_one_error(data):
    with contextlib.suppress(ZstdError):
        assert len(zstd_head(HEADER + data, 4096)) <= 4096
