"""Host compilers: NVIDIA's limits, torch's own, and what torch's headers need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from gpufix.knowledge.table import source, table
from gpufix.knowledge.versions import at_least, minor, numbers

Family = Literal["gcc", "clang"]

# c10/util/C++17.h refuses GCC below 9 (read for 2.3 and later); GCC knows -std=c++20, which
# torch 2.12 passes, since version 10.
_HEADERS = (("2.12.0", 10), ("2.3.0", 9))


@dataclass(frozen=True, slots=True)
class Limit:
    """The newest compiler that an nvcc takes: `max_major` None = unknown."""

    max_major: int | None
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Bounds:
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


def extension_rules(release: str) -> dict[str, Any] | None:
    """The cpp_extension facts that hold for a release: the newest row not after it.

    Keys: since, gcc, clang, archs ("7.0 9.0a ..."), named {name: list}, native. None before 1.13.
    """
    short = release.split("+")[0]
    if not numbers(short):
        return None
    rows = [row for row in table("host_compilers")["torch"] if at_least(short, row["since"])]
    return rows[-1] if rows else None
