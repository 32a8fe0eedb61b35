"""WHL502."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from posixpath import basename

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.view import View
from gpufix.model import SharedFile
from gpufix.model.payload import FileOwners
from gpufix.text.clean import counted

_IDLE_FOLDERS = {"tests", "test", "docs", "doc", "examples", "benchmarks", "scripts", "bin"}


@rule("WHL502", "file-owned-twice")
def file_owned_twice(view: View) -> Iterator[Fault]:
    """Two distributions own the same file with different content.

    ## What it does
    Looks for paths that several RECORDs list with different hashes, and says of each whose bytes
    are there now. Package markers (`__init__.py` only), tests, documents and scripts do not count.
    A module beside another distribution's package of the same name counts: Python takes the package.

    ## Why it matters
    The last one installed wins, and removing either takes the file from the other.

    ## Example
    `opencv-python and opencv-python-headless both own cv2/cv2.abi3.so (and 30 more files); the
    bytes there are opencv-python's.`

    ## Severity
    Warning: whichever is used last has the files of the other.

    ## Fix
    Safe: remove the others and reinstall the one that the environment requires, when it is known.
    Unsafe: the same, where somebody asked for one of the others, or where nobody requires any and one has
    all modules of the others (opencv-contrib-python those of opencv-python); the release without the module, where it is known
    to have moved to the other distribution (pynvml's to nvidia-ml-py).

    ## Source
    The distributions' RECORD files.
    """
    groups: dict[tuple[str, ...], list[SharedFile]] = {}
    for shared in view.facts.shared_files:
        if shared.behind:
            yield _hidden(view, shared, shared.behind)
        elif shared.differ and _matters(shared.path):
            groups.setdefault(tuple(sorted(shared.owners)), []).append(shared)
    for owners, files in sorted(groups.items()):
        if all(basename(f.path) == "__init__.py" for f in files):
            continue
        yield _fault(owners, sorted(files, key=lambda f: (".so" not in f.path, f.path)))


def _hidden(view: View, shared: SharedFile, package: str) -> Fault:
    """A module of the one, a package of the other."""
    module = shared.path.removesuffix(".py")
    other = next(name for name in shared.owners if name != shared.holder)
    versions = {name: dist.version for name in shared.owners if (dist := view.dist(name))}
    return Fault(
        severity=WARNING,
        subject=" / ".join(shared.owners),
        message=f"`import {module}` takes {package} of {shared.holder} {versions.get(shared.holder or '')}, which "
        f"hides {shared.path} of {other} {versions.get(other)}.",
        breaks=(f"shared:{shared.path}",),
        needs=tuple(f"collision:{owner}" for owner in shared.owners),
        payload=FileOwners(tuple(shared.owners)),
    )


def _fault(owners: tuple[str, ...], files: list[SharedFile]) -> Fault:
    first = files[0]
    more = f" (and {counted(len(files) - 1, 'more file')})" if len(files) > 1 else ""
    each = "both" if len(owners) == 2 else "all"
    return Fault(
        severity=WARNING,
        subject=" / ".join(owners),
        message=f"{' and '.join(owners)} {each} own {first.path}{more}; {_whose(files)}.",
        evidence=tuple(f"{f.path}: held by {f.holder or 'unknown'}" for f in files[:20]),
        breaks=tuple(f"shared:{f.path}" for f in files),
        needs=tuple(f"collision:{owner}" for owner in owners),
        payload=FileOwners(owners),
    )


def _whose(files: list[SharedFile]) -> str:
    """Whose bytes are there now, of each file."""
    held = Counter(f.holder for f in files)
    if len(held) == 1:
        return {
            "missing": f"{basename(files[0].path)} is missing now",
            None: "the bytes there are none of theirs, or are not known",
        }.get(files[0].holder, f"the bytes there are {files[0].holder}'s")
    told = [f"{count} {_held(holder, count)}" for holder, count in held.most_common()]
    return f"of these, {', '.join(told)}"


def _held(holder: str | None, count: int) -> str:
    verb = "is" if count == 1 else "are"
    return f"{verb} " + (
        "missing" if holder == "missing" else f"{holder}'s" if holder else "nobody's"
    )


def _matters(path: str) -> bool:
    folders = path.split("/")[:-1]
    name = basename(path)
    is_code = ".so" in name or name.endswith((".py", ".h", ".cuh", ".hpp", ".bc"))
    return is_code and not any(f in _IDLE_FOLDERS for f in folders)
