"""From a recipe to a patient on disk."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.case import Case
from clinic.patient import Failed, Patient, program
from clinic.unpacked import unpacking
from clinic.wheels import cache, fetched, uv


class Unfit(Failed):
    """This machine lacks what the case needs: it is left out, and said."""


@contextmanager
def patient(case: Case, *, at: Path | None = None) -> Iterator[Patient]:
    """The case's patient, gone afterwards unless it is made `at` a folder, which it then replaces."""
    if lacking := [name for name in case.recipe.needs if not program(name)]:
        raise Unfit(f"needs {', '.join(lacking)}")
    place = cache() / "patients"
    place.mkdir(parents=True, exist_ok=True)
    python = interpreter(case.python)
    if at:
        shutil.rmtree(at, ignore_errors=True)
        at.mkdir(parents=True)
        yield _made(case, at, python)
        return
    with TemporaryDirectory(dir=place, prefix=f"{case.id}-", ignore_cleanup_errors=True) as folder:
        yield _made(case, Path(folder), python)


def interpreter(version: str) -> str:
    """The clinic's own Python if it is of this version, else one that uv finds."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    command = [uv(), "python", "find", "--system", "--no-project", "--no-python-downloads", version]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    if found.returncode:
        raise Unfit(f"needs Python {version}")
    return found.stdout.strip()


def _made(case: Case, root: Path, python: str) -> Patient:
    recipe = case.recipe
    found = {str(Path(program(name)).parent) for name in recipe.needs}
    elsewhere = tuple(sorted(found - set(os.environ.get("PATH", "").split(os.pathsep))))
    made = Patient(root, case.folder, case.python, recipe.environment, recipe.folder, elsewhere)
    made.home.mkdir()
    (root / "tmp").mkdir()
    if recipe.project:
        shutil.copytree(case.folder / recipe.project, made.project)
    # The environment of the recipe is for those who look at the patient, not for its installers.
    plain = replace(made, environment={})
    plain.run(uv(), "venv", "--quiet", "--no-project", "--python", python, made.prefix, cwd=root)
    if recipe.wheels:
        wheels = fetched(case.folder / recipe.wheels, case.python)
        linked = recipe.link == "symlink"
        options = ["--quiet", "--offline", "--no-deps", "--no-index", "--python", str(made.python)]
        options += ["--link-mode", recipe.link]
        with unpacking(wheels, root / "store" if linked else None) as store:
            options += ["--cache-dir", str(store)]
            plain.run(uv(), "pip", "install", *options, *map(str, wheels), cwd=root)
        plain.forget_origins()
    if recipe.script:
        runpy.run_path(str(case.folder / recipe.script))["make"](plain)
    return made
