"""Edits of Python and C++ sources as steps of a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gpufix.evidence import cxx, hip_blocks, removed_names
from gpufix.evidence.source_view import absolute
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import hip_api
from gpufix.model import Fault, WriteFile
from gpufix.model.source_payload import RemovedNameUse
from gpufix.source.cxx import cxx_edits, hip
from gpufix.source.cxx.code import CxxCode
from gpufix.source.cxx.cxx_edits import apply, include
from gpufix.source.cxx.hip import narrow
from gpufix.source.edits import Edit
from gpufix.source.python.tree import NotPython

Change = Callable[[str], str | None]


def rewrite(view: View, path: str, change: Change) -> WriteFile | None:
    """The file at a path relative to the project's root, changed; None when it cannot be."""
    full = absolute(view, path)
    source = view.source(full)
    if source is None:
        return None
    try:
        changed = change(source.text)
        if changed is None or changed == source.text:
            return None
        changed.encode(source.encoding)
    except (NotPython, UnicodeError, LookupError):
        return None
    return WriteFile(path=full, content=changed, encoding=source.encoding, expect=source.sha256)


class EditedSource(Frozen):
    """A file as it is."""

    path: str
    text: str
    encoding: str
    sha256: str

    def step(self, text: str) -> WriteFile:
        """The step that gives the file another text."""
        return WriteFile(path=self.path, content=text, encoding=self.encoding, expect=self.sha256)


def source(view: View, path: str) -> EditedSource | None:
    """A source by its path relative to the project; None when it cannot be read."""
    full = absolute(view, path)
    found = view.source(full)
    return EditedSource(full, found.text, found.encoding, found.sha256) if found else None


def mended(view: View, path: str) -> list[WriteFile]:
    """The steps that make every safe edit to one file; empty when nothing changes."""
    found = source(view, path)
    if found is None:
        return []
    code = CxxCode(found.text)
    edits = list(_edits(view, path, code))
    text = apply(found.text, edits)
    if text == found.text:
        return []
    steps = [found.step(text)]
    if hip.COMPAT in text and hip.COMPAT not in found.text:
        folder = found.path.rpartition("/")[0]
        compat = f"{folder}/{hip.COMPAT}"
        there = {f"{absolute(view, p)}" for p in cxx.source_kinds(view)}
        if compat not in there:
            steps.insert(0, WriteFile(path=compat, content=hip.COMPAT_TEXT))
    return steps


def _edits(view: View, path: str, code: CxxCode) -> Iterator[Edit]:
    for row in view.derive(removed_names.missing, shared=True):
        if row.path == path:
            yield from include(code, f"#include <{row.header}>")
    yield from _removed(view, path, code)
    if hip_blocks.gfx_targets(view):
        yield from hip_edits(view, path, code)


def _removed(view: View, path: str, code: CxxCode) -> Iterator[Edit]:
    uses = [use for use in view.derive(_removed_uses) if use.path == path]
    used = [name for use in uses for name in (use.name, *use.others)]
    guarded = sorted(filter(removed_names.is_guarded, used))
    others = [[name] for name in used if not removed_names.is_guarded(name)]
    for names in [guarded, *others]:
        if names:
            yield from removed_edits(view, path, code, names) or []


def removed_edits(view: View, path: str, code: CxxCode, names: list[str]) -> list[Edit] | None:
    """What replaces removed names; None = one of them has no equal everywhere."""
    passes = cxx.cuda_passes(view, cxx.source_kinds(view).get(path))

    def live(guards: tuple[str, ...]) -> bool:
        return cxx.live(code.definitions, guards, passes) is True

    return cxx_edits.edits(code, names, live)


def _removed_uses(view: View) -> list[RemovedNameUse]:
    payloads = (f.payload for f in removed_names.faults(view) if isinstance(f, Fault))
    return [use for use in payloads if isinstance(use, RemovedNameUse)]


def hip_edits(view: View, path: str, code: CxxCode) -> list[Edit]:
    """Chevrons, the reductions' header and the warp functions of one file."""
    facts = cxx.hip_files(view).get(path, cxx.HipFile())
    blocks = hip_blocks.blocks(view, facts)
    names = {block.name for block in blocks}
    if not names:
        return []
    edits = hip.chevrons(code)
    edits += hip.guard_headers(code, droppable(facts))
    shimmed = [block for block in blocks if block.shim]
    if shimmed and unfit(view, path, code) is None:
        lines = code.text.split("\n")[: shimmed[0].line - 1]
        edits += hip.include_compat(code, sum(len(line) + 1 for line in lines))
    return edits


def droppable(facts: cxx.HipFile) -> set[str]:
    """Headers of which nothing is used that HIP has not elsewhere."""
    names = {"device_launch_parameters.h"}
    if not any(use.name.startswith("cooperative_groups::") for use in facts.uses):
        names.add("cooperative_groups/reduce.h")
    return names


def unfit(view: View, path: str, code: CxxCode) -> str | None:
    """Why the compatibility header would change what a file means; None = it would not."""
    if 64 in hip_blocks.waves(view) and "warpSize" in code.masked:
        return "it counts with warpSize, which is 64 on a target, beside 32-bit masks"
    facts = cxx.hip_files(view).get(path, cxx.HipFile())
    for use in facts.uses:
        if use.name in hip_api.MASKED and narrow(use.detail, facts.macros) is False:
            return f"the mask {use.detail} at line {use.line} has 64 bits already"
    return None
