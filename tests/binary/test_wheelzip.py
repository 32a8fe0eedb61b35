"""Compiled files inside wheels: read in place, and zip bombs."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import gpu_build as b
import pytest

from gpufix.binary.gpucode.extract import CodeError, code_in, code_objects
from gpufix.binary.wheel import WheelZip

LIBRARY = b.host_elf(
    {".nv_fatbin": b.fatbin(b.entry(2, 80)), ".text": random.Random(1).randbytes(9999)}
)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "pkg-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pkg/", "")
        archive.writestr("pkg/_C.so", LIBRARY)
        archive.writestr("pkg/__init__.py", "x = 1\n" * 1000)
        archive.writestr(zipfile.ZipInfo("pkg/stored.so"), LIBRARY)
    return path


def test_members_are_listed_without_folders(wheel):
    with WheelZip(str(wheel)) as archive:
        listed = [(member.name, member.size) for member in archive.members()]
    assert listed == [
        ("pkg/_C.so", len(LIBRARY)), ("pkg/__init__.py", 6000), ("pkg/stored.so", len(LIBRARY)),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["pkg/_C.so", "pkg/stored.so"])
def test_a_member_reads_as_a_file_does(wheel, name):
    with WheelZip(str(wheel)) as archive:
        assert archive.head(name, 4) == b"\x7fELF"
        with archive.unpacked(name) as path:
            assert code_objects(path) == code_in(LIBRARY)
            assert Path(path).read_bytes() == LIBRARY
        assert not Path(path).exists()


def test_nothing_is_left_on_disk(wheel, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    before = len(list(Path("/proc/self/fd").iterdir()))
    with WheelZip(str(wheel)) as archive, archive.unpacked("pkg/_C.so"):
        assert list(scratch.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_bomb_by_ratio_is_refused(tmp_path):
    path = tmp_path / "bomb.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.so", bytes(30 << 20))
    with WheelZip(str(path)) as archive, pytest.raises(CodeError, match="zip bomb"):
        archive.head("zeros.so", 4)


def test_a_member_that_lies_about_its_size_is_refused(wheel, tmp_path):
    data = wheel.read_bytes()
    size = len(LIBRARY).to_bytes(4, "little")
    path = tmp_path / "liar.whl"
    path.write_bytes(data.replace(size, (9).to_bytes(4, "little")))
    with WheelZip(str(path)) as archive, pytest.raises(CodeError), archive.unpacked("pkg/_C.so"):
        pass


def test_members_that_share_bytes_are_refused(wheel, tmp_path):
    data = bytearray(wheel.read_bytes())
    at = data.rfind(b"PK\1\2")
    data[at + 42 : at + 46] = data[data.find(b"PK\1\2") + 42 :][:4]
    path = tmp_path / "overlap.whl"
    path.write_bytes(data)
    with pytest.raises(CodeError, match="overlap"):
        WheelZip(str(path))


def test_an_oversized_directory_is_refused_before_it_is_read(tmp_path, monkeypatch, wheel):
    monkeypatch.setattr("gpufix.binary.wheel.MAX_DIRECTORY", 100)
    with pytest.raises(CodeError, match="zip directory"):
        WheelZip(str(wheel))


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\5\6" + b"\0" * 17, b"\x7fELF" * 99])
def test_what_is_no_zip_is_refused(tmp_path, data):
    path = tmp_path / "x.whl"
    path.write_bytes(data)
    with pytest.raises(CodeError):
        WheelZip(str(path))


@pytest.mark.parametrize("path", ["/nowhere.whl", "/tmp", "/dev/null", "a\0b"])
def test_unreadable_paths_are_refused(path):
    with pytest.raises(CodeError):
        WheelZip(path)


def test_unknown_members_are_refused(wheel):
    with WheelZip(str(wheel)) as archive, pytest.raises(CodeError):
        archive.head("../etc/passwd", 4)


def test_a_member_without_a_name_is_a_member(wheel):
    """Found by fuzz/: zipfile asks for the last letter of its name."""
    raw = wheel.read_bytes().replace(b"pkg/_C.so", b"\0kg/_C.so")
    wheel.write_bytes(raw)
    with WheelZip(str(wheel)) as archive:
        assert archive.members()[0].name == ""
