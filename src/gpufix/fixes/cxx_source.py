"""One new content for each C++ file, whichever of its findings asks: plans for a file agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gpufix.checks import cxx_includes, cxx_view, hip_blocks, removed_cuda_api
from gpufix.checks.source_view import absolute
from gpufix.knowledge import cuda_api, hip_api
from gpufix.model import WriteFile
from gpufix.source import cxx_hip_edit, cxx_removed
from gpufix.source.cxx_code import Code
from gpufix.source.cxx_edit import Edit, apply, include
from gpufix.source.cxx_hip import narrow
from gpufix.view import View


@dataclass(frozen=True)
class Source:
    """A file as it is."""

    path: str
    text: str
    encoding: str
    sha256: str

    def step(self, text: str) -> WriteFile:
        """The step that gives the file another text."""
        return WriteFile(path=self.path, content=text, encoding=self.encoding, expect=self.sha256)


def source(view: View, path: str) -> Source | None:
    """A source by its path relative to the project; None when it cannot be read."""
    full = absolute(view, path)
    answer = view.ask("source", full)
    if not isinstance(answer, dict):
        return None
    return Source(full, answer["text"], answer["encoding"], answer["sha256"])


def mended(view: View, path: str) -> list[WriteFile]:
    """The steps that make every safe edit to one file; empty when nothing changes."""
    found = source(view, path)
    if found is None:
        return []
    code = Code(found.text)
    edits = list(_edits(view, path, code))
    text = apply(found.text, edits)
    if text == found.text:
        return []
    steps = [found.step(text)]
    if cxx_hip_edit.COMPAT in text and cxx_hip_edit.COMPAT not in found.text:
        folder = found.path.rpartition("/")[0]
        compat = f"{folder}/{cxx_hip_edit.COMPAT}"
        there = {f"{absolute(view, p)}" for p in cxx_view.kinds(view)}
        if compat not in there:
            steps.insert(0, WriteFile(path=compat, content=cxx_hip_edit.COMPAT_TEXT))
    return steps


def _edits(view: View, path: str, code: Code) -> Iterator[Edit]:
    for row in view.derive(cxx_includes.missing):
        if row.path == path:
            yield from include(code, f"#include <{row.header}>")
    yield from _removed(view, path, code)
    if hip_blocks.gfx_targets(view):
        yield from hip_edits(view, path, code)


def _removed(view: View, path: str, code: Code) -> Iterator[Edit]:
    faults = [f for f in view.derive(_removed_faults) if f[0] == path]
    functors = sorted(name for _, name in faults if _is_functor(name))
    others = [[name] for _, name in faults if not _is_functor(name)]
    for names in [functors, *others]:
        if names:
            yield from removed_edits(view, path, code, names) or []


def removed_edits(view: View, path: str, code: Code, names: list[str]) -> list[Edit] | None:
    """What replaces removed names; None = one of them has no equal everywhere."""
    passes = cxx_view.cuda_passes(view, cxx_view.kinds(view).get(path))
    facts = {"macros": code.definitions}

    def live(guards: tuple[str, ...]) -> bool:
        return cxx_view.live(facts, guards, passes) is True

    return cxx_removed.edits(code, names, live)


def _removed_faults(view: View) -> list[tuple[str, str]]:
    return [(f.data["path"], f.data["name"]) for f in removed_cuda_api.faults(view)]


def _is_functor(name: str) -> bool:
    row = cuda_api.removed().get(name)
    return row is not None and name.startswith("cub::") and bool(row.now)


def hip_edits(view: View, path: str, code: Code) -> list[Edit]:
    """Chevrons, the reductions' header and the warp functions of one file."""
    facts = cxx_view.hip_files(view).get(path, {})
    blocks = hip_blocks.blocks(view, facts)
    names = {block.name for block in blocks}
    if not names:
        return []
    edits = cxx_hip_edit.chevrons(code)
    if not any(row[0].startswith("cooperative_groups::") for row in facts.get("hip", [])):
        edits += cxx_hip_edit.guard_reduce(code)
    shimmed = [
        b for b in blocks if b.name in hip_api.CONSTRUCTS and hip_api.CONSTRUCTS[b.name].shim
    ]
    if shimmed and unfit(view, path, code) is None:
        first = code.text.find(shimmed[0].name)
        edits += cxx_hip_edit.include_compat(code, first)
    return edits


def unfit(view: View, path: str, code: Code) -> str | None:
    """Why the compatibility header would change what a file means; None = it would not."""
    if 64 in hip_blocks.waves(view) and "warpSize" in code.masked:
        return "it counts with warpSize, which is 64 on a target, beside 32-bit masks"
    facts = cxx_view.hip_files(view).get(path, {})
    for name, line, _, mask in facts.get("hip", []):
        if name in hip_api.MASKED and narrow(mask, facts.get("macros", {})) is False:
            return f"the mask {mask} at line {line} has 64 bits already"
    return None
