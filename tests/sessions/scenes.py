"""The eight broken environments of docs/sessions.md, made small: each in a folder of its own."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import pytest
import venvs
from extensions import TORCH_SOURCE, _write

import needs

NCCL = venvs.NCCL
CUDA_TORCH = "2.14.1"  # of PyPI: the build for CUDA 13
_PIPS = (".pyc", "RECORD", "INSTALLER", "REQUESTED", "direct_url.json")  # not a wheel's own


def pip(folder: Path, *arguments: str) -> None:
    """The tests' pip, in this environment."""
    venvs.Venv(folder / ".venv", folder).pip(*arguments)


def environment(folder: Path, *distributions: str) -> Path:
    """folder/.venv with distributions of the tests' own environment; returns its site-packages."""
    made = venvs.create(folder / ".venv", *venvs.with_requirements(*distributions))
    shutil.rmtree(f"{folder / '.venv'}-home")
    return made.site


def repacked(name: str, wheels: Path) -> Path:
    """A wheel of an installed distribution: what a package index would hand out."""
    dist = metadata.distribution(name)
    site = Path(sysconfig.get_path("purelib"))
    info = next(f.parts[0] for f in dist.files or () if f.name == "METADATA")
    tag = next(
        line.partition(": ")[2]
        for line in (dist.read_text("WHEEL") or "").splitlines()
        if line.startswith("Tag: ")
    )
    wheels.mkdir(exist_ok=True)
    wheel = wheels / f"{info.removesuffix('.dist-info')}-{tag}.whl"
    rows = io.StringIO()
    table = csv.writer(rows, lineterminator="\n")
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_STORED) as archive:
        for file in dist.files or ():
            inside = os.path.normpath(file)
            if inside.startswith("..") or inside.endswith(_PIPS):
                continue
            archive.write(site / inside, inside)
            digest = f"{file.hash.mode}={file.hash.value}" if file.hash else ""
            size = "" if file.size is None else file.size
            table.writerow([inside, digest, size])
        table.writerow([f"{info}/RECORD", "", ""])
        archive.writestr(f"{info}/RECORD", rows.getvalue())
    return wheel


def nccl(folder: Path) -> Mapping[str, str]:
    """The wheels of CUDA 11 and 12 own one library: removing the one takes it from the other."""
    environment(folder, "setuptools")
    pip(folder, "install", "--no-deps", NCCL.wanted)
    library = next((folder / ".venv").glob("lib/*/site-packages/nvidia/nccl/lib"))
    source = _write(
        folder / "ring",
        setup_dot_py=_RING.format(library=library),
        ring_dot_c=_RING_SOURCE,
    )
    pip(folder, "install", "--no-deps", "--no-build-isolation", str(source))
    shutil.rmtree(source)
    pip(folder, "install", "--no-deps", NCCL.stray)
    pip(folder, "uninstall", "-y", NCCL.names[1])
    return {}


def gradio(folder: Path) -> Mapping[str, str]:
    """gradio 4.44.1 from its time, with the huggingface-hub and pydantic of today."""
    environment(folder)
    pip(folder, "install", "gradio==4.44.1")
    pip(folder, "install", "-U", "--no-deps", "huggingface-hub", "pydantic", "pydantic-core")
    return {}


def torchvision(folder: Path) -> Mapping[str, str]:
    """The torchvision of another torch; the right one lies in a folder of wheels."""
    environment(folder, "torch", "numpy")
    pip(folder, "install", "--no-deps", "torchvision==0.29.1", "pillow")
    stand_in(folder / "wheels", "torchvision", "0.28.0")
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder / "wheels")}


def stand_in(wheels: Path, name: str, version: str) -> None:
    """A wheel that has this name and version and only imports torch."""
    wheels.mkdir()
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": f'import torch\n\n__version__ = "{version}"\n',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [(file, digest(text), len(text.encode())) for file, text in files.items()]
    record = "".join(f"{file},sha256={sha},{size}\n" for file, sha, size in rows)
    record += f"{info}/RECORD,,\n"
    with zipfile.ZipFile(wheels / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(file, text)


def from_an_index(site: Path, name: str) -> None:
    """As if an index had handed it out, whatever the tests' own environment has it from."""
    (info,) = site.glob(f"{name}-*.dist-info")
    (info / "direct_url.json").unlink(missing_ok=True)
    record = info / "RECORD"
    lines = record.read_text("utf-8").splitlines(keepends=True)
    record.unlink()  # it is a hard link of the tests' own
    kept = (line for line in lines if "/direct_url.json," not in line)
    record.write_text("".join(kept), encoding="utf-8")


def digest(text: str) -> str:
    """As RECORD has it."""
    found = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode()


def deleted(folder: Path) -> Mapping[str, str]:
    """libc10.so is gone; torch's wheel lies in a folder."""
    site = environment(folder, "torch", "numpy")
    from_an_index(site, "torch")
    (site / "torch" / "lib" / "libc10.so").unlink()
    repacked("torch", folder / "wheels")
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder / "wheels")}


def sm_90(folder: Path) -> Mapping[str, str]:
    """An extension that was built for an H100."""
    environment(folder, "setuptools", "wheel")
    setup = _CUDA_SETUP.format(name="scale", archs='os.environ.get("CUDA_ARCHITECTURES", "90")')
    source = _write(folder / "scale", setup_dot_py=setup, scale_dot_cu=_CUDA_SOURCE)
    pip(folder, "install", "--no-deps", "--no-build-isolation", str(source))
    return {}


def gencode(folder: Path) -> Mapping[str, str]:
    """A CUDA torch, and a build file that hard-codes the architecture and the C++ ABI."""
    site = environment(folder, "setuptools", "wheel", "ninja")
    pip(folder, "install", f"torch=={CUDA_TORCH}", "numpy")  # 3 GB
    headers = site / "nvidia" / "cu13" / "include"  # of libraries that a small toolkit lacks
    source = _write(
        folder / "norms",
        setup_dot_py=_GENCODE,
        norms_dot_cpp=TORCH_SOURCE.replace("NAME", "norms"),
        kernel_dot_cu='__global__ void k(float *x) { x[threadIdx.x] += 1.0f; }\nextern "C" void run(float *x) { k<<<1, 32>>>(x); }\n',
    )
    environ = {"CPATH": str(headers), "CUDA_HOME": _toolkit()}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        pip(folder, "install", "--no-deps", "--no-build-isolation", str(source))
    return environ


def _toolkit() -> str:
    """The folder of nvcc's toolkit, which a wrapper on PATH does not lie in."""
    command = [needs.path("nvcc"), "--dryrun", "x.cu"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    return os.path.normpath(re.findall(r"^#\$ TOP=(.+)", said, re.MULTILINE)[0])


def tutorial(folder: Path) -> Mapping[str, str]:
    """The tutorial's extension: built with the other C++ ABI than torch's."""
    environment(folder, "torch", "numpy", "setuptools", "wheel", "ninja")
    text = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text("utf-8")
    for name in ("norms/norms.cpp", "norms/setup.py"):
        body = text.split(f'title="{name}"\n')[1].split("```")[0]
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(body, encoding="utf-8")
    pip(folder, "install", "--no-deps", "--no-build-isolation", str(folder / "norms"))
    return {}


def uv_project(folder: Path) -> Mapping[str, str]:
    """A project of uv's whose .venv is not active, and lost a file of NumPy's."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    (folder / "pyproject.toml").write_text(_PYPROJECT.format(version=version), encoding="utf-8")
    (folder / "index").mkdir()
    wheel = repacked("numpy", folder / "index" / "numpy")
    page = f'<!DOCTYPE html><a href="{wheel.name}">{wheel.name}</a>'
    wheel.with_name("index.html").write_text(page, encoding="utf-8")
    index = {"UV_DEFAULT_INDEX": (folder / "index").as_uri()}
    uv = needs.path("uv")
    env = {**os.environ, **index}
    for command in (
        ["venv", "-q", "--python", sys.executable, ".venv"],
        ["lock", "-q"],
        ["sync", "-q"],
    ):
        subprocess.run([uv, *command], cwd=folder, env=env, check=True, capture_output=True)
    (library,) = (folder / ".venv").glob("lib/*/site-packages/numpy.libs/libscipy_openblas*")
    library.unlink()
    (folder.parent / "bin" / "uv").symlink_to(uv)
    return index


_PYPROJECT = """\
[project]
name = "demo"
version = "0.1.0"
requires-python = "=={version}.*"
dependencies = ["numpy"]
"""
_RING = """\
from setuptools import Extension, setup

setup(name="ring", version="1.0", install_requires=["nvidia-nccl-cu12"], ext_modules=[Extension(
    "ring", ["ring.c"], extra_link_args=["-L{library}", "-l:libnccl.so.2",
    "-Wl,-rpath,$ORIGIN/nvidia/nccl/lib"])])
"""
_RING_SOURCE = """\
#include <Python.h>
int ncclGetVersion(int *version);
static PyObject *version(PyObject *self, PyObject *args) {
  int found = 0;
  ncclGetVersion(&found);
  return PyLong_FromLong(found);
}
static PyMethodDef methods[] = {{"version", version, METH_NOARGS, ""}, {0}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "ring", 0, -1, methods};
PyMODINIT_FUNC PyInit_ring(void) { return PyModule_Create(&module); }
"""
_CUDA_SETUP = """\
import os, subprocess, sysconfig
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

class Nvcc(build_ext):
    def build_extension(self, ext):
        out = self.get_ext_fullpath(ext.name)
        os.makedirs(os.path.dirname(out) or ".", exist_ok=True)
        archs = {archs}.split(";")
        flags = ["-gencode=arch=compute_%s,code=sm_%s" % (a, a) for a in archs]
        nvcc = os.path.join(os.environ.get("CUDA_HOME", "/usr/local/cuda"), "bin", "nvcc")
        include = "-I" + sysconfig.get_path("include")
        subprocess.check_call([nvcc, "-shared", "-Xcompiler", "-fPIC", include, *flags, "-o", out, *ext.sources])

setup(name="{name}", version="0.1", ext_modules=[Extension("{name}", ["{name}.cu"])],
      cmdclass={{"build_ext": Nvcc}})
"""
_CUDA_SOURCE = """\
#include <Python.h>
__global__ void k(float *x) { x[threadIdx.x] *= 2.0f; }
static PyObject *run(PyObject *, PyObject *) { k<<<1, 1>>>(nullptr); Py_RETURN_NONE; }
static PyMethodDef methods[] = {{"run", run, METH_NOARGS, ""}, {}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "scale", nullptr, -1, methods};
PyMODINIT_FUNC PyInit_scale() { return PyModule_Create(&module); }
"""
_GENCODE = """\
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension

setup(name="norms", version="1.0", ext_modules=[CUDAExtension(
    "norms", ["norms.cpp", "kernel.cu"],
    extra_compile_args={
        "cxx": ["-O2", "-D_GLIBCXX_USE_CXX11_ABI=0"],
        "nvcc": ["-O2", "-gencode=arch=compute_90,code=sm_90"],
    })], cmdclass={"build_ext": BuildExtension})
"""
SCENES = {
    "nccl": nccl,
    "gradio": gradio,
    "torchvision": torchvision,
    "deleted": deleted,
    "sm_90": sm_90,
    "gencode": gencode,
    "tutorial": tutorial,
    "uv": uv_project,
}
