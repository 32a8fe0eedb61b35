"""CUDA toolkits: GPUs, host compilers and driver versions of each, and their wheels."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import at_least, minor, numbers, source, table


class CudaToolkit(Frozen):
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


def of_number(number: int) -> str:
    """ "12.8" of 12080, as cuda.h and the driver write a version."""
    return f"{number // 1000}.{number % 1000 // 10}"


def first_and_last(arch: str) -> tuple[str, str | None] | None:
    """The toolkits that bracket support for an architecture; last None = still there."""
    row = table("cuda_toolkits")["sm"].get(arch.removeprefix("sm_"))
    return (row[0], row[1]) if row else None


def agreeing_glibc(cuda: str) -> str | None:
    """The newest glibc whose mathematical functions a toolkit's headers declare as it does; None: none
    is known to disagree, or the toolkit is older than all that are listed."""
    rows = [row for row in table("cuda_toolkits")["math_headers"] if at_least(cuda, row[0])]
    return rows[-1][1] if rows else None


def headers_agree(cuda: str, glibc: str) -> bool:
    """Whether a listed toolkit's headers agree with a glibc."""
    newest = agreeing_glibc(cuda)
    return newest is None or at_least(newest, glibc)


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


class NvccWheel(Frozen):
    """A distribution that sounds like nvcc, and what is really in it."""

    name: str
    versions: tuple[str, ...]
    has_nvcc: bool
    has_ptxas: bool
    source: str


class ToolkitWheel(Frozen):
    """One version of the meta-package cuda-toolkit: extra -> the pins that it brings."""

    version: str
    extras: dict[str, list[str]]
    source: str

    @property
    def compiles(self) -> bool:
        """Whether its [nvcc] brings a compiler driver."""
        return any(pin.startswith("nvidia-cuda-nvcc==") for pin in self.extras.get("nvcc", []))


def nvcc_wheels() -> dict[str, NvccWheel]:
    """The distributions named nvidia-cuda-nvcc*."""
    data = table("cuda_wheels")["packages"]
    return {
        name: NvccWheel(name, tuple(r["versions"]), r["nvcc"], r["ptxas"], r["source"])
        for name, r in data.items()
    }


def toolkit(cuda: str) -> ToolkitWheel | None:
    """The newest listed cuda-toolkit of a CUDA version ("13.0" or "13.0.2")."""
    data = table("cuda_wheels")
    exact = data["toolkits"].get(cuda)
    fitting = [cuda] if exact else [v for v in data["toolkits"] if minor(v) == minor(cuda)]
    if not fitting:
        return None
    version = max(fitting, key=numbers)
    return ToolkitWheel(version, data["toolkits"][version], data["source"])


def beside(part: str, version: str, other: str) -> str | None:
    """The wheel of the same toolkit: of nvidia-cuda-crt beside nvidia-cuda-nvcc 13.0.88,
    "nvidia-cuda-crt==13.0.88.*"; None where no listed toolkit has both."""
    for extras in table("cuda_wheels")["toolkits"].values():
        pins = dict(pin.split("==") for pins in extras.values() for pin in pins if "==" in pin)
        mine = pins.get(part, "").removesuffix("*")
        if mine and f"{version}.".startswith(mine) and other in pins:
            return f"{other}=={pins[other]}"
    return None


Family = Literal["gcc", "clang"]

# c10/util/C++17.h refuses GCC below 9 (read for 2.3 and later); GCC knows -std=c++20, which
# torch 2.12 passes, since version 10.
_HEADERS = (("2.12.0", 10), ("2.3.0", 9))


class Limit(Frozen):
    """The newest compiler that an nvcc takes: `max_major` None = unknown."""

    max_major: int | None
    source: str
    confidence: str


class Bounds(Frozen):
    """What cpp_extension accepts: least <= version < below."""

    least: str
    below: str
    source: str

    def accepts(self, version: str) -> bool:
        """Whether a compiler version is inside."""
        return at_least(version, self.least) and not at_least(version, self.below)


def limit(cuda: str, family: Family) -> Limit | None:
    """nvcc's own limit (crt/host_config.h). None for a toolkit that is not in the table."""
    row = table("host_compilers")["nvcc"].get(minor(cuda))
    if row is None:
        return None
    return Limit(row[family], source("host_compilers", row["source"]), row["confidence"])


def torch_bounds(release: str, cuda: str, family: Family) -> Bounds | None:
    """cpp_extension's table of a torch release for a CUDA version; None = it does not look."""
    row = extension_rules(release)
    pair = row[family].get(minor(cuda)) if row else None
    return Bounds(pair[0], pair[1], table("host_compilers")["torch_source"]) if pair else None


def headers_need_gcc(release: str) -> int | None:
    """The oldest GCC major that compiles a release's headers; None = not known."""
    return next((gcc for since, gcc in _HEADERS if at_least(release, since)), None)


def extension_rules(release: str | None) -> dict[str, Any] | None:
    """The cpp_extension facts that hold for a release (None: the newest): the newest row not after it.

    Keys: since, gcc, clang, archs ("7.0 9.0a ..."), named {name: list}, native. None before 1.13.
    """
    rows = table("host_compilers")["torch"]
    if release is not None:
        short = release.split("+")[0]
        rows = [row for row in rows if numbers(short) and at_least(short, row["since"])]
    return rows[-1] if rows else None
