"""PE files: what is read of them, and how hostile ones are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pe_writer import Dll

from gpufix.binary.pe import PeError, PeFile


def read(tmp_path: Path, dll: Dll | bytes) -> PeFile:
    path = tmp_path / "x.dll"
    path.write_bytes(dll if isinstance(dll, bytes) else dll.bytes())
    return PeFile(str(path))


def test_what_is_read(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        Dll(
            imports={"KERNEL32.dll": ["Sleep", "#12"], "b.dll": ["f"]},
            delayed={"late.dll": ["g"]},
            exports={"own": "", "moved": "NTDLL.RtlMove"},
            linker=(14, 42),
            version=(14, 44, 35211, 0),
        ),
    )
    assert (file.machine, file.headers.linker, file.headers.is_dll) == ("x86_64", (14, 42), True)
    assert file.needed == ("KERNEL32.dll", "b.dll")
    assert file.imports[0].names == ("Sleep",)
    assert file.imports[0].ordinals == (12,)
    assert [one.library for one in file.delayed] == ["late.dll"]
    assert file.exports.names == {"moved": "NTDLL.RtlMove", "own": ""}
    assert file.exports.ordinals == {1: "NTDLL.RtlMove", 2: ""}
    assert file.version == (14, 44, 35211, 0)
    assert not file.truncated


def test_of_32_bits(tmp_path: Path) -> None:
    file = read(tmp_path, Dll(imports={"a.dll": ["f", "#3"]}, machine="i386"))
    assert file.machine == "i386"
    assert (file.imports[0].names, file.imports[0].ordinals) == (("f",), (3,))


def test_tables_that_are_not_there(tmp_path: Path) -> None:
    file = read(tmp_path, Dll())
    assert (file.imports, file.delayed, file.version) == ((), (), None)
    assert file.exports.names == {}


def test_truncated(tmp_path: Path) -> None:
    whole = Dll(imports={"a.dll": ["f"]}).bytes()
    assert read(tmp_path, whole[:-100]).truncated


HOSTILE = {
    "empty": b"",
    "a text": b"MZ is not enough",
    "no PE header": b"MZ" + bytes(62),
    "its header lies outside": b"MZ".ljust(60, b"\0") + b"\xff\xff\xff\x7f" + bytes(100),
    "an optional header of no kind": b"MZ".ljust(60, b"\0")
    + b"\x40\0\0\0PE\0\0\x64\x86\1\0"
    + bytes(300),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(PeError):
        read(tmp_path, HOSTILE[name])


def test_every_cut_of_a_file_is_read_or_refused(tmp_path: Path) -> None:
    whole = Dll(
        imports={"a.dll": ["f", "g"]},
        exports={"e": ""},
        version=(1, 2, 3, 4),
        delayed={"d.dll": ["x"]},
    ).bytes()
    for end in range(0, len(whole), 13):
        for damaged in (whole[:end], whole[:end] + b"\xff" * 8 + whole[end + 8 :]):
            try:
                file = read(tmp_path, damaged)
                _ = file.imports, file.delayed, file.exports, file.version
            except PeError:
                continue
