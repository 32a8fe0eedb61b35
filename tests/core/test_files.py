"""The opener: nothing blocks, what is no regular file is named, and no more is read than was asked for."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from gpufix import files


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listener(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def link_to_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("far"))
    path.symlink_to("far")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (pipe, "it is a named pipe"),
        (link_to_pipe, "it is a named pipe"),
        (listener, "it is a socket"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
        (Path.mkdir, "Is a directory"),
        (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
        (lambda path: None, "No such file or directory"),
    ],
)
@pytest.mark.parametrize(
    "reader",
    [
        lambda path: files.read(path, 10),
        lambda path: files.read(path.name, 10, os.open(path.parent, os.O_RDONLY)),
        lambda path: files.read_whole(path, 10),
        lambda path: files.read_given(str(path), 10),
        files.own,
    ],
    ids=["read", "below a folder", "whole", "given", "own"],
)
def test_what_is_no_regular_file_is_named(
    make: Callable[[Path], None], says: str, reader: Callable[[Path], bytes], tmp_path: Path
) -> None:
    make(tmp_path / "x")
    with pytest.raises(OSError) as raised:
        reader(tmp_path / "x")
    assert raised.value.strerror == says


def test_a_pipe_that_comes_after_the_look_blocks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, regular = tmp_path / "x", Path(__file__).stat()
    os.mkfifo(path)
    monkeypatch.setattr(os, "stat", lambda *_, **__: regular)
    with pytest.raises(OSError, match="named pipe"):
        files.read(path, 10)


def test_a_name_with_a_zero_byte_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError):
        files.read("a\0b", 10)


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"12345")
    before = len(list(Path("/proc/self/fd").iterdir()))
    files.read(tmp_path / "f", 3)
    with pytest.raises(OSError):
        files.read(tmp_path, 3)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("limit", [0, 3, 5, 9])
def test_reads_stop_at_their_limit(limit: int, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"12345")
    assert files.read(tmp_path / "f", limit) == b"12345"[:limit]


@pytest.mark.parametrize("reader", [files.read_whole, lambda p, n: files.read_given(str(p), n)])
def test_a_file_beyond_the_limit_is_not_half_read(
    reader: Callable[[Path, int], bytes], tmp_path: Path
) -> None:
    (tmp_path / "f").write_bytes(b"12345")
    assert reader(tmp_path / "f", 5) == b"12345"
    with pytest.raises(files.TooLarge, match="larger than"):
        reader(tmp_path / "f", 4)


def test_a_limit_is_said_in_its_unit() -> None:
    assert files.TooLarge(64 << 20).strerror == "larger than 64 MiB"
    assert files.TooLarge(64 << 10).strerror == "larger than 64 KiB"


def test_files_of_the_kernel_have_no_size_and_are_read() -> None:
    assert files.read("/proc/self/stat", 4096).startswith(str(os.getpid()).encode())


@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}"])
def test_own_streams_are_read_to_their_end(name: str) -> None:
    end, begin = os.pipe()
    os.write(begin, b"a")
    os.write(begin, b"b")
    os.close(begin)
    assert files.read_given(name.format(end), 10) == b"ab"
    os.close(end)  # still open: what was read is a copy of it


def test_a_stream_that_nobody_opened_is_an_error() -> None:
    with pytest.raises(OSError):
        files.read_given("/dev/fd/987654", 10)


@pytest.mark.parametrize(
    ("at", "end", "data", "hole"),
    [(0, 4 << 20, 0, 64 << 10), (64 << 10, 4 << 20, 2 << 20, None), (3 << 20, 4 << 20, None, None)],
)
def test_holes(at: int, end: int, data: int | None, hole: int | None, tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.write(b"x" * (64 << 10))
        file.seek(2 << 20)
        file.write(b"x" * (64 << 10))
        file.truncate(4 << 20)
    with files.opened(tmp_path / "sparse") as descriptor:
        known = os.lseek(descriptor, 64 << 10, os.SEEK_DATA) != 64 << 10
        found = files.next_data(descriptor, at, end)
        # A file system that tells of no holes says that all is data.
        assert found == (end if data is None else data) if known else found == at
        if hole is not None:
            assert files.next_hole(descriptor, at, end) == hole if known else end
