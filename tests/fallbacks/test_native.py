"""A fallback's C++ file: compiled once, kept, and never in the way of the work."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

import needs

torch = needs.module("torch")
native = needs.module("torch", "gpufix.fallbacks.common.native")
pytestmark = [pytest.mark.needs("torch", "Python.h"), pytest.mark.usefixtures("cache")]

SOURCE = """
#include <Python.h>
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "demo", nullptr, -1, nullptr};
PyMODINIT_FUNC PyInit_demo() { return PyModule_Create(&definition); }
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("CXX", native.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


def begun(folder: Path, source: str = SOURCE) -> Any:
    file = folder / "demo.cpp"
    file.write_text(source)
    one = native.Native("demo", file)
    one.start()
    return one


def compiler(folder: Path, code: str) -> str:
    file = folder / "my-c++"
    file.write_text(f"#!/bin/sh\n{code}\n")
    file.chmod(0o755)
    return str(file)


def ended(one: Any, reason: str) -> str:
    """The reason that takes the place of this one."""
    end = time.monotonic() + 60
    while one.reason == reason and time.monotonic() < end:
        time.sleep(0.02)
    return str(one.reason)


@pytest.mark.needs("g++")
def test_compiled_in_the_background_and_kept(tmp_path: Path, cache: Path) -> None:
    one = begun(tmp_path)
    assert one.module is None and one.reason == "it is being compiled"
    assert ended(one, one.reason) == "" and one.module.__name__ == "demo"
    again = begun(tmp_path)
    assert again.module is not None and again.reason == ""
    (kept,) = cache.rglob("*.so")
    assert [path.name for path in kept.parent.iterdir()] == ["demo.so"]
    assert begun(tmp_path, SOURCE + "// changed\n").module is None


@pytest.mark.needs("g++")
def test_waited_for(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.VARIABLE, "1")
    assert begun(tmp_path).reason == ""
    (kept,) = cache.rglob("*.so")
    damaged = tmp_path / "other" / kept.relative_to(cache)
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"no library")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    assert begun(tmp_path).module is not None
    assert damaged.stat().st_size > 100


def test_never(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.VARIABLE, "0")
    assert begun(tmp_path).reason == "GPUFIX_FALLBACK_NATIVE=0"
    assert not cache.exists()


def test_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert begun(tmp_path).reason == "no C++ compiler on PATH"


def test_what_will_stand_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "demo.cpp").write_text(SOURCE)
    one = native.Native("demo", tmp_path / "demo.cpp")
    monkeypatch.setenv("CXX", compiler(tmp_path, "exit 0"))
    assert one.why() == "nothing has run on a GPU yet"
    monkeypatch.setenv("CXX", "none-such")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert one.why() == "no C++ compiler on PATH"
    assert one.reason == "nothing has run on a GPU yet"


def test_a_compiler_that_fails_is_asked_once(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "echo x >> $0.calls; echo 'In file a.h' >&2; echo 'b.cpp:1: error: no such thing' >&2; exit 1"
    monkeypatch.setenv("CXX", compiler(tmp_path, code))
    one = begun(tmp_path)
    assert ended(one, "it is being compiled") == "b.cpp:1: error: no such thing"
    again = begun(tmp_path)
    (said,) = cache.rglob("*.txt")
    assert again.module is None and again.reason == again.why()
    assert again.reason == f"the compiler failed before: b.cpp:1: error: no such thing ({said})"
    assert said.read_text().startswith("b.cpp:1: error: no such thing\n\nIn file")
    assert (tmp_path / "my-c++.calls").read_text() == "x\n"


def test_what_does_not_load_is_not_tried_again(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", compiler(tmp_path, "exit 0"))  # an empty file
    one = begun(tmp_path)
    assert "file too short" in ended(one, "it is being compiled")
    assert begun(tmp_path).reason.startswith("the compiler failed before")
    assert not list(cache.rglob("*.so"))


def test_one_process_compiles(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", compiler(tmp_path, "kill -9 $$"))
    one = begun(tmp_path)
    assert ended(one, "it is being compiled") == "the compiler ended with -9"
    folder = next(path for path in cache.rglob("*") if len(path.name) == 32)
    assert list(folder.iterdir()) == []  # killed: the next process tries again
    part = folder / "demo.part"
    part.touch()
    assert begun(tmp_path).reason == "another process compiles it"
    os.utime(part, (0, 0))  # given up long ago
    assert ended(begun(tmp_path), "it is being compiled") == "the compiler ended with -9"


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CXX", compiler(tmp_path, "exit 0"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert begun(tmp_path).reason.startswith("NotADirectoryError")
