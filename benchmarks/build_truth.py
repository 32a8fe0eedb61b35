"""Runs a setup.py as a build would, compiles the first C++ and the first CUDA source of each extension.

usage: python build_truth.py REPORT SETUP_PY ARGUMENT ...

What torch's BuildExtension would hand to ninja is kept in REPORT, lines of JSON: sources, flags, and
the outcome of two of the objects. Linking is left out, and so is everything after the extensions.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

CUDA = (".cu",)
HEADERS = os.environ.get("ORACLE_HEADERS") == "1"
ARCH = os.environ.get("ORACLE_ARCH", "sm_120")
REPORT = Path(sys.argv[1]).resolve()


def note(**row: Any) -> None:
    """One more line of the report."""
    with REPORT.open("a") as file:
        file.write(json.dumps(row) + "\n")


def chosen(objects: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The first C++ source that names torch's headers and the first of CUDA, with their objects."""
    found = []
    for wanted in (False, True):
        rows = [row for row in objects if row[0].endswith(CUDA) is wanted]
        found += ([row for row in rows if _names_torch(Path(row[0]))] or rows)[:1]
    return found


def _names_torch(path: Path) -> bool:
    try:
        return re.search(rb"#\s*include\s*[<\"](torch|ATen|c10)/", path.read_bytes()) is not None
    except OSError:
        return False


def command(build: Path, target: str, source: str) -> str:
    """The command of an object, not optimised; with ORACLE_HEADERS=1 it is preprocessed only.

    Of CUDA nvcc judges all options first (--dryrun), then compiles for one architecture.
    """
    ask = ["ninja", "-t", "commands", target]
    found = subprocess.run(ask, cwd=build, capture_output=True, text=True, check=True).stdout
    text = re.sub(r"(?<![\w-])-O[123]\b", "-O0", found.strip().splitlines()[-1])
    if not source.endswith(CUDA):
        return f"{text} -E" if HEADERS else text
    bare = re.sub(r"(?:-gencode|--generate-code|-arch|--gpu-architecture)[= ]\S+", "", text)
    if HEADERS:
        bare = re.sub(r" -c ", " -E ", re.sub(r" -MD -MF \S+", "", bare), count=1)
    return f"{text} --dryrun && {bare} -arch={ARCH}"


def ninja(build_directory: str, verbose: bool, error_prefix: str) -> None:
    """In torch's place: compiles two sources, leaves the others as empty files."""
    build = Path(build_directory)
    text = (build / "build.ninja").read_text().replace("$\n", "")
    rows = re.findall(r"^build ((?:[^:\s$]|\$.)+): \w*compile ((?:[^\s$]|\$.)+)", text, re.M)
    objects = [tuple(re.sub(r"\$(.)", r"\1", name) for name in row[::-1]) for row in rows]
    flags = dict(re.findall(r"^(\w*cflags) = (.*)$", text, re.M))
    tried = chosen([(source, target) for source, target in objects])
    for source, target in tried:
        code, output = compiled(command(build, target, source), build)
        note(kind="object", source=source, code=code, output=output[-6000:] if code else "")
    for _, target in objects:
        Path(build, target).touch()
    note(kind="extension", sources=[source for source, _ in objects], flags=flags)


def compiled(command: str, folder: Path) -> tuple[int, str]:
    """The exit code of a compiler and what it says."""
    seconds = float(os.environ.get("ORACLE_SECONDS", "900"))
    options: Any = {"shell": True, "cwd": folder, "capture_output": True, "text": True}
    try:
        done = subprocess.run(command, timeout=seconds, check=False, **options)
    except subprocess.TimeoutExpired:
        return 124, "timed out"
    return done.returncode, done.stderr


def main() -> None:
    """Runs the setup.py in its own folder."""
    from setuptools._distutils import unixccompiler
    from torch.utils import cpp_extension

    if told := os.environ.get("ORACLE_CUDA"):  # a torch for the CPU stands for one for CUDA
        cpp_extension.torch.version.cuda = told
        cpp_extension.CUDA_HOME = os.environ["CUDA_HOME"]
    cpp_extension._run_ninja_build = ninja
    unixccompiler.UnixCCompiler.link = lambda *args, **kwargs: None
    setup = Path(sys.argv[2]).resolve()
    os.chdir(setup.parent)
    sys.path.insert(0, str(setup.parent))
    sys.argv = [str(setup), *sys.argv[3:]]
    try:
        runpy.run_path(str(setup), run_name="__main__")
        failure = None
    except BaseException as error:
        failure = f"{type(error).__name__}: {error}"[-3000:]
        if isinstance(error, SystemExit) and not error.code:
            failure = None
    note(kind="end", failure=failure)


if __name__ == "__main__":
    main()
