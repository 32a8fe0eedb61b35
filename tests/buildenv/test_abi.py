"""The C++ ABI forced by a header: the last word over every -D."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import builders as b
import pytest

from gpufix.fixes.build_environment.variables import abi_variables, contradicted, header

CONTRADICTED = {
    "": False,
    "cxx = ['-D_GLIBCXX_USE_CXX11_ABI=1']": False,
    "cxx = ['-D_GLIBCXX_USE_CXX11_ABI=0']": True,
    "add_definitions(-D_GLIBCXX_USE_CXX11_ABI=0)": True,
    '("_GLIBCXX_USE_CXX11_ABI", None), f"-D_GLIBCXX_USE_CXX11_ABI={abi}"': False,
    "#define _GLIBCXX_USE_CXX11_ABI 0": True,
}


@pytest.mark.parametrize("text", CONTRADICTED)
def test_contradicted(text: str) -> None:
    assert contradicted(text, True) is CONTRADICTED[text]
    assert contradicted(text, None) is False


def test_flags_are_kept_and_do_not_grow() -> None:
    path = "/tmp/x/abi.h"
    facts = b.healthy(environment=b.environment(CFLAGS="-O2"))
    once = {v.name: v.value for v in abi_variables(b.view(facts), path, True)}
    assert once["CFLAGS"] == f"-include {path} -O2"
    assert once["NVCC_PREPEND_FLAGS"] == f"-include {path}"
    overlay = replace(facts.environment, overlay=once)
    again = b.view(replace(facts, environment=overlay))
    assert {v.name: v.value for v in abi_variables(again, path, True)} == once


@pytest.mark.parametrize("path", ["/tmp/a b/abi.h", "/tmp/$(x)/abi.h", "/tmp/'/abi.h"])
def test_a_path_that_flags_cannot_hold(path: str) -> None:
    with pytest.raises(ValueError, match="flags"):
        list(abi_variables(b.view(b.healthy()), path, True))


@pytest.mark.parametrize("abi", [False, True])
@pytest.mark.needs("g++")
def test_it_outranks_every_option(tmp_path: Path, abi: bool) -> None:
    (tmp_path / "abi.h").write_text(header(abi))
    source = "#include <string>\nvoid f(std::string) {}\n"
    command = ["g++", "-include", "abi.h", f"-D_GLIBCXX_USE_CXX11_ABI={int(not abi)}"]
    command += ["-x", "c++", "-S", "-o", "-", "-"]
    done = subprocess.run(command, input=source, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ("__cxx11" in done.stdout) is abi
