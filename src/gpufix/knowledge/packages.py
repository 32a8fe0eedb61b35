"""Packages around torch: companions, known conflicts, the wheels of libraries, indexes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import at_least, minor, numbers, table


class Companion(Frozen):
    """`exact` versions name this torch in their metadata; `since` are (version, torch specifier).

    `find_links` is a page of wheels by torch release and variant, `variants` those it is known
    to have, None where any may exist.
    """

    name: str
    exact: tuple[str, ...]
    since: tuple[tuple[str, str], ...]
    source: str
    find_links: str | None = None
    variants: tuple[str, ...] | None = None


def for_torch(release: str) -> dict[str, Companion]:
    """The companions that are known for a torch release, by distribution name."""
    data = table("companions")
    short = release.split("+")[0]
    found = {
        name: Companion(
            name,
            tuple(row.get("exact", ())),
            tuple((v, spec) for v, spec in row.get("since", ())),
            data["source"],
        )
        for name, row in data["releases"].get(short, {}).items()
    }
    return found | _linked(short)


def _linked(release: str) -> dict[str, Companion]:
    """Those whose wheels lie on pages of their own."""
    found = {}
    for name, row in table("companions")["find_links"].items():
        for version, variants in row["rows"].get(release, {}).items():
            exact = () if version == "*" else (version,)
            found[name] = Companion(name, exact, (), row["source"], row["url"], tuple(variants))
    return found


def fitting(name: str, release: str) -> tuple[str, ...]:
    """The versions of a companion that go with a torch release, the best last: those that name it,
    else those that take it and later ones."""
    found = for_torch(release).get(name)
    if found is None:
        return ()
    return found.exact or tuple(version for version, _ in found.since)


def first_torch(name: str, version: str, release: str) -> str | None:
    """The torch release that a companion's version came with, and which takes later ones, too.

    None: it goes with this release, it names one, or one of the two is not known.
    """
    rows = table("companions")["releases"]
    if release not in rows:
        return None
    taking = [t for t, row in rows.items() if version in _since(row.get(name, {}))]
    if not taking or release in taking:
        return None
    first = min(taking, key=numbers)
    return None if at_least(release, first) else first


def _since(row: dict[str, Any]) -> list[str]:
    return [version for version, _ in row.get("since", ())]


def find_links(name: str, release: str, variant: str) -> str | None:
    """The page of a companion's wheels for a torch build, when one is known to exist."""
    companion = for_torch(release).get(name)
    if companion is None or companion.find_links is None:
        return None
    if companion.variants is not None and variant not in companion.variants:
        return None
    return companion.find_links.format(release=release.split("+")[0], variant=variant)


def prebuilt(release: str, cuda_major: str | None) -> dict[str, str]:
    """Packages that an index has as source alone and whose project offers wheels for this torch:
    name → the newest such version. `cuda_major` "12"; None and ROCm have none.
    """
    found = {}
    for name, about in table("companions")["prebuilt"].items():
        version, majors = about["rows"].get(minor(release), (None, ()))
        if version and cuda_major in majors:
            found[name] = version
    return found


def names() -> frozenset[str]:
    """Every distribution that this table knows as built for one torch."""
    data = table("companions")
    return frozenset(n for row in data["releases"].values() for n in row) | set(data["find_links"])


# The toolkit's libraries, and those that NVIDIA packages as it does them.
_OF_CUDA = re.compile(
    r"nvidia-(?:cu[a-z]+|cuda-[a-z]+|cuda-sanitizer-api|nccl|npp|nvfatbin|nvjitlink|nvjpeg|nvptxcompiler"
    r"|nvshmem|nvtx|nvvm)(?:-cu\d+)?"
)


def known(name: str) -> bool:
    """Whether a table here has something to say of a distribution."""
    if _OF_CUDA.fullmatch(name) or name in names():
        return True
    return any(name in conflict.trigger for conflict in all())


class Conflict(Frozen):
    """Holds when every distribution of `trigger` is installed in the range given.

    `remedies` are alternatives: each a range for one distribution. `declared`: the packages'
    own metadata says so too, hence `pip check` names it as well. `raises`: an import or a call
    raises for it; of the others only metadata tells.
    """

    id: str
    trigger: dict[str, str]
    symptom: str
    remedies: tuple[dict[str, str], ...]
    declared: bool
    raises: bool
    source: str


@cache
def all() -> tuple[Conflict, ...]:
    """Every known conflict."""
    return tuple(
        Conflict(**(row | {"remedies": tuple(row["remedies"])}))
        for row in table("conflicts")["conflicts"]
    )


def caps(package: str, version: str) -> dict[str, str]:
    """What a release of a package declares about others: name -> specifier, where read."""
    found = {}
    for other, rows in table("conflicts")["caps"].get(package, {}).items():
        holding = [spec for since, spec in rows if at_least(version, since)]
        if holding and holding[-1] is not None:
            found[other] = holding[-1].split(";")[0].strip()
    return found


def known_good(requirement: str) -> dict[str, str]:
    """A set of versions that ran together, for "gradio==4.44.1"; empty when none is known."""
    return dict(table("conflicts")["known_good"].get(requirement, {}))


# SONAME stem → the wheel's name without its CUDA suffix. Read off the wheels' RECORD files
# (nvidia-*-cu11, -cu12, -cu13 and the unsuffixed ones of CUDA 13).
_STEMS = {
    "libcublas": "nvidia-cublas",
    "libcublasLt": "nvidia-cublas",
    "libnvblas": "nvidia-cublas",
    "libcudart": "nvidia-cuda-runtime",
    "libcudnn": "nvidia-cudnn",
    "libcufft": "nvidia-cufft",
    "libcufftw": "nvidia-cufft",
    "libcufile": "nvidia-cufile",
    "libcufile_rdma": "nvidia-cufile",
    "libcupti": "nvidia-cuda-cupti",
    "libcurand": "nvidia-curand",
    "libcusolver": "nvidia-cusolver",
    "libcusolverMg": "nvidia-cusolver",
    "libcusparse": "nvidia-cusparse",
    "libcusparseLt": "nvidia-cusparselt",
    "libnccl": "nvidia-nccl",
    "libnvJitLink": "nvidia-nvjitlink",
    "libnvToolsExt": "nvidia-nvtx",
    "libnvrtc": "nvidia-cuda-nvrtc",
    "libnvrtc-builtins": "nvidia-cuda-nvrtc",
    "libnvshmem_host": "nvidia-nvshmem",
}
# Their SONAME's major is CUDA's own.
_NUMBERED = frozenset(
    {"nvidia-cublas", "nvidia-cuda-runtime", "nvidia-cuda-nvrtc", "nvidia-cuda-cupti"}
) | {"nvidia-nvjitlink"}
# The SONAME's major of others → the CUDA majors that have it: NEEDED of torch 2.7.1+cu118,
# 2.9.0+cu128 and 2.14.1+cu130, and the RECORD of nvidia-nvtx 13.0.85, which holds no libnvToolsExt.
_OF_MAJOR: dict[str, dict[int, frozenset[int]]] = {
    "nvidia-cufft": {10: frozenset({11}), 11: frozenset({12}), 12: frozenset({13})},
    "nvidia-cusolver": {11: frozenset({11, 12}), 12: frozenset({13})},
    "nvidia-cusparse": {11: frozenset({11}), 12: frozenset({12, 13})},
    "nvidia-nvtx": {1: frozenset({11, 12})},
}
# Those that are no part of the toolkit kept their suffix with CUDA 13.
_SUFFIXED = frozenset({"nvidia-cudnn", "nvidia-nccl", "nvidia-nvshmem", "nvidia-cusparselt"})
_MAJORS = frozenset({11, 12, 13})


def bringing(soname: str) -> list[str]:
    """The wheels that can bring a library: "libcudart.so.12" → nvidia-cuda-runtime-cu12,
    "libnccl.so.2" → nvidia-nccl-cu11, -cu12 and -cu13; empty when it is no CUDA library."""
    base = _wheel(soname)
    return [wheel_of(base, major) for major in sorted(cuda_majors(soname))] if base else []


def cuda_majors(soname: str) -> frozenset[int]:
    """The CUDA releases that have a library of this name: {12} of "libcufft.so.11"; none of others."""
    base = _wheel(soname)
    if base is None:
        return frozenset()
    found = re.match(r"\.(\d+)", soname.partition(".so")[2])
    if found is None:
        return _MAJORS
    number = int(found[1])
    if base in _NUMBERED:
        return frozenset({number}) & _MAJORS
    return _OF_MAJOR.get(base, {}).get(number, _MAJORS)


def bound(soname: str) -> str:
    """The versions of its wheel that have a library, where the wheel's name does not tell."""
    found = re.match(r"libcudnn[^.]*\.so\.(\d+)", soname)
    return f"=={found[1]}.*" if found else ""


def wheel_of(base: str, major: int) -> str:
    """A library's wheel for a CUDA major: the part of CUDA 13's toolkit has no suffix."""
    return base if major >= 13 and base not in _SUFFIXED else f"{base}-cu{major}"


def _wheel(soname: str) -> str | None:
    """Its wheel's name without the CUDA suffix."""
    stem = soname.partition(".so")[0]
    return _STEMS.get("libcudnn" if stem.startswith("libcudnn_") else stem)


# Extras of the meta-package cuda-toolkit whose wheel is not named nvidia-EXTRA (Requires-Dist of
# cuda-toolkit 11.8.0 to 13.5.0).
_EXTRAS = {
    name: f"nvidia-cuda-{part}"
    for name, part in (
        ("cudart", "runtime"),
        *((same, same) for same in ("cccl", "crt", "cupti", "cuxxfilt", "nvcc", "nvrtc", "opencl")),
        ("profiler", "profiler-api"),
        ("sanitizer", "sanitizer-api"),
    )
} | {"nvml": "nvidia-nvml-dev"}


def of_extras(name: str, extras: Iterable[str], version: str) -> list[str]:
    """The wheels that extras of the meta-package cuda-toolkit bring; none of other packages."""
    found = re.match(r"\d+", version)
    if name != "cuda-toolkit" or found is None:
        return []
    return [wheel_of(_EXTRAS.get(e, f"nvidia-{e}"), int(found[0])) for e in sorted(extras)]


# https://pytorch.org/get-started/locally/ : one index per variant, named like the local version.
TORCH_INDEX = "https://download.pytorch.org/whl/{name}"


def index_url(name: str) -> str:
    """The index of a torch variant ("cu128", "rocm6.4", "cpu", "nightly/cu130").

    Raises ValueError for a name that no index can have, so that nothing odd reaches a command.
    """
    if not re.fullmatch(r"(nightly/)?(cpu|xpu|cu\d{2,3}|rocm\d+(\.\d+){1,2})", name):
        raise ValueError(f"{name!r} is not the name of a torch index")
    return TORCH_INDEX.format(name=name)
