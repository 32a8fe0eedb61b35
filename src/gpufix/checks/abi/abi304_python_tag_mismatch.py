"""ABI304."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename, dirname

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.foreign_folders import is_foreign
from gpufix.evidence.view import View
from gpufix.model import Library, Python
from gpufix.model.payload import ExtensionModules, LeftBehind
from gpufix.text.clean import counted
from gpufix.text.names import normalise


@rule("ABI304", "python-tag-mismatch")
def python_tag_mismatch(view: View) -> Iterator[Fault]:
    """An extension module is built for another Python than the patient's.

    ## What it does
    Reads the Python tag in each extension module's file name (`_C.cpython-310-x86_64-….so`,
    `_C.cp310-win_amd64.pyd`) and
    reports modules for which there is no other file that this Python would import. Looks for a virtual
    environment's folders of another Python, which this one does not search.

    ## Why it matters
    `ModuleNotFoundError` for a file that is plainly there: Python only looks for its own tags.
    Typically a leftover of an in-place build before Python was upgraded; on Windows also of one Python that
    was unpacked over another, as portable programs carry it along. An environment whose Python was upgraded keeps its packages in a
    folder of the old one.

    ## Example
    `simple_knn/_C is built for cp310 only; this is Python 3.11 (cp311).`

    ## Severity
    Error where all packages lie in the folder of another Python. Else warning: some packages fall back on Python code. Silent for a wheel of the stable ABI: what in it
    carries a tag is opened by its path, as torchao does, where the tag does not matter.

    ## Fix
    Safe: install the packages of the old folder for the Python that is there. Manual: recreate the environment with the old one. Safe, of a
    module: rebuild it, when its source is here, install a wheel for this Python of the same version, or
    remove the leftover that no distribution owns from this environment. Unsafe: a release for this Python; gpufix's replacement, where there is one.

    ## Source
    PEP 3149; importlib's extension suffixes.
    """
    python = view.facts.python
    if python is None:
        return
    yield from _left_behind(view, python)
    groups: dict[tuple[str, str], list[Library]] = {}
    for library in view.facts.binaries.libraries:
        if library.module:
            stem = basename(library.path).partition(".")[0]
            groups.setdefault((dirname(library.path), stem), []).append(library)
    for (folder, stem), libraries in sorted(groups.items()):
        tags = {library.python_tag for library in libraries}
        if None in tags or tags & {python.tag, "abi3"} or is_foreign(view, folder):
            continue
        owner = libraries[0].distribution or libraries[0].path
        if _is_of_abi3_wheel(view, owner):
            continue
        yield Fault(
            severity=WARNING,
            subject=owner,
            message=f"{folder}/{stem} is there for {', '.join(sorted(filter(None, tags)))} only; "
            f"this is Python {python.version} ({python.tag}).",
            evidence=tuple(library.path for library in libraries),
            payload=ExtensionModules(owner, tuple(library.path for library in libraries)),
        )


def _left_behind(view: View, python: Python) -> Iterator[Fault]:
    """All that was installed before the environment's Python changed."""
    for other in python.other_sites:
        names = [normalise(row.partition("==")[0]) for row in other.packages]
        if any(view.dist(name) for name in names):
            continue  # installed again since
        yield Fault(
            severity=ERROR,
            subject=f"Python {other.version}",
            message=f"{counted(len(names), 'package')} ({names[0]}{' and others' if names[1:] else ''}) "
            f"{'lies' if len(names) == 1 else 'lie'} in {other.folder}; this environment's Python is "
            f"{python.version} ({python.tag}), which does not search there.",
            payload=LeftBehind(other.folder, other.version, tuple(other.packages)),
        )


def _is_of_abi3_wheel(view: View, name: str) -> bool:
    dist = view.dist(name)
    return dist is not None and any("-abi3-" in tag for tag in dist.tags)
