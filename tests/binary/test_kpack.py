"""GPU code in archives beside a library: what AMD's kpack leaves, and what it takes out."""

from __future__ import annotations

from pathlib import Path

import pytest

import kpack_build as k
from gpufix.binary.gpucode import kpack
from gpufix.binary.gpucode.images import CodeError
from gpufix.binary.gpucode.messagepack import unpack

PATTERN = "../.kpack/torch_@GFXARCH@.kpack"
NAME = "lib/libtorch_hip.so"
ONE, TWO = f"{NAME}#0", f"{NAME}#1"


def held(folder: Path, files: dict[str, bytes], pattern: str = PATTERN) -> kpack.GpuCode:
    (folder / "torch/.kpack").mkdir(parents=True)
    for name, data in files.items():
        (folder / "torch/.kpack" / name).write_bytes(data)
    found = kpack.marker(k.marker(NAME, pattern))
    return kpack.Archives().code(found, str(folder / "torch/lib/libtorch_hip.so"))


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 300, 70_000, 2**40], "b": {"c": None, "d": True}, "e" * 40: "x" * 300},
        {str(n): list(range(20)) for n in range(70)},
        "a" * 70_000,
        [],
    ],
)
def test_values_are_read_as_they_were_written(value: object) -> None:
    assert unpack(k.packed(value)) == value


def test_what_follows_a_value_is_left() -> None:
    assert unpack(k.packed({"a": 1}) + b"\xc1" * 50) == {"a": 1}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "too early"),
        (b"\xc1", "unknown kind"),
        (b"\x91" * 40, "nested too deep"),
        (b"\xdf\xff\xff\xff\xff", "too early"),
        (b"\xdd\x7f\xff\xff\xff" + b"\0" * 9, "too early"),
    ],
)
def test_bytes_that_are_no_value(data: bytes, why: str) -> None:
    with pytest.raises(CodeError, match=why):
        unpack(data)


def test_a_library_has_what_its_archives_have(tmp_path: Path) -> None:
    files = {
        "torch_gfx1100.kpack": k.archive({ONE: ("gfx1100",), TWO: ("gfx1100",), "lib/other.so#0": ("gfx906",)}),
        "torch_gfx942.kpack": k.archive({ONE: ("gfx942",)}),
        "torch_gfx942:xnack+.kpack": k.archive({ONE: ("gfx942:xnack+",)}),
        "torch_readme.kpack": b"no archive",
    }  # fmt: skip
    code = held(tmp_path, files)
    assert [(image.kind, image.arch, image.count) for image in code.images] == [
        ("hip", "gfx1100", 2),
        ("hip", "gfx942", 1),
        ("hip", "gfx942:xnack+", 1),
    ]
    parts = {tuple(image.arch for image in images): n for images, n in code.parts()}
    assert parts == {("gfx1100", "gfx942", "gfx942:xnack+"): 1, ("gfx1100",): 1}
    assert code.gaps == ()


def test_none_of_its_archives_is_here(tmp_path: Path) -> None:
    code = held(tmp_path, {})
    assert not code and code.gaps == ()


def test_a_pattern_without_a_variable_names_one_archive(tmp_path: Path) -> None:
    files = {"all.kpack": k.archive({ONE: ("gfx1100", "gfx1201")})}
    code = held(tmp_path, files, "../.kpack/all.kpack")
    assert [image.arch for image in code.images] == ["gfx1100", "gfx1201"]


def test_a_pattern_of_the_machine_that_built_it_is_not_followed(tmp_path: Path) -> None:
    files = {"torch_gfx1100.kpack": k.archive({ONE: ("gfx1100",)})}
    assert not held(tmp_path, files, f"{tmp_path}/torch/.kpack/torch_@GFXARCH@.kpack")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"PK\3\4" + b"\0" * 60, "no kpack archive"),
        (b"KPAK", "no kpack archive"),
        (k.archive({ONE: ("gfx1100",)}, version=2), "unknown version 2"),
        (k.archive({ONE: ("gfx1100",)})[:-9], "too early"),
        (b"KPAK\1\0\0\0" + b"\xff" * 8, "lies nowhere"),
        (b"KPAK\1\0\0\0\x10" + b"\0" * 7 + b"\x90", "no table of contents"),
    ],
)
def test_an_archive_that_cannot_be_read_is_a_gap(data: bytes, why: str, tmp_path: Path) -> None:
    code = held(tmp_path, {"torch_gfx1100.kpack": data})
    assert not code
    assert len(code.gaps) == 1 and why in code.gaps[0]


def test_an_archive_cut_anywhere_is_no_crash(tmp_path: Path) -> None:
    data = k.archive({ONE: ("gfx1100", "gfx942"), TWO: ("gfx90a",)})
    for end in (*range(0, 64, 5), *range(64, len(data), 11)):
        (tmp_path / "a.kpack").write_bytes(data[:end])
        with pytest.raises(CodeError):
            kpack.contents(str(tmp_path / "a.kpack"))


@pytest.mark.parametrize("value", [{}, [], {"kernel_name": "a", "kpack_search_paths": []}, "a"])
def test_a_section_that_names_no_archive(value: object) -> None:
    with pytest.raises(CodeError, match="names no archive"):
        kpack.marker(k.packed(value))
