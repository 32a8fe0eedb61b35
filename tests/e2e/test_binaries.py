"""What the doctor reads off real compiled libraries; nothing here is ever loaded."""

from __future__ import annotations

import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest
import venvs
from venvs import Venv, codes

import needs

SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")

MODULE = r"""
#include <Python.h>
static PyModuleDef def = {PyModuleDef_HEAD_INIT, "_C", 0, -1, 0};
extern "C" PyObject* PyInit__C() { return PyModule_Create(&def); }
"""
CHECKED = MODULE + '#include <c10/util/Exception.h>\nvoid f(int x) { TORCH_CHECK(x, "no ", x); }\n'
KERNEL = (
    MODULE
    + "__global__ void k(float* p) { p[threadIdx.x] += 1; }\n"
    + ('extern "C" void go(float* p) { k<<<1, 32>>>(p); }\n')
)


def installed(venv: Venv, name: str) -> Path:
    """A package folder with the metadata of an installed distribution; its extension's path."""
    package = venv.site / name
    package.mkdir()
    (package / "__init__.py").touch()
    info = venv.site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text(f"{name}/__init__.py,,\n{name}/_C{SUFFIX},,\n")
    (info / "INSTALLER").write_text("pip\n")
    return package / f"_C{SUFFIX}"


def compile_(source: str, target: Path, command: Sequence[str], suffix: str = ".cpp") -> None:
    """Run a compiler on a source text."""
    file = target.parent / f"source{suffix}"
    file.write_text(source)
    include = sysconfig.get_path("include")
    done = subprocess.run(
        [*command, f"-I{include}", "-shared", "-o", str(target), str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    file.unlink()


def with_torch(venv: Venv, abi: int) -> list[str]:
    torch = venv.site / "torch"
    return [
        "g++",
        "-std=c++20",
        "-fPIC",
        f"-D_GLIBCXX_USE_CXX11_ABI={abi}",
        f"-I{torch}/include",
        f"-I{torch}/include/torch/csrc/api/include",
        f"-L{torch}/lib",
        "-lc10",
        "-ltorch_cpu",
    ]


@pytest.mark.slow
@pytest.mark.needs("g++", "Python.h")
def test_the_torch_abi_is_told_from_symbols_alone(torch_cpu: Venv) -> None:
    compile_(CHECKED, installed(torch_cpu, "right"), with_torch(torch_cpu, 1))
    assert codes(torch_cpu.doctor()["findings"]) == []
    compile_(CHECKED, installed(torch_cpu, "wrong"), with_torch(torch_cpu, 0))
    report = torch_cpu.doctor()
    assert codes(report["findings"]) == ["ABI301"]
    finding = report["findings"][0]
    assert finding["subject"] == "wrong"
    assert "_GLIBCXX_USE_CXX11_ABI=0" in finding["message"]
    assert any("c10::detail::torchCheckFail" in e["text"] for e in finding["evidence"])
    assert report["exit"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wheel", "built"),
    [
        ("torchvision==0.21.0", "2.6"),
        ("xformers==0.0.29.post1", "2.5"),
    ],
)
def test_wheels_of_other_releases(torch_cpu: Venv, wheel: str, built: str) -> None:
    torch_cpu.pip("install", "--no-deps", wheel, "pillow")
    report = torch_cpu.doctor()
    flat = [c.strip() for c in codes(report["findings"])]
    assert flat[0] == "WHL505"
    assert len(report["findings"]) == 1
    assert "SYM401" in flat
    assert f"built for torch {built}" in str(report["findings"][0]["consequences"])


@pytest.mark.some(1)
@pytest.mark.needs("nvcc", "Python.h")
@pytest.mark.parametrize(
    ("code", "gpu", "expected"),
    [
        (["-gencode=arch=compute_90,code=sm_90"], "sm_90", []),
        (["-gencode=arch=compute_90,code=sm_90"], "sm_120", ["GPU103"]),
        (["-gencode=arch=compute_90,code=sm_90"], "RTX 5080", ["GPU103"]),
        (["-gencode=arch=compute_90,code=[sm_90,compute_90]"], "sm_120", ["GPU102"]),
        (["-gencode=arch=compute_80,code=sm_80"], "RTX 4090", []),
    ],
)
def test_cuda_code_for_the_target(
    empty: Venv, code: list[str], gpu: str, expected: list[str]
) -> None:
    target = installed(empty, "kernels")
    nvcc = [needs.path("nvcc"), "-Xcompiler", "-fPIC", "-cudart", "static", *code]
    compile_(KERNEL, target, nvcc, ".cu")
    report = empty.doctor("--gpu", gpu)
    assert codes(report["findings"]) == expected
    severities = {f["code"]: f["severity"] for f in report["findings"]}
    assert severities in ({}, {"GPU103": "error"}, {"GPU102": "advice"})


@pytest.mark.some(1)
@pytest.mark.needs("hip", "Python.h")
@pytest.mark.parametrize(
    ("gpu", "expected"), [("gfx1030", []), ("gfx1101", ["GPU103"]), ("RX 7800 XT", ["GPU103"])]
)
def test_hip_code_for_the_target(empty: Venv, gpu: str, expected: list[str]) -> None:
    kernel = MODULE + (
        "#include <hip/hip_runtime.h>\n__global__ void k(float* p) { p[0] += 1; }\n"
        'extern "C" void go(float* p) { hipLaunchKernelGGL(k, 1, 1, 0, 0, p); }\n'
    )
    flags = ["-x", "hip", "--offload-arch=gfx1030", "-fPIC", "-w"]
    flags += [f"--rocm-device-lib-path={needs.path('hip')}"]
    compile_(kernel, installed(empty, "kernels"), [needs.path("clang"), *flags], ".hip")
    found = [f for f in empty.doctor("--gpu", gpu)["findings"] if f["code"].startswith("GPU")]
    assert codes(found) == expected


@pytest.mark.needs("gcc", "g++", "Python.h")
def test_a_missing_library_names_the_wheel_that_brings_it(empty: Venv) -> None:
    target = installed(empty, "user")
    stub = empty.home / "libnccl.so.2"
    compile_("void nccl() {}", stub, ["gcc", "-fPIC", "-Wl,-soname,libnccl.so.2"], ".c")
    compile_(
        MODULE,
        target,
        ["g++", "-fPIC", "-Wl,--no-as-needed", f"-L{empty.home}", "-l:libnccl.so.2"],
    )
    stub.unlink()
    report = empty.doctor()
    assert codes(report["findings"])[0] == "SYM402"
    assert "libnccl.so.2" in report["findings"][0]["message"]
    assert "nvidia-nccl" in report["findings"][0]["message"]


@pytest.mark.needs("g++", "Python.h")
def test_a_leftover_of_another_python(empty: Venv) -> None:
    target = installed(empty, "old")
    compile_(MODULE, target, ["g++", "-fPIC"])
    assert codes(empty.doctor()["findings"]) == []
    target.rename(target.with_name("_C.cpython-39-x86_64-linux-gnu.so"))
    report = empty.doctor("--ignore", "WHL503")
    assert codes(report["findings"]) == ["ABI304"]


@pytest.mark.slow
@pytest.mark.needs("g++", "Python.h")
def test_the_fixture_builder_is_healthy_itself(torch_cpu: Venv) -> None:
    compile_(MODULE, installed(torch_cpu, "plain"), ["g++", "-fPIC"])
    assert codes(torch_cpu.doctor("--gpu", "sm_120")["findings"]) == ["TCH201"]
    assert venvs.codes([]) == []
