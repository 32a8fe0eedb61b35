"""conda: how its packages are called in Python's index, and conda-forge's builds of pytorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import table
from gpufix.knowledge.torch_releases import Variant
from gpufix.model import CondaPackage
from gpufix.text.names import normalise

CHANNEL: Literal["conda-forge"] = "conda-forge"
_CXX11_ABI = True  # conda's compilers have had no other since 2016


class CondaBuilds(Frozen):
    """A release of pytorch on conda-forge, for one platform. `pythons`: tags ("cp311")."""

    pythons: tuple[str, ...]
    variants: dict[str, Variant]


def distributions(package: str) -> tuple[str, ...]:
    """The normalised names of what a package of conda's brings for Python: "pytorch" → "torch"."""
    known: list[str] | None = table("conda_names")["names"].get(package)
    return tuple(known) if known else (normalise(package),)


def brought_by(package: CondaPackage) -> Sequence[str]:
    """The distributions of an installed package, by its record; by its name where that is not known."""
    return distributions(package.name) if package.brings is None else package.brings


def pytorch(release: str, platform: str) -> CondaBuilds | None:
    """conda-forge's builds of a torch release; None where it has none, or none is known."""
    row = table("conda_pytorch")["releases"].get(release)
    if row is None or platform not in row:
        return None
    pythons = tuple(f"cp{version.replace('.', '')}" for version in row["python"].split())
    variants = (_variant(cuda, *code) for cuda, code in row[platform].items())
    return CondaBuilds(pythons, {variant.name: variant for variant in variants})


def _variant(cuda: str, archs: str, ptx: str) -> Variant:
    return Variant(
        name=f"cu{cuda.replace('.', '')}",
        archs=tuple(archs.split()),
        ptx=tuple(ptx.split()),
        cxx11_abi=_CXX11_ABI,
        source=table("conda_pytorch")["source"],
        confidence="high",
    )
