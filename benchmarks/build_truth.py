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


def quicker(text: str, parse: bool) -> str:
    """Whether a source compiles does not depend on what is optimised: the same without.

    parse: whether C++ is parsed, and not only preprocessed.
    """
    text = re.sub(r"(?<![\w-])-O[123]\b", "-O0", text)
    flag = "-fsyntax-only" if parse else "-E"
    text = re.sub(r"^(cflags = )", rf"\1{flag} ", text, flags=re.M)
    return re.sub(r"^(cuda_post_cflags = .*)$", r"\1 -Xcicc -O0 -Xptxas -O0", text, flags=re.M)


def ninja(build_directory: str, verbose: bool, error_prefix: str) -> None:
    """In torch's place: builds two objects, leaves the others as empty files."""
    text = Path(build_directory, "build.ninja").read_text()
    text = text.replace("$\n", "")
    rows = re.findall(r"^build ((?:[^:\s$]|\$.)+): \w*compile ((?:[^\s$]|\$.)+)", text, re.M)
    objects = [(re.sub(r"\$(.)", r"\1", source), target) for target, source in rows]
    flags = dict(re.findall(r"^(\w*cflags) = (.*)$", text, re.M))
    tried = chosen(objects)
    # What a CUDA source parses of torch's headers need not be parsed a second time.
    parse = not any(source.endswith(CUDA) and _names_torch(Path(source)) for source, _ in tried)
    Path(build_directory, "build.ninja").write_text(quicker(text, parse))
    for source, target in tried:
        try:
            done = subprocess.run(
                ["ninja", "-v", re.sub(r"\$(.)", r"\1", target)],
                cwd=build_directory,
                capture_output=True,
                text=True,
                timeout=float(os.environ.get("ORACLE_SECONDS", "900")),
                check=False,
            )
            code, output = done.returncode, done.stdout + done.stderr
        except subprocess.TimeoutExpired:
            code, output = 124, "timed out"
        note(kind="object", source=source, code=code, output=output[-6000:] if code else "")
    for _, target in objects:
        Path(build_directory, re.sub(r"\$(.)", r"\1", target)).touch()
    note(kind="extension", sources=[source for source, _ in objects], flags=flags)


def main() -> None:
    """Runs the setup.py in its own folder."""
    from setuptools._distutils import unixccompiler
    from torch.utils import cpp_extension

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
