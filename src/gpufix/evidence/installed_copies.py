"""What is installed, whether a distribution's metadata says so or conda's: one kind of record."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge.conda import brought_by
from gpufix.model import CondaPackage, Distribution, Record
from gpufix.text.names import normalise


class InstalledCopy(Frozen):
    """A distribution, or a package of conda's; its recorded paths are relative to `location`."""

    name: str  # as Python names it
    version: str
    source: str
    location: str
    metadata: str | None
    record: Record | None
    package: str | None = None  # as conda spells it


def of_distribution(dist: Distribution) -> InstalledCopy:
    """What Python's metadata says, whoever installed it."""
    return InstalledCopy(
        dist.name,
        dist.version,
        dist.source,
        dist.location,
        dist.metadata,
        dist.record,
        dist.package,
    )


def of_package(package: CondaPackage) -> InstalledCopy:
    """What conda's metadata says, under the name of the first distribution that it brought."""
    name = next(iter(brought_by(package)), normalise(package.name))
    return InstalledCopy(
        name,
        package.version,
        "conda",
        package.prefix,
        package.metadata,
        package.record,
        package.name,
    )


def condas_packages(view: View) -> dict[str, CondaPackage]:
    """Distribution → the package of conda's that brought it. For `view.derive`."""
    return {name: package for package in view.facts.conda_packages for name in brought_by(package)}


def is_replaced(package: CondaPackage, copies: Sequence[Distribution]) -> bool:
    """Whether pip wrote all that is there where conda's record says that its own distribution lies."""
    return bool(package.brings) and all(copy.source == "pip" for copy in copies)
