"""Every row of knowledge/removed_cxx.toml by the compilers: refused as it is, accepted once it is fixed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import source_tree as t
from cxx_sources import SETUP, cuda

import needs
import removed_rows
from gpufix.checks.source.src604_removed_api import removed_api
from gpufix.fixes.source.replace_removed_cuda import replace_removed_cuda
from removed_rows import Use

CUDA = [use for use in removed_rows.every() if use.gone != "torch"]
HEADERS = [use for use in CUDA if use.kind == "header"]
# What the host pass of nvcc takes, so that other rows' errors would hide these.
DEVICE = [use for use in CUDA if re.match(r"__(?:shfl|ballot|any|all)", use.name)]
NAMES = [use for use in CUDA if use not in HEADERS and use not in DEVICE]
SAMPLE = [
    use for use in NAMES if use.includes in (["#include <cuda_runtime.h>"], ["#include <cuda.h>"])
]


def together(uses: Sequence[Use], lines: bool) -> str:
    """The sources as one, each in a namespace of its own. lines: the compiler names rows as files."""
    included = sorted({line for use in uses for line in use.includes})
    parts = []
    for index, use in enumerate(uses):
        if use.kind == "header":
            continue
        mark = f'#line 1 "row{index}"\n' if lines else ""
        parts.append(f"{mark}namespace n{index} {{\n{use.body}\n}}")
    return "\n".join([*included, *parts, ""])


def nvcc(source: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [needs.path("nvcc"), "-std=c++17", "-arch=sm_80", *flags, str(source)]
    return subprocess.run(command, capture_output=True, text=True)


def refused(uses: Sequence[Use], folder: Path) -> None:
    """All of them in one run of nvcc: each has an error."""
    source = folder / "rows.cu"
    source.write_text(together(uses, lines=True), encoding="utf-8")
    limits = ("-Xcudafe", "--error_limit=5000", "-Xcompiler", "-fmax-errors=0")
    run = nvcc(source, "-cubin", "-o", str(folder / "rows.cubin"), *limits)
    wrong = {int(n) for n in re.findall(r"^row(\d+)[:(]\d+.*error", run.stdout + run.stderr, re.M)}
    assert [use.name for index, use in enumerate(uses) if index not in wrong] == []


def accepted(uses: Sequence[Use], folder: Path) -> None:
    """What the plans make of all of them together compiles, and nothing is found in it."""
    files = {"setup.py": SETUP, "ext.cu": together(uses, lines=False)}
    root = t.write(folder / "fixed", files)
    view = t.look(root, **cuda("13.0"))
    findings = t.found(removed_api, view)
    assert {evidence.text for f in findings for evidence in f.evidence} == {u.name for u in uses}
    for finding in findings:
        t.apply(replace_removed_cuda(finding, view))
    assert t.found(removed_api, t.look(root, **cuda("13.0"))) == []
    run = nvcc(root / "ext.cu", "-c", "-o", str(folder / "ext.o"), "-ldl")
    assert run.returncode == 0, run.stderr[:3000]


@pytest.mark.needs("nvcc")
def test_a_sample_is_refused_as_it_is(tmp_path: Path) -> None:
    refused(SAMPLE, tmp_path)


@pytest.mark.needs("nvcc")
def test_a_sample_is_accepted_once_it_is_fixed(tmp_path: Path) -> None:
    accepted([use for use in SAMPLE if use.fixed], tmp_path)


@pytest.mark.slow
@pytest.mark.needs("nvcc")
def test_each_row_is_refused_as_it_is(tmp_path: Path) -> None:
    refused(NAMES, tmp_path)
    for use in DEVICE:
        source = tmp_path / "device.cu"
        source.write_text(use.text, encoding="utf-8")
        assert nvcc(source, "-cubin", "-o", str(tmp_path / "d.cubin")).returncode, use.name


@pytest.mark.needs("nvcc")
def test_no_header_is_there(tmp_path: Path) -> None:
    tests = [
        f'#line 1 "{use.name[1:-1]}"\n#if __has_include({use.name})\n#error\n#endif'
        for use in HEADERS
    ]
    source = tmp_path / "headers.cu"
    source.write_text("\n".join([*tests, ""]), encoding="utf-8")
    run = nvcc(source, "-E", "-o", str(tmp_path / "out"))
    assert run.returncode == 0, run.stderr


@pytest.mark.slow
@pytest.mark.needs("nvcc")
def test_each_row_with_a_replacement_is_accepted_once_it_is_fixed(tmp_path: Path) -> None:
    accepted([use for use in CUDA if use.fixed], tmp_path)
