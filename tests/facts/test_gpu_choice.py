"""Does a library take its kernels by the GPU that it finds."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import needs
from gpufix.facts.libraries.gpu_choice import chooses_gpu, library_asks


def compiled(place: Path, *calls: str) -> str:
    """A library that calls these functions of others."""
    place.parent.mkdir(parents=True, exist_ok=True)
    source = "".join(f"int {call}(); int use_{call}() {{ return {call}(); }}\n" for call in calls)
    command = [needs.path("gcc"), "-shared", "-fPIC", "-x", "c", "-", "-o", str(place)]
    subprocess.run(command, input=source, text=True, check=True)
    return str(place)


@pytest.mark.needs("gcc")
@pytest.mark.parametrize(
    ("calls", "asks"),
    [
        (["__cudaLaunchKernel", "cudaMalloc", "cudaGetDevice", "cudaDeviceSynchronize"], False),
        (["cudaLaunchKernelExC"], False),
        (["cuLaunchKernel", "cuDeviceGetAttribute"], True),
        (["cudaLaunchKernel", "cudaGetDeviceProperties_v2"], True),
        (["cudaLaunchKernel", "cudaFuncGetAttributes"], True),
        (["cudaLaunchKernel", "_ZN2at4cuda26getCurrentDevicePropertiesEv"], True),
        (["malloc"], None),  # CUDA's runtime is inside, and hides what is called
    ],
)
def test_what_a_library_calls(tmp_path: Path, calls: list[str], asks: bool | None) -> None:
    assert library_asks(compiled(tmp_path / "lib.so", *calls)) is asks


@pytest.mark.needs("gcc")
@pytest.mark.parametrize(
    ("python", "chooses"),
    [
        ("import ext._C", False),
        ("if torch.cuda.get_device_capability() >= (9, 0): ...", True),
        ("major = torch.cuda.get_device_properties(0).major", True),
    ],
)
def test_what_the_python_of_its_package_asks(tmp_path: Path, python: str, chooses: bool) -> None:
    path = compiled(tmp_path / "site" / "ext" / "lib" / "_C.so", "cudaLaunchKernel")
    (tmp_path / "site" / "ext" / "__init__.py").write_text(python)
    (tmp_path / "site" / "other.py").write_text("get_device_capability")
    assert chooses_gpu(path, [str(tmp_path / "site")]) is chooses


@pytest.mark.needs("gcc")
def test_who_calls_a_library_outside_of_packages_is_not_known(tmp_path: Path) -> None:
    path = compiled(tmp_path / "_C.so", "cudaLaunchKernel")
    assert chooses_gpu(path, [str(tmp_path)]) is None
    assert chooses_gpu(path, []) is None
