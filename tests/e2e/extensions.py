"""Source folders of small extensions that compile in seconds."""

from __future__ import annotations

from pathlib import Path

# nvcc called by setuptools: no torch is needed.
CUDA_SETUP = """\
import os, subprocess
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

class Nvcc(build_ext):
    def build_extension(self, ext):
        out = self.get_ext_fullpath(ext.name)
        os.makedirs(os.path.dirname(out) or ".", exist_ok=True)
        archs = {archs}
        flags = ["-gencode=arch=compute_%s,code=sm_%s" % (a, a) for a in archs]
        nvcc = os.path.join(os.environ["CUDA_HOME"], "bin", "nvcc")
        subprocess.check_call([nvcc, "-shared", "-Xcompiler", "-fPIC", *flags, "-o", out, *ext.sources])

setup(name="{name}", version="0.1", ext_modules=[Extension("{name}", ["kernel.cu"])],
      cmdclass={{"build_ext": Nvcc}})
"""
CUDA_SOURCE = """\
__global__ void k(float *x) { x[threadIdx.x] += 1.0f; }
extern "C" void *PyInit_NAME(void) { k<<<1, 1>>>(nullptr); return nullptr; }
"""
FROM_VARIABLE = 'os.environ.get("CUDA_ARCHITECTURES", "75").split(";")'

C_SETUP = """\
from setuptools import Extension, setup
setup(name="NAME", version="0.1", ext_modules=[Extension("NAME", ["module.c"])])
"""
C_SOURCE = """\
#include <Python.h>
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "NAME", 0, -1, 0};
PyMODINIT_FUNC PyInit_NAME(void) { return PyModule_Create(&module); }
"""

# TORCH_CHECK hands a std::string to libc10: the C++ ABI is in the name of what it calls.
TORCH_SETUP = """\
import importlib.util, os
from setuptools import Extension, setup
torch = os.path.dirname(importlib.util.find_spec("torch").origin)
setup(name="NAME", version="0.1", ext_modules=[Extension(
    "NAME", ["module.cpp"], language="c++",
    include_dirs=[os.path.join(torch, "include")], library_dirs=[os.path.join(torch, "lib")],
    libraries=["c10"], extra_compile_args=["-std=c++20", FLAGS],
    extra_link_args=["-Wl,-rpath," + os.path.join(torch, "lib")])])
"""
TORCH_SOURCE = """\
#include <Python.h>
#include <c10/util/Exception.h>
static PyObject *check(PyObject *, PyObject *) {
  try { TORCH_CHECK(false, std::string("checked")); }
  catch (const std::exception &error) { return PyUnicode_FromString(error.what()); }
  return nullptr;
}
static PyMethodDef methods[] = {{"check", check, METH_NOARGS, ""}, {}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "NAME", nullptr, -1, methods};
PyMODINIT_FUNC PyInit_NAME() { return PyModule_Create(&module); }
"""


def _write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_dot_", ".")).write_text(text, encoding="utf-8")
    return folder


def cuda(folder: Path, name: str, archs: str = FROM_VARIABLE) -> Path:
    """One kernel; `archs`: the expression from which setup.py takes its architectures."""
    setup = CUDA_SETUP.format(name=name, archs=archs)
    return _write(folder, setup_dot_py=setup, kernel_dot_cu=CUDA_SOURCE.replace("NAME", name))


def plain(folder: Path, name: str, source: str = C_SOURCE, before: str = "") -> Path:
    """One C module; `before`: code that setup.py runs first."""
    setup = before + C_SETUP.replace("NAME", name)
    return _write(folder, setup_dot_py=setup, module_dot_c=source.replace("NAME", name))


def torch(folder: Path, name: str, flags: str = '"-O0"') -> Path:
    """One C++ module that links torch's libc10; `flags`: Python source of compiler flags."""
    setup = TORCH_SETUP.replace("NAME", name).replace("FLAGS", flags)
    return _write(folder, setup_dot_py=setup, module_dot_cpp=TORCH_SOURCE.replace("NAME", name))
