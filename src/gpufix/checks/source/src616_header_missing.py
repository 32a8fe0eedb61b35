"""SRC616."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import basename, dirname, isabs, join, normpath
from typing import NamedTuple

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence import cxx
from gpufix.evidence.builds import setup_runs
from gpufix.evidence.gpu_build import wanted_run
from gpufix.evidence.removed_names import header_ends, resolve
from gpufix.evidence.source_view import absolute, at, for_tests, is_vendored
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import system_headers
from gpufix.model.source_payload import SystemHeader
from gpufix.source.builds.run import UNKNOWN_PART, BuiltExtension, Said

_BY_TORCH = ("cuda", "cpp")
_OF_SYSTEM = ("/usr/include", "/usr/local/include")
_WITHOUT = (
    "torch",
    "numpy",
    "pybind11",
    "nvidia",
)  # packages that bring no other library's headers
# What may hand a compiler more folders than setup.py does.
_FLAGS = ("CFLAGS", "CXXFLAGS", "CPPFLAGS", "NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS")
_PATHS = ("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH")
_FOLDER_FLAGS = ("-I", "-isystem", "-idirafter", "-iquote")
_FETCHES = re.compile(r"(?i)download|urlretrieve|\b(?:wget|curl|git)\b")
_MOST = 400  # files of one extension


@rule("SRC616", "header-missing")
def header_missing(view: View) -> Iterator[Fault]:
    """A source that a setup.py builds includes a header of a library that is not here.

    ## What it does
    Follows each setup.py, and the includes of what torch's BuildExtension compiles, through the project's
    own headers. Looks for headers that a package of the system is known to hold (Eigen, Boost, sparsehash,
    OpenCV …), and for those of a library for which a folder of the project is named that is not there
    (`3rdparty/cutlass/include`, `cutlass/cutlass.h`): in `include_dirs`, in the folders of `-I`, in the project, with torch, where a compiler
    looks by itself.

    ## Why it matters
    `fatal error: Eigen/Dense: No such file or directory`, after minutes of a build.

    ## Example
    `ops/setup.py builds ops/common.cu, which includes Eigen/Dense; neither a folder that is named nor the
    system has it.`

    ## Severity
    Error: the build fails. Nothing is said where a folder is only known to a run, is a submodule's and empty,
    or may be fetched by setup.py, and where CPATH or the compilers' flags name folders elsewhere.

    ## Fix
    Manual: the package of the system, or of conda-forge, that holds it; the folder that setup.py names, where
    it is not there.

    ## Source
    The contents of Debian 12's packages; a build of FoundationPose.
    """
    if view.facts.host.os != "Linux" or _more_folders(view):
        return
    for path, here in setup_runs(view):
        if for_tests(path) or is_vendored(path):
            continue
        run = wanted_run(view, path) or here
        found: dict[str, _Lacked] = {}
        for each in run.extensions:
            for row in _lacked(view, dirname(path), each):
                if not (row.lost and _fetches(view, path)):
                    found.setdefault(row.library, row)
        yield from (_fault(view, path, row) for row in found.values())


class _Lacked(Frozen):
    """An include that nothing serves."""

    source: str
    line: int
    header: str
    library: str  # the system's package, or the folder before its name
    lost: tuple[tuple[str, Said], ...]


class _Folders(NamedTuple):
    """The project's own, what stands before a header's name in the system's, and those that are not there."""

    inside: list[str]
    beyond: list[str]
    lost: list[tuple[str, Said]]


def _more_folders(view: View) -> bool:
    """Whether a variable hands the compilers folders that nothing here looks into."""
    if any("-i" in (view.env(name) or "").lower() for name in _FLAGS):
        return True
    folders = (f for name in _PATHS for f in (view.env(name) or "").split(":") if f)
    return any("/nvidia/" not in folder for folder in folders)


def _lacked(view: View, base: str, each: BuiltExtension) -> Iterator[_Lacked]:
    """The first include of each library that an extension's sources do not find."""
    given = [*each.include_dirs, *_of_flags(each.cxx), *_of_flags(each.nvcc)]
    if each.kind not in _BY_TORCH or not each.sure:
        return
    if any(UNKNOWN_PART in said.text or not said.sure for said in given):
        return
    folders = _searched(view, base, given)
    if folders is None:
        return
    by_end, kinds = view.derive(header_ends), cxx.source_kinds(view)
    told: set[str] = set()
    for unit in each.sources:
        queue, seen = [unit.text] if unit.sure else [], {unit.text}
        passes = cxx.cuda_passes(view, kinds.get(unit.text))
        while queue and len(seen) < _MOST:
            path = queue.pop(0)
            facts = cxx.cxx_files(view).get(path)
            for include in facts.includes if facts else ():
                if not facts or not cxx.live(facts.macros, include.guards, passes):
                    continue
                own = resolve(path, include.name, by_end)
                # of what others wrote the conditions are not read
                if own is not None and own not in seen and not is_vendored(own):
                    seen.add(own)
                    queue.append(own)
                what = None if own else _library(include.name, folders)
                if what is None or what in told:
                    continue
                if _absent(view, include.name, dirname(path), folders):
                    told.add(what)
                    yield _Lacked(path, include.line, include.name, what, tuple(folders.lost))


def _library(header: str, folders: _Folders) -> str | None:
    """What a system's package is known to hold, or is to lie in a folder of its name that is not there."""
    held = system_headers.holding(header)
    if held is not None:
        return held.debian
    name, inside, _ = header.lower().partition("/")
    lost = {part for folder, _ in folders.lost for part in folder.lower().split("/")}
    return name if inside and name in lost else None


def _of_flags(flags: tuple[Said, ...]) -> Iterator[Said]:
    """The folders of -I and its like, in one word or two."""
    for before, said in zip((None, *flags), flags, strict=False):
        flag = next((f for f in _FOLDER_FLAGS if said.text.startswith(f)), None)
        if flag and said.text != flag:
            yield said._replace(text=said.text[len(flag) :].strip())
        elif before is not None and before.text in _FOLDER_FLAGS:
            yield said


def _searched(view: View, base: str, folders: list[Said]) -> _Folders | None:
    """Where an extension's headers are sought; None where nothing here looks there, or a submodule is empty."""
    root, python, project = absolute(view, "").rstrip("/"), view.facts.python, view.facts.project
    asked = [*_OF_SYSTEM, *([f"{python.prefix}/include"] if python else [])]
    known = [join(site, name) for site in (python.site_dirs if python else ()) for name in _WITHOUT]
    known += [toolkit.root for toolkit in view.facts.toolkits]
    modules = [module.path for module in project.submodules] if project else []
    inside, beyond, lost = [], [""], []
    for said in folders:
        full = normpath(said.text if isabs(said.text) else join(root, base, said.text))
        if f"{full}/".startswith(f"{root}/"):
            own = f"{full}/"[len(root) + 1 :].rstrip("/")
            if view.project_names(full):
                inside.append(own)
            elif any(_within(own, module) or _within(module, own) for module in modules):
                return None
            else:
                lost.append((own, said))
        elif of := next((o for o in asked if _within(full, o)), None):
            beyond.append(full[len(of) + 1 :])
        elif not any(_within(full, one) for one in known):
            return None
    return _Folders(inside, list(dict.fromkeys(beyond)), lost)


def _within(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder}/")


def _absent(view: View, name: str, beside: str, folders: _Folders) -> bool:
    """Whether a header is known to lie nowhere that a compiler looks."""
    if "/" not in name or ".." in name or view.torch_header(name) is not False:
        return False  # "omp.h" may be the compiler's own
    at_end = join("/", name)
    if any(join("/", path).endswith(at_end) for path in cxx.source_kinds(view)):
        return False
    for folder in (beside, *folders.inside):
        if basename(name) in (
            view.project_names(absolute(view, join(folder, dirname(name)))) or ()
        ):
            return False
    return all(view.system_header(join(before, name)) is False for before in folders.beyond)


def _fetches(view: View, path: str) -> bool:
    """Whether a setup.py may bring what its folders lack."""
    found = view.source(absolute(view, path))
    return found is None or _FETCHES.search(found.text) is not None


def _fault(view: View, path: str, row: _Lacked) -> Fault:
    library = row.header.partition("/")[0].lower()
    named = [(f, s.place) for f, s in row.lost if library in f.lower()]
    lost = [at(view, place.path, place.line, f"names {f}, not there") for f, place in named]
    return Fault(
        severity=ERROR,
        subject=path,
        message=f"{path} builds {row.source}, which includes {row.header}; neither a folder that is named nor"
        " the system has it.",
        evidence=(at(view, row.source, row.line, f"includes {row.header}"), *lost[:1]),
        payload=SystemHeader(row.header, tuple(folder for folder, _ in named[:1])),
    )
