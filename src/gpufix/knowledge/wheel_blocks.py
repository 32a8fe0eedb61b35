"""A block of a listing against one build of torch: what of the build it has no wheels for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from packaging.specifiers import SpecifierSet

from gpufix.frozen import Frozen
from gpufix.knowledge import torch_releases
from gpufix.knowledge.data_table import minor, numbers

Block = dict[str, Any]


class Build(Frozen):
    """The torch for which a wheel is wanted, and the Python. `abi` None: as its release has it."""

    release: str  # "2.8.0"
    variant: str  # "cu128", "rocm6.4", "cpu"
    python: str  # "cp312", "cp313t"
    platform: str  # "linux_x86_64"
    abi: bool | None = None

    @property
    def cuda(self) -> str | None:
        """ "12" for cu128; None for ROCm and the CPU."""
        return self.variant[2:4] if self.variant.startswith("cu") else None

    @property
    def own_abi(self) -> bool | None:
        """The C++ ABI of the build that is published under this name."""
        release = torch_releases.get(self.release)
        variant = release.variants(self.platform).get(self.variant) if release else None
        return variant.cxx11_abi if variant else None


# In the order in which they are told.
KINDS = ("torch", "cuda", "python", "abi", "platform")


def misses(block: Block, build: Build) -> tuple[str, ...]:
    """What of a build a block has no wheels for: () when it has one."""
    fits = {
        "torch": bool(block.get("declared")) or of_torch(block["torch"], build.release),
        "cuda": of_cuda(block.get("cuda", ()), build),
        "python": _of_python(block["python"], build),
        "abi": _of_abi(block.get("abi", ()), build),
        "platform": build.platform in block["platforms"],
    }
    found = tuple(kind for kind in KINDS if not fits[kind])
    return found or _without(block.get("without", ()), build)


def _without(rows: Iterable[dict[str, Any]], build: Build) -> tuple[str, ...]:
    for row in rows:
        same = {
            "torch": "torch" not in row or of_torch([row["torch"]], build.release),
            "cuda": "cuda" not in row or of_cuda([row["cuda"]], build),
            "python": row.get("python", build.python) == build.python,
            "abi": "abi" not in row or _of_abi([row["abi"]], build),
            "platform": row.get("platform", build.platform) == build.platform,
        }
        if all(same.values()):
            return (max(row, key=KINDS.index),)
    return ()


def of_torch(rows: Iterable[str], release: str) -> bool:
    """Whether a release is among minors, releases and ranges."""
    return any(
        row in (release, minor(release))
        if row[0].isdigit()
        else SpecifierSet(row).contains(release)
        for row in rows
    )


def of_cuda(rows: Iterable[str], build: Build) -> bool:
    """Whether a build's CUDA is among builds and majors; no row, any."""
    rows = tuple(rows)
    if not rows or build.variant in rows or (build.cuda and build.cuda in rows):
        return True
    release = torch_releases.get(build.release) if "torch" in rows else None
    known = release.variants(build.platform) if release else {}
    return bool(release) and build.variant in ("cpu", *known)


def _of_python(tags: str, build: Build) -> bool:
    if tags.startswith(">="):
        number = re.fullmatch(r"cp(3)(\d+)", build.python)
        return number is not None and numbers(tags[2:]) <= (int(number[1]), int(number[2]))
    if tags == "torch":
        release = torch_releases.get(build.release)
        known = release.python_tags if release else {}
        return build.python in known.get(build.platform, ())
    return build.python in tags.split()


def _of_abi(rows: Iterable[int], build: Build) -> bool:
    """Wheels that do not name theirs have that of torch's own."""
    rows, own = tuple(rows), build.own_abi
    if not rows:
        return build.abi is None or own is None or build.abi == own
    abi = own if build.abi is None else build.abi
    return abi is not None and int(abi) in rows
