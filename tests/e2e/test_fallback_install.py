"""doctor → fix --fallback → doctor → the program runs → undo, on real environments."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sysconfig
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import venvs
from venvs import Venv, codes

import needs
from gpufix.fallbacks.catalogue import every
from gpufix.fallbacks.pack import build, tree

SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
# torch is a CPU build here: what it says of the named GPU is no part of these tests.
GPU = ("--gpu", "sm_120", "--ignore", "TCH201")
MODULE = r"""
#include <Python.h>
static PyModuleDef def = {PyModuleDef_HEAD_INIT, "NAME", 0, -1, 0};
extern "C" PyObject* PyInit_NAME() { return PyModule_Create(&def); }
__global__ void k(float* p) { p[threadIdx.x] += 1; }
extern "C" void go(float* p) { k<<<1, 32>>>(p); }
"""


class Case(NamedTuple):
    """One extension: its distribution, the files beside its library, and a program that uses it."""

    fallback: str
    distribution: str
    version: str
    library: str
    files: dict[str, str]
    program: str


SSIM = """
import torch
from fused_ssim import fused_ssim
torch.manual_seed(0)
wanted = torch.rand(1, 3, 24, 24)
image = torch.rand(1, 3, 24, 24, requires_grad=True)
optimizer = torch.optim.Adam([image], lr=0.05)
first = None
for _ in range(60):
    loss = 1 - fused_ssim(image, wanted)
    first = loss.item() if first is None else first
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
assert loss.item() < 0.1 * first, (first, loss.item())
"""
KNN = """
import torch
from simple_knn._C import distCUDA2
points = torch.rand(300, 3)
squared = torch.cdist(points.double(), points.double()).square().fill_diagonal_(torch.inf)
wanted = squared.topk(3, largest=False).values.mean(1).float()
assert torch.allclose(distCUDA2(points), wanted, rtol=1e-4, atol=1e-9)
"""
ATTENTION = """
import torch
import xformers.ops as xops
q, k, v = (torch.rand(2, 5, 4, 8, requires_grad=True) for _ in range(3))
out = xops.memory_efficient_attention(q, k, v)
scores = torch.einsum("bmhk,bnhk->bhmn", q, k) / 8**0.5
wanted = torch.einsum("bhmn,bnhk->bmhk", scores.softmax(-1), v)
assert torch.allclose(out, wanted, atol=1e-5)
out.sum().backward()
"""
CASES = [
    Case(
        "fused_ssim", "fused-ssim", "1.0.0", f"fused_ssim_cuda{SUFFIX}",
        {"fused_ssim/__init__.py": "import fused_ssim_cuda\n"}, SSIM,
    ),
    Case("simple_knn", "simple-knn", "0.0.0", f"simple_knn/_C{SUFFIX}", {}, KNN),
    Case(
        "xformers", "xformers", "0.0.33", f"xformers/_C{SUFFIX}",
        {"xformers/__init__.py": "", "xformers/ops/__init__.py": ""}, ATTENTION,
    ),
]  # fmt: skip


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`library(module)`: an extension module with machine code for sm_75 alone."""
    needs.require("nvcc", "Python.h")
    folder = tmp_path_factory.mktemp("sm_75")

    def compiled(module: str) -> bytes:
        source, target = folder / f"{module}.cu", folder / f"{module}.so"
        if not target.exists():
            source.write_text(MODULE.replace("NAME", module))
            flags = ["-gencode=arch=compute_75,code=sm_75", "-Xcompiler", "-fPIC", "-shared"]
            include = f"-I{sysconfig.get_path('include')}"
            command = [needs.path("nvcc"), *flags, include, "-o", str(target), str(source)]
            subprocess.run(command, check=True, capture_output=True)
        return target.read_bytes()

    return compiled


def original(case: Case, code: bytes, folder: Path) -> Path:
    """A wheel as its author would have built it, for sm_75."""
    files = {path: text.encode() for path, text in case.files.items()} | {case.library: code}
    made = build(case.distribution, case.version, files, "the original", platform="linux_x86_64")
    path = folder / made.name
    path.write_bytes(made.data)
    return path


@pytest.fixture
def patient(library: Any, tmp_path: Path) -> Venv:
    """torch, and the three extensions as installed from wheels that somebody built for sm_75."""
    venv = venvs.create(tmp_path / "torch", *venvs.with_requirements("torch", "numpy"))
    modules = [Path(case.library).name.partition(".")[0] for case in CASES]
    wheels = [original(c, library(m), tmp_path) for c, m in zip(CASES, modules, strict=True)]
    venv.pip("install", "--no-deps", "--no-index", *map(str, wheels))
    return venv


def run(venv: Venv, *arguments: str, **options: object) -> tuple[int, dict[str, Any]]:
    done = venv.gpufix(*arguments, "--python", str(venv.python), "--format", "json", **options)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def state(root: Path) -> dict[str, Any]:
    """Kind, mode, time and content of everything; of 23,000 files in half a second."""
    found: dict[str, Any] = {}
    for folder, names, files in os.walk(root):
        for path in (f"{folder}/{name}" for name in (*names, *files)):
            status = os.lstat(path)
            key = path.removeprefix(f"{root}/")
            if stat.S_ISLNK(status.st_mode):
                found[key] = Path(path).readlink()
            elif stat.S_ISDIR(status.st_mode):
                found[key] = (status.st_mode, status.st_mtime_ns)
            elif status.st_size < 1 << 18:
                digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
                found[key] = (status.st_mode, status.st_mtime_ns, digest)
            else:
                found[key] = (status.st_mode, status.st_mtime_ns, status.st_size)
    return found


def python(venv: Venv, text: str) -> subprocess.CompletedProcess[str]:
    command = [str(venv.python), "-B", "-c", text]
    env = venv.environ({"GPUFIX_FALLBACK_TIER": "eager"})  # nothing has to be compiled first
    return subprocess.run(
        command, capture_output=True, text=True, env=env, check=False, cwd=venv.home
    )


def versions(venv: Venv) -> dict[str, str]:
    text = "import importlib.metadata as m; print({d.name: d.version for d in m.distributions()})"
    return dict(eval(python(venv, text).stdout))


@pytest.mark.slow
def test_from_finding_to_program_and_back(patient: Venv) -> None:
    before = state(patient.path)
    sick = patient.doctor(*GPU)
    assert codes(sick["findings"]) == ["GPU103"] * len(CASES)  # type: ignore[arg-type]

    shown = run(patient, "fix", *GPU)[1]
    assert shown["plans"] == []
    assert [h["plan"]["fix"] for h in shown["held"]] == ["install-fallback"] * len(CASES)
    assert all("--unsafe" in h["reason"] for h in shown["held"])
    assert state(patient.path) == before, "a preview writes nothing"

    wanted = [word for case in CASES for word in ("--fallback", case.fallback)]
    code, applied = run(patient, "fix", *wanted, "--apply", *GPU)
    assert (code, applied["state"]) == (0, "kept"), applied
    assert [f["code"] for f in applied["fixed"]] == ["GPU103"] * len(CASES)
    well = patient.doctor(*GPU)
    assert (codes(well["findings"]), well["exit"]) == ([], 0)  # type: ignore[arg-type]
    names = {case.distribution: f"{case.version}+gpufix" for case in CASES}
    assert names.items() <= versions(patient).items()
    done = python(patient, "".join(case.program for case in CASES))
    assert done.returncode == 0, done.stderr

    repaired = state(patient.path)
    assert run(patient, "fix", *wanted, "--apply", *GPU)[1]["state"] == "nothing"
    assert state(patient.path) == repaired
    assert patient.gpufix("undo", "--python", str(patient.python)).returncode == 0
    assert state(patient.path) == before


@pytest.fixture
def in_place(empty: Venv, library: Any, tmp_path: Path) -> tuple[Venv, Path]:
    """A project that built fused_ssim in its own folder, and a torch that is never imported."""
    info = empty.site / "torch-2.9.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.9.0\n")
    project = tmp_path / "project"
    (project / "fused_ssim").mkdir(parents=True)
    (project / "fused_ssim" / "__init__.py").write_text("from fused_ssim_cuda import fusedssim\n")
    (project / "fused_ssim" / "extra.py").write_text("MINE = 1\n")
    (project / "train.py").write_text("from fused_ssim import fused_ssim\n")
    (project / "setup.py").write_text("from setuptools import setup\nsetup()\n")
    (project / f"fused_ssim_cuda{SUFFIX}").write_bytes(library("fused_ssim_cuda"))
    return empty, project


def test_a_package_built_in_place_is_replaced_in_place(in_place: tuple[Venv, Path]) -> None:
    venv, project = in_place
    before = state(project)
    options = ("--gpu", "sm_120", "--only", "GPU103")
    assert "GPU103" in codes(venv.doctor(str(project), "--gpu", "sm_120")["findings"])  # type: ignore[arg-type]
    shown = run(venv, "fix", str(project), *options)[1]
    held = [h["plan"]["fix"] for h in shown["held"]]
    assert held == ["install-fallback"], shown
    applied = run(venv, "fix", str(project), *options, "--unsafe", "--apply")[1]
    assert applied["state"] == "kept", applied
    assert "GPU103" in [f["code"] for f in applied["fixed"]]
    files = {path: project / path for path in tree("fused_ssim")}
    assert [p for p, place in files.items() if place.read_bytes() != tree("fused_ssim")[p]] == []
    assert not (project / f"fused_ssim_cuda{SUFFIX}").exists()
    assert (project / "fused_ssim" / "extra.py").read_text() == "MINE = 1\n"
    assert venv.gpufix("undo", "--python", str(venv.python)).returncode == 0
    assert state(project) == before


def test_usage(empty: Venv) -> None:
    listed = empty.gpufix("fix", "--fallback", "list")
    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [f.name for f in every()]
    unknown = empty.gpufix("fix", "--fallback", "nonsense", "--python", str(empty.python))
    assert unknown.returncode == 2
    assert "fused_ssim" in unknown.stderr
    before = state(empty.path)
    for options in ((), ("--apply",)):
        code, report = run(empty, "fix", "--fallback", "fused_ssim", *options)
        assert code == 1
        (skip,) = report["skips"]
        assert skip["asked"]
        assert "torch>=2.0, which is not installed" in skip["reason"]
    assert state(empty.path) == before
