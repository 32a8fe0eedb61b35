"""The suite and the compatibility header compiled for AMD GPUs: no error and no warning in any cell."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import pytest

import needs
from amd_emulation.build import OWN, ROCPRIM, Headers, compat, device_flags
from gpufix.kernels.manifest import SUITE

DEBIAN = Path("/usr/include")
# Its wheel carries HIP 7.1's headers (hip_version.h: 7.1.25424), without those of cooperative groups, fp16
# and bf16, which rocPRIM includes.
TRITON = "triton==3.9.0"
PROGRAMS = ("header", "stream", "launch", "warp", "atomics", "ssim", "matmul", "attention")
NEWEST = ("gfx1100", "gfx1151", "gfx1201", "gfx942")


def words(name: str, arch: str, headers: Headers, folder: Path, *stage: str) -> str:
    """The compiler's: none when all is well."""
    needs.require("hip")
    source = OWN / f"{name}.cu" if (OWN / f"{name}.cu").is_file() else SUITE / name / f"{name}.cu"
    flags = device_flags(name, arch, headers, folder)
    includes = [f"-I{compat(folder)}", f"-I{SUITE / 'common'}"]
    command = [
        needs.path("clang"),
        *flags,
        *includes,
        *stage,
        "-c",
        "-o",
        str(folder / "out"),
        str(source),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    return ended.stderr + ended.stdout + ("failed" if ended.returncode else "")


@pytest.mark.parametrize(("name", "arch"), [("header", "gfx90a"), ("matmul", "gfx1100")])
def test_a_few_each_time(name: str, arch: str, tmp_path: Path) -> None:
    assert words(name, arch, Headers(DEBIAN, DEBIAN), tmp_path, "--cuda-device-only") == ""


@cache
def hip_7(folder: Path) -> Path:
    """HIP's headers out of a triton wheel of a fixed version."""
    needs.require("package index")
    wheel = folder / "wheel"
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    pip += ["--python-version=3.12", "--dest", str(wheel), TRITON]
    subprocess.run(pip, check=True, timeout=900)
    [path] = wheel.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if n.startswith("triton/backends/amd/include/")]
        archive.extractall(folder, names)
    path.unlink()
    return folder / "triton" / "backends" / "amd" / "include"


@pytest.fixture(scope="session")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Headers:
    needs.require("hip")
    folder = hip_7(tmp_path_factory.mktemp("triton"))
    return Headers(folder, folder)


@pytest.mark.slow
@pytest.mark.parametrize("arch", NEWEST)
@pytest.mark.parametrize("name", PROGRAMS)
def test_with_hip_7(name: str, arch: str, newest: Headers, tmp_path: Path) -> None:
    """Both passes, the host's and the GPU's."""
    assert words(name, arch, newest, tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["gfx1030", "gfx90a", "gfx1100"])
@pytest.mark.parametrize("name", ROCPRIM)
def test_with_debians_rocprim(name: str, arch: str, tmp_path: Path) -> None:
    assert words(name, arch, Headers(DEBIAN, DEBIAN), tmp_path) == ""


@pytest.mark.slow
@pytest.mark.needs("rocPRIM")
@pytest.mark.parametrize("arch", NEWEST)
@pytest.mark.parametrize("name", ROCPRIM)
def test_with_a_newer_rocprim(name: str, arch: str, tmp_path: Path) -> None:
    """In a whole ROCm, or headers put together as docs/kernels.md says."""
    folder = Path(needs.path("rocPRIM"))
    assert words(name, arch, Headers(folder, folder), tmp_path) == ""
