"""Libraries that a package has cuda.pathfinder open before it needs them."""

from __future__ import annotations

import re
from posixpath import basename

from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import numbers

_NAME = "cuda-pathfinder"


def opens(view: View, owner: str | None, soname: str) -> bool:
    """Whether pathfinder, which the package requires, finds this library in a wheel of NVIDIA's, once
    it is there: of several versions it opens the newest, whatever the package is built for."""
    users = view.derive(Requirements.of).required_by.get(_NAME, [])
    if owner not in users or view.dist(_NAME) is None:
        return False
    stem, _, version = soname.partition(".so.")
    other = re.compile(rf"{re.escape(stem)}\.so\.([\d.]+)")
    here = (
        found[1]
        for library in view.facts.binaries.libraries
        if (library.distribution or "").startswith("nvidia-")
        and (found := other.fullmatch(basename(library.path)))
    )
    return all(numbers(one) <= numbers(version) for one in here)
