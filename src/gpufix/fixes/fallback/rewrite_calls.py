"""Calls of a compiled extension's functions rewritten as calls of its fallback."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import partial

from gpufix.evidence.source_view import absolute, is_vendored, python_files, toml_files
from gpufix.evidence.view import View
from gpufix.fallbacks.catalogue import Fallback
from gpufix.fixes.source.planned_edits import rewrite
from gpufix.model import Finding, WriteFile
from gpufix.model.source_payload import UnfitArgument
from gpufix.source.python.calls import Rebinds, Redirected, redirect
from gpufix.source.python.dtypes import half_calls
from gpufix.source.python.modules import Bindings
from gpufix.source.python.tree import NotPython, Tree
from gpufix.text.names import normalise


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


def _names(view: View, path: str) -> Bindings | None:
    source = view.source(absolute(view, path))
    try:
        return Bindings(Tree(source.text)) if source else None
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


_MOST = 20  # notes


@dataclass
class Changes:
    """`writes` by path relative to the root; `left`: what is not changed, in sentences."""

    writes: dict[str, WriteFile] = field(default_factory=dict)
    calls: dict[str, list[tuple[int, int]]] = field(default_factory=dict)  # first and last lines
    left: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """ "call it in a.py and b.py"; "" when nothing is changed."""
        shown = [*self.writes][:3] if len(self.writes) < 4 else [f"{len(self.writes)} files"]
        return f"call it in {' and '.join(shown)}" if self.writes else ""

    def notes(self, fallback: Fallback) -> list[str]:
        """What the preview must say."""
        notes = self.left[:_MOST]
        if len(self.left) > _MOST:
            notes.append(f"{len(self.left) - _MOST} more calls are left as they are")
        if self.writes:
            number = sum(map(len, self.calls.values()))
            count = f"{number} call{'' if number == 1 else 's'}"
            needs = f"which then need {fallback.imports[0]} wherever they run"
            notes.insert(0, f"changes {count} in the project's own files, {needs}")
        return notes

    def takes(self, finding: Finding) -> bool:
        """Whether SRC611 speaks of `ranges` that are handed to a changed call: it takes them."""
        argument = finding.payload
        if not isinstance(argument, UnfitArgument) or argument.kind != "ranges":
            return False
        rows = self.calls.get(finding.subject, [])
        return any(first <= argument.line <= last for first, last in rows)

    def settles(self, path: str) -> bool:
        """Whether a changed file gives SRC611 nothing to say any more."""
        write = self.writes.get(path)
        return write is not None and not half_calls(Tree(write.content))


def changes(fallback: Fallback, view: View) -> Changes:
    """What the project's own files would call; other people's files in it are not touched."""
    found = Changes()
    for path in _candidates(fallback, view):
        done: list[Redirected] = []
        write = rewrite(view, path, partial(_changed, fallback, partial(rebinds, view, path), done))
        if not _own(path, view):
            if any(row.text for row in done):
                found.left.append(f"{path} is left as it is: not the project's own")
            continue
        found.left += [
            f"{path}:{line} is left as it is: {why}" for row in done for line, why in row.left
        ]
        if write is not None:
            found.writes[path] = write
            found.calls[path] = [span for row in done for span in row.calls]
    return found


def _changed(fallback: Fallback, anew: Rebinds, done: list[Redirected], text: str) -> str | None:
    for row in fallback.calls:
        done.append(redirect(text, row.names, row.instead, row.not_within, anew))
        text = done[-1].text or text
    return text


def _candidates(fallback: Fallback, view: View) -> list[str]:
    """Python sources that name the library, its own excepted."""
    project = view.facts.project
    paths = {s.path for s in project.sources if s.kind == "python"} if project else set()
    found: set[str] = set()
    for top in sorted({name.partition(".")[0] for row in fallback.calls for name in row.names}):
        if not paths or top in _project_names(view):
            continue
        init = f"{top}/__init__.py"
        copies = [p.removesuffix(init) or f"{top}/" for p in paths if f"/{p}".endswith(f"/{init}")]
        holders = paths.intersection(view.project_holders(top) or ())
        found |= {path for path in holders if not path.startswith(tuple(copies))}
    return sorted(found)


def _project_names(view: View) -> set[str]:
    """What the project itself is installed as."""
    setup, toml = python_files(view).get("setup.py"), toml_files(view).get("pyproject.toml")
    names = (setup.setup if setup else None, toml.name if toml else None)
    return {normalise(name) for name in names if name}


def _own(path: str, view: View) -> bool:
    project = view.facts.project
    modules = [f"{module.path}/" for module in project.submodules] if project else []
    return not (is_vendored(path) or path.startswith(("submodules/", *modules)))
