"""Which environment is the patient when none is named: the active one, else the project's own."""

from __future__ import annotations

import base64
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from gpufix.facts.context import CollectContext

# What pipx, uv and pre-commit leave in an environment that holds a tool and nobody's project.
_OF_TOOLS = ("pipx_metadata.json", "uv-receipt.toml", ".install_state_v1", ".install_state_v2")
_OF_ENVIRONMENTS = ("pyvenv.cfg", "conda-meta")


def chosen(ctx: CollectContext, project: Path | None) -> str | None:
    """The folder of the patient: an environment that is active, else one that the project, the
    workspace around it or the current folder has. None: there is no such one."""
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        active = ctx.environ.get(name)
        if active and not _of_a_tool(active):
            return active
    for folder in _folders(ctx, project):
        for path in _of_folder(ctx, folder):
            if _is_environment(path):
                return str(path)
    return None


def _of_a_tool(folder: str) -> bool:
    """Whether it is gpufix's own environment, made by an installer of tools: pre-commit activates
    it for its hook."""
    own = os.path.realpath(folder) == os.path.realpath(sys.prefix)
    return own and any(os.path.lexists(f"{folder}/{name}") for name in _OF_TOOLS)


def _is_environment(path: Path) -> bool:
    """An embedded Python of Windows has a file that says where its modules are, and its program."""
    if any(os.path.lexists(path / name) for name in _OF_ENVIRONMENTS):
        return True
    return (path / "python.exe").is_file() and any(path.glob("python*._pth"))


def _folders(ctx: CollectContext, project: Path | None) -> list[Path]:
    """uv keeps one environment for all members of a workspace, where its lock file lies."""
    near = [folder for folder in (project, ctx.cwd) if folder]
    locked = [up for folder in near for up in folder.parents if os.path.lexists(up / "uv.lock")]
    return list(dict.fromkeys([*near, *locked[:1]]))


def _of_folder(ctx: CollectContext, folder: Path) -> Iterator[Path]:
    named = ctx.environ.get("UV_PROJECT_ENVIRONMENT")
    if named:
        yield folder / named
    yield folder / ".venv"
    yield folder / ".pixi" / "envs" / "default"
    for of_tool in (_poetry, _hatch, _pdm, _pipenv):
        found = [path for path in of_tool(ctx, folder) if _is_environment(path)]
        if len(found) == 1:  # of several, for several Pythons, the tool's own state decides
            yield found[0]
    yield folder / "venv"
    yield folder / "env"
    # ComfyUI's portable edition for Windows: beside the project's folder, and spelled so.
    for near in (folder, folder.parent):
        yield near / "python_embeded"


def _poetry(ctx: CollectContext, folder: Path) -> Iterator[Path]:
    """NAME-HASH-py3.11 in its cache."""
    cache = ctx.environ.get("POETRY_CACHE_DIR") or _base(
        ctx, "XDG_CACHE_HOME", ".cache", "pypoetry"
    )
    kept = ctx.environ.get("POETRY_VIRTUALENVS_PATH") or Path(cache, "virtualenvs")
    mark = f"-{_hash(os.path.realpath(folder))}-py"
    return _below(Path(kept), lambda name: mark in name)


def _hatch(ctx: CollectContext, folder: Path) -> Iterator[Path]:
    """PROJECT/HASH/PROJECT; its other environments are for tests, docs and the like."""
    data = ctx.environ.get("HATCH_DATA_DIR") or _base(ctx, "XDG_DATA_HOME", ".local/share", "hatch")
    own = _hash(str(folder))
    for path in _below(Path(data, "env", "virtual"), lambda _: True):
        yield path / own / path.name


def _pdm(ctx: CollectContext, folder: Path) -> Iterator[Path]:
    """FOLDER-HASH-3.11."""
    kept = _base(ctx, "XDG_DATA_HOME", ".local/share", "pdm") / "venvs"
    mark = f"{folder.name}-{_hash(str(folder), 'md5')}-"
    return _below(kept, lambda name: name.startswith(mark))


def _pipenv(ctx: CollectContext, folder: Path) -> Iterator[Path]:
    """FOLDER-HASH, where the hash is of the Pipfile's path."""
    data = _base(ctx, "XDG_DATA_HOME", ".local/share", "virtualenvs")
    mark = f"-{_hash(f'{folder}/Pipfile')}"
    return _below(Path(ctx.environ.get("WORKON_HOME") or data), lambda name: name.endswith(mark))


def _base(ctx: CollectContext, variable: str, usual: str, name: str) -> Path:
    return Path(ctx.environ.get(variable) or ctx.home / usual, name)


def _below(folder: Path, wanted: Callable[[str], bool]) -> Iterator[Path]:
    """The entries of a folder with a wanted name; none when it is not there, or closed to us."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries)
    except (OSError, ValueError):
        return
    yield from (folder / name for name in names if wanted(name))


def _hash(path: str, algorithm: str = "sha256") -> str:
    """By which poetry, hatch, pdm and pipenv tell the projects of one name apart."""
    digest = hashlib.new(algorithm, os.fsencode(path), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).decode()[:8]
