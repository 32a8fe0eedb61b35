"""Folders of PYTHONPATH that hold another Python's packages."""

from __future__ import annotations

from posixpath import normpath

from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.model import Distribution, Library
from gpufix.text.names import normalise


class ForeignFolder(Frozen):
    """`user`: a distribution of it whose compiled modules this Python cannot import; `tags`: for which it is.

    `hidden`: the environment's own copy of that distribution, which comes later.
    """

    folder: str
    user: str
    tags: tuple[str, ...]
    hidden: Distribution | None


def foreign_folders(view: View) -> tuple[ForeignFolder, ...]:
    """For `View.derive`. Where any compiled module serves this Python, the folder is its own."""
    python = view.facts.python
    named = [normpath(part) for part in (view.env("PYTHONPATH") or "").split(":") if part]
    found: list[ForeignFolder] = []
    if python is None:
        return ()
    for folder in dict.fromkeys(named):
        inside = f"{folder}/"
        modules = [
            x for x in view.facts.binaries.libraries if x.module and x.path.startswith(inside)
        ]
        tags = {x.python_tag for x in modules}
        if not tags or None in tags or tags & {python.tag, "abi3"}:
            continue
        found.append(_of(view, folder, modules))
    return tuple(found)


def is_foreign(view: View, path: str) -> bool:
    """Whether a file or folder lies in one of them."""
    return any(f"{path}/".startswith(f"{x.folder}/") for x in view.derive(foreign_folders))


def _of(view: View, folder: str, modules: list[Library]) -> ForeignFolder:
    tags = tuple(sorted({x.python_tag or "" for x in modules}))
    names = dict.fromkeys(x.distribution or _package(x.path, folder) for x in modules)
    copies = ((name, own) for name in names for own in view.dists(name) if own.location != folder)
    user, hidden = next(copies, (next(iter(names)), None))
    return ForeignFolder(folder, user, tags, hidden)


def _package(path: str, folder: str) -> str:
    """The name of the package that a file belongs to, as a distribution may be called."""
    return normalise(path[len(folder) + 1 :].partition("/")[0].partition(".")[0])
