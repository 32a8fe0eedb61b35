"""CPU seconds of the whole source pass: `gpufix doctor` on a project less the same on an empty one.

    python benchmarks/source_pass.py --python ENV [--trees DIR --files 5000 --megabytes 45]
        [--gpu sm_120] [--runs 5] [--gpufix CHECKOUT] [--against CHECKOUT] [FOLDER ...]

With --trees, one project is made of files of these trees, evenly taken, so many and of that size:
sources, build files and scripts. User and system time; compiled code is kept beside gpufix, as an
installation has it. With --against another checkout runs in turn with it, and its seconds stand first.
The least of the runs counts: what else a machine does only adds to them.
"""

from __future__ import annotations

import argparse
import compileall
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve()
SOURCES = {".py", ".c", ".cc", ".cpp", ".cxx", ".cu", ".cuh", ".h", ".hpp", ".hip", ".inl", ".sh"}
BUILD = {"setup.py", "CMakeLists.txt", "pyproject.toml", "requirements.txt", "Dockerfile"}


def corpus(trees: Path, to: Path, files: int, megabytes: float) -> Path:
    """One project of the trees' files."""
    found = sorted(
        path
        for path in trees.rglob("*")
        if (path.suffix in SOURCES or path.name in BUILD)
        and path.is_file()
        and not path.is_symlink()
    )
    for path in _of_size(found, files, megabytes * 1e6 / files):
        copy = to / path.relative_to(trees)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return to


def _of_size(paths: list[Path], wanted: int, mean: float) -> list[Path]:
    """So many, evenly taken, without the largest that would lift the mean above this."""
    sized = sorted((path.stat().st_size, path) for path in paths)
    while sized and sum(size for size, _ in sized) / len(sized) > mean:
        sized.pop()
    while len(sized) > wanted and sum(size for size, _ in sized) / len(sized) < mean:
        sized.pop(0)
    kept = sorted(path for _, path in sized)
    step = max(len(kept) / max(wanted, 1), 1)
    return [kept[int(n * step)] for n in range(min(wanted, len(kept)))]


def seconds(project: Path, sides: list[Path], options: argparse.Namespace) -> list[float]:
    """User and system time of a run of the doctor of each checkout, the least of several in turn."""
    found: list[list[float]] = [[] for _ in sides]
    for _ in range(options.runs):
        for times, checkout in zip(found, sides, strict=True):
            times.append(once(project, checkout, options))
    return [min(times) for times in found]


def once(project: Path, checkout: Path, options: argparse.Namespace) -> float:
    """One run."""
    command = [sys.executable, "-m", "gpufix", "doctor", str(project), "--gpu", options.gpu]
    begin = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [*command, "--python", str(options.python), "--format", "json"],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(checkout / "src")},
        check=False,
    )
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr.decode())
    return end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime


def shown(times: list[float]) -> str:
    """Seconds side by side."""
    return " ".join(f"{each:7.3f}" for each in times)


def main() -> int:
    """Makes the corpus, measures each project."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--trees", type=Path)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--megabytes", type=float, default=45)
    parser.add_argument("--gpu", default="sm_120")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--gpufix", type=Path, default=HERE.parents[1])
    parser.add_argument("--against", type=Path)
    options = parser.parse_args()
    sides = [side for side in (options.against, options.gpufix) if side]
    for side in sides:
        compileall.compile_dir(str(side / "src"), quiet=2)
    with tempfile.TemporaryDirectory() as scratch:
        empty = Path(scratch, "empty")
        empty.mkdir()
        idle = seconds(empty, sides, options)
        print(f"{shown(idle)}  an empty project, taken from those below")
        projects = list(options.folders)
        if options.trees:
            place = Path(scratch, "corpus")
            projects.append(corpus(options.trees, place, options.files, options.megabytes))
        for project in projects:
            paths = [path for path in project.rglob("*") if path.is_file()]
            size = sum(path.stat().st_size for path in paths) / 1e6
            whole = seconds(project, sides, options)
            spent = [each - none for each, none in zip(whole, idle, strict=True)]
            print(f"{shown(spent)}  {project.name}: {len(paths)} files, {size:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
