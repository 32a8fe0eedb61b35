"""What was read to be fixed and does not import all the same is not fixed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import needs
from gpufix.checks.registry import ERROR, WARNING
from gpufix.engine.run.comparison import Comparison
from gpufix.engine.run.import_probe import probe
from gpufix.engine.run.repair import as_proven
from gpufix.model import Facts, Finding, Host, Probe, Python, Severity
from gpufix.model.payload import ExtensionModules

SITE = "/env/lib/python3.11/site-packages"
PYTHON = Python(
    executable="/env/bin/python",
    version="3.11.7",
    tag="cp311",
    prefix="/env",
    base_prefix="/usr",
    kind="venv",
    site_dirs=[SITE],
)
FACTS = Facts(host=Host(os="Linux", kernel="6", machine="x86_64"), python=PYTHON)


def finding(severity: Severity = ERROR, *files: str) -> Finding:
    paths = tuple(f"{SITE}/{name}" for name in files or ("vllm/_C.abi3.so",))
    return Finding(
        code="ABI301",
        name="cxx11-abi-mismatch",
        severity=severity,
        subject="vllm",
        message="vllm is built with the other ABI.",
        payload=ExtensionModules("vllm", paths),
    )


def said(*failing: str, works: Sequence[str] = ("vllm",)) -> list[Probe]:
    bad = [Probe(module=name, ok=False, said="exits with -11") for name in failing]
    return [*bad, *(Probe(module=name, ok=True) for name in works)]


# A finding, what its imports came to, and whether it is fixed.
CASES = {
    "the module imports": (finding(), said(works=["vllm", "vllm._C"]), True),
    "the package imports, and nobody tried the module": (finding(), said(), True),
    "another package does not import": (finding(), said("xformers"), True),
    "only a warning": (finding(WARNING), said("vllm._C"), True),
    "a library that is no module": (finding(ERROR, "vllm/libops.so"), said("vllm._C"), True),
    "the module does not import": (finding(), said("vllm._C"), False),
    "it wants a driver, which this machine lacks": (
        finding(),
        [Probe(module="vllm._C", ok=False, said="libcuda.so.1: cannot open", driver=True)],
        True,
    ),
    "one of several does not": (
        finding(ERROR, "vllm/_A.abi3.so", "vllm/_C.abi3.so"),
        said("vllm._C"),
        False,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_module_that_a_finding_accused_must_import(name: str) -> None:
    one, probes, is_fixed = CASES[name]
    result = Comparison(fixed=[one], remaining=[], introduced=[], revealed=[], failed=[])
    told = as_proven(result, probes, FACTS)
    assert (told.fixed, told.remaining) == (([one], []) if is_fixed else ([], [one]))


@pytest.mark.parametrize(
    ("library", "driver"),
    [("libcuda.so.1", True), ("libcudart.so.12", False), ("libfoo.so", False)],
)
def test_what_only_a_driver_brings_is_no_failure(
    library: str, driver: bool, tmp_path: Path
) -> None:
    said = f"ImportError: {library}: cannot open shared object file: No such file or directory"
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    program.chmod(0o755)
    facts = replace(FACTS, python=replace(PYTHON, executable=str(program)))
    (told,) = probe([], facts, {"PATH": os.defpath}, accused=[f"{SITE}/vllm/_C.abi3.so"])
    assert not told.ok and told.driver is driver


@pytest.mark.needs("gcc")
def test_a_library_that_torch_opens_is_not_imported(tmp_path: Path) -> None:
    """torchvision's _C.so registers operators: Python could not import it in any state."""
    files = [tmp_path / name for name in ("_ops.so", "_C.so")]
    for file, source in zip(
        files, ("int ops;", "void *PyInit__C(void) { return 0; }"), strict=True
    ):
        command = [needs.path("gcc"), "-shared", "-x", "c", "-", "-o", str(file)]
        subprocess.run(command, input=source, text=True, check=True)
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    python = replace(PYTHON, executable=str(program), site_dirs=[str(tmp_path)])
    told = probe([], replace(FACTS, python=python), {}, accused=[*map(str, files)])
    assert [each.module for each in told] == ["_C"]
