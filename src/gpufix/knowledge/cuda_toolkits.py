"""CUDA toolkits: the drivers they need, the architectures that nvcc generates, their PTX ISA."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from gpufix.knowledge.table import source, table
from gpufix.knowledge.versions import minor, numbers


@dataclass(frozen=True, slots=True)
class CudaToolkit:
    """One toolkit release. Drivers are Linux ones; `driver_full` None = unknown."""

    version: str
    driver_min: str  # by minor-version compatibility: machine code runs, newer PTX does not
    driver_full: str | None  # the driver released with it: everything runs
    sm: tuple[str, ...]  # "90", "90a", "100f"
    ptx: str
    source: str
    driver_source: str
    confidence: str

    def supports(self, arch: str) -> bool:
        """Whether its nvcc generates code for "sm_120" / "sm_90a"."""
        return arch.removeprefix("sm_") in self.sm


def get(version: str) -> CudaToolkit | None:
    """The toolkit of "12.8" or "12.8.93". None when it is not in the table."""
    short = minor(version)
    return _toolkit(short) if short in table("cuda_toolkits")["toolkits"] else None


def versions() -> list[str]:
    """Every toolkit in the table, oldest first."""
    return sorted(table("cuda_toolkits")["toolkits"], key=numbers)


def min_driver(cuda: str, platform: str = "linux", *, full: bool = False) -> str | None:
    """The oldest driver for a CUDA version. None = unknown (other systems, unlisted toolkits).

    `full` asks for the driver that also compiles this toolkit's PTX.
    """
    toolkit = get(cuda)
    if toolkit is None or not platform.startswith("linux"):
        return None
    return toolkit.driver_full if full else toolkit.driver_min


def cuda_of_driver(driver: str) -> str | None:
    """The highest CUDA that a driver serves ("570.86.15" -> "12.8"), by its branch.

    Branches between two listed ones serve what the older of the two serves. None below all.
    """
    branch = numbers(driver)[:1]
    served = {(int(b),): cuda for b, cuda in table("cuda_toolkits")["branches"].items()}
    older = [b for b in served if b <= branch]
    return served[max(older)] if older else None


def first_and_last(arch: str) -> tuple[str, str | None] | None:
    """The toolkits that bracket support for an architecture; last None = still there."""
    row = table("cuda_toolkits")["sm"].get(arch.removeprefix("sm_"))
    return (row[0], row[1]) if row else None


@cache
def _toolkit(version: str) -> CudaToolkit:
    row = table("cuda_toolkits")["toolkits"][version]
    return CudaToolkit(
        version=version,
        driver_min=row["driver_min"],
        driver_full=row["driver_full"],
        sm=tuple(row["sm"].split()),
        ptx=row["ptx"],
        source=source("cuda_toolkits", row["source"]),
        driver_source=source("cuda_toolkits", row["driver_source"]),
        confidence=row["confidence"],
    )
