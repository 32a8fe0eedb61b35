"""What `import *` of a project's own modules makes of a name."""

from __future__ import annotations

import ast

from gpufix.checks.source_view import absolute
from gpufix.source.python_names import Names
from gpufix.source.python_tree import NotPython, Tree
from gpufix.view import View


def rebinds(view: View, path: str, node: ast.ImportFrom, name: str, wanted: str) -> bool:
    """Whether one in a file may make something else of a name than `wanted`: "nvdiffrast.torch".

    True where nothing tells: the module of others, one that cannot be read.
    """
    seen, queue = {path}, [(path, node)]
    for source, star in queue:  # grows
        found = _files(view, source, star)
        if not found:
            return True
        for brought in found:
            if brought in seen:
                continue
            seen.add(brought)
            names = _names(view, brought)
            if names is None or names.otherwise(name, wanted):
                return True
            queue += [(brought, further) for further in names.stars]
    return False


def _names(view: View, path: str) -> Names | None:
    source = view.ask("source", absolute(view, path))
    try:
        return Names(Tree(source["text"])) if isinstance(source, dict) else None
    except NotPython:
        return None


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
