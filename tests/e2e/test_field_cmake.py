"""A CMake project whose library belongs into the package of its sources, as research code has it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import venvs

pytestmark = pytest.mark.needs("cmake", "gcc", "Python.h")

CMAKE = """\
cmake_minimum_required(VERSION 3.18)
project(inplace LANGUAGES C)
find_package(Python3 REQUIRED COMPONENTS Interpreter Development.Module)
Python3_add_library(native MODULE native.c)
set_target_properties(native PROPERTIES
    LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/inplace/extension")
"""
SETUP = """\
from setuptools import find_packages, setup

class CMakeBuild:
    command = ["cmake", "."]

setup(
    name="inplace",
    version="0.1",
    # ext_modules=[...], cmdclass={"build_ext": CMakeBuild},
    packages=find_packages(),
)
"""
NATIVE = """\
#include <Python.h>
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "native", 0, -1, 0};
PyMODINIT_FUNC PyInit_native(void) { return PyModule_Create(&module); }
"""


@pytest.mark.slow
def test_the_library_lies_where_it_is_imported(tmp_path: Path) -> None:
    venv = venvs.create(tmp_path / "env", "pip", "setuptools", "wheel")
    project = tmp_path / "project"
    (project / "inplace/extension").mkdir(parents=True)
    for name, text in (
        ("CMakeLists.txt", CMAKE),
        ("setup.py", SETUP),
        ("native.c", NATIVE),
        ("inplace/__init__.py", ""),
        ("inplace/extension/__init__.py", "from . import native\n"),
    ):
        (project / name).write_text(text)
    done = venv.gpufix("build", "--python", str(venv.python), "--format", "json", str(project))
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = json.loads(done.stdout)["builds"]
    (library,) = row["libraries"]
    assert Path(library["path"]).parent == project / "inplace/extension"
    command = [str(venv.python), "-c", "import inplace.extension as e; print(e.native.__file__)"]
    said = subprocess.run(command, capture_output=True, text=True, env=venv.environ())
    assert said.stdout.strip() == library["path"], said.stderr
