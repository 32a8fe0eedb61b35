"""torch releases and their builds: GPUs served, Python tags, C++ ABI, exact pins."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from gpufix.frozen import Frozen
from gpufix.knowledge import cuda as cuda_toolkits
from gpufix.knowledge.data_table import numbers, source, table


class Pins(Frozen):
    """Requirements of the default x86-64 wheel: name -> specifier ("==12.8.93")."""

    variant: str
    nvidia: dict[str, str]
    triton: str | None
    nccl: str | None
    source: str


def pins_of(version: str) -> Pins | None:
    """The pins of a release, None when it is not in the table."""
    row = table("torch_pins")["releases"].get(version.split("+")[0])
    return Pins(**row) if row else None


_KNOWN = ("measured", "measured-by-user", "high", "medium")


class Variant(Frozen):
    """One build of a release. `archs` is its machine code, `ptx` its PTX (None = unknown).

    Names as in the binaries: "sm_90", "gfx1101". `name` is also the name of its index and of its
    local version ("cu128", "rocm6.4").
    """

    name: str
    archs: tuple[str, ...]
    ptx: tuple[str, ...] | None
    cxx11_abi: bool | None
    source: str
    confidence: str
    note: str | None = None
    limited: bool = False  # published beside the advertised builds, or disputed

    @property
    def known(self) -> bool:
        """False for a row that is a guess: nothing may be called a fault by it."""
        return self.confidence in _KNOWN

    @property
    def cuda(self) -> str | None:
        """ "12.8" for "cu128"; None for ROCm."""
        found = re.fullmatch(r"cu(\d{2})(\d)", self.name)
        return f"{found[1]}.{found[2]}" if found else None

    @property
    def rocm(self) -> str | None:
        """ "6.4" for "rocm6.4"; None for CUDA."""
        return self.name.removeprefix("rocm") if self.name.startswith("rocm") else None

    @property
    def vendor(self) -> str:
        """Whose GPUs it runs on."""
        return "amd" if self.rocm else "nvidia"

    @property
    def driver_min(self) -> str | None:
        """The oldest Linux driver that serves it, by minor-version compatibility."""
        return cuda_toolkits.min_driver(self.cuda) if self.cuda else None


class Release(Frozen):
    """One torch release. Platforms are "linux_x86_64" and "linux_aarch64"."""

    version: str
    date: str
    requires_python: str
    python_tags: dict[str, tuple[str, ...]]
    default: dict[str, str]  # platform -> the variant that a plain `pip install torch` brings
    cxx_std: int  # C++ standard of extensions: 14, 17, 20
    numpy2: bool
    source: str
    builds: dict[str, dict[str, Variant]]

    def variants(self, platform: str) -> dict[str, Variant]:
        """The GPU builds for a platform, by name. Empty where none is known."""
        return self.builds.get(platform, {})

    @property
    def pins(self) -> Pins | None:
        """What the default x86-64 wheel requires."""
        return pins_of(self.version)


def get(version: str) -> Release | None:
    """The release of "2.7.1" or "2.7.1+cu128". None for one that is not in the table."""
    release = version.split("+")[0]
    row = table("torch_releases")["releases"].get(release)
    return _release(release) if row else None


def versions() -> list[str]:
    """Every release in the table, oldest first."""
    return sorted(table("torch_releases")["releases"], key=numbers)


def all() -> list[Release]:
    """Every release, oldest first."""
    return [_release(version) for version in versions()]


def platform(os: str, machine: str) -> str:
    """The platform key of a machine: "linux_x86_64"."""
    return f"{os.lower()}_{machine}"


@cache
def _release(version: str) -> Release:
    row = table("torch_releases")["releases"][version]
    return Release(
        version=version,
        date=row["date"],
        requires_python=row["requires_python"],
        python_tags={p: tuple(tags.split()) for p, tags in row["python"].items()},
        default=row["default"],
        cxx_std=row["std"],
        numpy2=row["numpy2"],
        source=source("torch_releases", row["source"]),
        builds={
            p: {name: _variant(name, v) for name, v in builds.items()}
            for p, builds in row["variants"].items()
        },
    )


def _variant(name: str, row: dict[str, Any]) -> Variant:
    return Variant(
        name=name,
        archs=tuple(row["archs"].split()),
        ptx=None if row["ptx"] is None else tuple(row["ptx"].split()),
        cxx11_abi=None if row["abi"] is None else bool(row["abi"]),
        source=source("torch_releases", row["source"]),
        confidence=row["confidence"],
        note=row.get("note"),
        limited=bool(row.get("limited")),
    )
