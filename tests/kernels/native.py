"""Compiles small programs and kernel sources for the tests of the kernel suite."""

from __future__ import annotations

import subprocess
from pathlib import Path

import needs
from gpufix.kernels import embedded
from gpufix.kernels.manifest import COMMON, SUITE
from gpufix.kernels.toolchain import Toolchain, parse_target

WARNINGS = ["-Wall", "-Wextra", "-Werror"]


def build_host(folder: Path, source: str) -> Path:
    """A C++ program, compiled against the suite's headers."""
    compiler = needs.path("g++")
    code, program = folder / "host.cpp", folder / "host"
    code.write_text(source, encoding="utf-8")
    command = [compiler, "-std=c++17", "-O1", *WARNINGS, "-Wno-unknown-pragmas", f"-I{SUITE}"]
    subprocess.run([*command, str(code), "-o", str(program)], check=True, timeout=120)
    return program


def run_host(folder: Path, source: str, *arguments: object) -> list[list[float]]:
    """Compiles a C++ program against the suite's headers and runs it: its lines of numbers."""
    program = build_host(folder, source)
    ended = subprocess.run(
        [str(program), *map(str, arguments)], check=True, timeout=60, capture_output=True, text=True
    )
    return [[float(word) for word in line.split()] for line in ended.stdout.splitlines()]


def toolchain(vendor: str) -> Toolchain:
    if vendor == "cuda":
        return Toolchain("nvcc", Path(needs.path("nvcc")))
    needs.require("hip")
    return Toolchain("clang", Path(needs.path("clang")))


def compile_kernel(folder: Path, name: str, arch: str, quick: bool) -> str:
    """The compiler's words on ``<name>.cu`` and ``<name>_c.cu``: none when all is well.

    ``quick`` stops before machine code: every template is instantiated and checked, nothing more.
    """
    target = parse_target(arch)
    tools = toolchain(target.vendor)
    if target.vendor == "cuda":
        flags = ["-Werror", "all-warnings", *(["-ptx", "-Xcicc", "-O0"] if quick else ["-c"])]
    else:
        flags = [*WARNINGS, *(["-fsyntax-only", "--cuda-device-only"] if quick else ["-c"])]
    words = ""
    for source in (
        SUITE / name / f"{name}.cu",
        *([] if quick else [SUITE / name / f"{name}_c.cu"]),
    ):
        arguments = [*tools.arguments(target), *flags, f"-I{COMMON}", str(source)]
        if quick and target.vendor == "cuda":  # PTX wants one virtual architecture and no -O3
            arguments = ["-std=c++17", f"-arch={target.arch}", *flags, f"-I{COMMON}", str(source)]
        output = [] if "-fsyntax-only" in flags else ["-o", str(folder / "out")]
        ended = subprocess.run(
            [str(tools.compiler), *arguments, *output],
            timeout=600,
            capture_output=True,
            text=True,
            check=False,
        )
        words += ended.stderr + ended.stdout + ("" if ended.returncode == 0 else "\nfailed")
    return words.strip()


ALL_TARGETS = ("sm_75", "sm_90", "sm_120", "gfx1030", "gfx90a")


def library(folder: Path, name: str) -> embedded._Library:
    """The kernel's shared library for the GPU at hand; the test is skipped where there is none."""
    needs.require("CUDA GPU")
    import torch

    major, minor = torch.cuda.get_device_capability()
    target = parse_target(f"sm_{major}{minor}")
    return embedded.LIBRARIES[name](embedded.build(name, toolchain("cuda"), target, folder))
