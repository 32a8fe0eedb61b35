"""ABI303."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.importing import Imports
from gpufix.evidence.requirements import parse
from gpufix.evidence.view import View
from gpufix.model import Distribution
from gpufix.model.payload import ExtensionModules
from gpufix.text.names import normalise


@rule("ABI303", "numpy-abi-mismatch")
def numpy_abi_mismatch(view: View) -> Iterator[Fault]:
    """An extension module was built for NumPy 1, and NumPy 2 is installed.

    ## What it does
    Reads which of NumPy's internal modules each extension imports: code compiled against NumPy
    1's headers asks for `numpy.core._multiarray_umath` only.

    ## Why it matters
    `A module that was compiled using NumPy 1.x cannot be run in NumPy 2`; torch up to 2.2 says
    `Numpy is not available` at the first conversion.

    ## Example
    `numpy 2.1.0 is installed; pyfoo 1.0 is built for NumPy 1.`

    ## Severity
    Error; warning for torch, which works without NumPy, and for a package that does not declare
    NumPy, or for an extra only, unless its sources show that its import fails by the module.

    ## Fix
    Unsafe: numpy<2, or a release of the extension that is built for NumPy 2.

    ## Source
    NumPy's migration guide; the strings of torch's wheels (2.2.2 is built for 1, 2.3.0 for both).
    """
    numpy = view.dist("numpy")
    if numpy is None:
        return
    by_owner: dict[str, list[str]] = {}
    for path, distribution in view.facts.binaries.numpy_1.items():
        by_owner.setdefault(distribution or path, []).append(path)
    for owner, paths in sorted(by_owner.items()):
        dist = view.dist(owner)
        if _is_silent(dist) and view.derive(Imports.of).works(owner):
            continue  # it imports the module later, or not at all
        label = f"{dist.name} {dist.version}" if dist else owner
        yield Fault(
            severity=WARNING if owner == "torch" or _may_spare(view, dist, paths) else ERROR,
            subject=owner,
            message=f"numpy {numpy.version} is installed; {label} is built for NumPy 1.",
            evidence=tuple(paths[:8]),
            payload=ExtensionModules(owner, tuple(paths)),
        )


def _may_spare(view: View, dist: Distribution | None, paths: list[str]) -> bool:
    """Whether neither its metadata nor its sources say that it needs NumPy."""
    failing = {one.library for one in view.facts.binaries.imports if one.state == "fails"}
    return _is_silent(dist) and failing.isdisjoint(paths)


def _is_silent(dist: Distribution | None) -> bool:
    """Whether its metadata does not require NumPy: an extra's requirement is for a part of it."""
    rows = (parse(text) for text in dist.requires) if dist else ()
    plain = {normalise(r.name) for r in rows if r and "extra" not in str(r.marker or "")}
    return dist is not None and "numpy" not in plain
