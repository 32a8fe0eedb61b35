"""ar archives in their dialects."""

from __future__ import annotations

import gpu_build as b
import pytest

from gpufix.binary.ar import members
from gpufix.binary.gpucode.extract import CodeError, code_in


def listed(data: bytes) -> list[tuple[str, bytes]]:
    return [(m.name, data[m.offset : m.offset + m.size]) for m in members(data, 0, len(data))]


def raw(name: bytes, size: int, end: bytes = b"`\n") -> bytes:
    return (
        name.ljust(16)
        + b"0".ljust(12)
        + b"0".ljust(6) * 2
        + b"644".ljust(8)
        + b"%-10d" % size
        + end
    )


LONG = b"a_name_that_is_longer_than_fifteen.o"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"!<arch>\n", []),
        (b.ar({"a.o": b"abc", "b.o": b"de"}), [("a.o", b"abc"), ("b.o", b"de")]),
        (
            b"!<arch>\n" + raw(b"/", 4) + bytes(4) + raw(b"//", 38) + LONG + b"/\n"
            + raw(b"/0", 2) + b"xy",
            [(LONG.decode(), b"xy")],
        ),
        (
            b"!<arch>\n" + raw(b"#1/20", 20) + b"__.SYMDEF SORTED".ljust(20, b"\0")
            + raw(b"#1/36", 38) + LONG + b"xy",
            [(LONG.decode(), b"xy")],
        ),
        (b"!<arch>\n" + raw(b"/99", 2) + b"xy", [("", b"xy")]),
    ],
    ids=["empty", "short", "gnu", "bsd", "no-name-table"],
)  # fmt: skip
def test_members(data, expected):
    assert listed(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"!<thin>\n",
        b"!<arch>\n" + raw(b"a/", 99),
        b"!<arch>\n" + raw(b"a/", 0, b"??"),
        b"!<arch>\n" + raw(b"a/", 0).replace(b"0         `", b"-1        `"),
        b"!<arch>\n" + raw(b"#1/9999", 2) + b"xy",
        b"!<arch>\n" + "#1/²".encode("latin-1").ljust(16) + raw(b"", 2)[16:] + b"xy",
    ],
)
def test_damaged_archives_are_refused_and_a_gap(data):
    with pytest.raises(CodeError):
        listed(data)
    code = code_in(data)
    assert not code and len(code.gaps) == 1


def test_a_damaged_member_does_not_hide_the_others():
    good = b.host_elf({".nv_fatbin": b.fatbin(b.entry(2, 80))})
    code = code_in(b.ar({"a.o": good[:-70], "b.o": good}))
    assert [(image.arch, image.count) for image in code.images] == [("sm_80", 1)]
    assert len(code.gaps) == 1 and "a.o" in code.gaps[0]
