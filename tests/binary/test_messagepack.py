"""MessagePack by its specification's examples."""

from __future__ import annotations

import pytest

from gpufix.binary.gpucode.images import CodeError
from gpufix.binary.gpucode.messagepack import unpack

# The specification's own examples of each kind (github.com/msgpack/msgpack, spec.md, Formats).
PACKED = {
    "00": 0, "7f": 127, "ff": -1, "e0": -32, "c0": None, "c2": False, "c3": True, "ccff": 255,
    "cd0100": 256, "ce00010000": 65536, "cf0000000100000000": 1 << 32, "d080": -128, "d18000": -32768,
    "d280000000": -(1 << 31), "d38000000000000000": -(1 << 63), "ca3fc00000": 1.5, "cb3ff8000000000000": 1.5,
    "a161": "a", "d90161": "a", "da000161": "a", "db0000000161": "a", "920102": [1, 2], "dc000101": [1],
    "dd0000000101": [1], "81a16101": {"a": 1}, "de0001a16101": {"a": 1}, "df00000001a16101": {"a": 1},
}  # fmt: skip


@pytest.mark.parametrize("packed", PACKED)
def test_every_kind_of_value(packed: str) -> None:
    assert unpack(bytes.fromhex(packed)) == PACKED[packed]


@pytest.mark.parametrize("cut", ["", "cd01", "a5616263", "92", "81a161", "c1"])
def test_what_is_cut_or_unknown_is_an_error(cut: str) -> None:
    with pytest.raises(CodeError):
        unpack(bytes.fromhex(cut))
