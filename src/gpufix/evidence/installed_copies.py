"""What is installed, whether a distribution's metadata says so or conda's: one kind of record."""

from __future__ import annotations

from gpufix.frozen import Frozen
from gpufix.model import CondaPackage, Distribution, Record
from gpufix.text.names import of_conda


class InstalledCopy(Frozen):
    """A distribution, or a package of conda's; its recorded paths are relative to `location`."""

    name: str  # as Python names it
    version: str
    source: str
    location: str
    metadata: str | None
    record: Record | None


def of_distribution(dist: Distribution) -> InstalledCopy:
    """What Python's metadata says, whoever installed it."""
    return InstalledCopy(
        dist.name, dist.version, dist.source, dist.location, dist.metadata, dist.record
    )


def of_package(package: CondaPackage) -> InstalledCopy:
    """What conda's metadata says."""
    name = of_conda(package.name)
    return InstalledCopy(
        name, package.version, "conda", package.prefix, package.metadata, package.record
    )
