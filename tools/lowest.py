"""Runs tests with the lowest versions that pyproject.toml's bounds admit.

    python tools/lowest.py [pytest arguments]

gpufix is installed into other people's environments, so its lower bounds are a promise. It is kept
on the oldest and on the newest Python that are found here: the interpreter that runs this, and
python3.10 to python3.14 on the PATH. Each has an environment of its own, $VENV-lowest-3.10
(VENV is .venv by default), which is made anew when a bound or a tool changes and never left half
made. In it is each direct dependency at its lowest, what these draw in as pip picks it, and the
tests' tools from tools/constraints.txt.

Versions that declare to fit, and do not, are found by what meets them: every command, option, help
and completion (Typer, click), the reports (Rich), the models of the checks and of the core
(pydantic), requirements and versions in the checks (packaging), configuration (tomli), the driver's
binding (nvidia-ml-py). The other tests need time and say nothing of dependencies. The commands are
tried a second time with Typer alone at its lowest, since the others of its age hide what the newest
click or Rich do to it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "tools" / "constraints.txt"
TOOLS = [
    "pytest", "pytest-timeout", "pytest-xdist", "hypothesis", "jsonschema", "junitparser", "markdown-it-py", "pyyaml",
]  # fmt: skip
RUNS_ON_OTHERS = "typer"  # of the dependencies, the one that runs on others of them
OWN_SOURCES = [
    "boundaries",
    "contributors_pages",
    "english",
    "floors",
    "openers",
    "payloads",
    "process",
]
COMMANDS = ["tests/cli/test_every_command.py", "tests/cli/test_help.py"]
TESTS = [
    *COMMANDS,
    "tests/cli/test_completion.py",
    "tests/core",
    # They read gpufix's own sources, or start programs: no dependency takes part.
    *(f"--ignore=tests/core/test_{name}.py" for name in OWN_SOURCES),
    # Rules that read versions and requirements; `make full` runs the others.
    *(f"tests/checks/{name}" for name in ("abi", "doctor", "toolchain", "wheels")),
    "tests/report",
    "--ignore=tests/report/test_html_browser.py",  # a browser meets none of the dependencies
    "tests/source/test_project_facts.py",  # TOML and requirements; the others ask no dependency
    "tests/facts/test_metadata.py",
    "tests/facts/test_binding.py",
]
SIZE = "about 15 MB to download, 80 MB on the disk"


@dataclass(frozen=True, order=True)
class Python:
    """An interpreter that can make an environment."""

    version: tuple[int, int]
    path: str

    def __str__(self) -> str:
        return f"{self.version[0]}.{self.version[1]}"


def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return table


def supported() -> list[str]:
    """The Pythons of the classifiers: 3.10, …"""
    prefix = "Programming Language :: Python :: 3."
    return [c.rpartition(" ")[2] for c in project()["classifiers"] if c.startswith(prefix)]


def applying(requirements: Iterable[str], python: str) -> list[Requirement]:
    """Those that a Python meets."""
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    found = [Requirement(text) for text in requirements]
    return [r for r in found if r.marker is None or r.marker.evaluate(environment)]


def lowest(requirement: Requirement) -> str:
    """The lowest version that it admits: 12.0 of "rich>=12.0"."""
    bounds = [s.version for s in requirement.specifier if s.operator in (">=", "==", "~=")]
    if len(bounds) != 1:
        raise SystemExit(f"lowest: {requirement} has no lower bound")
    return bounds[0]


def pins(python: str) -> list[str]:
    """Every direct dependency at its lowest."""
    found = applying(project()["dependencies"], python)
    return [f"{canonicalize_name(r.name)}=={lowest(r)}" for r in found]


def pythons(names: Iterable[str]) -> list[Python]:
    """The interpreters found, in order: what runs this, and those on the PATH."""
    found = {}
    for name in (*names, sys.executable):
        path = shutil.which(name)
        # A launcher may lead nowhere (pyenv's), and Debian's Python has no ensurepip by itself.
        ask = "import ensurepip, sys, venv; print(*sys.version_info[:2])"
        done = path and subprocess.run([path, "-c", ask], capture_output=True, text=True)
        if path and done and done.returncode == 0 and re.fullmatch(r"\d+ \d+\n", done.stdout):
            major, minor = map(int, done.stdout.split())
            found[major, minor] = Python((major, minor), path)
    return sorted(found.values())


@dataclass(frozen=True)
class Environment:
    """The environment of one Python."""

    python: Python
    folder: Path

    @property
    def interpreter(self) -> str:
        return str(self.folder / "bin" / "python")

    @property
    def newest(self) -> Path:
        """Typer at its lowest with the newest that it runs on; imported before what is installed."""
        return self.folder / "newest"

    def make(self) -> None:
        """Make it, unless it is there with these versions. What fails or is cut off goes away."""
        wanted = "\n".join([str(ROOT), *pins(str(self.python)), CONSTRAINTS.read_text("utf-8")])
        stamp = self.folder / "stamp"  # written last: without it the folder is half made
        if stamp.exists() and stamp.read_text("utf-8") == wanted:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        print(f"lowest: makes {self.folder} ({SIZE})", flush=True)
        try:
            run([self.python.path, "-m", "venv", str(self.folder)])
            self._install()
            stamp.write_text(wanted, "utf-8")
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _install(self) -> None:
        pinned = pins(str(self.python))
        pip = [self.interpreter, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        pip += ["--only-binary=:all:", "-c", str(CONSTRAINTS)]
        run([*pip, *TOOLS, *pinned, "-e", str(ROOT)])
        alone = [pin for pin in pinned if pin.startswith(f"{RUNS_ON_OTHERS}==")]
        run([*pip, "--target", str(self.newest), *alone])

    def test(self, tests: Sequence[str]) -> bool:
        """Whether the tests pass with all at their lowest, and the commands with Typer alone."""
        pytest = [self.interpreter, "-m", "pytest", "-n", "2", "-m", "not slow", "-W", "ignore"]
        pytest += ["-p", "no:cacheprovider"]
        print(f"lowest: Python {self.python}:", ", ".join(pins(str(self.python))), flush=True)
        passed = subprocess.run([*pytest, *tests], cwd=ROOT).returncode == 0
        print(f"lowest: Python {self.python}: {RUNS_ON_OTHERS} alone at its lowest", flush=True)
        others = {**os.environ, "PYTHONPATH": str(self.newest)}
        return subprocess.run([*pytest, *COMMANDS], cwd=ROOT, env=others).returncode == 0 and passed


def run(command: list[str]) -> None:
    if code := subprocess.run(command).returncode:
        raise SystemExit(f"lowest: {' '.join(command)}: exit code {code}")


def main(tests: Sequence[str]) -> int:
    """Test on the oldest and the newest Python; 0 when all is green."""
    names = supported()
    found = pythons(f"python{name}" for name in names)
    if absent := sorted(set(names) - {str(python) for python in found}):
        print("lowest: not found, or without venv: Python", ", ".join(absent))
    venv = ROOT / (os.environ.get("VENV") or ".venv")
    chosen = dict.fromkeys((found[0], found[-1]))
    environments = [Environment(p, venv.with_name(f"{venv.name}-lowest-{p}")) for p in chosen]
    for environment in environments:
        environment.make()
    passed = [environment.test(tests or TESTS) for environment in environments]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
