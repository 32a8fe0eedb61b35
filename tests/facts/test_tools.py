"""Compilers and build tools."""

from __future__ import annotations

import pytest
from fake_site import Site
from machine import program, write

from gpufix.facts.context import CollectContext
from gpufix.facts.toolchain import tools
from gpufix.model import Tool

GCC = "#!/bin/sh\necho 12.2.0\n"


@pytest.fixture
def machine(ctx: CollectContext) -> CollectContext:
    ctx.environ = {"PATH": "/usr/bin"}
    return ctx


def by_name(found: list[Tool]) -> dict[str, tuple[str, str | None]]:
    return {t.name: (t.path, t.version) for t in reversed(found)}


def test_nothing(machine: CollectContext):
    assert tools.collect(machine, None) == []
    assert machine.gaps == []


def test_debians_gcc(machine: CollectContext):
    program(machine.root, "/usr/bin/x86_64-linux-gnu-gcc-12", GCC)
    for link in ("gcc-12", "gcc", "cc"):
        machine.at(f"/usr/bin/{link}").symlink_to("x86_64-linux-gnu-gcc-12")
    program(machine.root, "/usr/bin/g++-11", "#!/bin/sh\nexit 1\n")
    assert by_name(tools.collect(machine, None)) == {
        "gcc": ("/usr/bin/gcc", "12.2.0"),
        "cc": ("/usr/bin/cc", "12.2.0"),
        "gcc-12": ("/usr/bin/gcc-12", "12.2.0"),
        "g++-11": ("/usr/bin/g++-11", "11"),  # not run: its name tells
    }


def test_clang_is_not_started(machine: CollectContext):
    program(machine.root, "/usr/lib/llvm-19/bin/clang", "#!/bin/sh\nexit 1\n")
    write(machine.root, "/usr/lib/llvm-19/lib/clang/19/include/stddef.h")
    machine.at("/usr/bin").mkdir()
    machine.at("/usr/bin/clang").symlink_to("../lib/llvm-19/bin/clang")
    assert by_name(tools.collect(machine, None)) == {"clang": ("/usr/bin/clang", "19")}


def test_ccache_is_seen_through(machine: CollectContext):
    program(machine.root, "/usr/bin/ccache")
    program(machine.root, "/usr/bin/gcc", GCC)
    machine.at("/usr/lib/ccache").mkdir(parents=True)
    machine.at("/usr/lib/ccache/gcc").symlink_to("../../bin/ccache")
    machine.environ = {"PATH": "/usr/lib/ccache:/usr/bin"}
    assert by_name(tools.collect(machine, None))["gcc"] == ("/usr/bin/gcc", "12.2.0")


@pytest.mark.parametrize("value", ["/opt/gcc-11/bin/gcc", "ccache /opt/gcc-11/bin/gcc -m64"])
def test_a_compiler_that_cc_names(machine: CollectContext, value: str):
    program(machine.root, "/usr/bin/gcc", GCC)
    program(machine.root, "/opt/gcc-11/bin/gcc", "#!/bin/sh\necho 11.4.0\n")
    machine.environ = {**machine.environ, "CC": value}
    found = tools.collect(machine, None)
    assert [(t.path, t.version) for t in found] == [
        ("/usr/bin/gcc", "12.2.0"),
        ("/opt/gcc-11/bin/gcc", "11.4.0"),
    ]


@pytest.mark.parametrize("value", ["/gone/gcc", "no-such-program", "", "'unbalanced"])
def test_a_cc_that_cannot_be_used(machine: CollectContext, value: str):
    machine.environ = {**machine.environ, "CC": value}
    assert tools.collect(machine, None) == []
    assert [g.subject for g in machine.gaps] == (["CC"] if "g" in value else [])


@pytest.mark.parametrize(
    "script", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho '\x1b[31m'\n", "#!/nonexistent\n"]
)
def test_a_compiler_that_does_not_tell(machine: CollectContext, script: str):
    program(machine.root, "/usr/bin/gcc", script)
    assert by_name(tools.collect(machine, None)) == {"gcc": ("/usr/bin/gcc", None)}


@pytest.mark.parametrize(
    ("inside", "version"),
    [
        ("3.25.0\0a\0" + "3.25.1\0b", "3.25.1"),
        ("3.25.0\0", "3.25.0"),
        ("13.25.4\0" + "3.25.1.2\0" + "3.24.9", "3.25"),
        ("", "3.25"),
    ],
)
def test_the_release_that_cmake_names(machine: CollectContext, inside: str, version: str):
    program(machine.root, "/usr/bin/cmake", inside)
    write(machine.root, "/usr/share/cmake-3.25/Modules/x.cmake")
    assert by_name(tools.collect(machine, None))["cmake"] == ("/usr/bin/cmake", version)


def test_others(machine: CollectContext, site: Site):
    for name in ("git", "make", "cmake"):
        program(machine.root, f"/usr/bin/{name}", "#!/bin/sh\nexit 1\n")
    write(machine.root, "/usr/share/cmake-3.25/Modules/x.cmake")
    ninja = program(site.prefix, "bin/ninja")
    site.install("pip", "26.0", {"pip/__main__.py": b""})
    assert by_name(tools.collect(machine, site.python())) == {
        "git": ("/usr/bin/git", None),
        "make": ("/usr/bin/make", None),
        "cmake": ("/usr/bin/cmake", "3.25"),
        "ninja": (str(ninja), None),
        "pip": (str(site.folder / "pip"), "26.0"),
    }
