"""SYM402."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from posixpath import basename, dirname

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.cuda_wheels import is_required, wheels_for
from gpufix.evidence.importing import Imports
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.severity import Row, family, weigh
from gpufix.evidence.torch_symbols import torch_users
from gpufix.evidence.view import View
from gpufix.evidence.windows_words import says
from gpufix.knowledge.cuda_libraries import bringing, majors
from gpufix.knowledge.windows import is_runtime
from gpufix.model import Gap, Import, Library, Problem, Severity
from gpufix.model.payload import MissingLibrary
from gpufix.text.clean import and_more
from gpufix.text.names import without_cuda

_SHOWN = 3
_OF_TORCH = ("libtorch", "libc10", "torch_", "torch.dll", "c10.dll", "c10_")


@rule("SYM402", "missing-library")
def missing_library(view: View) -> Iterator[Fault | Gap]:
    """A library needs another one that the dynamic loader would not find.

    ## What it does
    Follows every NEEDED entry the way ld.so would (RPATH, LD_LIBRARY_PATH, RUNPATH, its cache,
    the default folders, libraries that `import torch`, other packages, .pth files and sitecustomize
    have opened by then), and names the wheel that should have brought what is missing, or the file
    that is there and that no search leads to. Of small packages, too, the libraries of the system
    that their sources open by name, with `ctypes`, `find_library` or cffi.

    ## Why it matters
    `ImportError: libnccl.so.2: cannot open shared object file: No such file or directory`; on Windows
    `[WinError 126] The specified module could not be found`, which does not name the DLL.

    ## Example
    `torch needs libnccl.so.2: not found on the library search path; nvidia-nccl-cu12
    brings it.`

    ## Severity
    Error where the package's import fails by it, as its sources show; for what `import torch`
    needs; and where a GPU that must be served loses what the package has for it: all of its GPU
    code, the libraries of the CUDA release that the wheel is made for. What a plug-in lacks that
    native code opens by its path is WHL509's. Warning for a part that the import does without: when a wheel that
    the package requires, or the package itself, should have brought the library; when none of
    several alternatives loads, or nothing of it for torch, and the import says so; and for a library
    of the system that a package opens by its name, where others have brought that package. A gap where it
    is not known whether the import fails. Silent for other parts: what they want was never asked
    for; for one of several alternatives of which another loads; and for a GPU driver's own
    libraries.

    ## Fix
    Safe: the wheels of the CUDA release that the package is for, at a version that satisfies all who
    require them, where its own search leads to them. Unsafe: the same, or the folder in which the
    library lies, by LD_LIBRARY_PATH; for a library of torch, the package's release for this torch, or
    torch for the GPU; gpufix's replacement of the package, where there is one. Manual: the system's package that holds a library which no wheel brings, by apt, dnf or conda.

    ## Source
    ld.so(8); the wheels' RECORD files.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for library in view.facts.binaries.libraries:
        for problem in library.problems if library.opened_by != "plugin" else ():  # WHL509 tells
            # libcuda.so.1 and its like belong to a driver: their absence is GPU106's. The Visual
            # C++ runtime is ABI306's.
            if (
                problem.kind == "missing-library"
                and not problem.driver
                and not is_runtime(problem.name)
                and not _lent(view, library, problem)
            ):
                owner = library.distribution or library.path
                groups.setdefault((owner, _state(view, library, problem)), []).append(
                    (library, problem)
                )
    for (owner, _), rows in sorted(groups.items(), key=lambda group: group[0]):
        weighed = weigh(view, rows)
        yield from weighed.gaps()
        if weighed.severity is not None and not _fails_otherwise(view, weighed.libraries):
            yield _fault(view, owner, weighed.rows, weighed.severity)
    for told in view.derive(Imports.of).without_library():
        yield _opened(view, told)


def _lent(view: View, library: Library, problem: Problem) -> bool:
    """Whether torch's library is there, and lacks what this one asks of it: that is SYM401's."""
    if not problem.provider or not problem.name.startswith(_OF_TORCH):
        return False
    users = view.derive(torch_users)
    return any(library == each for user in users for each, _ in user.lacking)


def _fails_otherwise(view: View, libraries: Sequence[Library]) -> bool:
    """Whether an alternative to all of these has its libraries, and fails by its symbols alone."""
    rivals = _rivals(view, libraries)
    return any(x.problems and all(p.kind != "missing-library" for p in x.problems) for x in rivals)


def _rivals(view: View, libraries: Sequence[Library]) -> list[Library]:
    """The alternatives to these that do not load either."""
    names, own = family(view, libraries), {library.path for library in libraries}
    folders = {dirname(path) for path in own}
    return [
        x
        for x in view.facts.binaries.libraries
        if x.path not in own and basename(x.path) in names and dirname(x.path) in folders
    ]


def _opened(view: View, told: Import) -> Fault | Gap:
    """Of a library that a package opens by its name. Who requires the package may do without it."""
    owner, name = told.distribution or told.module, told.missing or ""
    if told.state != "fails":
        reason = f"it opens {name}, which is not here: whether its import fails is not known"
        return Gap(section="imports", subject=owner, reason=reason)
    each = (wheels,) if (wheels := tuple(bringing(name))) else ()
    users = view.derive(Requirements.of).required_by.get(owner)
    return Fault(
        severity=WARNING if users else ERROR,
        subject=owner,
        message=f"{owner} opens {name}: {_lacks([name], each, None)}.",
        evidence=(f"import {told.module} fails", *told.chain),
        breaks=(f"load:{owner}",),
        needs=(f"soname:{name}",),
        payload=MissingLibrary(owner, wheels, each, (name,)),
    )


def _state(view: View, library: Library, problem: Problem) -> str:
    """What is alike in this has one cause: wheels that were never installed, or one that is damaged."""
    if problem.provider:
        return "held"
    wheels = wheels_for(view, library, problem.name)
    here = [wheel for wheel in wheels if view.dist(wheel)]
    if here or not wheels:
        return " ".join(here)
    return "required" if is_required(view, wheels[0]) else "absent"


def _fault(view: View, owner: str, rows: Sequence[Row], severity: Severity) -> Fault:
    """One fault for all libraries that are missing for one cause."""
    missing: dict[str, list[Library]] = {}
    wheels: dict[str, tuple[str, ...]] = {}
    for library, problem in rows:
        missing.setdefault(problem.name, []).append(library)
        found = () if problem.provider else wheels_for(view, library, problem.name)
        wheels.setdefault(problem.name, found)
    names = sorted(missing)
    libraries = [lib for name in names for lib in missing[name]]
    each = tuple(dict.fromkeys(wheels[name] for name in names if wheels[name]))
    expected = tuple(dict.fromkeys(wheel for row in each for wheel in row))
    here = {p.name: p.provider for _, p in rows if p.provider}
    held = tuple(here[name] for name in names if name in here)
    is_of_torch = all(name.startswith(_OF_TORCH) for name in names)
    needed = [f"cuda:{owner}"] if is_of_torch or any(map(majors, names)) else []
    needed += [f"soname:{name}" for name in names]
    needed += [f"dist:{wheel}" for wheel in expected] + [f"file:{lib.path}" for lib in libraries]
    needed += [f"damaged:{wheel}" for wheel in expected or (owner,)]
    if any(lib.links_torch for lib in libraries) and owner != "torch":
        needed.append("torch")
    needed.append(f"family:{owner}")
    # What the package would open of another release may not be what it was made for.
    needed += [f"mismatch:{owner}:{name}" for name in _holders(view, held)]
    return Fault(
        severity=severity,
        subject=owner,
        message=_message(
            owner, names, _lacks(names, each, here.get(names[0])), family(view, libraries), held
        ),
        evidence=tuple(
            dict.fromkeys(f"{basename(x.path)} needs {n}" for n in names for x in missing[n])
        )[:10]
        + says(view, 126)
        + view.derive(Imports.of).way(libraries),
        # What it lacks would have had symbols, too.
        breaks=("torch" if owner == "torch" else f"load:{owner}", f"symbols:{owner}"),
        needs=tuple(needed),
        payload=MissingLibrary(owner, expected, each, _any_of(view, libraries, names), held),
    )


def _holders(view: View, paths: Sequence[str]) -> list[str]:
    """The distributions whose folder holds a library: libkvikio's is that of libkvikio-cu12."""
    folders = {part for path in paths for part in dirname(path).split("/")}
    return [d.name for d in view.facts.distributions if without_cuda(d.name) in folders]


def _any_of(view: View, libraries: Sequence[Library], names: Sequence[str]) -> tuple[str, ...]:
    """What is missing, with what the alternatives miss: any of them will do."""
    others = {
        problem.name
        for library in _rivals(view, libraries)
        for problem in library.problems
        if problem.kind == "missing-library"
    }
    return (*names, *sorted(others - {*names}))


def _lacks(names: list[str], each: Sequence[tuple[str, ...]], held: str | None) -> str:
    if held:
        return f"lies at {held}: the loader does not search there, and nothing opens it before"
    where = "not found on the library search path"
    if not each:
        return where
    verb = "bring" if len(each) > 1 else "brings"
    listed = ", ".join(" or ".join(row) for row in each[:_SHOWN])
    more = f" and {len(each) - _SHOWN} more wheels" if len(each) > _SHOWN else ""
    return f"{where}; {listed}{more} {verb} {'it' if len(names) == 1 else 'them'}"


def _message(
    owner: str, names: list[str], lacks: str, alternatives: list[str], held: Sequence[str]
) -> str:
    more = and_more(names)
    if not alternatives:
        return f"{owner} needs {names[0]}{more}{', which' if held else ':'} {lacks}."
    others = f"{len(alternatives)} libraries, {alternatives[0]} to {alternatives[-1]}"
    return f"{owner} needs one of {others}, and none loads: {names[0]}{more} {lacks}."
