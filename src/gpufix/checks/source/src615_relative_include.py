"""SRC615."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import dirname, isabs, join, normpath
from typing import NamedTuple

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence import cxx
from gpufix.evidence.building import tool
from gpufix.evidence.builds import setup_runs
from gpufix.evidence.gpu_build import wanted_run
from gpufix.evidence.source_view import absolute, at, for_tests, is_vendored
from gpufix.evidence.view import View
from gpufix.model.source_payload import RelativeInclude
from gpufix.source.builds.run import UNKNOWN_PART, BuiltExtension, Said

_BY_TORCH = ("cuda", "cpp")
_SEARCHED = ("CPATH", "CPLUS_INCLUDE_PATH")


@rule("SRC615", "relative-include")
def relative_include(view: View) -> Iterator[Fault]:
    """A setup.py gives the compiler a relative folder of headers, which a build with ninja does not find.

    ## What it does
    Follows each setup.py, takes the `-I` flags of what torch's BuildExtension compiles, and looks for the
    headers that its sources include: beside the source, in `include_dirs`, in CPATH, in the folders of
    the flags.

    ## Why it matters
    torch runs ninja in the folder of the objects, so a relative folder in `extra_compile_args` is sought
    there: `fatal error: cuda_utils.h: No such file or directory`. Folders in `include_dirs` are made
    absolute by torch. Without ninja the same file builds.

    ## Example
    `setup.py compiles with -I_ext_src/include, which ninja seeks in the folder of the objects:
    _ext_src/src/ball_query.cpp does not find ball_query.h.`

    ## Severity
    Error: the build fails. Nothing is said where ninja is not here, or the file does without it
    (`use_ninja=False`).

    ## Fix
    Safe: add the folder to CPATH. In the file, `os.path.abspath()` around the folder does it for everyone.

    ## Source
    torch/utils/cpp_extension.py of 2.14.1: `_run_ninja_build`, and its note on absolute include_dirs. A build of votenet.
    """
    if tool(view, "ninja") is None and view.dist("ninja") is None:
        return
    for path, here in setup_runs(view):
        if for_tests(path) or is_vendored(path) or _without_ninja(view, path):
            continue
        run = wanted_run(view, path) or here
        lost = (_lost(view, dirname(path), each) for each in run.extensions)
        if found := next(filter(None, lost), None):
            yield _fault(view, path, found)


def _without_ninja(view: View, path: str) -> bool:
    source = view.source(absolute(view, path))
    return source is None or "use_ninja" in source.text


class _Lost(NamedTuple):
    """A header that lies in a folder of a relative flag. `folder`: in the project."""

    said: Said
    folder: str
    source: str
    line: int
    header: str


def _lost(view: View, base: str, each: BuiltExtension) -> _Lost | None:
    """The first header that an extension's sources do not find."""
    if each.kind not in _BY_TORCH or not each.sure:
        return None
    if any(UNKNOWN_PART in said.text or not said.sure for said in each.include_dirs):
        return None
    known = [*(_inside(view, base, said.text) for said in each.include_dirs)]
    known += [_inside(view, "", p) for n in _SEARCHED for p in (view.env(n) or "").split(":") if p]
    for given, cuda in ((each.cxx, False), (each.nvcc, True)):
        flags = _folders(given)
        if any(UNKNOWN_PART in text for text, _ in flags):
            continue
        fixed = known + [_inside(view, base, text) for text, _ in flags if isabs(text)]
        relative = [(said, normpath(join(base, text))) for text, said in flags if not isabs(text)]
        units = [s.text for s in each.sources if s.sure and s.text.endswith(".cu") == cuda]
        for unit in units if relative else ():
            if found := _first(view, unit, fixed, relative):
                return found
    return None


def _folders(flags: tuple[Said, ...]) -> list[tuple[str, Said]]:
    """The folders of the -I flags, in one word or two."""
    found = []
    for at_, said in enumerate(flags):
        if said.text == "-I" and at_ + 1 < len(flags):
            found.append((flags[at_ + 1].text, said))
        elif said.text.startswith("-I") and len(said.text) > 2:
            found.append((said.text[2:].strip(), said))
    return found


def _inside(view: View, base: str, text: str) -> str:
    """A folder as the project's sources are named; an absolute one where it lies outside."""
    root = f"{absolute(view, '').rstrip('/')}/"
    inner = normpath(text if isabs(text) else join(root, base, text))
    return f"{inner}/".removeprefix(root).rstrip("/")


def _first(
    view: View, unit: str, fixed: list[str], relative: list[tuple[Said, str]]
) -> _Lost | None:
    """The first header of a source that only a relative flag leads to."""
    kinds, facts = cxx.source_kinds(view), cxx.cxx_files(view).get(unit)
    passes = cxx.cuda_passes(view, kinds.get(unit))
    for include in facts.includes if facts else ():
        if not facts or not cxx.live(facts.macros, include.guards, passes):
            continue
        beside = [dirname(unit)] if include.quoted else []
        if any(normpath(join(folder, include.name)) in kinds for folder in (*beside, *fixed)):
            continue
        for said, folder in relative:
            if normpath(join(folder, include.name)) in kinds and said.sure:
                return _Lost(said, folder, unit, include.line, include.name)
    return None


def _fault(view: View, path: str, found: _Lost) -> Fault:
    return Fault(
        severity=ERROR,
        subject=path,
        message=f"{path} compiles with {found.said.text}, which ninja seeks in the folder of the objects: "
        f"{found.source} does not find {found.header}.",
        evidence=(
            at(view, found.said.place.path, found.said.place.line, found.said.text),
            at(view, found.source, found.line, f"includes {found.header}"),
        ),
        payload=RelativeInclude(path, found.folder),
    )
