"""Three extensions rebuilt: `gpufix build` beside pip, one folder after the other.

Each extension is one C++ file against torch's c10 headers, so that a build on its own leaves all
processors but one idle. Both sides run on the same two processors, in turns, from clean folders,
with the same pip, and every product is imported afterwards.

    python benchmarks/parallel_build.py [--repeat 3] [--processors 2]

Prints medians: seconds of wall time, CPU seconds of all children, and the ratio.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

NAMES = ("alpha", "beta", "gamma")
SETUP = """\
import sysconfig
from pathlib import Path
from setuptools import Extension, setup
torch = Path({torch!r})
setup(
    name={name!r}, version="1.0",
    ext_modules=[Extension(
        {name!r}, ["{name}.cpp"], language="c++",
        include_dirs=[str(torch / "include")],
        library_dirs=[str(torch / "lib")], libraries=["c10"],
        extra_compile_args=["-std=c++20", "-O2"],
        extra_link_args=["-Wl,-rpath," + str(torch / "lib")],
    )],
)
"""
SOURCE = """\
#include <Python.h>
#include <c10/core/TensorImpl.h>
#include <regex>
static PyObject *matches(PyObject *, PyObject *args) {{
  const char *text, *pattern;
  if (!PyArg_ParseTuple(args, "ss", &text, &pattern)) return nullptr;
  TORCH_CHECK(text != nullptr, std::string("no text"));
  return PyBool_FromLong(std::regex_match(text, std::regex(pattern)));
}}
static PyMethodDef methods[] = {{{{"matches", matches, METH_VARARGS, ""}}, {{}}}};
static PyModuleDef module = {{PyModuleDef_HEAD_INIT, "{name}", nullptr, -1, methods}};
PyMODINIT_FUNC PyInit_{name}() {{ return PyModule_Create(&module); }}
"""


def write(root: Path) -> list[Path]:
    """The three source folders, as fresh from a repository."""
    found = importlib.util.find_spec("torch")
    assert found is not None and found.origin is not None
    torch = str(Path(found.origin).parent)
    folders = []
    for name in NAMES:
        folder = root / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "setup.py").write_text(SETUP.format(name=name, torch=torch))
        (folder / f"{name}.cpp").write_text(SOURCE.format(name=name))
        folders.append(folder)
    return folders


def with_pip(python: Path, folders: list[Path]) -> None:
    """What the instructions of most projects say."""
    options = ["--no-build-isolation", "--no-deps", "--force-reinstall", "-q"]
    for folder in folders:
        subprocess.run([python, "-m", "pip", "install", *options, folder], check=True)


def with_gpufix(python: Path, folders: list[Path]) -> None:
    """The same folders at once."""
    command = [sys.executable, "-m", "gpufix", "build", "--python", str(python)]
    subprocess.run([*command, *map(str, folders)], check=True, capture_output=True)


def measure(
    act: Callable[[Path, list[Path]], None], python: Path, root: Path
) -> tuple[float, float]:
    """(wall seconds, CPU seconds of the children), with every product imported afterwards."""
    folders = write(root)
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    act(python, folders)
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    for name in NAMES:
        code = f"import {name}; assert {name}.matches('abc', 'a.c')"
        subprocess.run([python, "-c", code], check=True, cwd="/")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--processors", type=int, default=2)
    options = parser.parse_args()
    # Far apart: neighbours can be two threads of one core.
    every = sorted(os.sched_getaffinity(0))
    usable = every[:: max(1, len(every) // options.processors)][: options.processors]
    os.sched_setaffinity(0, usable)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        os.environ["XDG_STATE_HOME"] = str(root / "state")
        subprocess.run([sys.executable, "-m", "venv", root / "env"], check=True)
        python = root / "env" / "bin" / "python"
        tools = [python, "-m", "pip", "install", "-q", "setuptools", "wheel"]
        subprocess.run(tools, check=True)
        rows: dict[str, list[tuple[float, float]]] = {"pip": [], "gpufix": []}
        for _ in range(options.repeat):
            rows["pip"].append(measure(with_pip, python, root / "src"))
            rows["gpufix"].append(measure(with_gpufix, python, root / "src"))
            one, other = rows["pip"][-1][0], rows["gpufix"][-1][0]
            print(f"pip {one:.1f} s, gpufix {other:.1f} s, ratio {one / other:.2f}", flush=True)
    print(f"{len(NAMES)} extensions, {len(usable)} processors, median of {options.repeat}")
    for label, row in rows.items():
        wall, cpu = (statistics.median(column) for column in zip(*row, strict=True))
        print(f"{label:>7}: {wall:6.1f} s wall, {cpu:6.1f} s CPU")
    ratios = [p[0] / g[0] for p, g in zip(rows["pip"], rows["gpufix"], strict=True)]
    shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"  ratio: {statistics.median(ratios):.2f} (pip / gpufix, wall; rounds: {shown})")


if __name__ == "__main__":
    main()
