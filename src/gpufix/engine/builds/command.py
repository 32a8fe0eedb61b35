"""The programs that build a folder, by the patient's own means. No shell takes part."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gpufix.engine.builds.folder import NotBuildable
from gpufix.engine.installer import choose, environment
from gpufix.engine.run_context import Refused
from gpufix.fixes.build_environment.variables import Folder
from gpufix.model import Facts, Python

_AFRESH = {
    "uv": ("--reinstall", "--no-cache"),
    "pip": ("--force-reinstall", "--no-cache-dir", "-v"),
}
_PYTHONS = ("Python_EXECUTABLE", "Python3_EXECUTABLE", "PYTHON_EXECUTABLE")


def commands(folder: Folder, facts: Facts, editable: bool) -> list[list[str]]:
    """One after another; the first that fails ends the build. Raises NotBuildable."""
    python = facts.python
    if python is None:
        raise NotBuildable("there is no Python to build for")
    found = [] if folder.backend == "python" else _cmake(folder, facts, python)
    if folder.backend != "cmake":
        found.append([*installer(facts, python), *(["-e"] if editable else []), folder.path])
    return found


def installer(facts: Facts, python: Python) -> list[str]:
    """pip or uv, up to the thing to be installed: as it is, without isolation and dependencies.

    uv keeps what it has built for a folder: without its cache it must build again.
    """
    if python.externally_managed:
        raise NotBuildable(
            f"{python.executable} is managed by the system ({python.externally_managed}): "
            "make a virtual environment and build there"
        )
    try:
        chosen = choose(facts)
    except Refused as error:
        raise NotBuildable(str(error)) from None
    options = ["--no-build-isolation", "--no-deps", *_AFRESH[chosen.kind]]
    return chosen.command("install", *options)


def _cmake(folder: Folder, facts: Facts, python: Python) -> list[list[str]]:
    tools = {tool.name: tool.path for tool in facts.tools}
    cmake = tools.get("cmake")
    if cmake is None:
        raise NotBuildable(f"{folder.path} is built by cmake, which is not here")
    place = folder.path if folder.in_source else str(Path(folder.path) / "build")
    configure = [cmake, "-S", folder.path, "-B", place, "-DCMAKE_BUILD_TYPE=Release"]
    configure += [f"-D{name}={python.executable}" for name in _PYTHONS]
    configure += ["--no-warn-unused-cli"]
    if "ninja" in tools:
        configure += ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={tools['ninja']}"]
    return [configure, [cmake, "--build", place]]


def child_environ(
    base: Mapping[str, str],
    overlay: Mapping[str, str | None],
    settings: Mapping[str, str | None],
    facts: Facts,
) -> dict[str, str]:
    """The process's environment, then the environment file, then the build's own variables.

    Without what would send an installer to another place than the patient.
    """
    python = facts.python
    environ = environment(base, "uv" if python and python.kind == "uv" else "pip")
    for name, value in {**overlay, **settings}.items():
        if value is None:
            environ.pop(name, None)
        else:
            environ[name] = value
    folders = [str(Path(python.prefix) / "bin")] if python else []
    if environ.get("CUDA_HOME"):
        folders.append(str(Path(environ["CUDA_HOME"]) / "bin"))
    # ninja and cmake may be wheels of an environment that is not active.
    path = [p for p in environ.get("PATH", os.defpath).split(os.pathsep) if p not in folders]
    environ["PATH"] = os.pathsep.join([*folders, *path])
    if python and python.kind in ("venv", "uv"):
        environ["VIRTUAL_ENV"] = python.prefix
    return environ
