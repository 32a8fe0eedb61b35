"""What git's own files say of a project: tracked folders and submodules. git is not run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gpufix.facts.context import Context
from gpufix.facts.files import read, text, why
from gpufix.model import SourceFile, Submodule
from gpufix.source import git_index, gitmodules

_LIMIT_INDEX, _LIMIT_MODULES = 64 << 20, 1 << 20


def index(ctx: Context, root: Path) -> git_index.GitIndex | None:
    """The index of the repository whose top is `root`; None where there is none to read.

    A `.git` file (a worktree, a submodule) points outside the project, where nothing is read.
    """
    path = root / ".git" / "index"
    if not (root / ".git").is_dir() or (root / ".git").is_symlink() or not path.is_file():
        return None
    try:
        if path.stat().st_size > _LIMIT_INDEX:
            raise OSError(f"larger than {_LIMIT_INDEX >> 20} MiB")
        return git_index.parse(read(path, _LIMIT_INDEX))
    except (OSError, git_index.IndexFormatError) as error:
        ctx.gap("project", path, why(error))
        return None


def submodules(
    ctx: Context, root: Path, sources: Sequence[SourceFile], known: git_index.GitIndex | None
) -> list[Submodule]:
    """Every submodule that a .gitmodules declares or the index records, by path."""
    found: dict[str, Submodule] = {}
    for source in sources:
        if source.kind != "gitmodules":
            continue
        folder = source.path.rpartition("/")[0]
        for declared in _declared(ctx, root / source.path):
            path = f"{folder}/{declared.path}" if folder else declared.path
            found[path] = Submodule(
                path=path,
                url=declared.url,
                declared_in=source.path,
                line=declared.line,
                gitlink=path in known.gitlinks if known and not folder else None,
                populated=_populated(root / path),
            )
    for link in sorted(known.gitlinks if known else ()):
        path = text(link)
        if path not in found:
            populated = _populated(root / link)
            found[path] = Submodule(path=path, gitlink=True, populated=populated)
    return [found[path] for path in sorted(found)]


def _declared(ctx: Context, path: Path) -> list[gitmodules.Declared]:
    try:
        return gitmodules.parse(text(read(path, _LIMIT_MODULES)))
    except OSError as error:
        ctx.gap("project", path, why(error))
        return []


def _populated(folder: Path) -> bool:
    """Whether anything but git's own file is in it."""
    try:
        with os.scandir(folder) as entries:
            return any(entry.name != ".git" for entry in entries)
    except OSError:
        return False
