"""What `import *` of a project's own modules makes of a name."""

from __future__ import annotations

import ast

from gpufix.checks.source_view import absolute
from gpufix.source.python_names import Names
from gpufix.source.python_tree import NotPython, Tree
from gpufix.view import View


def rebinds(
    view: View, seen: tuple[str, ...], node: ast.ImportFrom, name: str, wanted: str
) -> bool:
    """Whether it may make something else of a name than `wanted`, as `nvdiffrast.torch`.

    seen: the files on the way, the one with the import last. True where nothing tells: the module
    of others, one that cannot be read.
    """
    found = _files(view, seen[-1], node)
    return not found or any(
        path not in seen and _binds(view, (*seen, path), name, wanted) for path in found
    )


def _binds(view: View, seen: tuple[str, ...], name: str, wanted: str) -> bool:
    source = view.ask("source", absolute(view, seen[-1]))
    try:
        names = Names(Tree(source["text"])) if isinstance(source, dict) else None
    except NotPython:
        names = None
    if names is None or names.otherwise(name, wanted):
        return True
    return any(rebinds(view, seen, star, name, wanted) for star in names.stars)


def _files(view: View, path: str, node: ast.ImportFrom) -> list[str]:
    """Sources of the project that a module's name can mean: exact for a relative one."""
    project = view.facts.project
    paths = [s.path for s in project.sources if s.kind == "python"] if project else []
    parts = (node.module or "").split(".") if node.module else []
    if node.level:
        folder = path.split("/")[: -node.level]
        if path.count("/") < node.level - 1:
            return []
        wanted = _spelt([*folder, *parts])
        return [p for p in paths if p in wanted]
    ends = tuple(f"/{end}" for end in _spelt(parts))
    return [p for p in paths if f"/{p}".endswith(ends)]


def _spelt(parts: list[str]) -> tuple[str, str]:
    base = "/".join(parts)
    return f"{base}.py", f"{base}/__init__.py".lstrip("/")
