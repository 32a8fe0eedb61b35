"""ROCm's wheels from AMD's own indexes: which of them are for which GPUs."""

from __future__ import annotations

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import at_least, numbers, table

_LIBRARIES = "rocm-sdk-libraries-"


class KernelFolder(Frozen):
    """A library whose kernels lie in files. `folder`: seen from the library's own.

    needed: without any for its GPU the process ends; else `says` is all that follows.
    """

    library: str
    kind: str
    folder: str
    variable: str | None  # that names another folder
    needed: bool
    says: str
    source: str


def code_wheel(distribution: str, gfx: str) -> str | None:
    """The wheel with a distribution's code for a GPU; None where it has its code inside."""
    named = table("rocm_wheels")["apart"].get(distribution)
    return str(named).format(gfx=gfx) if named else None


def gfx_of_wheel(name: str) -> tuple[str, ...]:
    """The GPUs that a wheel is for by its name; () for one that is for all, or no part of ROCm."""
    rows = table("rocm_wheels")
    if name.startswith(_LIBRARIES):
        family = rows["family"].get(name.removeprefix(_LIBRARIES))
        return tuple(family["gfx"]) if family else ()
    stems = (named.format(gfx="") for named in rows["apart"].values())
    return next(((name.removeprefix(s),) for s in stems if name.startswith(f"{s}gfx")), ())


def family_of(gfx: str) -> str | None:
    """The newest family whose libraries are for a GPU: "gfx110x-all"."""
    rows = table("rocm_wheels")["family"]
    named = [name for name, row in rows.items() if gfx in row["gfx"]]
    return next((n for n in named if n.endswith("-all")), named[0] if named else None)


def index_of_family(family: str) -> str | None:
    """Its own package index, with torch built for it; None where none is told."""
    rows = table("rocm_wheels")
    folder = rows["family"][family]["index"]
    return f"{rows['family_index']}{folder}/" if folder else None


def index() -> str:
    """The package index with a wheel of code for each GPU."""
    return str(table("rocm_wheels")["index"])


def is_placeholder(name: str, version: str) -> bool:
    """Whether it is the empty wheel that the package index has under one of these names."""
    rows = table("rocm_wheels")
    ours = name.startswith(tuple(rows["placeholders"]))
    return ours and bool(numbers(version)) and not at_least(version, rows["placeholder_below"])


def placeholder_source() -> str:
    """Where that was read."""
    return str(table("rocm_wheels")["placeholder_source"])


def kernel_folders() -> tuple[KernelFolder, ...]:
    """The libraries whose kernels lie in files."""
    return tuple(KernelFolder(**row) for row in table("rocm_wheels")["kernels"])
