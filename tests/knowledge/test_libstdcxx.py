"""Which GCC brought a symbol version of libstdc++."""

from __future__ import annotations

import re
import subprocess

import pytest

from gpufix.binary.elf import ElfFile
from gpufix.knowledge.data_table import numbers, table
from gpufix.knowledge.libstdcxx import defines, gcc_with


def test_releases() -> None:
    assert (gcc_with("GLIBCXX_3.4.32"), gcc_with("CXXABI_1.3.15")) == ("13.2", "14.1")
    unlisted = ("GLIBCXX_3.4.99", "GLIBC_2.38", "GLIBCXX", "")
    assert [gcc_with(version) for version in unlisted] == [None] * len(unlisted)


def test_versions_rise_with_releases() -> None:
    for row in table("libstdcxx")["versions"].values():
        order = [(numbers(version), numbers(gcc)) for version, gcc in row.items()]
        assert order == sorted(order)
        assert [gcc for _, gcc in order] == sorted(gcc for _, gcc in order)


@pytest.mark.parametrize(
    ("gcc", "version", "has"),
    [
        ("13.2.0", "GLIBCXX_3.4.32", True),
        ("13.1.0", "GLIBCXX_3.4.32", False),
        ("13", "GLIBCXX_3.4.31", False),
        ("14", "GLIBCXX_3.4.99", None),
    ],
)
def test_defines(gcc: str, version: str, has: bool | None) -> None:
    assert defines(gcc, version) is has


@pytest.mark.needs("g++")
def test_the_libstdcxx_that_is_here() -> None:
    """It defines all that the table says of its GCC."""
    ask = ["g++", "-print-file-name=libstdc++.so.6"]
    path = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    gcc = subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True, check=True)
    names = [row.version for row in ElfFile(path).version_definitions]
    listed = [name for name in names if re.fullmatch(r"(GLIBCXX|CXXABI)_[\d.]+", name)]
    lacking = [
        f"{family}_{number}"
        for family, row in table("libstdcxx")["versions"].items()
        for number in row
        if defines(gcc.stdout.strip(), f"{family}_{number}") and f"{family}_{number}" not in listed
    ]
    assert lacking == [] and len(listed) > 20
